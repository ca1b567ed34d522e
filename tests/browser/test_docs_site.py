"""The documentation as a site: built strictly, whole, and read from files without any other host."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
BUILDER = ROOT / "scripts" / "docs_site"
LINK = re.compile(r'<(?P<tag>a|link|script|img|source)\b[^>]*?\s(?:href|src)="(?P<target>[^"]*)"')
ID = re.compile(r'\bid="([^"]*)"')
EXTERNAL = ("http", "https", "mailto")
pytestmark = [pytest.mark.full, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, as scripts/docs builds it."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    done = subprocess.run(
        [sys.executable, BUILDER / "build_site.py", folder], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def links(page):
    """(tag, target, parts of the address) of each link of a page."""
    found = LINK.finditer(page.read_text("utf-8"))
    return [(match["tag"], match["target"], urlsplit(match["target"])) for match in found]


def test_site_is_whole(site):
    """Every page of docs/ is there, and each link of each page leads to a file and to an anchor in it."""
    pages = sorted(site.rglob("*.html"))
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= {page.stem for page in (site / "docs").iterdir()}
    anchors = {page: {*ID.findall(page.read_text("utf-8"))} for page in pages}
    lost, outside = [], []
    for page in pages:
        for tag, target, parts in links(page):
            if parts.scheme in EXTERNAL:
                outside += [target] if tag != "a" else []
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            is_lost = not there.exists() or (parts.fragment and unquote(parts.fragment) not in anchors[there])
            lost += [f"{page.name}: {target}"] if is_lost else []
    assert (lost, outside) == ([], [])


def test_api_pages_name_every_route_and_message(site):
    """The pages that are made of the schemas have routes, their fields and codes, and live messages."""
    http = (site / "reference" / "http-api.html").read_text("utf-8")
    for text in ("POST /transcribe", "GET /v1/jobs/{id}/events", "subtitle_cue_s", "job_not_found", "SentenceJson"):
        assert text in http, text
    live = (site / "reference" / "live-api.html").read_text("utf-8")
    for text in ("FunasrRequest", "VoskResult", "RealtimeCompleted", "DeepgramMetadata", "hotwords_ignored"):
        assert text in live, text


@pytest.mark.parametrize("words", ["hotword", "空调"])
def test_search_from_files(site, browser, words):
    """Opened as a file, the site finds words in English and Chinese, and asks nobody."""
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.as_uri()}/index.html")
    page.get_by_placeholder("Search").first.fill(words)
    page.keyboard.press("Enter")
    expect(page.locator("#search-results li").first).to_be_visible()
    page.close()
    assert {urlsplit(url).scheme for url in asked} == {"file"}


@pytest.mark.parametrize("text", ["[lost](gone.md)", "[lost](#gone)", "![lost](gone.png)", "[lost](docs/)"])
def test_broken_links_are_errors(site, tmp_path, monkeypatch, text):
    """A link to a page, heading or picture that is not there ends the build with an error that names it."""
    monkeypatch.syspath_prepend(BUILDER)
    from build_site import sphinx_command  # noqa: PLC0415 - no package: it stands beside its modules

    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "README.md").write_text(f"# Home\n\n{text}\n", "utf-8")
    done = subprocess.run(
        sphinx_command(pages, tmp_path / "out"), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "README.md" in done.stderr
    assert "gone" in done.stderr or "docs/" in done.stderr
