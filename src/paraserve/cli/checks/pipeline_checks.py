"""Checks of `paraserve doctor`: codecs, bundle, models and text rules, each used once on real data."""

import asyncio
import io
import time
from collections.abc import AsyncIterator
from typing import cast

import av
import numpy as np

from paraserve.catalog.manifest import MANIFEST, verify_bundle
from paraserve.catalog.store import bundle_root, models_folder
from paraserve.cli.checks.findings import Finding, fail, ok, warn
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.option_values import REMOVED
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import transcribe
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE, Hypothesis, Samples, SegmentAudio, Token, ms_to_samples
from paraserve.wiring import open_decode_pool, open_engine

TONE_S = 0.5
AUDIO_FILES = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "flac": ("flac", "flac", 16_000),
    "mp3": ("mp3", "libmp3lame", 16_000),
    "aac": ("adts", "aac", 16_000),
    "m4a": ("mp4", "aac", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
}
"""Container, encoder and sample rate of a file of each format."""
REINSTALL = "install paraserve again: pip install --force-reinstall av soundfile soxr"


async def check_pipeline(settings: Settings) -> AsyncIterator[Finding]:
    """Check codecs, bundle, recognition of a file, a step of live recognition, and inverse text normalization."""
    pool = open_decode_pool(settings)
    try:
        yield await _codecs(pool)
    finally:
        await pool.close()
    bundle = _bundle(settings)
    yield bundle
    try:
        engine = await asyncio.to_thread(open_engine, settings)
    except ModelLoadError as error:
        on_gpu = "" if settings.is_cpu else "; --device cpu goes without the GPU"
        yield fail("decode", error.message, f"paraserve models verify names the damaged files{on_gpu}")
        return
    try:
        yield await _recognition(engine)
        yield await _streaming(engine)
        yield await _itn(engine, settings)
    finally:
        await engine.close()


def _tone_file(container: str, encoder: str, sample_rate: int) -> bytes:
    """Return a file of a tone that lasts `TONE_S`."""
    t = np.arange(int(TONE_S * sample_rate)) / sample_rate
    tone = (np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast("av.AudioStream", output.add_stream(encoder, rate=sample_rate, layout="mono"))
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = sample_rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


async def _codecs(pool: DecodePool) -> Finding:
    problems = {name: await _codec_problem(pool, *kind) for name, kind in AUDIO_FILES.items()}
    bad = [f"{name} ({problem})" for name, problem in problems.items() if problem]
    if bad:
        return fail("codecs", ", ".join(bad), REINSTALL)
    return ok("codecs", " ".join(problems))


async def _codec_problem(pool: DecodePool, container: str, encoder: str, sample_rate: int) -> str | None:
    file = io.BytesIO(_tone_file(container, encoder, sample_rate))
    try:
        async with pool.open(file, max_duration_ms=60_000) as recording:
            async for _ in recording:
                pass
    except ParaserveError as error:
        return error.message
    decoded_s = recording.received_samples / SAMPLE_RATE
    return None if decoded_s >= TONE_S * 0.9 else f"{decoded_s:.2f} s of {TONE_S} s decoded"


def _bundle(settings: Settings) -> Finding:
    models_dir = models_folder(settings.models_dir)
    try:
        roots = [bundle_root(entry.bundle, models_dir) for entry in settings.model_entries.values()]
        for root in roots:
            verify_bundle(root)
    except ModelLoadError as error:
        cure = "paraserve models pull NAME fetches or mends a bundle; install paraserve again for the embedded one"
        return fail("bundle", error.message, cure)
    for root in roots:
        if not (root / MANIFEST).exists():
            return warn("bundle", f"{root} has no {MANIFEST}", "its files cannot be checked; compare them yourself")
    return ok("bundle", f"{', '.join(map(str, roots))}, every file as in {MANIFEST}")


async def _recognition(engine: Engine) -> Finding:
    started = time.monotonic()
    try:
        transcript = await transcribe(engine, _one_second(), RecognitionOptions())
    except ParaserveError as error:
        return fail("decode", error.message, "try --bundle demo; if that works, the model is at fault")
    if transcript.audio_processed_ms != 1000:
        return fail("decode", f"{transcript.audio_processed_ms} of 1000 ms processed", "report this as a bug")
    return ok("decode", f"one second of audio in {(time.monotonic() - started) * 1000:.0f} ms")


async def _streaming(engine: Engine) -> Finding:
    config = StreamConfig()
    stream = engine.open_stream(config)
    try:
        if not stream.has_partials:
            return ok("streaming", "no streaming model: live clients get the text of a segment when it ends")
        n_samples = ms_to_samples(config.chunk.step_ms)
        started = time.monotonic()
        await stream.step(SegmentAudio(_noise(n_samples)), is_last=False)
        await stream.step(SegmentAudio(_noise(0)), is_last=True)
    except ParaserveError as error:
        return fail("streaming", error.message, 'try --online-model-dir ""; if that works, the model is at fault')
    finally:
        await stream.close()
    return ok("streaming", f"{config.chunk.step_ms} ms of audio in {(time.monotonic() - started) * 1000:.0f} ms")


async def _one_second() -> AsyncIterator[Samples]:
    yield _noise(SAMPLE_RATE)


def _noise(n_samples: int) -> Samples:
    return np.random.default_rng(0).normal(0, 0.01, n_samples).astype(np.float32)


async def _itn(engine: Engine, settings: Settings) -> Finding:
    if settings.itn_dir in REMOVED:
        return ok("itn", "switched off")
    spoken = Hypothesis(tokens=tuple(Token(character) for character in "二十三个"))
    done = await engine.punctuate([spoken], RecognitionOptions(punctuate=False))
    written = "".join(sentence.text for sentence in done.result)
    if "23" not in written:
        return fail("itn", f"二十三个 became {written!r}", "install paraserve again")
    return ok("itn", f"二十三个 -> {written}")
