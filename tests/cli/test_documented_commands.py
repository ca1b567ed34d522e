"""Blocks of the documentation for the shell, run as they stand, with a server at the address that they name."""

import itertools
import re
import shutil

import httpx2
import pytest

from support.commands import server
from support.shell_sandbox import make_sandbox, run_shell
from support.snippets import shell_text, snippets

ADDRESS = re.compile(r"\b(?:127\.0\.0\.1|localhost|HOST):10095\b")
PAGES_WITH_OUTPUTS = ("docs/getting-started.md",)
SHELL = snippets("sh", "console")
pytestmark = [
    pytest.mark.full,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def outputs():
    """Blocks with the text that stands below them in the same part of the page, as what they print."""
    pairs = itertools.pairwise(snippets("sh", "console", "text"))
    shown = [(one, below) for one, below in pairs if (one.page, one.heading) == (below.page, below.heading)]
    return {
        one: below.code
        for one, below in shown
        if one.page in PAGES_WITH_OUTPUTS and below.language == "text" and "scripts/" not in one.code
    }


OUTPUTS = outputs()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def url(data_dir):
    with server("--data-dir", data_dir) as url:
        yield url


def test_outputs_are_compared():
    """Outputs of the pages that show them are found."""
    assert len(OUTPUTS) >= 2 * len(PAGES_WITH_OUTPUTS)


@pytest.mark.parametrize("snippet", SHELL, ids=str)
def test_block_runs(snippet, url, data_dir, tmp_path):
    """Each command of a block succeeds, and prints what the page says."""
    make_sandbox(tmp_path, data_dir)
    address = url.removeprefix("http://")
    done = run_shell(with_ids(ADDRESS.sub(address, shell_text(snippet)), url, tmp_path), tmp_path, url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert OUTPUTS.get(snippet, "") in done.stdout


def with_ids(script, url, folder):
    """The script with the ids of a job that is done and of an upload for `ID`, after a request named REQUEST_ID."""
    if "REQUEST_ID" in script:
        named = {"X-Request-Id": "REQUEST_ID", "Content-Type": "audio/wav"}
        httpx2.post(f"{url}/transcribe", content=(folder / "talk.wav").read_bytes(), headers=named, timeout=60)
    if not re.search(r"\bID\b", script):
        return script
    audio = (folder / "talk.wav").read_bytes()
    with httpx2.Client(base_url=url, timeout=60) as http:
        job = http.post("/v1/jobs", content=audio, headers={"Content-Type": "audio/wav"}).json()["id"]
        assert http.get(f"/v1/jobs/{job}", params={"wait_s": 60}).json()["state"] == "done"
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(audio))}
        place = http.post("/v1/uploads", headers=tus).headers["location"]
        upload = place.rsplit("/", 1)[1]
        if "upload=ID" in script:
            part = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            http.patch(f"/v1/uploads/{upload}", content=audio, headers=part).raise_for_status()
    script = re.sub(r"(?<=upload=)ID\b|(?<=uploads/)ID\b", upload, script)
    return re.sub(r"\bID\b", job, script)
