"""Recordings that the server cannot store are refused by a typed error on every way in, and it recovers."""

import contextlib
import resource
import shutil

import numpy as np
import pytest

import support.audio_files as files
from support.live import live

MIB = 1 << 20
SMALL_WAV = files.pcm_wav(bytes(32_000))
LARGE_FLAC = files.encode(
    files.encoding("flac-16bit"), np.random.default_rng(1).normal(0, 0.1, (160 * 16_000, 1)).astype(np.float32)
)
"""Four MiB of noise, which only a file can hold."""


@pytest.fixture(scope="module")
def own_server(process_factory, demo_dir, tmp_path_factory):
    """A server whose limits these tests change."""
    with process_factory(tmp_path_factory.mktemp("storage"), "--bundle", demo_dir) as running:
        yield running


@contextlib.contextmanager
def full_disk(server):
    """No file of the process may grow over a MiB: the error that a full disk gives, without one."""
    process = server.worker
    before = process.rlimit(resource.RLIMIT_FSIZE)
    process.rlimit(resource.RLIMIT_FSIZE, (MIB, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def missing_folder(server):
    """The folder for temporary files has gone."""
    shutil.rmtree(server.temp_dir)
    try:
        yield
    finally:
        server.temp_dir.mkdir()


@contextlib.contextmanager
def no_folder(server):
    """A file stands where the folder for temporary files was."""
    with missing_folder(server):
        server.temp_dir.write_bytes(b"")
        yield
        server.temp_dir.unlink()


FAULTS = [
    (full_disk, 507, "disk_full"),
    (missing_folder, 503, "storage_unavailable"),
    (no_folder, 503, "storage_unavailable"),
]


@pytest.mark.parametrize(("fault", "status", "code"), FAULTS)
def test_every_way_in_is_answered(own_server, is_error, fault, status, code):
    """Form, raw body and WebSocket say what is wrong, short recordings are served on, and all works afterwards."""
    with fault(own_server):
        is_error(own_server.post("/transcribe", LARGE_FLAC), status, code)
        is_error(own_server.post_raw("/asr", LARGE_FLAC), status, code)
        is_error(own_server.post("/v1/audio/transcriptions", bytes(3 * MIB)), status, code)
        with live(own_server.url) as client:
            client.say(mode="offline", wav_format="flac", wav_name="a")
            messages = client.utterance(LARGE_FLAC, frame_bytes=MIB // 4)
            assert [message["error"]["code"] for message in messages if "error" in message] == [code]
            client.say(mode="offline", wav_format="wav", wav_name="b")
            assert "error" not in client.utterance(SMALL_WAV)[-1]
        assert own_server.post("/transcribe", SMALL_WAV).status_code == 200
    assert own_server.post("/transcribe", LARGE_FLAC).status_code == 200
    own_server.assert_settled()


@contextlib.contextmanager
def few_descriptors(server):
    """The process may open nothing beside what it has."""
    process = server.worker
    before = process.rlimit(resource.RLIMIT_NOFILE)
    process.rlimit(resource.RLIMIT_NOFILE, (process.num_fds() + 1, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("data", [LARGE_FLAC, files.encode_voice(files.encoding("mp3"), 1.0)], ids=["large", "short"])
def test_no_descriptors_left(own_server, is_error, data):
    """One connection is let in, and what it asks for is refused for now, not for ever."""
    children = own_server.worker.children()
    for child in children:
        child.kill()
    with few_descriptors(own_server):
        answer = own_server.post_raw("/transcribe", data)
    code = answer.json()["error"]["code"]
    assert code in ("storage_unavailable", "decoder_unavailable")
    is_error(answer, 503, code)
    assert own_server.post_raw("/transcribe", data).status_code == 200
    own_server.assert_settled()
