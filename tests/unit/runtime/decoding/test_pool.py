"""Real decode children: what they decode, how they die, and that nothing of them is left."""

import asyncio
import errno
import io
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil
import pytest
import pytest_asyncio
import uvloop

import support.audio_files as files
from paraserve.errors import (
    AudioError,
    AudioTooLongError,
    DecoderError,
    OverloadedError,
    ParaserveError,
    ShuttingDownError,
)
from paraserve.inference.audio.recording import open_recording
from paraserve.runtime.decoding.pool import DecodePool
from support.decode_children import decode_children

RATE = 16_000
MINUTE_MS = 60_000
HALF_DAY_MS = 12 * 60 * MINUTE_MS
MIB = 1 << 20


@pytest_asyncio.fixture
async def pool():
    pool = DecodePool()
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def single():
    pool = DecodePool(workers=1)
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory):
    """Four minutes of mp3: longer than all that sockets can hold, so its child is in the middle when we look."""
    path = tmp_path_factory.mktemp("audio") / "long.mp3"
    path.write_bytes(files.long_mp3(4))
    return path


@pytest.fixture(scope="module")
def short_flac(tmp_path_factory):
    """A second of flac, which needs a child."""
    path = tmp_path_factory.mktemp("audio") / "short.flac"
    path.write_bytes(files.encode_voice(files.encoding("flac-16bit"), 1.0))
    return path


async def decode(pool, file, **options):
    async with pool.open(file, **{"max_duration_ms": HALF_DAY_MS, **options}) as recording:
        blocks = [block async for block in recording]
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), recording


def children():
    """Decode children of this process, by process id."""
    return {process.pid: process for process in decode_children()}


def only_child():
    (process,) = children().values()
    return process


@pytest.mark.parametrize("name", ["wav-ima-adpcm", "flac-16bit", "ogg-opus", "mp3", "m4a", "amr-nb"])
async def test_a_child_gives_what_decoding_here_gives(single, name):
    """Samples, totals and description cross the socket unchanged."""
    data = files.encode_voice(files.encoding(name), 12.0)
    samples, recording = await decode(single, io.BytesIO(data))
    with open_recording(data) as expected:
        assert np.array_equal(samples, np.concatenate(list(expected)))
    assert samples.dtype == np.float32
    assert recording.info == expected.info
    assert recording.received_samples == expected.received_samples == len(samples)
    assert recording.damaged_packets == 0
    assert recording.decode_ms > 0


async def test_paths_open_files_and_memory_are_taken(single, short_flac):
    """All give the same; an open file keeps its position, and a writer's buffered bytes are included."""
    data = short_flac.read_bytes()
    with (
        short_flac.open("rb") as file,
        tempfile.TemporaryFile() as temporary,
        tempfile.SpooledTemporaryFile() as spooled,
    ):
        file.seek(100)
        temporary.write(data)
        spooled.write(data)
        for source in (short_flac, file, temporary, spooled, io.BytesIO(data)):
            assert len((await decode(single, source))[0]) == RATE
        assert file.tell() == 100
        assert temporary.tell() == len(data)


async def test_one_open_file_can_be_decoded_twice_at_once(pool, long_recording):
    """Each child has its own position in the file."""
    with long_recording.open("rb") as file:
        first, second = await asyncio.gather(decode(pool, file), decode(pool, file))
    assert np.array_equal(first[0], second[0])


async def test_channel_is_passed_on(single):
    """The second channel comes out, and a third is refused."""
    encoding = files.encoding("flac-24bit-stereo")
    wave = np.stack([files.voice(1.0, encoding.sample_rate), np.zeros(encoding.sample_rate, np.float32)], axis=1)
    data = io.BytesIO(files.encode(encoding, wave))
    samples, _ = await decode(single, data, channel=1)
    assert np.abs(samples).max() < 1e-6
    with pytest.raises(AudioError) as caught:
        await decode(single, data, channel=2)
    assert (caught.value.code, caught.value.param) == ("channel_out_of_range", "channel")


