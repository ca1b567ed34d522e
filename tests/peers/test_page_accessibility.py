"""axe, a checker of accessibility, on every state of the page, of which none has to be scrolled sideways."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.commands import server

AXE = "axe-core@4.14.1"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TIMEOUT_MS = 60_000
SIZES = {"telephone": (390, 844), "narrow telephone": (320, 700), "200 % of 1280 pixels": (640, 400)}
N_LONG, N_NAMES = 3, "recording {} with a long name that goes on and on.wav"
RUN = """async (tags) => {
    const { violations } = await axe.run({ runOnly: { type: 'tag', values: tags } });
    return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)}`));
}"""
WIDE = """() => {
    const isClipped = (element) => {
        for (let one = element.parentElement; one; one = one.parentElement) {
            if (getComputedStyle(one).overflowX !== 'visible') return true;
        }
        return false;
    };
    const isOut = (element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width && element.checkVisibility() && !isClipped(element) && (right > innerWidth + 1 || left < -1);
    };
    const wide = [...document.querySelectorAll('body *')].filter(isOut).map((one) => one.outerHTML.slice(0, 100));
    return document.documentElement.scrollWidth > innerWidth ? ['the page', ...wide] : wide;
}"""
pytestmark = pytest.mark.slow


@dataclass
class Inspector:
    """Looks at a page in one state after the other, and notes what is wrong."""

    page: Page
    axe: str
    problems: list[str] = field(default_factory=list)

    def look(self, state: str) -> None:
        """Note complaints of axe, and what is wider than each of SIZES."""
        self.page.evaluate(self.axe)
        self.problems += [f"{state}: {one}" for one in self.page.evaluate(RUN, RULES)]
        usual = self.page.viewport_size
        for name, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            self.problems += [f"{state}, {name}: {one}" for one in self.page.evaluate(WIDE)]
        self.page.set_viewport_size(usual)


@pytest.fixture(scope="module")
def browser(data_dir) -> Iterator[Browser]:
    """One that hears three recordings in its microphone."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    expect.set_options(timeout=TIMEOUT_MS)
    microphone = f"--use-file-for-fake-audio-capture={data_dir / 'mixed_long.wav'}"
    devices = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", microphone]
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", *devices]
        running = playwright.chromium.launch(executable_path=program, headless=True, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="module")
def server_url(tmp_path_factory) -> Iterator[str]:
    """A server that has jobs."""
    with server(PARASERVE_DATA_DIR=str(tmp_path_factory.mktemp("jobs"))) as url:
        yield url


@pytest.fixture
def inspector(browser, server_url, node_folder, request) -> Iterator[Inspector]:
    """The page in English, in the light, unless the test says otherwise: (locale, scheme)."""
    axe = (node_folder(AXE) / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    locale, scheme = getattr(request, "param", ("en-GB", "light"))
    context = browser.new_context(locale=locale, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(server_url)
    expect(page.locator("#clips button")).to_have_count(3)
    expect(page.locator("#views a[data-to=jobs]")).to_be_visible()
    expect(page.locator("#models-more")).to_be_visible()
    yield Inspector(page, axe)
    context.close()


def go(page, view):
    page.locator(f"#views a[data-to={view}]").click()


def transcribed(page, *paths):
    """Send files, and wait until nothing more is done."""
    page.locator("#files").set_input_files(paths)
    expect(page.locator(".entry .word").first).to_be_attached()
    expect(page.locator(".entry .work:visible")).to_have_count(0)


def test_main_states(inspector, data_dir):
    """The page as everybody meets it: empty, and with a text."""
    inspector.look("start")
    transcribed(inspector.page, data_dir / "zh_date.wav")
    inspector.look("text")
    assert inspector.problems == []


@pytest.mark.full
@pytest.mark.parametrize("inspector", [("en-GB", "light"), ("zh-CN", "dark")], indirect=True)
def test_all_states(inspector, data_dir, tmp_path):
    """Empty views, a text and all that is done with it, files, the history, jobs, and a page that is shared."""
    look_at_empty_views(inspector)
    transcribed(inspector.page, data_dir / "zh_date.wav")
    look_at_text(inspector)
    look_at_files(inspector, data_dir, tmp_path)
    look_at_history(inspector)
    look_at_jobs(inspector, data_dir)
    look_at_shared_page(inspector, tmp_path)
    assert inspector.problems == []


@pytest.mark.full
@pytest.mark.parametrize("inspector", [("en-GB", "dark"), ("zh-CN", "light")], indirect=True)
def test_speaking(inspector):
    """While somebody speaks, also on the full screen."""
    page = inspector.page
    page.locator("#record").click()
    expect(page.locator(".line").first).not_to_have_text("")
    inspector.look("captions")
    page.locator("#full-screen").click()
    expect(page.locator(".stage.full")).to_be_visible()
    inspector.look("full screen")
    page.keyboard.press("Escape")
    page.locator("#record").click()
    assert inspector.problems == []


@pytest.mark.full
def test_lock_and_absence(inspector, server_url):
    """A server that wants a key, and one that is away."""
    page = inspector.page
    page.route("**/v1/models", lambda route: route.fulfill(status=401, json={"error": {"code": "missing_api_key"}}))
    page.goto(f"{server_url}/?locked")
    expect(page.locator("#key")).to_be_visible()
    inspector.look("locked")
    page.unroute("**/v1/models")
    page.route("**/v1/models", lambda route: route.abort())
    page.goto(f"{server_url}/?away")
    expect(page.locator("#state[data-state=away]")).to_be_visible()
    inspector.look("away")
    assert inspector.problems == []


def look_at_empty_views(inspector):
    page = inspector.page
    inspector.look("start")
    page.locator(".settings summary").click()
    page.locator("#models-more summary").click()
    inspector.look("settings and models")
    page.locator(".settings summary").click()
    go(page, "history")
    expect(page.locator("#history-nothing")).to_be_visible()
    inspector.look("empty history")
    go(page, "transcribe")


def look_at_text(inspector):
    page = inspector.page
    inspector.look("text")
    page.locator(".entry .save summary").click()
    inspector.look("menu")
    page.keyboard.press("Escape")
    page.locator(".entry .search").click()
    page.locator(".entry .query").fill("1")
    inspector.look("find")
    page.locator(".entry .find .close").click()
    page.locator(".entry .word").first.dblclick()
    inspector.look("editing")
    page.keyboard.type("x")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".entry .edits")).to_be_visible()
    inspector.look("edited")
    page.locator(".entry .help").click()
    inspector.look("help")
    page.keyboard.press("Escape")


def look_at_files(inspector, data_dir, tmp_path):
    page = inspector.page
    broken = tmp_path / "a note.wav"
    broken.write_text("no sound")
    long = [tmp_path / N_NAMES.format(n) for n in range(N_LONG)]
    for path in long:
        shutil.copy(data_dir / "mixed_long.wav", path)
    page.locator("#files").set_input_files([broken, *long])
    expect(page.locator("#queue")).to_be_visible()
    inspector.look("files in progress")
    expect(page.locator("#queue-save")).to_be_visible()
    inspector.look("files, one failed")


def look_at_history(inspector):
    page = inspector.page
    go(page, "history")
    expect(page.locator(".kept")).to_have_count(1 + 1 + N_LONG)
    inspector.look("history")
    page.locator("#history-search").fill("1")
    expect(page.locator(".kept mark").first).to_be_visible()
    inspector.look("search")
    page.locator("#history-search").fill("nowhere")
    expect(page.locator("#history-nothing")).to_be_visible()
    inspector.look("search in vain")
    page.locator("#history-search").fill("")
    page.locator(".kept .rename").first.click()
    inspector.look("renaming")
    page.keyboard.press("Escape")
    page.locator(".kept .delete").first.click()
    expect(page.locator(".kept")).to_have_count(1 + N_LONG)
    inspector.look("deleted")


def look_at_jobs(inspector, data_dir):
    page = inspector.page
    go(page, "jobs")
    n_jobs = page.locator("#jobs-list li").count()
    page.locator("#jobs-files").set_input_files([data_dir / "mixed_long.wav", data_dir / "zh_date.wav"])
    expect(page.locator("#jobs-list li")).to_have_count(n_jobs + 2)
    page.locator("#jobs-address").fill("http://127.0.0.1:1/talk.wav")
    page.locator("#jobs-form button").click()
    expect(page.locator("#jobs-problem")).to_be_visible()
    inspector.look("jobs")
    go(page, "transcribe")


def look_at_shared_page(inspector, tmp_path):
    page = inspector.page
    page.locator(".entry .save summary").last.click()
    with page.expect_download() as download:
        page.locator(".entry .share-sound").last.click()
    path: Path = tmp_path / "shared.html"
    download.value.save_as(path)
    page.goto(path.as_uri())
    inspector.look("shared page")
