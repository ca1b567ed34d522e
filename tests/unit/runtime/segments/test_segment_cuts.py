"""Speech that is too long: files and live streams cut it at the same quiet moments."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import FbankState, fbank, fbank_step
from paraserve.runtime.audio_buffer import AudioBuffer
from paraserve.runtime.segments.live_segmenter import LiveSegmenter, SpeechEnd
from paraserve.runtime.segments.segment_cuts import cut_long_segment
from paraserve.runtime.segments.segmenter import Segmenter
from paraserve.types import Segment, VadEvent

LOOKBACK_MS = 575
SECONDS = 12


def noise(seed: int) -> np.ndarray:
    """Noise whose loudness changes all the time, so that each cut has one place."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0.01, 0.2, SECONDS * 20), 800)
    return (random.normal(0, 1, SECONDS * 16_000) * loudness).astype(np.float32)


def steps(samples, events, cuts):
    """The samples in blocks that end at `cuts`, each with its fbank frames and the events decided by then."""
    state, waiting = FbankState(), list(events)
    for start, end in pairwise([0, *sorted(cuts), len(samples)]):
        state, features = fbank_step(state, samples[start:end])
        due = [event for event in waiting if event.decided_ms * 16 <= end or end == len(samples)]
        waiting = [event for event in waiting if event not in due]
        yield samples[start:end], VadStep(tuple(due), features)


def segments_of_file(samples, events, cuts, max_ms):
    segmenter = Segmenter(max_segment_ms=max_ms, lookback_ms=LOOKBACK_MS)
    found = [piece for block, step in steps(samples, events, cuts) for piece in segmenter.push(block, step)]
    return [
        (start, start + len(audio.samples) // 16)
        for start, audio in ((one.start_ms, one.audio) for one in [*found, *segmenter.finish()])
    ]


def segments_of_stream(samples, events, cuts, max_ms):
    segmenter = LiveSegmenter(step_ms=600, lookback_ms=LOOKBACK_MS, max_segment_ms=max_ms)
    items = [item for block, step in steps(samples, events, cuts) for item in segmenter.push(block, step)]
    return [(item.segment.start_ms, item.segment.end_ms) for item in items if isinstance(item, SpeechEnd)]


blocks = st.lists(st.integers(1, SECONDS * 16_000 - 1), max_size=30, unique=True)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9), st.integers(50, 400), blocks, blocks)
def test_files_and_live_streams_are_cut_at_the_same_places(seed, max_frames, file_blocks, live_blocks):
    """Segments are equal to the millisecond for any longest length, however the audio came in either case."""
    samples = noise(seed)
    spans = [(200, 1300), (2100, 8840), (9500, 11_400)]
    events = [VadEvent(kind, at, at + 550) for span in spans for kind, at in zip(("start", "end"), span, strict=True)]
    of_file = segments_of_file(samples, events, file_blocks, max_frames * 10)
    assert segments_of_stream(samples, events, live_blocks, max_frames * 10) == of_file
    assert all(end - start <= max_frames * 10 for start, end in of_file)
    assert [end for _, end in of_file if end in (1300, 8840, 11_400)] == [1300, 8840, 11_400]


def test_pieces_touch_and_end_where_it_is_quiet():
    """The pieces are the segment, each is short enough, and each cut lies in the pause that is in its reach."""
    samples = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
    for pause_ms in (2500, 5000):
        samples[pause_ms * 16 : (pause_ms + 200) * 16] *= 1e-3
    buffer = AudioBuffer()
    buffer.append(samples, fbank(samples))
    first, second, rest = cut_long_segment(buffer, Segment(100, 7800), 3000)
    assert (first.start_ms, rest.end_ms) == (100, 7800)
    assert 2500 <= first.end_ms == second.start_ms <= 2700
    assert 5000 <= second.end_ms == rest.start_ms <= 5200


def test_a_short_segment_stays_whole():
    """A segment of exactly the longest length is one piece, and without a limit any segment is."""
    assert cut_long_segment(AudioBuffer(), Segment(100, 3100), 3000) == [Segment(100, 3100)]
    assert cut_long_segment(AudioBuffer(), Segment(0, 99_000), None) == [Segment(0, 99_000)]
