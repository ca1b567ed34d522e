"""The page's files as they come over HTTP. What they do is tested in tests/browser."""

import re
import struct
from importlib.resources import files
from posixpath import dirname, normpath
from urllib.parse import urljoin

import pytest

from support.live import assert_works

STATIC = files("paraserve") / "web" / "static"
NAMES = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.*"))
TYPES = r"text/(html|css|javascript)|application/(javascript|manifest\+json)|image/(svg\+xml|png)|audio/flac"
DOCS = STATIC.parent / "docs"
DOCS_NAMES = sorted(path.name for path in DOCS.iterdir())


def policy_of(answer):
    parts = (part.split() for part in answer.headers["content-security-policy"].split(";"))
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize("path", ["/", *(f"/static/{name}" for name in NAMES)])
def test_files_are_served(server, path):
    """Each file of the package, as it is, with a type, a strict policy, and not again if it has not changed."""
    answer = server.get(path)
    source = STATIC / path.removeprefix("/static/") if path != "/" else STATIC.parent / "index.html"
    assert (answer.status_code, answer.content) == (200, source.read_bytes())
    assert re.match(TYPES, answer.headers["content-type"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = policy_of(answer)
    assert policy["default-src"] == {"'self'"}
    assert {source for sources in policy.values() for source in sources} <= {"'self'", "'none'", "blob:"}
    again = server.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_texts_come_compressed(server):
    """Whoever can read gzip gets it. Parts are those of the file itself, and pictures stay as they are."""
    path, source = "/static/page.js", (STATIC / "page.js").read_bytes()
    plain = server.get(path, headers={"accept-encoding": "identity"})
    small = server.get(path, headers={"accept-encoding": "br, gzip;q=0.5"})
    assert plain.content == small.content == source
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(source) / 2 < int(plain.headers["content-length"])
    assert small.headers["content-type"] == plain.headers["content-type"]
    assert plain.headers["vary"] == small.headers["vary"] == "Accept-Encoding"
    assert small.headers["etag"] != plain.headers["etag"]
    for answer, coding in [(plain, "identity"), (small, "gzip")]:
        known = {"accept-encoding": coding, "if-none-match": answer.headers["etag"]}
        again = server.get(path, headers=known)
        assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept-Encoding")
        assert again.headers["etag"] == answer.headers["etag"]
    refused = server.get(path, headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    part = server.get(path, headers={"accept-encoding": "gzip", "range": "bytes=3-9"})
    assert (part.status_code, part.content, part.headers["etag"]) == (206, source[3:10], plain.headers["etag"])
    changed = server.get(path, headers={"range": "bytes=3-9", "if-range": small.headers["etag"]})
    assert (changed.status_code, changed.content) == (200, source)
    head = server.get(path, method="HEAD", headers={"accept-encoding": "gzip"})
    assert (head.content, head.headers["content-length"]) == (b"", small.headers["content-length"])
    picture = server.get("/static/icons/apple-touch-icon.png", headers={"accept-encoding": "gzip"})
    assert not {"content-encoding", "vary"} & set(picture.headers)


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/", "/static/..%2findex.html", "/static/..%2f..%2fsettings.py", "/index.html"]
)
def test_nothing_else_is_served(server, is_error, path):
    """404 in the one error shape for what is no file of the page."""
    is_error(server.get(path), 404, "not_found")


@pytest.mark.parametrize("name", ["", *DOCS_NAMES])
def test_docs_are_served(server, name):
    """`/docs` and its files are the package's; no script runs there but its own, and nothing comes from elsewhere."""
    answer = server.get(f"/docs/{name}" if name else "/docs")
    assert (answer.status_code, answer.content) == (200, (DOCS / (name or "index.html")).read_bytes())
    policy = policy_of(answer)
    assert policy["default-src"] == {"'self'"}
    assert "script-src" not in policy
    used = {source for sources in policy.values() for source in sources}
    assert used <= {"'self'", "'none'", "'unsafe-inline'", "blob:", "data:"}
    assert [one for one, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src"]


def test_page_is_self_contained():
    """No file has an address of another host, a script or a style inside HTML, or names a file that is not there."""
    html = (STATIC.parent / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    texts = {"index.html": html} | {
        name: (STATIC / name).read_text("utf-8") for name in NAMES if not name.endswith((".png", ".flac"))
    }
    addresses = {address for text in texts.values() for address in re.findall(r"https?://[^\s\"')]+", text)}
    addresses = {address for address in addresses if not re.match(r"https?://(localhost)?\$\{", address)}  # its own
    assert all(address.startswith("http://www.w3.org/") for address in addresses)  # names of SVG and TTML
    imported = {
        normpath(f"{dirname(name)}/{target}").lstrip("/")
        for name, text in texts.items()
        for target in re.findall(r'(?:from "(?=\.)|import\("(?=\.)|new URL\("(?!\.")|"static/)([\w./]+)"', text)
    }
    assert imported <= set(NAMES)
    assert {"later.js", "recording/entry.js", "page.js", "client/live.js", "client/worklet.js"} <= imported


def test_manifest_names_what_is_there(server):
    """The page is the app, in a proxy's folder, too; its icons are of the sizes that browsers are told."""
    place = "http://speech.example/folder/static/manifest.webmanifest"
    manifest = server.get("/static/manifest.webmanifest").json()
    assert (
        urljoin(place, manifest["start_url"]) == urljoin(place, manifest["scope"]) == "http://speech.example/folder/"
    )
    sizes = set()
    for icon in manifest["icons"]:
        data = (STATIC / icon["src"]).read_bytes()
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", data[16:24])
            assert icon["sizes"] == f"{width}x{height}"
            sizes.add((width, icon.get("purpose", "any")))
    assert sizes == {(192, "any"), (512, "any"), (512, "maskable")}


def test_live_clients_may_use_its_paths(fake_server):
    """A WebSocket on a path of the page is FunASR's, as on every path."""
    assert_works(f"{fake_server.url}/static/page.js")


def test_web_pages_can_be_left_away(serve_app, engine, is_error):
    """With `web_pages=false` there is no page, and everything else is served as ever."""
    with serve_app(engine, web_pages=False) as server:
        is_error(server.http.get(server.url), 405, "method_not_allowed")  # FunASR's clients may post there
        for path in ["/status", "/docs", "/docs/docs.js", "/static/page.js"]:
            is_error(server.http.get(server.url + path), 404, "not_found")
        assert server.get("/readyz").status_code == 200
        assert_works(server.url)
