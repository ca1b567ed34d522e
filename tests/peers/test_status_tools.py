"""Other people's tools on the status: a viewer of traces, as it is published, and a checker of accessibility."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator

import httpx2
import pytest
import soundfile
from playwright.sync_api import Browser, expect, sync_playwright

from support.commands import server
from support.live import live

pytestmark = [pytest.mark.slow, pytest.mark.full]

SPEEDSCOPE, AXE = "speedscope@1.25.0", "axe-core@4.14.1"
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        running = playwright.chromium.launch(executable_path=program, headless=True, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="module")
def status_url(data_dir) -> Iterator[str]:
    """A server whose session `viewed` has spoken and goes on."""
    audio = soundfile.read(data_dir / "zh_date.wav", dtype="int16")[0].tobytes()
    with server() as url, live(url, additional_headers={"x-request-id": "viewed"}) as client:
        client.utterance(audio)
        yield url


@pytest.fixture
def speedscope(node_folder) -> Iterator[str]:
    """The address of the viewer, from its package."""
    folder = node_folder(SPEEDSCOPE) / "node_modules" / "speedscope" / "dist" / "release"
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, *_args: object) -> None:
        pass


def test_a_viewer_opens_a_trace(browser, status_url, speedscope, tmp_path):
    """speedscope reads the file, and has a profile for each track."""
    path = tmp_path / "trace.json"
    path.write_bytes(httpx2.get(f"{status_url}/v1/admin/sessions/viewed/trace").content)
    page = browser.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    page.goto(speedscope)
    page.locator("input[type=file]").set_input_files(path)
    title = page.get_by_text("paraserve viewed").first  # of the first of its profiles
    expect(title).to_be_visible()
    title.click()
    for track in ("receive", "queue 1", "run 1", "send"):
        expect(page.get_by_text(track).first).to_be_visible()
    assert problems == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("locale", "width"), [("en-GB", 1280), ("zh-CN", 320)])
def test_accessibility(browser, status_url, node_folder, scheme, locale, width):
    """axe finds nothing to complain of, drained or not, and with a session that is looked at."""
    axe = (node_folder(AXE) / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page = browser.new_page(color_scheme=scheme, locale=locale, viewport={"width": width, "height": 800})
    page.goto(f"{status_url}/status")
    expect(page.locator("#sessions tbody tr")).to_have_count(1)
    expect(page.locator("#models-choice")).to_be_visible()
    page.evaluate(axe)
    assert complaints(page) == []
    page.locator("#drain").click()
    expect(page.locator("#take-work")).to_be_visible()
    assert complaints(page) == []
    page.locator("#take-work").click()
    expect(page.locator("#drain")).to_be_visible()
    page.close()


def complaints(page):
    """(rule, element) of each."""
    found = page.evaluate("async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])")
    return [(rule, html[:200]) for rule, htmls in found for html in htmls]
