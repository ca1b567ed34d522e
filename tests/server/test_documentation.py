"""The documentation's programs and sentences, tried as they stand against a real server."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import soundfile

from support.audio_files import pcm_wav
from support.commands import clean_environment, server

ROOT = Path(__file__).resolve().parents[2]
HELDOUT = ROOT / "tests" / "data" / "heldout"
PROGRAM = re.compile(r"^```python\n(.+?)^```\n\n```text\n(.+?)^```$", re.M | re.S)
SENTENCES = re.compile(r"^<!-- sentences -->\n\n\|.+\n\|[-|]+\n((?:\| .+ \| .+ \|\n)+)", re.M)
ADDRESS = "127.0.0.1:10095"
PARTIAL = "..."
PAGES = ("python-client.md", "websocket.md", "openai.md", "from-others.md")


def programs():
    for page in PAGES:
        found = PROGRAM.findall((ROOT / "docs" / page).read_text("utf-8"))
        yield from (pytest.param(*pair, id=f"{page}-{number}") for number, pair in enumerate(found))


def sentences(page):
    """What to say and what the server writes, of each row."""
    (table,) = SENTENCES.findall((ROOT / page).read_text("utf-8"))
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.splitlines()]


def joined(words):
    """Without spaces, which the lines of Mandarin and of both languages have where they like."""
    return "".join(words).replace(" ", "")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with server("--data-dir", tmp_path_factory.mktemp("data")) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def heldout():
    """Recordings of voices that were never in training, by what is said in them."""
    lines = (HELDOUT / "heldout.jsonl").read_text("utf-8").splitlines()
    return {joined(row["tokens"]): row for row in map(json.loads, lines)}


def final_lines(text):
    """Lines without those of partial texts, which depend on how fast the machine is."""
    return [line for line in text.splitlines() if not line.startswith(PARTIAL)]


@pytest.mark.slow
@pytest.mark.parametrize(("program", "printed"), [*programs()])
def test_program_prints_what_the_page_says(program, printed, address):
    """A program of the documentation prints the output that stands below it."""
    assert ADDRESS in program
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace(ADDRESS, address)],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stderr, final_lines(done.stdout)) == ("", final_lines(printed))


@pytest.mark.parametrize("page", PAGES)
def test_every_program_is_run(page):
    """Each Python block of these pages is a program with its output below it."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    assert len(PROGRAM.findall(text)) == text.count("```python") > 0


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_sentences_to_say(page, address, heldout):
    """The embedded bundle writes the five sentences as the page says, from voices that it was not trained on."""
    rows = sentences(page)
    assert len(rows) == 5
    for said, written in rows:
        row = heldout[joined([said])]
        samples, rate = soundfile.read(HELDOUT / row["file"], row["n_samples"], row["offset_samples"], dtype="int16")
        answer = httpx2.post(
            f"http://{address}/transcribe",
            params={"format": "text"},
            content=pcm_wav(samples.tobytes(), sample_rate=rate),
            timeout=60,
        )
        assert answer.text.strip() == written
