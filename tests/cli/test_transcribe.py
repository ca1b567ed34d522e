"""`paraserve transcribe` as a user runs it: output, files, failures, interruption, a server's help."""

import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import numpy as np
import psutil
import pytest
import soundfile

from paraserve.subtitle_options import SubtitleOptions
from support.certificates import self_signed
from support.commands import PROGRAM, clean_environment, installed_paraserve, paraserve, server
from support.subtitles import check_subtitles, read_subtitles
from support.tiers import first_quick

AS_SPOKEN = ("--no-itn", "--no-punctuate")


@pytest.fixture(scope="module")
def expected(data_dir):
    """What is said in each sample file."""
    return json.loads((data_dir / "samples.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def server_url():
    """A server with the embedded bundle and a small size limit."""
    with server(PARASERVE_MAX_UPLOAD_BYTES="2000000") as url:
        yield url


@pytest.fixture(scope="module")
def noise_file(tmp_path_factory):
    """Twenty minutes of faint noise, as one file that takes a while."""
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    noise = np.random.default_rng(0).normal(0, 0.02, 16_000 * 60).astype(np.float32)
    soundfile.write(path, np.tile(noise, 20), 16_000, subtype="PCM_16")
    return path


@pytest.mark.slow
def test_text_of_one_file(data_dir, expected):
    """stdout is the text and nothing else; stderr, not being a terminal, stays empty."""
    done = paraserve("transcribe", data_dir / "zh_phone.wav", *AS_SPOKEN)
    assert (done.stdout, done.stderr, done.returncode) == (expected["zh_phone.wav"]["text"] + "\n", "", 0)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["here", "on a server"])
def test_options_without_effect(data_dir, expected, server_url, where):
    """Options that the models cannot honour are told on stderr, and the text is written all the same."""
    place = ("--server", server_url) if where == "on a server" else ()
    asked = ("--hotwords", "阿里巴巴 魔搭", "--language", "French")
    done = paraserve("transcribe", data_dir / "zh_phone.wav", *AS_SPOKEN, *asked, *place)
    assert (done.stdout, done.returncode) == (expected["zh_phone.wav"]["text"] + "\n", 0)
    told = [line.split(": ")[2] for line in done.stderr.splitlines()]
    assert told == ["language", "hotwords"]


def test_an_unknown_language(data_dir):
    """It is an error in one line, before any model is loaded."""
    done = paraserve("transcribe", data_dir / "zh_phone.wav", "--language", "klingon")
    assert (done.stdout, done.returncode) == ("", 1)
    assert "klingon" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_numbers_are_written_as_digits(data_dir):
    """Without --no-itn a phone number is digits."""
    done = paraserve("transcribe", data_dir / "zh_phone.wav")
    assert sum(character in "0123456789" for character in done.stdout) == 11


@pytest.mark.slow
def test_several_files(data_dir, expected, tmp_path):
    """In the order given, each under its name; a file that fails costs one line on stderr and the exit code."""
    bad = tmp_path / "bad.wav"
    bad.write_text("this is not audio")
    names = [data_dir / "mixed_long.wav", bad, tmp_path / "absent.wav", data_dir / "en_digits.wav"]
    done = paraserve("transcribe", *names, *AS_SPOKEN)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("==>")] == [f"==> {names[n]} <==" for n in (0, 3)]
    assert lines[lines.index(f"==> {names[3]} <==") + 1] == expected["en_digits.wav"]["text"]
    failures = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in failures] == [["paraserve", str(names[n])] for n in (1, 2)]
    assert failures[1].endswith("No such file or directory")
    assert done.returncode == 1


@pytest.mark.slow
def test_json(data_dir, expected):
    """The JSON transcript: tokens with times inside the recording, every millisecond accounted for."""
    done = paraserve("transcribe", data_dir / "mixed_long.wav", "--format", "json", *AS_SPOKEN)
    transcript = json.loads(done.stdout)
    tokens = [token for sentence in transcript["sentences"] for token in sentence["tokens"]]
    assert [token["text"] for token in tokens] == expected["mixed_long.wav"]["tokens"]
    assert all(0 <= t["start_ms"] < t["end_ms"] <= transcript["duration_ms"] for t in tokens)
    assert transcript["audio_processed_ms"] == transcript["audio_received_ms"] == transcript["duration_ms"]


