"""Clients of OpenAI's Realtime API as they are published: the SDKs, and the frameworks that build on it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

PYTHON_SDK, JS_SDK = "openai[realtime]==3.57.0", ("openai@7.59.0", "ws@8.23.0")
LIVEKIT, PIPECAT = "livekit-plugins-openai==1.8.9", "pipecat-ai[openai]==1.14.0"
HERE = Path(__file__).parent
RECORDING = "mixed_long.wav"
N_TURNS = 3
PAUSE_S = 1.0
TEXTS = "conversation.item.input_audio_transcription"
COMMITTED = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
SPEECH = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]


@pytest.fixture(scope="module")
def pcm(data_dir, tmp_path_factory):
    """A file with the recording and a pause behind it, as raw audio of this rate."""

    def write(rate: int) -> Path:
        samples, recorded_rate = soundfile.read(data_dir / RECORDING, dtype="float32")
        samples = np.concatenate((soxr.resample(samples, recorded_rate, rate), np.zeros(round(PAUSE_S * rate))))
        path = tmp_path_factory.mktemp("pcm") / f"{rate}.pcm"
        path.write_bytes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
        return path

    return write


def said(texts):
    """Texts of turns as one: a recording has no space behind Chinese marks."""
    return "".join(texts).replace(" ", "")


def test_python_sdk(client_python, run_client, server_address, pcm, reference):
    """GA with turns by silence, by commits with a client secret, and beta: each has the text of the recording."""
    done = run_client(
        client_python(PYTHON_SDK), HERE / "openai_realtime_client.py", f"http://{server_address}", pcm(24_000)
    )
    assert done.returncode == 0, done.stderr
    ways = json.loads(done.stdout)
    expected = said([reference[RECORDING]])
    assert {name: said(heard["texts"]) for name, heard in ways.items()} == dict.fromkeys(ways, expected)
    assert [len(heard["texts"]) for heard in ways.values()] == [N_TURNS, 1, N_TURNS]
    assert all(heard["deltas"] for heard in ways.values())
    kinds = {name: heard["kinds"] for name, heard in ways.items()}
    assert set(kinds["by_silence"]) >= {"session.updated", *SPEECH, *COMMITTED}
    assert set(kinds["by_commits"]) == {"session.created", f"{TEXTS}.delta", f"{TEXTS}.completed", *COMMITTED}
    assert set(kinds["beta"]) >= {"transcription_session.updated", "conversation.item.created", *SPEECH}


@pytest.mark.full
def test_js_sdk(node_folder, run_client, tls_server_address, certificate, pcm, reference, monkeypatch):
    """It takes TLS only."""
    packages = node_folder(*JS_SDK)  # by npm, which may need certificates of its own
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(certificate.certfile))
    program, url = HERE / "openai_realtime_client.mjs", f"https://{tls_server_address}"
    done = run_client("node", program, url, pcm(24_000), packages)
    assert done.returncode == 0, done.stderr
    texts = json.loads(done.stdout)
    assert (said(texts), len(texts)) == (said([reference[RECORDING]]), N_TURNS)


@pytest.mark.full
def test_livekit(client_python, run_client, server_address, pcm, reference):
    """Its speech events come in their order, with the text of the recording. Its default settings are as they are."""
    program, url = HERE / "livekit_client.py", f"http://{server_address}"
    done = run_client(client_python(LIVEKIT), program, url, pcm(24_000), N_TURNS)
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert said(heard["texts"]) == said([reference[RECORDING]])
    assert heard["kinds"][:4] == ["start_of_speech", "interim_transcript", "end_of_speech", "final_transcript"]


@pytest.mark.full
def test_pipecat(client_python, run_client, server_address, pcm, reference):
    """Turns by its own detector, which commits, and by the server's."""
    program, url = HERE / "pipecat_client.py", f"ws://{server_address}"
    done = run_client(client_python(PIPECAT), program, url, pcm(16_000), N_TURNS)
    assert done.returncode == 0, done.stderr
    for heard in json.loads(done.stdout).values():
        assert heard["errors"] == []
        assert heard["n_interim"] > 0
        assert said(heard["texts"]) == said([reference[RECORDING]])
