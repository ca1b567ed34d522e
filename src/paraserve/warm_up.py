"""First runs of every model at start-up, so that the first request is as fast as the tenth."""

from collections.abc import Iterator
from typing import Any

from paraserve.inference.audio.synthetic_speech import synthetic_speech
from paraserve.inference.base import ModelBundle, Recognizer, StreamingItem, StreamingRecognizer
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.types import FRAME_MS, Samples, SegmentAudio, ms_to_samples

SHORT_MS = 1000
GPU_LENGTHS_MS = (20_000, 10_000, 5000, 2500, SHORT_MS)
"""Segments of files are up to 20 s long, those of live streams a few seconds. The longest come first: the memory that
they take serves all others."""
LARGEST_BATCH = 64
"""Largest batch to run; larger ones of short segments run the same kernels."""


def warm_up(bundle: ModelBundle, *, is_cpu: bool) -> None:
    """Run every model once; on a GPU, recognizers at the lengths and batch sizes that the scheduler makes.

    On a GPU the first run of a shape loads kernels and takes memory, which may take a hundred times as long as the
    run itself.
    """
    audio = synthetic_speech(SHORT_MS if is_cpu else GPU_LENGTHS_MS[0])
    if bundle.vad is not None:
        bundle.vad.segment(audio)
    for n_items, length_ms in [(1, SHORT_MS)] if is_cpu else batch_shapes(bundle.recognizer):
        segment = SegmentAudio(audio[: ms_to_samples(length_ms)])
        bundle.recognizer.recognize([segment] * n_items, RecognitionOptions())
    if bundle.streaming is not None:
        for n_streams in [1] if is_cpu else _stream_counts(bundle.streaming):
            _stream(bundle.streaming, audio, n_streams)
    if bundle.punctuator is not None:
        bundle.punctuator.punctuate(["one"])
    if bundle.punctuator_online is not None:
        bundle.punctuator_online.step(bundle.punctuator_online.new_state(), ["one"])
    if bundle.itn is not None:
        bundle.itn.normalize("one")


def batch_shapes(recognizer: Recognizer) -> Iterator[tuple[int, int]]:
    """Yield (number of segments, length in ms): the largest batch of each length, and one segment alone."""
    for length_ms in GPU_LENGTHS_MS:
        if length_ms <= recognizer.max_segment_ms:
            n_items = min(LARGEST_BATCH, recognizer.batch_frames * FRAME_MS // length_ms)
            yield from ((n, length_ms) for n in sorted({1, max(1, n_items)}, reverse=True))


def _stream_counts(streaming: StreamingRecognizer[Any]) -> Iterator[int]:
    """Yield the largest batch size and its halves, down to 1."""
    n_streams = streaming.batch_size
    while n_streams >= 1:
        yield n_streams
        n_streams //= 2


def _stream(streaming: StreamingRecognizer[Any], audio: Samples, n_streams: int) -> None:
    """Run the first and the last step of `n_streams` streams with equal audio."""
    chunk = ChunkSize()
    first = SegmentAudio(audio[: ms_to_samples(chunk.step_ms)])
    state = streaming.new_state(chunk)
    stepped = streaming.step([StreamingItem(state, first, is_last=False)] * n_streams)
    end = SegmentAudio(audio[:0])
    streaming.step([StreamingItem(state, end, is_last=True) for state, _ in stepped])
