"""`scripts/open_speech.py`, which `scripts/serve` starts beside a server: it gets a model and has it loaded."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from support.commands import clean_environment, paraserve, server
from support.fake_hub import Answer, fake_hub, files_of_parts, write_catalog

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "open_speech.py"
ALL_LANGUAGES = (
    "languages = ['zh', 'en', " + ", ".join(f"'{a}{b}'" for a in "abcdefghijkl" for b in "abcdefghij") + "]"
)
GRAPH = "vad/model_quant.onnx"


@pytest.fixture
def hub(demo_dir, tmp_path):
    """A hub with two parts of the embedded bundle as `open`, which is for more languages than any other model."""
    with fake_hub(files_of_parts(demo_dir, "asr", "vad")) as hub:
        write_catalog(tmp_path / "models", hub, "open", more=ALL_LANGUAGES)
        yield hub


@pytest.fixture
def places(hub, tmp_path):
    return {"MODELSCOPE_DOMAIN": hub.url, "PARASERVE_MODELS_DIR": str(tmp_path / "models")}


def settings_of(url="http://127.0.0.1:1", **changed):
    """Settings as `serve --print-config` prints them, for a server at this address."""
    port = int(url.rpartition(":")[2])
    printed = json.loads(paraserve("serve", "--print-config", "--port", port).stdout)
    return json.dumps(printed | changed)


def start(pid, settings):
    return subprocess.Popen(
        [sys.executable, SCRIPT, str(pid), settings], env=clean_environment(), stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_model_comes(hub, places, tmp_path):
    """It says what it fetches and why, how far it is, and that it is loaded. A second time it says nothing."""
    with server(**places) as url:
        lines = start(1, settings_of(url)).communicate(timeout=60)[1].splitlines()
        assert lines[0].startswith(
            "paraserve: open speech: the embedded bundle knows few words, so open (10 MB, once, "
        )
        assert lines[0].endswith("--embedded leaves it out")
        assert all(" of 10 MB" in line for line in lines[1:-1])
        assert lines[-1] == "paraserve: open speech: open is loaded. Speak freely"
        assert (tmp_path / "models" / "open").is_dir()
        assert start(1, settings_of(url)).communicate(timeout=60)[1] == ""


@pytest.mark.slow
def test_a_source_that_fails(hub, places):
    """One line says why, and how to get a model by hand. The server serves on."""
    hub.always[GRAPH] = Answer(status=404)
    with server(**places) as url:
        *_, last = start(1, settings_of(url)).communicate(timeout=60)[1].splitlines()
        assert "404 Not Found" in last
        assert "paraserve models recommend" in last
        assert "--embedded" in last
        assert httpx2.get(f"{url}/readyz").status_code == 200


@pytest.mark.slow
def test_a_server_that_ends(hub, places):
    """The program ends with its server, and says nothing more."""
    goes_on = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=goes_on)]
    stand_in = subprocess.Popen(["sleep", "60"])
    with server(**places) as url:
        program = start(stand_in.pid, settings_of(url))
        while not hub.sent[GRAPH]:
            assert program.poll() is None
        stand_in.kill()
        stand_in.wait()
        assert program.wait(30) == 0
        goes_on.set()
    program.stderr.close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bundle": "whisper-base"}, None),
        ({"model_dir": "paraformer-zh"}, None),
        ({"api_keys_file": "keys"}, "the server wants API keys"),
        ({"uds": "/run/paraserve.sock"}, "has no port"),
        ({"port": 0}, "has no port"),
        ({"workers": 2}, "several workers"),
    ],
)
def test_servers_that_are_left_alone(changed, said):
    """Where somebody has chosen a model nothing is said; where it cannot be asked for one, one line says why."""
    lines = start(1, settings_of(**changed)).communicate(timeout=60)[1].splitlines()
    if said is None:
        assert lines == []
    else:
        (line,) = lines
        assert said in line
