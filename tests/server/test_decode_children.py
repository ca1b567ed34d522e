"""Decode children that are stopped or killed cost no client anything, and waiting for one is measured."""

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import soundfile

import support.audio_files as files
from support.live import eventually

N_UPLOADS = 5


@pytest.fixture(scope="module")
def flac(data_dir):
    """Speech that only a child can decode."""
    speech, _ = soundfile.read(data_dir / "zh_date.wav", dtype="float32")
    return files.encode(files.encoding("flac-16bit"), speech[:, None])


@pytest.fixture(scope="module")
def text(server, flac):
    return server.post("/transcribe", flac).json()["text"]


def signal_children(server, number):
    for child in server.worker.children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_idle_children_that_are_lost_are_replaced(server, flac, text, number):
    """All of them at once: the next recordings are answered with their text."""
    with ThreadPoolExecutor(N_UPLOADS) as threads:
        list(threads.map(lambda _: server.post("/transcribe", flac), range(N_UPLOADS)))
        signal_children(server, number)
        answers = list(threads.map(lambda _: server.post("/transcribe", flac), range(N_UPLOADS)))
    assert [answer.json().get("text") for answer in answers] == [text] * N_UPLOADS
    server.assert_settled()


def test_children_killed_at_work_are_replaced(server, flac, text):
    """Whoever was being served gets the whole text, or is told to try again: no recording is blamed."""
    with ThreadPoolExecutor(N_UPLOADS) as threads:
        uploads = [threads.submit(server.post, "/transcribe", flac) for _ in range(N_UPLOADS)]
        while not all(upload.done() for upload in uploads[:1]):
            kill_one_child(server)
            time.sleep(0.02)
        answers = [upload.result() for upload in uploads]
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        body = answer.json()
        assert body.get("text") == text or body["error"]["code"] == "decoder_unavailable"
    assert server.post("/transcribe", flac).json()["text"] == text
    server.assert_settled()


def kill_one_child(server):
    for child in server.worker.children()[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_waiting_for_a_child_is_measured(start_server, flac):
    """Recordings that queue for the only child say so in `queue_ms`, and the metric counts each."""
    server = start_server(decode_workers=1)
    with ThreadPoolExecutor(N_UPLOADS) as threads:
        answers = list(threads.map(lambda _: server.post("/transcribe", flac), range(N_UPLOADS)))
    assert max(answer.json()["timing"]["queue_ms"] for answer in answers) > 0
    assert server.metric("paraserve_decode_wait_seconds_count") == N_UPLOADS
    assert server.metric("paraserve_decode_wait_seconds_sum") > 0


def test_a_short_plain_wav_waits_for_no_child(start_server, samples):
    """It is answered while the only child is stopped."""
    server = start_server(decode_workers=1)
    signal_children(server, signal.SIGSTOP)
    answer = server.post("/transcribe", samples["zh_date"].data)
    assert answer.json()["text"] == "12月3号。"
    assert server.metric("paraserve_decode_wait_seconds_count") == 0


def test_the_memory_of_children_is_measured(server, flac):
    """It is a figure of its own, and counts for the limit of memory."""
    server.post("/transcribe", flac)
    eventually(lambda: server.metric("paraserve_decode_memory_bytes") > 1_000_000)
