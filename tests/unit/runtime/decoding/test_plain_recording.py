"""Uncompressed wavs of any length, read without a child and with a child's limits and errors."""

import io
import tempfile

import numpy as np
import psutil
import pytest
import pytest_asyncio

import support.audio_files as files
from paraserve.errors import AudioError
from paraserve.inference.audio.decoder_messages import DecodeRequest
from paraserve.inference.audio.recording import open_recording
from paraserve.runtime.decoding.plain_recording import SMALL_BYTES, open_plain_recording
from paraserve.runtime.decoding.pool import DecodePool
from support.decode_children import decode_children

RATE = 16_000
LONG_S = 300
REQUEST = DecodeRequest(None, None, 10**9)


def noise(seconds):
    """Bytes of PCM."""
    return np.random.default_rng(0).integers(-9000, 9000, round(seconds * RATE), dtype="<i2").tobytes()


def open_descriptors():
    return psutil.Process().num_fds()


@pytest.fixture(scope="module")
def long_wav():
    data = files.pcm_wav(noise(LONG_S))
    assert len(data) > SMALL_BYTES
    return data


@pytest_asyncio.fixture
async def pool():
    pool = DecodePool(workers=1)
    yield pool
    await pool.close()


async def decode(pool, file, **options):
    options.setdefault("max_duration_ms", 10**9)
    async with pool.open(file, **options) as recording:
        blocks = [block async for block in recording]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


@pytest.fixture(params=["memory", "path", "disk"])
def long_file(request, long_wav, tmp_path):
    """The file as its owners have it: in memory, by its name, and open with a position of its own."""
    if request.param == "memory":
        yield io.BytesIO(long_wav)
    elif request.param == "path":
        (tmp_path / "long.wav").write_bytes(long_wav)
        yield tmp_path / "long.wav"
    else:
        with tempfile.TemporaryFile() as file:
            file.write(long_wav)
            file.seek(5)
            yield file
            assert file.tell() == 5


async def test_long_files_are_read_here(pool, long_file, long_wav):
    """Every sample comes, as from the decoder itself, without a child and without descriptors left."""
    n_descriptors = open_descriptors()
    samples = await decode(pool, long_file)
    assert not decode_children()
    assert open_descriptors() == n_descriptors
    with open_recording(long_wav) as recording:
        assert np.array_equal(samples, np.concatenate(list(recording)))


async def test_an_early_end(pool, long_wav):
    """Whoever stops in the middle leaves nothing open."""
    with tempfile.TemporaryFile() as file:
        file.write(long_wav)
        n_descriptors = open_descriptors()
        async with pool.open(file, max_duration_ms=10**9) as recording:
            assert len(await anext(recording)) == 10 * RATE
            assert recording.received_samples == 10 * RATE
        assert open_descriptors() == n_descriptors


@pytest.mark.parametrize("seconds", [0.0, 9.999, 10.0, 10.001, 20.0])
async def test_lengths_around_a_block(pool, seconds):
    """A recording that fills its last block ends there, an empty one has none."""
    data = noise(seconds)
    assert len(await decode(pool, io.BytesIO(files.pcm_wav(data)))) == len(data) // 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"channel": 1}, "channel_out_of_range"),
        ({"track": 1}, "track_out_of_range"),
        ({"max_duration_ms": 299_000}, "audio_too_long"),
    ],
)
async def test_errors(pool, long_wav, options, code):
    """They are those of a child, and no child is asked."""
    with pytest.raises(AudioError) as caught:
        await decode(pool, io.BytesIO(long_wav), **options)
    assert caught.value.code == code
    assert not decode_children()


FOR_A_CHILD = {
    "compressed": lambda: files.encode(files.encoding("wav-alaw"), np.zeros((800, 1), np.float32)),
    "many channels": lambda: files.pcm_wav(bytes(24 * 400_000), channels=12),
    "no size": lambda: files.pcm_wav(bytes(SMALL_BYTES), data_bytes=0),
    "a wrong size": lambda: files.pcm_wav(bytes(SMALL_BYTES), data_bytes=100),
    "no wav": lambda: b"RIFF" + bytes(SMALL_BYTES),
    "countless wavs": lambda: (b"RIFF" + bytes(4) + b"WAVE") * (SMALL_BYTES // 10),
    "empty": bytes,
}


@pytest.mark.parametrize("name", FOR_A_CHILD)
async def test_files_for_a_child(name):
    """What takes time that nobody can foresee is left to a child, which has its limits."""
    assert await open_plain_recording(io.BytesIO(FOR_A_CHILD[name]()), REQUEST) is None
