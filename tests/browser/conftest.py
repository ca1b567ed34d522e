"""Real headless Chromium on the page of a real server; each visit fails on errors in its console and on requests
elsewhere."""

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Download, Page, Playwright, expect, sync_playwright

from support.commands import server

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_MS = 30_000
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Sample:
    """A committed recording with what is said in it."""

    path: Path
    text: str
    last_start_ms: int
    duration_ms: int


@dataclass
class Visit:
    """A page that is open. `is_alone`: the server is away for a while, so failing connections are no problem."""

    page: Page
    origin: str
    is_alone: bool = False
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors, and requests to others."""
        self.page.on("console", lambda m: self._note(m.type, m.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.on("websocket", lambda socket: self._requested(socket.url))

    def final_text(self) -> str:
        """The newest recording's final text."""
        return self.page.locator(".entry .final").first.text_content() or ""

    def saved(self, name: str) -> Download:
        """Save the newest recording as the entry `name` of its menu."""
        self.page.locator(".entry .save summary").first.click()
        with self.page.expect_download() as download:
            self.page.locator(".entry .save").first.get_by_role("button", name=name).click()
        return download.value

    def wait_until(self, expression: str) -> None:
        """The page's policy forbids Playwright's own way, which is to evaluate a text in the page."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"not within {TIMEOUT_MS} ms: {expression}"
            self.page.wait_for_timeout(50)

    def _note(self, kind: str, text: str) -> None:
        is_expected = self.is_alone and ("Failed to load resource" in text or "WebSocket connection to" in text)
        if kind in {"error", "warning"} and not is_expected:
            self.problems.append(text)

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"blob", "data"} and parts.netloc != urlsplit(self.origin).netloc:
            self.problems.append(f"request to {url}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; scripts/test installs it where it may."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    return found


@pytest.fixture(scope="module")
def playwright(chromium) -> Iterator[Playwright]:
    """Drives it. It keeps an event loop running in this thread, in which no other test could run its own."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def server_url(demo_dir) -> Iterator[str]:
    """A server on the embedded bundle with default settings."""
    with server("--bundle", demo_dir) as url:
        yield url


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def browser(playwright, chromium) -> Iterator[Browser]:
    """One without a recording for its microphone. Tests share it, each in a context of its own."""
    with launched(playwright, chromium) as running:
        yield running


@pytest.fixture
def visit(playwright, chromium, browser) -> Iterator[Callable[..., Visit]]:
    """Opens a server's page: `visit(url, microphone=FILE)`. Other keywords are those of a browser context."""
    with ExitStack() as stack:

        def open_page(url: str, microphone: Path | None = None, **context) -> Visit:
            own = browser if microphone is None else stack.enter_context(launched(playwright, chromium, microphone))
            return stack.enter_context(visited(own, url, **context))

        yield open_page


@pytest.fixture(scope="module")
def shared_page(browser, server_url) -> Iterator[Page]:
    """One page for all tests of modules by themselves."""
    with visited(browser, server_url) as one:
        yield one.page


@contextmanager
def launched(playwright: Playwright, chromium: str, microphone: Path | None = None) -> Iterator[Browser]:
    """A browser. Its microphone is chosen at its start."""
    running = playwright.chromium.launch(executable_path=chromium, headless=True, args=arguments(microphone))
    try:
        yield running
    finally:
        running.close()


def arguments(microphone: Path | None) -> list[str]:
    """Those of the browser's program."""
    args = [*ARGS, "--use-fake-ui-for-media-stream"]
    return args if microphone is None else [*args, f"--use-file-for-fake-audio-capture={microphone}%noloop"]


@pytest.fixture(scope="session")
def launch_args() -> Callable[[Path | None], list[str]]:
    """For tests that start the browser themselves."""
    return arguments


@contextmanager
def visited(browser: Browser, url: str, **context) -> Iterator[Visit]:
    """A page in a context of its own."""
    fresh = browser.new_context(**{"locale": "en-GB", **context})
    try:
        page = fresh.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        one = Visit(page, url)
        one.watch()
        page.goto(url)
        yield one
        assert one.problems == []
    finally:
        fresh.close()


@pytest.fixture(scope="session")
def samples(data_dir) -> list[Sample]:
    """The committed recordings, the longest last."""
    records = json.loads((data_dir / "samples.json").read_text("utf-8"))
    found = [
        Sample(data_dir / name, one["text"], one["start_ms"][-1], one["end_ms"][-1]) for name, one in records.items()
    ]
    return sorted(found, key=lambda sample: sample.duration_ms)


@pytest.fixture(scope="session")
def docs_pictures(full, tmp_path_factory) -> Path:
    """Where pictures of the page go: with --full to docs/, whose pictures are those of the last full run."""
    return ROOT / "docs" if full else tmp_path_factory.mktemp("pictures")
