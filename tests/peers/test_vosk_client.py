"""vosk-server's own client, websocket/test.py, when VOSK_CLIENT_SCRIPT names it. It is fixed to port 2700."""

import json
import os
from pathlib import Path

import pytest

from support.commands import server

CLIENT = os.environ.get("VOSK_CLIENT_SCRIPT", "")
PORT = 2700

pytestmark = pytest.mark.skipif(not CLIENT, reason="VOSK_CLIENT_SCRIPT does not name vosk-server's test.py")


@pytest.fixture(scope="module")
def vosk_server():
    """A server on the embedded bundle, where the client looks for it."""
    with server("--port", PORT) as url:
        yield url


@pytest.mark.parametrize("name", ["zh_phone.wav", "zh_home.wav", "en_digits.wav", "en_weather.wav", "mixed_long.wav"])
def test_recording(client_python, run_client, vosk_server, data_dir, name):
    """It prints one reply for each 200 ms and the last one: their texts are what is said in the sample."""
    done = run_client(client_python("websockets==17.4"), Path(CLIENT).resolve(), data_dir / name)
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    said = json.loads((data_dir / "samples.json").read_text("utf-8"))[name]["text"]
    assert "".join(reply.get("text", "") for reply in replies).replace(" ", "") == said.replace(" ", "")
    assert {"text"} <= replies[-1].keys() <= {"text", "result"}