BAD_FILES = {
    "empty": (b"", "AudioError", "empty_file"),
    "text": (files.not_audio()["text"], "UnsupportedFormatError", "unsupported_format"),
    "html": (files.not_audio()["html"], "UnsupportedFormatError", "unsupported_format"),
    "png": (files.not_audio()["png"], "UnsupportedFormatError", "unsupported_format"),
    "random": (files.not_audio()["random"], "UnsupportedFormatError", "unsupported_format"),
    "ffconcat": (files.playlists("other.mp3")["ffconcat"], "UnsupportedFormatError", "unsupported_format"),
    "m3u8": (files.playlists("/etc/passwd")["m3u8"], "UnsupportedFormatError", "unsupported_format"),
    "video": (files.video(with_audio=False), "AudioError", "no_audio_stream"),
    "rate 0": (files.pcm_wav(bytes(100), sample_rate=0), "AudioError", "invalid_audio"),
    "rate 1": (files.pcm_wav(bytes(100), sample_rate=1), "AudioError", "unsupported_sample_rate"),
    "damage": (b"fLaC" + bytes(1000), "AudioError", "invalid_audio"),
}


@pytest.mark.parametrize("name", list(BAD_FILES))
async def test_errors_keep_their_class_and_code(single, short_flac, name):
    """A refused recording costs no child: the same one takes the next request."""
    await assert_refused(single, short_flac, *BAD_FILES[name])


async def test_a_day_of_silence_is_refused(single, short_flac):
    """Its header tells how long it is, so nothing of it is decoded."""
    data = files.silent_flac(24.0, sample_rate=1_000)
    await assert_refused(single, short_flac, data, "AudioTooLongError", "audio_too_long")


async def assert_refused(single, short_flac, data, error_type, code):
    await decode(single, short_flac)
    before = set(children())
    with pytest.raises(AudioError) as caught:
        await decode(single, io.BytesIO(data))
    assert (type(caught.value).__name__, caught.value.code) == (error_type, code)
    assert len((await decode(single, short_flac))[0]) == RATE
    assert set(children()) == before


async def test_the_duration_limit_is_met_while_decoding(single):
    """A day of silence whose length no header tells ends at the limit, in bounded memory."""
    with pytest.raises(AudioTooLongError):
        await decode(single, io.BytesIO(files.silent_amr(24.0)), max_duration_ms=2 * MINUTE_MS)
    assert only_child().memory_info().rss < 200 * MIB


@pytest.mark.full
async def test_a_day_of_silence_meets_the_real_limit(single):
    """12 hours are decoded from a 3 MB file and then refused; the child's CPU allowance suffices for that."""
    data = bytearray(files.silent_flac(24.0))
    data[21] &= 0xF0  # the number of samples in the header: unknown
    data[22:26] = bytes(4)
    with pytest.raises(AudioTooLongError):
        await decode(single, io.BytesIO(bytes(data)))
    assert only_child().memory_info().rss < 200 * MIB


