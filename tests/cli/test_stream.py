"""`paraserve stream` as a user runs it: texts on stdout, the growing one in a terminal, failures, the microphone."""

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from support.breaks import Break, breaking
from support.certificates import self_signed
from support.commands import PROGRAM, clean_environment, installed_paraserve, paraserve, server
from support.live_stub import speech, stub
from support.sound_library import fake_microphone

BUSY = "Error opening RawInputStream: Device unavailable [PaErrorCode -9985]"


@pytest.fixture
def numbers_wav(tmp_path):
    """Two and a half seconds that the stub understands."""
    path = tmp_path / "numbers.wav"
    soundfile.write(path, np.frombuffer(speech(2.5), "<i2"), 16_000, subtype="PCM_16")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["2pass", "offline", "online"])
def test_finished_texts_are_lines_of_stdout(numbers_wav, mode):
    """One a segment, or one in all; nothing else when no terminal is there to see texts grow."""
    with stub() as url:
        done = paraserve("stream", numbers_wav, "--server", url, "--mode", mode)
    lines = done.stdout.splitlines()
    assert (done.stderr, done.returncode) == ("", 0)
    expected = {"2pass": ["1", "2", "3"], "offline": ["1 2 3"], "online": ["." * 80_000 + "!"]}
    assert lines == expected[mode]


def in_terminal(*args):
    """Run with stderr in a terminal of 80 columns; (stdout, what the terminal got, exit code)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *map(str, args)],
        env=clean_environment(TERM="xterm", COLUMNS="80"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    stdout, _ = process.communicate(timeout=60)
    seen = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while data := os.read(ours, 65536):
            seen += data
    os.close(ours)
    return stdout, seen.decode(), process.returncode


@pytest.mark.slow
def test_the_growing_text_is_redrawn_in_a_terminal(numbers_wav):
    """On one line, of which the end is shown when it is long, and which is erased for the finished text."""
    with stub() as url:
        stdout, seen, code = in_terminal("stream", numbers_wav, "--server", url)
        assert (stdout, code) == ("1\n2\n3\n", 0)
        drawn = seen.split("\r\x1b[K")
        assert drawn[:5] == ["", "~", "", "~", ""]
        assert not any(drawn[5:])
        _, seen, _ = in_terminal("stream", numbers_wav, "--server", url, "--mode", "online")
    longest = max(seen.split("\r\x1b[K"), key=len)
    assert longest == "…" + "." * 78


@pytest.mark.slow
def test_realtime_takes_as_long_as_the_recording(numbers_wav):
    """Frames go out when they would have been spoken."""
    with stub() as url:
        started = time.monotonic()
        done = paraserve("stream", numbers_wav, "--server", url, "--realtime")
    assert done.stdout == "1\n2\n3\n"
    assert time.monotonic() - started >= 2.5


@pytest.mark.slow
def test_failures_are_one_line(numbers_wav, tmp_path):
    """A file that is not there or no recording, a URL that is none."""
    bad = tmp_path / "bad.wav"
    bad.write_text("this is not audio")
    with stub() as url:
        cases = [
            ((tmp_path / "absent.wav", "--server", url), "absent.wav: No such file or directory"),
            ((bad, "--server", url), "paraserve: "),
            ((numbers_wav, "--server", "ftp://127.0.0.1"), "not the address of a server: 'ftp://127.0.0.1'"),
        ]
        for args, message in cases:
            done = paraserve("stream", *args)
            assert (done.stdout, done.returncode) == ("", 1)
            assert message in done.stderr
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_usage_errors():
    """A chunk size that is none."""
    for text in ("5,10", "5,0,5"):
        done = paraserve("stream", "x.wav", f"--chunk-size={text}")
        assert done.returncode == 2
        assert "three numbers" in done.stderr


@pytest.fixture
def microphone(tmp_path):
    """Environment of a microphone that gives what the stub understands."""
    return fake_microphone(tmp_path)


@pytest.mark.slow
def test_the_microphone_until_ctrl_c(microphone):
    """Texts come while it records; Ctrl-C ends the utterance, and its last text is still written."""
    with stub() as url:
        process = subprocess.Popen(
            [PROGRAM, "stream", "mic", "--server", url],
            env=clean_environment(**microphone),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert [process.stdout.readline() for _ in range(2)] == ["1\n", "2\n"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "3\n"
    assert process.returncode == 0


@pytest.mark.slow
def test_no_microphone(microphone):
    """One line that says what is missing: the device, or the extra."""
    cures = {"Error querying device -1": "no microphone is found: ", BUSY: "another program uses it: "}
    for error, cure in cures.items():
        done = installed_paraserve("stream", "mic", **microphone | {"MICROPHONE": "none", "MICROPHONE_ERROR": error})
        assert done.returncode == 1
        assert done.stderr.startswith(f"paraserve: cannot record from the microphone: {error} ({cure}")
        assert done.stderr.count("\n") == 1
    library = Path(microphone["PYTHONPATH"].split(os.pathsep)[0]) / "sounddevice.py"
    library.write_text("raise ModuleNotFoundError('no sounddevice')")
    done = installed_paraserve("stream", "mic", **microphone)
    assert (done.returncode, done.stderr) == (
        1,
        "paraserve: a microphone needs sounddevice: pip install sounddevice\n",
    )


@pytest.mark.slow
def test_certificates(numbers_wav, tmp_path):
    """A certificate that nobody vouches for is refused in one line, unless --insecure accepts any."""
    with stub(self_signed(tmp_path)) as url:
        done = paraserve("stream", numbers_wav, "--server", url)
        assert (done.stdout, done.returncode) == ("", 1)
        assert done.stderr == f"paraserve: the certificate of {url} is not trusted: self-signed certificate\n"
        assert paraserve("stream", numbers_wav, "--server", url, "--insecure").stdout == "1\n2\n3\n"


@pytest.mark.slow
def test_a_real_server(data_dir, tmp_path):
    """Joined, the finished texts are what `paraserve transcribe` says."""
    with server() as address:
        url = address.replace("http", "ws")
        done = paraserve("stream", data_dir / "mixed_long.wav", "--server", url)
        offline = paraserve("stream", data_dir / "mixed_long.wav", "--server", url, "--mode", "offline")
    expected = paraserve("transcribe", data_dir / "mixed_long.wav").stdout
    assert offline.stdout == expected
    assert letters(done.stdout) == letters(expected)
    assert len(done.stdout.splitlines()) > 1


@pytest.mark.slow
async def test_a_connection_that_breaks(data_dir):
    """The texts are those of a connection that lasts, each once."""
    wav, broken = data_dir / "mixed_long.wav", Counter()
    plan = [Break("reset", 30_000), Break("end", 60_000), Break("reset", 90_000)]
    with server() as url:
        right = await asyncio.to_thread(paraserve, "stream", wav, "--server", url.replace("http", "ws"))
        address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        async with breaking(cycle([address]), plan, broken) as way:
            done = await asyncio.to_thread(paraserve, "stream", wav, "--server", way)
    assert (done.stdout, done.stderr, done.returncode) == (right.stdout, "", 0)
    assert broken == {"reset": 2, "end": 1}


def letters(text):
    """Without marks and spaces: marks at the seams may differ."""
    return "".join(character for character in text if character.isalnum())
