"""Replacements, hidden words and masks by the commands: here, by a server, live, and by the settings."""

import json

import pytest

from support.commands import paraserve, server
from support.tiers import first_quick

LISTS = (
    "--replacements",
    "二三零=>一三零;23038367776=>13038367776",
    "--profanity",
    "damn,百",
    "--mask",
    "phone,card",
)
STARS = "*" * 11


@pytest.fixture(scope="module")
def server_url():
    """A server with the embedded bundle."""
    with server() as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("where", first_quick(["here", "on a server"]))
def test_transcribe(data_dir, server_url, where):
    """Text and counts are alike here and on a server."""
    place = ("--server", server_url) if where == "on a server" else ()
    done = paraserve("transcribe", data_dir / "zh_phone.wav", "--no-itn", "--format", "json", *LISTS, *place)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["text"].startswith(STARS)
    assert answer["redactions"] == {"replacements": 1, "profanity": 0, "phone": 1, "card": 0}


@pytest.mark.slow
def test_stream(data_dir, server_url):
    """The options reach a live server."""
    done = paraserve("stream", data_dir / "zh_phone.wav", "--server", server_url.replace("http", "ws"), *LISTS)
    assert done.stdout.startswith(STARS), done.stderr


@pytest.mark.slow
def test_settings(data_dir):
    """Those of the environment count without a server, too, and a bad list stops the command."""
    environment = {"PARASERVE_REPLACEMENTS": "party=>聚会", "PARASERVE_PROFANITY": "明天"}
    done = paraserve("transcribe", data_dir / "zh_en.wav", "--no-itn", "--no-punctuate", **environment)
    assert (done.stdout, done.returncode) == ("***的聚会早上两点一刻开始\n", 0), done.stderr
    done = paraserve("transcribe", data_dir / "zh_en.wav", PARASERVE_REPLACEMENTS="party")
    assert done.returncode == 1
    assert "setting replacements needs one =>" in done.stderr
    done = paraserve("transcribe", data_dir / "zh_en.wav", "--mask", "phones")
    assert done.returncode != 0
    assert "mask must be all, none, or some of phone" in done.stderr