async def test_a_missing_file_and_what_is_no_file(single, tmp_path):
    """The path's own errors are raised before a child is asked; a FIFO does not block."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FileNotFoundError):
        await decode(single, tmp_path / "missing.wav")
    with pytest.raises(AudioError) as caught:
        await decode(single, tmp_path / "fifo")
    assert caught.value.code == "not_a_file"
    assert not children()


async def test_children_start_when_needed_and_are_used_again(pool, short_flac):
    """None at first, one for one after the other, never more than `workers`."""
    assert not children()
    for _ in range(3):
        await decode(pool, short_flac)
    assert len(children()) == 1
    await asyncio.gather(*(decode(pool, short_flac) for _ in range(8)))
    assert len(children()) <= 2


async def test_a_started_pool_has_a_child_for_the_first_recording(single, short_flac):
    """It is there before anybody asks, and it is the one that decodes."""
    single.start()
    before = set(children())
    assert len(before) == 1
    await decode(single, short_flac)
    assert set(children()) == before


async def test_waiting_is_first_come_first_served(single, short_flac):
    """Requests that wait for the only child are served in their order."""
    served = []

    async def request(number):
        await decode(single, short_flac)
        served.append(number)

    async with single.open(short_flac, max_duration_ms=MINUTE_MS):
        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(request(number)))
            await asyncio.sleep(0)
    late = asyncio.create_task(request(6))
    await asyncio.gather(*tasks, late)
    assert served == list(range(7))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGSTOP])
async def test_a_recording_outlives_a_child(pool, long_recording, number):
    """One child that dies or stops is replaced: no sample is lost or doubled, its neighbour goes on."""
    whole, _ = await decode(pool, long_recording)
    async with pool.open(long_recording, max_duration_ms=HALF_DAY_MS) as doomed:
        blocks = [await anext(doomed), await anext(doomed)]
        victim = only_child()
        neighbour = asyncio.create_task(decode(pool, long_recording))
        victim.send_signal(number)
        blocks += [block async for block in doomed]
    assert np.array_equal(np.concatenate(blocks), whole)
    assert np.array_equal((await neighbour)[0], whole)
    assert victim.pid not in children()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "error_type", "code"),
    [
        (signal.SIGKILL, OverloadedError, "decoder_unavailable"),
        (signal.SIGSTOP, OverloadedError, "decoder_unavailable"),
        (signal.SIGSEGV, DecoderError, "decoder_died"),
    ],
)
async def test_two_lost_children_fail_a_recording(single, long_recording, short_flac, number, error_type, code):
    """A file that crashes two children is at fault, children that others end are not. The next recording works."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as doomed:
        await anext(doomed)
        first = only_child()
        first.send_signal(number)
        reader = asyncio.create_task(_read_all(doomed))
        while not set(children()) - {first.pid}:  # noqa: ASYNC110 (a process is no event)
            await asyncio.sleep(0.01)
        (second,) = (child for pid, child in children().items() if pid != first.pid)
        second.send_signal(number)
        with pytest.raises(error_type) as caught:
            await reader
    assert caught.value.code == code
    assert len((await decode(single, short_flac))[0]) == RATE


@pytest.mark.slow
async def test_a_child_at_its_cpu_limit_is_not_replaced(single, long_recording):
    """The recording is too costly, and another child would only burn the same time."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as doomed:
        await anext(doomed)
        only_child().send_signal(signal.SIGXCPU)
        with pytest.raises(DecoderError) as caught:
            await _read_all(doomed)
    assert caught.value.code == "decoder_timeout"
    assert len(children()) <= 1


@pytest.mark.slow
async def test_idle_children_are_asked_before_use(pool, short_flac):
    """Idle children that were stopped or killed are replaced before the client hears of it."""
    await asyncio.gather(*(decode(pool, short_flac) for _ in range(4)))
    before = children()
    for process in before.values():
        process.suspend()
    results = await asyncio.gather(*(decode(pool, short_flac) for _ in range(4)))
    assert [len(samples) for samples, _ in results] == [RATE] * 4
    assert not set(before) & set(children())


@pytest.mark.parametrize("name", ["socketpair", "fork"])
async def test_a_machine_without_descriptors_or_processes_is_no_fault_of_the_file(name, short_flac, monkeypatch):
    """The error says try again later, and once there is room again the same pool works."""
    pool = DecodePool()
    with monkeypatch.context() as patched:
        if name == "socketpair":
            patched.setattr(socket, "socketpair", _failing(errno.EMFILE))
        else:
            patched.setattr(subprocess, "Popen", _failing(errno.EAGAIN))
        n_before = psutil.Process().num_fds()
        with pytest.raises(OverloadedError) as caught:
            await decode(pool, short_flac)
        assert caught.value.code == "decoder_unavailable"
        assert psutil.Process().num_fds() == n_before
    assert len((await decode(pool, short_flac))[0]) == RATE
    await pool.close()


def _failing(number):
    def fail(*_args, **_options):
        raise OSError(number, os.strerror(number))

    return fail


async def test_plain_wavs_need_no_child(pool):
    """They are read in this process, sample for sample as a child would, however long; compressed ones are not."""
    for name in ("wav-16bit", "wav-24bit-stereo", "wav-float", "wav-double-stereo", "wavex-24bit"):
        data = files.encode_voice(files.encoding(name), 2.0)
        with open_recording(data) as expected:
            assert np.array_equal((await decode(pool, io.BytesIO(data)))[0], np.concatenate(list(expected)))
    assert len((await decode(pool, io.BytesIO(files.pcm_wav(bytes(9 * MIB)))))[0]) == 9 * MIB // 2
    assert not children()
    await decode(pool, io.BytesIO(files.encode_voice(files.encoding("flac-16bit"), 2.0)))
    assert len(children()) == 1


async def test_the_wait_for_a_child_is_counted(long_recording, short_flac):
    """Who waits for the only child is told how long, and so is the pool's owner."""
    waits_s = []
    pool = DecodePool(workers=1, on_wait=waits_s.append)
    async with pool.open(long_recording, max_duration_ms=HALF_DAY_MS):
        second = asyncio.create_task(decode(pool, short_flac))
        await asyncio.sleep(0.3)
    _, recording = await second
    assert recording.wait_ms >= 290
    assert [round(recording.wait_ms / 1000, 6)] == [round(one, 6) for one in waits_s[1:]]
    await pool.close()


