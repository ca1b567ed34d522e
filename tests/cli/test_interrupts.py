"""Ctrl-C at any moment: exit code 130, no traceback, no half-written file, a terminal as it was."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile

from support.commands import clean_environment
from support.fake_hub import Answer, fake_hub, files_of_parts, write_catalog
from support.live_stub import speech, stub
from support.sound_library import fake_microphone
from support.terminal import terminal
from support.upload_stub import UploadStub

INTERRUPTED_AT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from paraserve.cli.main import main
main(sys.argv[2:])
"""
"""Runs a command line, and gets Ctrl-C while it imports a module."""


@pytest.mark.parametrize(
    ("module", "args"),
    [
        ("typer", ["--help"]),
        ("pydantic_core", ["transcribe", "a.wav"]),
        ("paraserve.settings", ["serve", "--print-config"]),
        pytest.param("rich.progress", ["transcribe", "a.wav"], marks=pytest.mark.full),
        pytest.param("onnxruntime", ["doctor"], marks=pytest.mark.full),
        pytest.param("uvicorn", ["serve", "--supervise", "false"], marks=pytest.mark.full),
        pytest.param("paraserve.wiring", ["stream", "a.wav"], marks=pytest.mark.full),
    ],
)
def test_while_it_is_imported(module, args):
    """Whatever is imported at that moment."""
    command = [sys.executable, "-c", INTERRUPTED_AT, module, *args]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.slow
def test_while_recordings_are_transcribed(tmp_path):
    """In the midst of several, with bars on the screen: what is written is whole."""
    for name in "abc":
        (tmp_path / f"{name}.wav").write_text(f"text of {name}")
    held = UploadStub(held={f"text of {name}": threading.Event() for name in "bc"})
    out = tmp_path / "out"
    with held.running() as url, terminal("transcribe", tmp_path, "--output", out, "--server", url) as screen:
        screen.wait_for(r"wrote .*a\.text")
        screen.wait_for("x real time")
        screen.press_ctrl_c()
        assert screen.end() == 130
        for event in held.held.values():
            event.set()
    assert "1 transcribed" in screen.text
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a.text": "heard: text of a\n"}


@pytest.mark.slow
@pytest.mark.full
def test_while_a_bundle_is_pulled(demo_dir, tmp_path):
    """Its bar goes; the bundle is not there, and the next pull goes on."""
    graph = "asr/model_quant.onnx"
    with fake_hub(files_of_parts(demo_dir, "asr")) as hub:
        write_catalog(tmp_path / "models", hub, "small")
        is_over = threading.Event()
        hub.answers[graph] = [Answer(cut_after=100_000, wait=is_over)]
        environment = {"PARASERVE_MODELS_DIR": str(tmp_path / "models"), "MODELSCOPE_DOMAIN": hub.url}
        with terminal("models", "pull", "small", **environment) as screen:
            screen.wait_for("small .*left")
            screen.press_ctrl_c()
            assert screen.end() == 130
            is_over.set()
    assert not (tmp_path / "models" / "small").exists()


@pytest.mark.full
def test_while_a_recording_is_streamed(tmp_path):
    """The growing line goes, and the texts that were final stay."""
    wav = tmp_path / "numbers.wav"
    soundfile.write(wav, np.frombuffer(speech(9), "<i2"), 16_000, subtype="PCM_16")
    with stub() as url, terminal("stream", wav, "--server", url, "--realtime") as screen:
        screen.wait_for("1\r\n")
        screen.press_ctrl_c()
        assert screen.end() == 130


@pytest.mark.slow
def test_while_the_microphone_is_heard(tmp_path):
    """It ends the utterance: level and growing text go, the last text is written, and the exit code is good."""
    with stub() as url, terminal("stream", "mic", "--server", url, **fake_microphone(tmp_path)) as screen:
        screen.wait_for(r"░{30}.* -60 dB  0:0\d  .*Ctrl-C ends")
        screen.wait_for("2\r\n")
        screen.press_ctrl_c()
        screen.wait_for("3\r\n")
        assert screen.end() == 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("args", "sign"),
    [
        (["transcribe", "noise.flac"], "loading "),
        (["transcribe", "noise.flac"], r"noise\.flac .* \d+%"),
        (["doctor"], "ok    python"),
        (["doctor"], "ok    codecs"),
        (["bench", "offline"], "paraserve .* bundle demo"),
    ],
)
def test_while_models_work(tmp_path, args, sign):
    """While they are loaded, and while they recognize."""
    noise = np.random.default_rng(0).normal(0, 0.02, 16_000 * 60).astype(np.float32)
    soundfile.write(tmp_path / "noise.flac", np.tile(noise, 20), 16_000)
    with terminal(*args, cwd=tmp_path) as screen:
        screen.wait_for(sign)
        screen.press_ctrl_c()
        assert screen.end() == 130


@pytest.mark.full
@pytest.mark.parametrize("sign", ["", "connection limits", "listens on"])
def test_while_it_serves(sign):
    """A server stops in good order, whether it was ready or not."""
    with terminal("serve", "--port", "0") as screen:
        if sign:
            screen.wait_for(sign)
        screen.press_ctrl_c()
        assert screen.end() in ({0} if sign else {0, 130})
