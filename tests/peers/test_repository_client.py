"""FunASR's own client, runtime/python/websocket/funasr_wss_client.py, when FUNASR_CLIENT_SCRIPT names it."""

import json
import os
from pathlib import Path

import pytest
import soundfile

from support.audio_files import encode, encoding
from support.commands import paraserve

SAMPLE = "zh_number.wav"
CLIENT = os.environ.get("FUNASR_CLIENT_SCRIPT", "")

pytestmark = pytest.mark.skipif(not CLIENT, reason="FUNASR_CLIENT_SCRIPT does not name funasr_wss_client.py")


@pytest.fixture(scope="module")
def recordings(data_dir, tmp_path_factory):
    """One sample in the three forms that the client sends differently."""
    folder = tmp_path_factory.mktemp("recordings")
    samples, _ = soundfile.read(data_dir / SAMPLE, dtype="int16")
    (folder / "sample.wav").write_bytes((data_dir / SAMPLE).read_bytes())
    (folder / "sample.pcm").write_bytes(samples.astype("<i2").tobytes())
    (folder / "sample.mp3").write_bytes(encode(encoding("mp3-16k"), (samples[:, None] / 32_768).astype("float32")))
    return folder


@pytest.fixture
def ask(client_python, run_client, request, tmp_path):
    """Runs the client; (its messages, its output)."""
    python = client_python("websockets==17.4")

    def run(scheme, mode, path, *options):
        host, port = request.getfixturevalue("tls_server_address" if scheme == "wss" else "server_address").split(":")
        command = [python, Path(CLIENT).resolve(), "--host", host, "--port", port, "--ssl", int(scheme == "wss")]
        command += ["--mode", mode, "--audio_in", path, "--output_dir", "out", "--log_dir", "logs"]
        done = run_client(*command, "--result_timeout", 30, *options, cwd=tmp_path)
        logs = sorted((tmp_path / "logs").glob("*/events.jsonl"))
        messages = [json.loads(line) for log in logs for line in log.read_text("utf-8").splitlines()]
        return messages, done.stdout + done.stderr

    return run


def texts(messages, label):
    return "".join(message["text"] for message in messages if message["mode"] == label)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("form", ["wav", "pcm", "mp3"])
@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_every_mode_and_form(ask, recordings, reference, server_address, mode, form, scheme):
    """One final result and one acknowledgement, both promptly, or the client would say that it waited in vain."""
    options = () if scheme == "ws" else ("--send_without_sleep",)
    messages, output = ask(scheme, mode, recordings / f"sample.{form}", *options)
    assert "did not acknowledge" not in output
    *results, acknowledgement = messages
    assert [message["is_final"] for message in results] == [False] * (len(results) - 1) + [True]
    assert (acknowledgement["mode"], acknowledgement["text"]) == (mode, "")
    assert (acknowledgement["is_final"], "Traceback" in output) == (True, False)
    if mode == "online":
        assert texts(results, "2pass-online") == online_text(server_address, recordings / "sample.wav")
    else:
        assert texts(results, "2pass-offline") == reference[SAMPLE]


def online_text(server_address, path):
    """What our client gets in mode online."""
    done = paraserve("stream", path, "--server", f"ws://{server_address}", "--mode", "online")
    assert done.stdout.strip()
    return done.stdout.rstrip("\n")


def test_a_list_of_files_on_two_threads(ask, data_dir, reference, tmp_path):
    """Several clients at once, a connection for each file."""
    names = ["zh_phone.wav", "zh_date.wav", "en_digits.wav", "zh_number.wav"]
    (tmp_path / "list.scp").write_text("".join(f"{name} {data_dir / name}\n" for name in names))
    messages, output = ask("ws", "2pass", "list.scp", "--thread_num", "2", "--send_without_sleep")
    assert "Traceback" not in output
    said = {name: texts([m for m in messages if m["wav_name"] == name], "2pass-offline") for name in names}
    assert said == {name: reference[name] for name in names}
