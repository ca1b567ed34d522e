"""Whatever is sent, the answer is a clear error with a code and a request id, and nothing is left behind."""

import json
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from paraserve.errors import InferenceError
from support import audio_files
from support.commands import paraserve
from support.fakes import FakeEngine, text_of
from support.tiers import first_quick

VOICE = audio_files.encode_voice(audio_files.encoding("wav-16bit"), 2)
MB = 1_000_000


@dataclass(frozen=True)
class RawAnswer:
    """An answer read from a socket."""

    status_code: int
    headers: dict[str, str]
    text: str

    def json(self):
        return json.loads(self.text)


@contextmanager
def connection(client, headers, path="/transcribe"):
    """A socket on which the head of an upload has been sent."""
    with socket.create_connection(client.address, timeout=30) as sock:
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        yield sock


def read_answer(sock):
    """The next answer on this connection."""
    with sock.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = {}
        while line := stream.readline().decode().strip():
            name, value = line.split(": ", 1)
            headers[name.lower()] = value
        return RawAnswer(status, headers, stream.read(int(headers["content-length"])).decode())


@pytest.fixture
def target(samples):
    """A recording on the server's disk that no upload may reach."""
    return samples["zh_phone"].path


@pytest.mark.parametrize("name", audio_files.not_audio())
def test_not_audio(server, is_error, name):
    """Text, html, pictures, archives and noise are 415."""
    is_error(server.post("/transcribe", audio_files.not_audio()[name]), 415, "unsupported_format", param="file")
    server.assert_settled()


@pytest.mark.parametrize("kind", audio_files.playlists(""))
def test_playlists(server, is_error, target, kind):
    """A file that names another file is not a recording, and the other file is not read."""
    data = audio_files.playlists(str(target))[kind]
    for name in ("a.wav", f"a.{kind.split()[0]}", str(target), "../../etc/passwd"):
        is_error(server.post("/transcribe", data, name=name), 415, "unsupported_format", param="file")


