"""Recordings decoded and cut, and texts read or recognized, as a server does it: the samples of a plan."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from paraserve.catalog.store import EMBEDDED, bundle_root
from paraserve.errors import ParaserveError
from paraserve.inference.base import Vad
from paraserve.inference.graphs.session import Placement
from paraserve.inference.models.load import load_part
from paraserve.quantize.samples import SampleSet, read_texts
from paraserve.quantize.targets import Plan
from paraserve.quantize.trial_runs import run_model
from paraserve.runtime.decoding.pool import DecodePool
from paraserve.runtime.segments.segmenter import Segmenter
from paraserve.types import Samples, SegmentAudio

LONGEST_SEGMENT_MS = 20_000
"""Length at which a server cuts speech for a Paraformer. SenseVoice takes up to 30 s."""


async def read_recordings(
    paths: Sequence[Path], pool: DecodePool, max_duration_ms: int, report: Callable[[str], None]
) -> list[Samples]:
    """Return the samples of each recording. One that cannot be read is named to `report`, and left out.

    Args:
        paths: the files.
        pool: decodes them. It is closed at the end.
        max_duration_ms: longest recording.
        report: gets one line for each file that cannot be used.
    """
    recordings = []
    try:
        for path in paths:
            try:
                recordings.append(await _decode(path, pool, max_duration_ms))
            except ParaserveError as error:
                report(f"{path}: {error.message}: left out")
            except OSError as error:
                report(f"{path}: {error.strerror}: left out")
    finally:
        await pool.close()
    return recordings


def gather_samples(
    plan: Plan,
    recordings: Sequence[Samples],
    text_files: Sequence[Path],
    placement: Placement,
    report: Callable[[str], None],
) -> SampleSet:
    """Return what the models of a plan are measured on.

    Speech is found by the bundle's own detector, or that of the embedded bundle. Punctuation gets the text files. If
    there are none, a bundle's recognizer writes the texts.

    Args:
        plan: the models.
        recordings: samples of each.
        text_files: texts, one a line.
        placement: of the models' runs.
        report: gets one line for each file that cannot be read.

    Raises:
        ModelLoadError: a model cannot be loaded.
        InferenceError: a model failed.
    """
    kinds = {target.kind for target in plan.targets}
    texts = tuple(read_texts(text_files, report))
    asr = plan.root / "asr"
    needs_text = "punc" in kinds and not texts and asr.is_dir()
    segments: tuple[SegmentAudio, ...] = ()
    if recordings and (needs_text or kinds & {"asr", "asr-online"}):
        vad = cast("Vad[Any]", load_part("vad", _vad_folder(plan.root), placement))
        segments = tuple(_speech(vad, recordings))
    samples = SampleSet(tuple(recordings), segments, texts)
    if needs_text and segments:
        words = run_model("asr", load_part("asr", asr, placement), samples)
        samples = SampleSet(samples.recordings, segments, tuple(tuple(item) for item in words if item))
    return samples


async def _decode(path: Path, pool: DecodePool, max_duration_ms: int) -> Samples:
    async with pool.open(path, max_duration_ms=max_duration_ms) as blocks:
        pieces = [block async for block in blocks]
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def _speech(vad: Vad[Any], recordings: Sequence[Samples]) -> Iterator[SegmentAudio]:
    """Yield the speech of the recordings, cut as for a transcript, with its fbank."""
    for samples in recordings:
        segmenter = Segmenter(max_segment_ms=LONGEST_SEGMENT_MS, lookback_ms=vad.lookback_ms)
        _, step = vad.step(vad.new_state(), samples, is_last=True)
        for found in (*segmenter.push(samples, step), *segmenter.finish()):
            yield found.audio


def _vad_folder(root: Path) -> Path:
    own = root / "vad"
    return own if own.is_dir() else bundle_root(EMBEDDED[0], root) / "vad"
