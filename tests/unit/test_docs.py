"""The documentation names every setting, route, flag and error code, and what it names exists."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from paraserve import client, errors
from paraserve.catalog.manifest import MANIFEST
from paraserve.settings import Settings
from paraserve_client import jobs
from support.api_description import described_app

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "paraserve"
SOURCES = [path.read_text("utf-8") for path in sorted((ROOT / "src").rglob("*.py"))]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for name in ("docs", ".github", "models") for page in (ROOT / name).rglob("*.md"))]
)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
FOREIGN = {
    "paraserve: command not found", "address already in use", "cannot assign requested address",
    "Extra inputs are not permitted", "did not receive a valid HTTP response", "wrong version number",
    "server rejected WebSocket connection: HTTP 200",
}  # fmt: skip
"""Messages of the shell, the kernel and libraries."""
PARTS = {"asr/", "asr-online/", "vad/", "punc/", "punc-online/"}
"""Folders of a bundle."""


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def prose(text: str) -> str:
    """Text without blocks of code, inline code and the targets of links."""
    return re.sub(r"\]\([^)]*\)", "]", CODE.sub("", text))


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    """docs/configuration.md has each setting by name."""
    assert f"`{name}`" in page("configuration.md")


def test_every_documented_setting_exists():
    """The first column of the table of settings names settings, each once."""
    rows = re.findall(r"^\| (`[^|]*) \|", page("configuration.md"), re.M)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(names) == sorted(Settings.model_fields)


def test_every_error_code_is_documented():
    """docs/http.md and docs/websocket.md have each code of the wire; those of commands and clients are not on it."""
    local = {"model_file_damaged", "not_a_file", "invalid_settings"}
    served = [path for path in PACKAGE.rglob("*.py") if not {"cli", "client"} & {*path.relative_to(PACKAGE).parts}]
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.AudioError)]
    raised = {code for path in served for code in re.findall(r'code="([a-z_]+)"', path.read_text("utf-8"))}
    codes = {k.code for k in kinds} | raised - local
    pages = "".join(map(page, ("http.md", "websocket.md", "realtime.md")))
    assert [code for code in sorted(codes) if f"`{code}`" not in pages] == []


def test_every_route_is_documented():
    """docs/http.md has each path of the application."""
    paths = {path.partition("{")[0] for path in described_app().openapi()["paths"]}
    assert {"/transcribe", "/livez", "/v1/models"} <= paths
    assert [path for path in sorted(paths) if f"{path}`" not in page("http.md")] == []


@pytest.mark.parametrize(
    "kind",
    [
        *(client.LiveOptions, client.LiveUpdate, client.Reconnect),
        *(client.Transcript, client.Sentence, client.Word, client.Model),
        *(jobs.Job, jobs.JobProgress, jobs.JobFailure, jobs.JobEvent, jobs.JobDelivery, jobs.Retries),
    ],
)
def test_the_client_is_documented(kind):
    """docs/python-client.md has a table row for each field of the client's public classes."""
    table = page("python-client.md").split(f"| field of `{kind.__name__}` |")[1].split("\n\n")[0]
    rows = [name for cell in re.findall(r"^\| (`.+?) \|", table, re.M) for name in re.findall(r"`(\w+)`", cell)]
    assert rows == [field.name for field in fields(kind)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    """Every relative link exists, and where it names a heading, the page has it."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
    lost = []
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        there = path.parent / target if target else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text("utf-8"))):
            lost.append(f"{target}#{anchor}")
    assert lost == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_readers_find_every_page(path):
    """README links each page of docs/, or a page of docs/ that it links does."""
    linked = (ROOT / "README.md").read_text("utf-8")
    beside = "".join(page(name) for name in re.findall(r"\(docs/([\w-]+\.md)", linked))
    assert f"(docs/{path.name}" in linked or f"({path.name}" in beside


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_semicolons(path):
    """Documentation has one thought a sentence."""
    lines = [line for line in prose(path.read_text("utf-8")).splitlines() if ";" in line]
    assert lines == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_index_has_the_package(path):
    """paraserve is installed from its source tree or a wheel: no page asks pip to find it."""
    assert re.findall(r"pip install [^\n`]*'?paraserve\b(?![-\w./])[^\n`]*", path.read_text("utf-8")) == []


@pytest.mark.parametrize("name", ["architecture.md", "style.md", "gpu.md", "speed.md", "../CONTRIBUTING.md"])
def test_named_files_exist(name):
    """Paths of the source tree that a page names are there: of the package, or of the repository; build/ is made."""
    named = re.findall(r"`(?!build/)((?:[\w.-]+/)+[\w.-]*)`", page(name))
    places = (PACKAGE, ROOT)
    assert [path for path in {*named} - PARTS if not any((place / path).exists() for place in places)] == []


def messages():
    """Texts in backticks where docs/troubleshooting.md has messages: the column with that title."""
    for table in re.findall(r"^\|.*\|\n\|[-|]+\n(?:\|.*\|\n)+", page("troubleshooting.md"), re.M):
        titles, _, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines())
        column = next((n for n, title in enumerate(titles) if title.startswith(("message", "line"))), None)
        if column is not None:
            yield from (message for row in rows for message in re.findall(r"`([^`]+)`", row[column]))


def test_messages_are_the_real_ones():
    """Each message of docs/troubleshooting.md stands in the code, except those of others; `…` is what differs."""
    scripts = [path.read_text("utf-8") for path in (ROOT / "scripts").glob("*.sh")]
    code = re.sub(r'"\n\s*f?"', "", "\n".join([*SOURCES, *scripts])).replace("{MANIFEST}", MANIFEST)
    listed = [message for message in messages() if message not in FOREIGN]
    assert len(listed) > 50
    parts = {part for message in listed for part in re.split(r"…|^(?:fail|warn)  |: ", message) if len(part) > 3}
    assert sorted(part for part in parts if part.strip(" .,:") not in code) == []