@pytest.mark.slow
def test_quality_of_the_audio(data_dir, server_url):
    """The figures and the gain are in the JSON of those who ask, the same here and on a server."""
    asked = ("--format", "json", "--audio-quality", "--auto-gain", data_dir / "zh_phone.wav")
    places = ((), ("--server", server_url))
    told = [json.loads(paraserve("transcribe", *asked, *where).stdout)["audio_quality"] for where in places]
    assert told[0] == told[1]
    assert (told[0]["hints"], told[0]["gain_db"]) == ([], 0)


@pytest.mark.slow
def test_channel(data_dir, expected, tmp_path):
    """--channel takes one side of a stereo recording; one that does not exist is refused."""
    samples, rate = soundfile.read(data_dir / "zh_phone.wav", dtype="int16")
    stereo = tmp_path / "stereo.flac"
    soundfile.write(stereo, np.stack([np.zeros_like(samples), samples], axis=1), rate)
    texts = [paraserve("transcribe", stereo, "--channel", n, *AS_SPOKEN) for n in (0, 1, 2)]
    assert [done.stdout for done in texts] == ["\n", expected["zh_phone.wav"]["text"] + "\n", ""]
    assert [done.returncode for done in texts] == [0, 0, 1]
    assert "channel 2 does not exist" in texts[2].stderr


@pytest.mark.slow
def test_output_folder(data_dir, tmp_path):
    """--output makes the folder, names files by stem and format, numbers equal stems, and leaves nothing else."""
    folder, copy = tmp_path / "new" / "folder", tmp_path / "en_digits.flac"
    samples, rate = soundfile.read(data_dir / "en_digits.wav", dtype="int16")
    soundfile.write(copy, samples, rate)
    names = (data_dir / "en_digits.wav", copy, data_dir / "zh_phone.wav")
    done = paraserve("transcribe", "--output", folder, "--format", "srt", *names)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in folder.iterdir()) == ["en_digits-2.srt", "en_digits.srt", "zh_phone.srt"]
    assert (folder / "en_digits-2.srt").read_text() == (folder / "en_digits.srt").read_text()
    assert (folder / "en_digits.srt").read_text().startswith("1\n00:00:0")


@pytest.mark.slow
@pytest.mark.parametrize("name", first_quick(["ass", "vtt", "ttml"]))
def test_subtitles(data_dir, name):
    """--format writes subtitles with the limits of the flags and of the environment, as written or as spoken."""
    flags = ("--subtitle-cue-s", 1, "--subtitle-lines", 1, "--subtitle-text", "spoken")
    done = paraserve(
        "transcribe", data_dir / "mixed_long.wav", "--format", name, *flags, PARASERVE_SUBTITLE_CHINESE_CHARS="5"
    )
    cues = read_subtitles(done.stdout, name)
    check_subtitles(cues, SubtitleOptions(1000, 1, chinese_chars=5))
    assert "百分之七十" in "".join(line for *_, lines in cues for line in lines)


def test_a_limit_of_subtitles_out_of_range(data_dir):
    """It is an error in one line that names the flag's setting, before any model is loaded."""
    done = paraserve("transcribe", data_dir / "zh_phone.wav", "--format", "srt", "--subtitle-lines", 0)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "subtitle_lines" in done.stderr


@pytest.mark.slow
def test_output_folder_that_cannot_be(data_dir, tmp_path):
    """An output folder that is a file is one clear line, before any work."""
    file = tmp_path / "file"
    file.touch()
    done = paraserve("transcribe", "--output", file, data_dir / "zh_phone.wav")
    assert done.returncode == 1
    assert done.stderr == f"paraserve: cannot create the folder {file}: File exists\n"


@pytest.mark.slow
def test_stdin(data_dir, expected):
    """`-` is the recording on standard input, here a pipe."""
    done = installed_paraserve("transcribe", "-", *AS_SPOKEN, stdin=(data_dir / "zh_phone.wav").read_bytes())
    assert done.stdout == expected["zh_phone.wav"]["text"] + "\n"