HALF_A_SECOND = bytes(16_000)
DAMAGED = {
    "empty": (b"", 400, "empty_file"),
    "four bytes of wav": (b"RIFF", 400, "invalid_audio"),
    "header cut off": (VOICE[:30], 400, "invalid_audio"),
    "m4a without its index": (audio_files.encode_voice(audio_files.encoding("m4a"), 2)[:8000], 400, "invalid_audio"),
    "mp4 without sound": (audio_files.video(with_audio=False), 400, "no_audio_stream"),
    "no channels": (audio_files.pcm_wav(HALF_A_SECOND, channels=0), 400, "invalid_audio"),
    "65535 channels": (audio_files.pcm_wav(HALF_A_SECOND, channels=65_535), 400, "invalid_audio"),
    "rate 0": (audio_files.pcm_wav(HALF_A_SECOND, sample_rate=0), 400, "invalid_audio"),
    "rate 1": (audio_files.pcm_wav(HALF_A_SECOND, sample_rate=1), 400, "unsupported_sample_rate"),
    "rate 4 GHz": (audio_files.pcm_wav(HALF_A_SECOND, sample_rate=2**32 - 1), 400, "invalid_audio"),
    "no bits": (audio_files.pcm_wav(HALF_A_SECOND, bits=0), 415, "unsupported_codec"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_recordings(server, is_error, name):
    """Each has its own status and code."""
    assert_refused(server, is_error, *DAMAGED[name])


def test_a_day_of_silence(server, is_error):
    """It is refused as too long, without being decoded to its end."""
    assert_refused(server, is_error, audio_files.silent_flac(24, sample_rate=1_000), 422, "audio_too_long")


def assert_refused(server, is_error, data, status, code):
    started = time.monotonic()
    is_error(server.post("/transcribe", data), status, code, param="file")
    is_error(server.post_raw("/v1/audio/transcriptions", data), status, code, param="file")
    assert time.monotonic() - started < 30
    server.assert_settled()


@pytest.mark.parametrize(
    ("wav", "duration_ms"),
    [
        (audio_files.pcm_wav(b""), 0),
        (VOICE[:20_000], 623),
        (audio_files.pcm_wav(bytes(32_000), data_bytes=2**31), 1000),
        (audio_files.pcm_wav(bytes(32_000), data_bytes=2**32 - 1), 1000),
        (audio_files.pcm_wav(bytes(32_000), block_align=7), 1000),
    ],
    ids=["zero-length", "cut off", "announces 2 GiB", "streamed", "lies about its blocks"],
)
def test_wav_whose_header_lies(server, wav, duration_ms):
    """What is there is read, and counted as what was there."""
    body = server.post("/transcribe", wav).json()
    assert [body[n] for n in ("duration_ms", "audio_received_ms", "audio_processed_ms")] == [duration_ms] * 3


@pytest.mark.parametrize("name", ["wav-16bit", "mp3", "amr-nb", "aac", "webm", "flac-16bit"])
def test_duration_limit(short_server, is_error, name):
    """422 over the limit, whether the container tells the length or not."""
    data = audio_files.encode_voice(audio_files.encoding(name), 3)
    error = is_error(short_server.post("/transcribe", data), 422, "audio_too_long", param="file")
    assert "2 s" in error["message"]
    assert short_server.post("/transcribe", VOICE).status_code == 200


def test_hours_of_silence_without_a_length(short_server, is_error):
    """One byte for 20 ms: decoding stops at the limit, not at the end."""
    started = time.monotonic()
    answer = short_server.post("/transcribe", audio_files.silent_amr(5))
    is_error(answer, 422, "audio_too_long", param="file")
    assert time.monotonic() - started < 30
    short_server.assert_settled()


@pytest.fixture(scope="module")
def short_server(demo_dir, tmp_path_factory, process_factory):
    """Takes 1 MB and 2 s of audio, waits 1 s for a client that does not send."""
    environment = {
        "PARASERVE_MAX_DURATION_S": "2",
        "PARASERVE_MAX_UPLOAD_BYTES": str(MB),
        "PARASERVE_UPLOAD_IDLE_TIMEOUT_S": "1",
    }
    with process_factory(tmp_path_factory.mktemp("short"), "--bundle", demo_dir, **environment) as running:
        yield running


@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=b"])
def test_announced_size_over_the_limit(server, is_error, content_type):
    """3 GiB announced: 413 at once, with not one byte of it sent."""
    headers = {"Content-Length": str(3 * 1024**3), "Content-Type": content_type, "Expect": "100-continue"}
    started = time.monotonic()
    with connection(server, headers) as sock:
        is_error(read_answer(sock), 413, "file_too_large", param="file")
    assert time.monotonic() - started < 2
    server.assert_settled()


@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=b"])
def test_size_over_the_limit_without_a_length(short_server, is_error, content_type):
    """A chunked body is cut off soon after the limit."""
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    sent = 0
    with connection(short_server, {"Transfer-Encoding": "chunked", "Content-Type": content_type}) as sock:
        sock.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        sock.settimeout(0)
        while sent < 100 * MB:
            try:
                sent += send_all(sock, b"10000\r\n" + bytes(65_536) + b"\r\n")
            except (ConnectionError, TimeoutError):
                break
            if has_answer(sock):
                break
        sock.settimeout(10)
        is_error(read_answer(sock), 413, "file_too_large", param="file")
    assert MB < sent < 20 * MB
    short_server.assert_settled()


def send_all(sock, data):
    sock.settimeout(10)
    sock.sendall(data)
    return len(data)


def has_answer(sock):
    sock.settimeout(0)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


@pytest.mark.parametrize("n_bytes", [MB + 1, 20 * MB])
def test_client_that_sends_all_before_it_reads(short_server, is_error, n_bytes):
    """It gets the 413 too, not a broken connection."""
    is_error(short_server.post("/transcribe", bytes(n_bytes)), 413, "file_too_large", param="file")
    is_error(short_server.post_raw("/asr", bytes(n_bytes)), 413, "file_too_large", param="file")
    short_server.assert_settled()


BAD_FIELDS = [
    ("/v1/audio/transcriptions", "response_format", "xml", "invalid_response_format", "response_format"),
    ("/v1/audio/transcriptions", "response_format", "diarized_json", "unsupported_parameter", "response_format"),
    ("/v1/audio/transcriptions", "temperature", "1.1", "invalid_value", "temperature"),
    ("/v1/audio/transcriptions", "temperature", "-0.1", "invalid_value", "temperature"),
    ("/v1/audio/transcriptions", "temperature", "nan", "invalid_value", "temperature"),
    ("/v1/audio/transcriptions", "temperature", "hot", "invalid_value", "temperature"),
    ("/v1/audio/transcriptions", "timestamp_granularities[]", "char", "invalid_value", "timestamp_granularities"),
    ("/v1/audio/transcriptions", "timestamp_granularities[]", "word", "invalid_value", "timestamp_granularities"),
    ("/v1/audio/transcriptions", "known_speaker_names", "a", "unsupported_parameter", "known_speaker_names"),
    ("/transcribe", "format", "xml", "invalid_format", "format"),
    *[
        (path, name, value, "invalid_value", name)
        for path in ("/transcribe", "/recognition", "/asr", "/", "/v1/audio/transcriptions")
        for name, value in (("channel", "-1"), ("itn", "maybe"))
    ],
    ("/transcribe", "channel", "²", "invalid_value", "channel"),
    ("/transcribe", "channel", "1.0", "invalid_value", "channel"),
    ("/transcribe", "channel", "9" * 400, "invalid_value", "channel"),
    ("/transcribe", "channel", "9" * 5000, "invalid_value", "channel"),
    ("/transcribe", "punctuate", "2", "invalid_value", "punctuate"),
    ("/transcribe", "deterministic", "是", "invalid_value", "deterministic"),
]


@pytest.mark.parametrize(("path", "field", "value", "code", "param"), BAD_FIELDS)
def test_bad_fields(server, is_error, path, field, value, code, param):
    """400 that names the field, before the recording is looked at."""
    is_error(server.post(path, b"not audio", **{field: value}), 400, code, param=param)


def test_channel_that_is_not_there(server, is_error):
    """A mono recording has channel 0 only."""
    is_error(server.post("/transcribe", VOICE, channel="1"), 400, "channel_out_of_range", param="channel")
    assert server.post("/transcribe", VOICE, channel="0").status_code == 200


def form(*parts, end=b"--b--\r\n"):
    return b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + end


FILE_PART = b'name="file"; filename="a"\r\n\r\n' + VOICE
BAD_FORMS = {
    "no boundary": ("multipart/form-data", form(FILE_PART), "invalid_form"),
    "other boundary": ("multipart/form-data; boundary=c", form(FILE_PART), "invalid_form"),
    "not a form": ("multipart/form-data; boundary=b", VOICE, "invalid_form"),
    "part without name": ("multipart/form-data; boundary=b", form(b'filename="a"\r\n\r\nx'), "invalid_form"),
    "two files": ("multipart/form-data; boundary=b", form(FILE_PART, FILE_PART), "invalid_form"),
    "many fields": (
        "multipart/form-data; boundary=b",
        form(*[b'name="n%d"\r\n\r\nx' % n for n in range(100)], FILE_PART),
        "invalid_form",
    ),
    "huge field": ("multipart/form-data; boundary=b", form(b'name="prompt"\r\n\r\n' + bytes(2 * MB)), "invalid_form"),
    "empty form": ("multipart/form-data; boundary=b", form(), "no_file"),
    "file under another name": (
        "multipart/form-data; boundary=b",
        form(b'name="data"; filename="a"\r\n\r\n' + VOICE),
        "no_file",
    ),
    "no field of the file": ("multipart/form-data; boundary=b", form(b'name="recording"\r\n\r\nhello'), "no_file"),
    "cut off": ("multipart/form-data; boundary=b", form(FILE_PART)[:-5000], "no_file"),
    "no body": ("multipart/form-data; boundary=b", b"", "no_file"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_bad_forms(server, is_error, name):
    """400 for a form that cannot be read or has no file."""
    content_type, body, code = BAD_FORMS[name]
    answer = server.post_raw("/transcribe", body, headers={"content-type": content_type})
    is_error(answer, 400, code, param="file" if code == "no_file" else None)
    server.assert_settled()


@pytest.mark.slow
@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=b"])
def test_client_that_stops_sending(short_server, is_error, content_type):
    """408 after the idle limit."""
    with connection(short_server, {"Content-Length": "500000", "Content-Type": content_type}) as sock:
        sock.sendall(form(FILE_PART)[:30_000])
        is_error(read_answer(sock), 408, "upload_timeout")
    short_server.assert_settled()


@pytest.mark.slow
def test_slow_client_that_goes_on_sending(short_server):
    """The idle limit is of each pause, not of the whole upload."""
    with connection(short_server, {"Content-Length": str(len(VOICE)), "Content-Type": "audio/wav"}) as sock:
        for start in range(0, len(VOICE), 16_384):
            time.sleep(0.4)
            sock.sendall(VOICE[start : start + 16_384])
        assert read_answer(sock).status_code == 200


@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=b"])
def test_client_that_leaves_during_its_upload(server, content_type):
    """Nothing of a half-sent upload stays, on disk or in memory."""
    for n_bytes in (1000, 3 * MB):
        with connection(server, {"Content-Length": str(8 * MB), "Content-Type": content_type}) as sock:
            sock.sendall(form(FILE_PART)[:100] + bytes(n_bytes))
            wait_until(lambda: server.metric("paraserve_uploads_in_progress") == 1)
    server.assert_settled()


def test_client_that_leaves_during_transcription(server):
    """Two hours of silence are not transcribed for nobody."""
    data = audio_files.silent_amr(2)
    with connection(server, {"Content-Length": str(len(data)), "X-Request-Id": "leaves-early"}) as sock:
        sock.sendall(data)
        wait_until(lambda: server.metric("paraserve_uploads_in_progress") == 1)
        time.sleep(0.5)
    server.assert_settled()
    server.wait_for_log('"request_id": "leaves-early"')
    (line,) = [line for line in server.log.splitlines() if "leaves-early" in line]
    assert json.loads(line)["status"] == 499


def wait_until(condition, timeout_s=15):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_recognition_is_cancelled(serve_app):
    """The engine learns that the client has gone."""
    engine = FakeEngine(is_held=True)
    with serve_app(engine) as client:
        with connection(client, {"Content-Length": str(len(VOICE))}) as sock:
            sock.sendall(VOICE)
            wait_until(lambda: engine.started == 1)
        wait_until(lambda: engine.cancelled == 1)
        wait_until(lambda: client.metric("paraserve_uploads_in_progress") == 0)
    assert (engine.finished, engine.is_closed) == (0, True)


@pytest.mark.slow
def test_too_many_uploads(serve_app, is_error):
    """One more than `max_uploads` is refused with 503 and Retry-After; those in progress are not harmed."""
    engine = FakeEngine(is_held=True)
    with serve_app(engine, max_uploads=2) as client, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(client.post, "/transcribe", VOICE) for _ in range(2)]
        wait_until(lambda: client.metric("paraserve_uploads_in_progress") == 2)
        for answer in (client.post("/transcribe", VOICE), client.post_raw("/asr", bytes(5 * MB))):
            is_error(answer, 503, "overloaded")
            assert int(answer.headers["retry-after"]) >= 1
        engine.is_held = False
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.post("/transcribe", VOICE).status_code == 200


@pytest.mark.slow
def test_many_uploads_at_once(serve_app):
    """Each of many parallel uploads, small and large, as form and raw, gets the answer to its own recording."""
    rng = np.random.default_rng(5)
    waves = [rng.integers(-20_000, 20_000, int(n)) / 32768 for n in rng.integers(20_000, 900_000, 24)]
    whole_frames = [wave[: len(wave) // 160 * 160] for wave in waves]

    def send(client, n):
        data = audio_files.pcm_wav((waves[n] * 32768).astype("<i2").tobytes())
        answer = client.post("/transcribe", data) if n % 2 else client.post_raw("/transcribe", data)
        return answer.json()["text"]

    with serve_app(FakeEngine(), max_uploads=24) as client, ThreadPoolExecutor(12) as threads:
        texts = list(threads.map(lambda n: send(client, n), range(len(waves))))
    assert texts == [text_of(wave) for wave in whole_frames]


@pytest.mark.parametrize(
    ("error", "code", "readiness"),
    [
        (InferenceError("the model failed"), "inference_failed", 503),
        (RuntimeError("a bug"), "internal_error", 500),
    ],
    ids=["inference", "unexpected"],
)
def test_engine_that_fails(serve_app, is_error, error, code, readiness):
    """500 with the code, without a stack; the server goes on, and is ready again when the engine is."""
    engine = FakeEngine(error=error)
    with serve_app(engine) as client:
        for _ in range(2):
            answer = client.post("/transcribe", VOICE)
            assert "fakes.py" not in answer.text
            is_error(answer, 500, code)
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == readiness
        engine.error = None
        assert client.post("/transcribe", VOICE).status_code == 200
        assert client.get("/readyz").status_code == 200


@pytest.mark.slow
def test_disk_full(start_server, is_error, tmp_path):
    """507 when the upload does not fit into the folder for temporary files; small ones still work."""
    folder = tmp_path / "server" / "tmp"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system needs the right to mount")
    try:
        server = start_server()
        for answer in (server.post("/transcribe", bytes(8 * MB)), server.post_raw("/asr", bytes(8 * MB))):
            is_error(answer, 507, "disk_full")
        server.assert_settled()
        assert server.post("/transcribe", VOICE).status_code == 200
        server.process.terminate()
        assert server.wait(30) == 0
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["asr/model*.onnx", "asr/tokens.json", "vad/am.mvn", "punc/model*.onnx"])
@pytest.mark.parametrize("damage", first_quick(["flipped byte", "missing", "truncated"]))
def test_damaged_model_files(damaged_bundle, file, damage):
    """The server does not start, and says which file is at fault, soon."""
    path = damaged_bundle(file, damage)
    started = time.monotonic()
    done = paraserve("serve", "--port", "0", "--bundle", path.parents[1])
    assert time.monotonic() - started < 30
    assert (done.returncode, done.stdout) == (1, "")
    assert str(path) in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("paraserve: ")


@pytest.fixture
def damaged_bundle(demo_dir, tmp_path):
    """A copy of the bundle with one damaged file; returns that file."""

    def make(pattern, damage):
        path = next(shutil.copytree(demo_dir, tmp_path / "bundle").glob(pattern))
        data = bytearray(path.read_bytes())
        path.unlink()
        if damage == "truncated":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "flipped byte":
            data[len(data) // 2] ^= 0xFF
            path.write_bytes(data)
        return path

    return make


@pytest.mark.slow
def test_upload_in_progress_is_answered_at_the_end(start_fake_server, samples):
    """SIGTERM in the middle of an upload: it is received, transcribed and answered; then the server ends with 0."""
    server = start_fake_server()
    data = samples["zh_phone"].data
    wanted = server.post("/transcribe", data).json()["text"]
    with connection(server, {"Content-Length": str(len(data))}) as sock:
        sock.sendall(data[:50_000])
        wait_until(lambda: server.metric("paraserve_uploads_in_progress") == 1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address).close()
        sock.sendall(data[50_000:])
        answer = read_answer(sock)
    assert (answer.status_code, answer.json()["text"]) == (200, wanted)
    assert server.wait(10) == 0
    assert "Traceback" not in server.log


@pytest.mark.slow
def test_end_does_not_wait_for_ever(start_fake_server):
    """An upload that never ends delays the end by `drain_timeout_s`, and no child survives."""
    server = start_fake_server(drain_timeout_s=1)
    with connection(server, {"Content-Length": "500000"}) as sock:
        sock.sendall(VOICE)
        wait_until(lambda: server.metric("paraserve_uploads_in_progress") == 1)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
    assert not list(server.temp_dir.iterdir())