async def test_a_child_outlives_the_signals_that_ask_a_server_to_drain(single, long_recording):
    """Ctrl-C in a terminal and a service manager's stop reach the children too; recordings in hand are finished."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
        await anext(recording)
        for number in (signal.SIGINT, signal.SIGTERM):
            only_child().send_signal(number)
        assert len([block async for block in recording]) == 24


async def test_an_idle_child_that_was_killed_is_replaced(single, short_flac):
    """Nobody sees that it died."""
    await decode(single, short_flac)
    process = only_child()
    process.kill()
    psutil.wait_procs([process], timeout=5)
    assert len((await decode(single, short_flac))[0]) == RATE


@pytest.mark.slow
def test_a_memory_bomb_is_stopped():
    """A packet of 100 MB does not fit a child of 350 MiB; its neighbour's memory and the next request are fine."""

    async def run():
        pool = DecodePool(workers=1, memory_limit_bytes=350 * MIB)
        try:
            with pytest.raises(DecoderError) as caught:
                await decode(pool, io.BytesIO(bomb))
            assert caught.value.code == "decoder_out_of_memory"
            assert len((await decode(pool, io.BytesIO(flac)))[0]) == RATE
        finally:
            await pool.close()

    flac = files.encode_voice(files.encoding("flac-16bit"), 1.0)
    bomb = files.one_packet_matroska(100_000_000)
    asyncio.run(run())


@pytest.mark.full
async def test_a_cpu_bomb_is_stopped(single, tmp_path):
    """40 GB of holes behind an mp3 are searched for a frame until the CPU allowance is used up."""
    path = tmp_path / "bomb.mp3"
    with path.open("wb") as file:
        file.write(files.long_mp3(1))
        file.truncate(40_000_000_000)
    with pytest.raises(DecoderError) as caught:
        await decode(single, path)
    assert caught.value.code == "decoder_timeout"