@pytest.mark.slow
def test_by_server(server_url, data_dir, expected, tmp_path):
    """A server gives the same text for the same options, whatever the file is called."""
    odd = tmp_path / 'a "b" 中文.wav'
    odd.write_bytes((data_dir / "zh_phone.wav").read_bytes())
    done = paraserve("transcribe", "--server", server_url, odd, *AS_SPOKEN)
    assert (done.stdout, done.stderr, done.returncode) == (expected["zh_phone.wav"]["text"] + "\n", "", 0)
    normal = [paraserve("transcribe", *where, data_dir / "zh_phone.wav") for where in ((), ("--server", server_url))]
    assert normal[0].stdout == normal[1].stdout != done.stdout


@pytest.mark.slow
def test_server_that_refuses(server_url, data_dir, noise_file, tmp_path):
    """The server's own message reaches the user, and the next file is still transcribed."""
    text = tmp_path / "text.wav"
    text.write_text("this is not audio")
    done = paraserve("transcribe", "--server", server_url, text, noise_file, data_dir / "zh_phone.wav")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"paraserve: {text}: the file is not audio or video of a known format",
        f"paraserve: {noise_file}: the file is larger than 2000000 bytes",
    ]
    assert done.stdout.startswith(f"==> {data_dir / 'zh_phone.wav'} <==\n")


@pytest.mark.slow
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1:2", "http://127.0.0.1:x"])
def test_no_server(url, data_dir):
    """A server that cannot be reached, or a URL that is none, is one clear line."""
    done = paraserve("transcribe", "--server", url, data_dir / "zh_phone.wav")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("paraserve: ")
    assert "127.0.0.1" in done.stderr


@pytest.mark.slow
def test_a_server_that_speaks_otherwise(data_dir, tmp_path):
    """Http to https, https to http, and a certificate that nobody vouches for: a line that says what to try."""
    certificate = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.certfile, certificate.keyfile)
    for context, scheme, message in (
        (tls, "https", "is not trusted: self-signed certificate (SSL_CERT_FILE=FILE trusts"),
        (None, "https", "does not speak TLS: try http://"),
    ):
        with answering(context) as port:
            done = paraserve("transcribe", "--server", f"{scheme}://127.0.0.1:{port}", data_dir / "zh_phone.wav")
        assert done.returncode == 1
        assert message in done.stderr


@contextlib.contextmanager
def answering(context):
    """A server of nothing, with or without TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class QuietHandler(http.server.BaseHTTPRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, *args):
        """Nothing is logged."""


@pytest.mark.slow
def test_missing_bundle(data_dir):
    """A bundle that does not exist is one clear line."""
    done = paraserve("transcribe", "--bundle", "no-such", data_dir / "zh_phone.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("paraserve: bundle not found: 'no-such' is neither a folder nor one of: demo, ")
    assert done.stderr.count("\n") == 1


def start(*args, **options):
    return subprocess.Popen(
        [PROGRAM, "transcribe", *map(str, args)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def interrupt(process):
    """Ctrl-C reaches every process of the terminal's group."""
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    return process.returncode, stdout, stderr


@pytest.mark.slow
def test_interrupted_while_reading_stdin():
    """Ctrl-C while a pipe is read: exit code 130, nothing printed."""
    process = start("-", stdin=subprocess.PIPE)
    process.stdin.write(bytes(1 << 20))  # returns when most of it has been read
    assert interrupt(process) == (130, b"", b"")


@pytest.mark.slow
def test_interrupted_while_transcribing(noise_file, tmp_path):
    """Ctrl-C in the middle of a recording: exit code 130, nothing printed, no process left."""
    compressed = tmp_path / "noise.flac"  # which a child decodes
    soundfile.write(compressed, *soundfile.read(noise_file, dtype="int16"))
    process = start(compressed)
    while not (children := psutil.Process(process.pid).children()):
        assert process.poll() is None
        time.sleep(0.05)
    assert interrupt(process) == (130, b"", b"")
    assert not any(child.is_running() for child in children)


@pytest.mark.slow
def test_interrupted_while_a_server_works(data_dir):
    """Ctrl-C while waiting for a server that does not answer: exit code 130, at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = start("--server", f"http://127.0.0.1:{listener.getsockname()[1]}", data_dir / "zh_phone.wav")
        with listener.accept()[0] as connection:
            assert connection.recv(1)
            assert interrupt(process) == (130, b"", b"")
