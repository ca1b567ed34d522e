"""A server whose recognizer is a PyTorch checkpoint: uploads, live, crashes of PyTorch, the end of the server."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from support.commands import paraserve, server
from support.live import live

pytestmark = pytest.mark.full

PROGRAM = "torch_process"
SPOKEN_MS = 14_000
RESTART_S = 300


@pytest.fixture(scope="module")
def pcm(held_out_speech):
    return np.round(held_out_speech[: SPOKEN_MS * 16] * 32_768).astype(np.int16)


@pytest.fixture(scope="module")
def recording(pcm, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("serving") / "recording.wav"
    soundfile.write(path, pcm, 16_000)
    return path


@pytest.fixture(scope="module")
def url(checkpoint):
    with server("--model-dir", checkpoint("sensevoice"), "--punc-dir", "0") as url:
        yield url


def processes() -> list[psutil.Process]:
    """The processes of PyTorch that descend from this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any(PROGRAM in part for part in child.cmdline())]


def transcript(url: str, recording: Path) -> dict[str, object]:
    done = paraserve("transcribe", recording, "--server", url, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_upload_and_a_live_session(url, recording, pcm):
    """Both hear sentences with language, emotion and events, and say one text."""
    whole = transcript(url, recording)
    assert len(whole["sentences"]) >= 3
    assert {sentence["events"][0] for sentence in whole["sentences"]} == {"Speech"}
    with live(url) as client:
        client.say(mode="2pass", wav_format="pcm", audio_fs=16_000)
        messages = client.utterance(pcm.tobytes(), frame_bytes=19_200)
    finals = [message for message in messages if message["mode"] == "2pass-offline"]
    assert "".join(message["text"] for message in finals) == whole["text"]


def test_pytorch_is_killed(url, recording):
    """The server says the same again. Where PyTorch starts too slowly for a model run, it is replaced before."""
    before = transcript(url, recording)["text"]
    (process,) = processes()
    os.kill(process.pid, signal.SIGKILL)
    deadline_s = time.monotonic() + RESTART_S
    while True:
        done = paraserve("transcribe", recording, "--server", url)
        if not done.returncode:
            break
        assert "try again" in done.stderr or "no answer" in done.stderr, done.stderr
        assert time.monotonic() < deadline_s
        time.sleep(1)
    assert done.stdout.strip() == before


def test_the_server_imports_neither(url):
    """PyTorch and FunASR are in their own process alone."""
    (worker,) = processes()
    libraries = Path(f"/proc/{worker.ppid()}/maps").read_text()
    assert "torch" not in libraries
    assert "libtorch" in Path(f"/proc/{worker.pid}/maps").read_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_ends_with_the_server(checkpoint, how):
    """Whether the server is stopped or killed."""
    before = {process.pid for process in processes()}
    with server("--model-dir", checkpoint("paraformer"), "--supervise", "false"):
        (process,) = [process for process in processes() if process.pid not in before]
        os.kill(process.ppid(), how)
        deadline_s = time.monotonic() + 20
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)


def test_a_nano_serves(checkpoint, recording):
    """With hotwords and a language of the client."""
    with server("--model-dir", checkpoint("nano"), "--punc-dir", "0") as url:
        done = paraserve(
            "transcribe", recording, "--server", url, "--format", "json", "--language", "sv", "--hotwords", "北京"
        )
    assert done.returncode == 0, done.stderr
    assert {sentence["language"] for sentence in json.loads(done.stdout)["sentences"]} <= {"sv"}