async def test_the_limits_of_a_child(single, long_recording):
    """Memory, files, core dumps and CPU time are bounded; the CPU limit moves with the decoded audio."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
        await anext(recording)
        child = only_child()
        assert child.rlimit(resource.RLIMIT_AS) == (1 << 30, 1 << 30)
        assert child.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
        assert child.rlimit(resource.RLIMIT_CORE) == (0, 0)
        first_limit_s, _ = child.rlimit(resource.RLIMIT_CPU)
        assert 20 <= first_limit_s <= 30
        assert child.nice() > psutil.Process().nice()
        async for _ in recording:
            pass
        assert first_limit_s + 15 <= child.rlimit(resource.RLIMIT_CPU)[0] <= first_limit_s + 25


async def test_a_child_sees_no_secrets(single, short_flac, monkeypatch):
    """The server's settings, API keys among them, are not in its environment."""
    monkeypatch.setenv("PARASERVE_API_KEYS", "secret")
    await decode(single, short_flac)
    assert not [name for name in only_child().environ() if name.startswith("PARASERVE_")]


def test_a_child_imports_no_runtime_and_no_loop():
    """Decoding needs neither onnxruntime nor asyncio, so a child starts fast and stays small."""
    script = (
        "import sys, paraserve.inference.audio.decoder_process;"
        "print([name for name in ('asyncio', 'onnxruntime') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.slow
async def test_a_child_waits_for_its_reader(single, long_recording):
    """Nobody reads, so nothing is decoded: the child's CPU time stands still."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
        await anext(recording)
        child = only_child()
        await asyncio.sleep(1.0)  # it decodes one more block, 50 ms of work, and then waits
        used_s = child.cpu_times().user
        await asyncio.sleep(0.5)
        assert child.cpu_times().user == used_s
        assert recording.received_samples == 10 * RATE


async def test_leaving_early_frees_the_child(single, long_recording, short_flac):
    """Blocks of an abandoned recording do not reach the next one."""
    async with single.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
        await anext(recording)
    assert len((await decode(single, short_flac))[0]) == RATE
    assert len(children()) == 1


@pytest.mark.slow
async def test_cancelling_frees_the_child(single, long_recording, short_flac):
    """Cancelled at any point, while waiting for a slot, for the info or for blocks, the pool stays usable."""
    for delay_s in (0.0, 0.01, 0.1, 0.3, 0.5):
        tasks = [asyncio.create_task(decode(single, long_recording)) for _ in range(3)]
        await asyncio.sleep(delay_s)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        # On a fast machine some of them may be done by then.
        assert not [result for result in results if isinstance(result, Exception)]
        assert delay_s or all(isinstance(result, asyncio.CancelledError) for result in results)
        assert len((await decode(single, short_flac))[0]) == RATE


@pytest.mark.slow
async def test_nothing_is_left_behind(long_recording, short_flac, tmp_path, monkeypatch):
    """After good, bad, left, cancelled and killed requests no descriptor, process or file is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    n_before = psutil.Process().num_fds()
    pool = DecodePool()
    for _ in range(5):
        await decode(pool, short_flac)
        with pytest.raises(ParaserveError):
            await decode(pool, io.BytesIO(b"no recording"))
        async with pool.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
            await anext(recording)
        async with pool.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
            await anext(recording)
            for process in children().values():
                process.kill()
            await anext(recording)
    await pool.close()
    assert not children()
    assert psutil.Process().num_fds() == n_before
    assert not list(tmp_path.iterdir())


async def test_closing_ends_recordings_and_refuses_new_ones(long_recording):
    """A recording being read fails with a typed error at once; the pool takes no more."""
    pool = DecodePool()
    async with pool.open(long_recording, max_duration_ms=HALF_DAY_MS) as recording:
        await anext(recording)
        reader = asyncio.create_task(_read_all(recording))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(ShuttingDownError):
            await asyncio.wait_for(reader, 5)
    with pytest.raises(OverloadedError):
        await decode(pool, long_recording)
    assert not children()


async def _read_all(recording):
    return [block async for block in recording]


PARENT = """
import asyncio, sys
from pathlib import Path
from paraserve.runtime.decoding.pool import DecodePool

async def main():
    async with DecodePool().open(Path(sys.argv[1]), max_duration_ms=10**8) as recording:
        await anext(recording)
        print("decoding", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_stopped", [False, True])
def test_children_die_with_their_parent(long_recording, is_stopped):
    """A killed server leaves no decoder running, not even a stopped one."""
    with subprocess.Popen([sys.executable, "-c", PARENT, str(long_recording)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"decoding\n"
        (child,) = psutil.Process(parent.pid).children()
        if is_stopped:
            child.suspend()
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_uvloop_is_served_as_well(short_flac):
    """The server's event loop is uvloop."""

    async def run():
        pool = DecodePool()
        try:
            return await asyncio.gather(*(decode(pool, short_flac) for _ in range(4)))
        finally:
            await pool.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(run())
    assert [len(samples) for samples, _ in results] == [RATE] * 4


async def test_the_event_loop_is_not_blocked(pool, long_recording):
    """While two children decode four minutes each, this thread needs little CPU time: it only receives."""
    longest_s, before_s = 0.0, time.thread_time()
    readers = asyncio.gather(*(decode(pool, long_recording) for _ in range(2)))
    while not readers.done():
        step_s = time.thread_time()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.thread_time() - step_s)
        await asyncio.sleep(0.001)
    await readers
    assert longest_s < 0.1
    assert time.thread_time() - before_s < 2


@pytest.mark.slow
async def test_an_hour_is_decoded_in_bounded_memory(single, full, tmp_path):
    """Nothing is lost, and the child stays under 200 MB (3 hours in the full tier)."""
    minutes = 180 if full else 60
    path = tmp_path / "long.mp3"
    path.write_bytes(files.long_mp3(minutes))
    peak, n_samples = 0, 0
    async with single.open(path, max_duration_ms=HALF_DAY_MS) as recording:
        async for block in recording:
            n_samples += len(block)
            peak = max(peak, only_child().memory_info().rss)
    assert n_samples == recording.received_samples
    assert abs(n_samples / RATE / 60 - minutes) < 0.01 * minutes
    assert peak < 200_000_000
    assert recording.damaged_packets == 0


@pytest.mark.slow
async def test_mutated_files_give_audio_or_a_typed_error(pool, full):
    """Seeded damage over all formats: no hang, no untyped error, children usable to the end."""
    n_files = 2_000 if full else 200
    originals = [files.encode_voice(encoding, 3.0) for encoding in files.MUTATED_ENCODINGS]
    outcomes = []

    async def decode_mutation(seed):
        data = files.mutate(originals[seed % len(originals)], np.random.default_rng(seed))
        try:
            samples, _ = await asyncio.wait_for(decode(pool, io.BytesIO(data), max_duration_ms=10 * MINUTE_MS), 60)
        except ParaserveError as error:
            outcomes.append(error.code)
        else:
            assert np.abs(samples).max(initial=0.0) <= 1.0
            outcomes.append("ok")

    for start in range(0, n_files, 50):
        await asyncio.gather(*(decode_mutation(seed) for seed in range(start, min(start + 50, n_files))))
    assert len(outcomes) == n_files
    assert outcomes.count("ok") > n_files / 3
    assert outcomes.count("decoder_timeout") == 0
    assert len((await decode(pool, io.BytesIO(originals[0])))[0]) == 3 * RATE
    assert all(process.memory_info().rss < 200 * MIB for process in children().values())


async def test_the_next_child_starts_ahead():
    """A pool that was started has an idle child while others decode, as long as there may be one more."""
    pool = DecodePool(workers=2)
    try:
        pool.start()
        assert len(children()) == 1
        async with pool.open(io.BytesIO(files.long_mp3(1)), max_duration_ms=HALF_DAY_MS) as first:
            assert len(await anext(first)) > 0
            assert len(children()) == 2
            async with pool.open(io.BytesIO(files.long_mp3(1)), max_duration_ms=HALF_DAY_MS) as second:
                assert len(await anext(second)) > 0
                assert len(children()) == 2
                assert pool.memory_bytes > MIB
    finally:
        await pool.close()
    assert pool.memory_bytes == 0
