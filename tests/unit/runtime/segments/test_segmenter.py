"""Segments of a recording: merging as FunASR does it, cuts at quiet moments, bounded memory, any block sizes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import FbankState, fbank, fbank_step
from paraserve.runtime.segments.segmenter import Segmenter, VadMerger
from paraserve.types import FRAME_SAMPLES, Segment, VadEvent

LOOKBACK_MS = 500
MAX_MS = 3000
MERGE_MS = 15_000


def funasr_merge(segments: list[Segment], max_ms: int) -> list[tuple[int, int]]:
    """The rule of FunASR's merge_vad over a whole list: cut before the boundary that would pass max_ms."""
    if len(segments) <= 1:
        return [(s.start_ms, s.end_ms) for s in segments]
    boundaries = sorted({ms for s in segments for ms in (s.start_ms, s.end_ms)})
    merged, begin_ms = [], 0
    for at_ms, next_ms in pairwise(boundaries):
        if next_ms - begin_ms >= max_ms:
            if at_ms > begin_ms:
                merged.append((begin_ms, at_ms))
            begin_ms = at_ms
    return [*merged, (begin_ms, boundaries[-1])]


def holds_speech(span: tuple[int, int], segments: list[Segment]) -> bool:
    return any(s.start_ms < span[1] and s.end_ms > span[0] for s in segments)


gaps_and_lengths = st.lists(st.tuples(st.integers(0, 2500), st.integers(1, 2500)), max_size=12)


def segments_of(steps: list[tuple[int, int]]) -> list[Segment]:
    segments, at_ms = [], 0
    for gap, length in steps:
        segments.append(Segment(at_ms + gap * 10, at_ms + (gap + length) * 10))
        at_ms = segments[-1].end_ms
    return segments


@pytest.mark.slow
@given(gaps_and_lengths)
def test_merging_equals_funasr(steps):
    """One segment at a time gives FunASR's list, without the spans that hold no speech."""
    segments = segments_of(steps)
    merger = VadMerger(MERGE_MS)
    merged = [m for segment in segments for m in merger.feed(segment)] + merger.finish()
    expected = [span for span in funasr_merge(segments, MERGE_MS) if holds_speech(span, segments)]
    assert [(m.start_ms, m.end_ms) for m in merged] == expected


@given(gaps_and_lengths)
def test_merging_decides_early(steps):
    """Telling the merger how far the recording has come changes nothing but a first segment before a long pause."""
    segments = segments_of(steps)
    merger, merged = VadMerger(MERGE_MS), []
    for segment in segments:
        merged += merger.advance(segment.start_ms)
        merged += merger.feed(segment)
    merged += merger.finish()
    expected = [span for span in funasr_merge(segments, MERGE_MS) if holds_speech(span, segments)]
    ends = [m.end_ms for m in merged]
    if len(segments) > 1 and segments[1].start_ms >= MERGE_MS > segments[0].end_ms:
        expected[0] = (segments[0].start_ms, expected[0][1])
    assert ends == [end for _, end in expected]
    assert [(m.start_ms, m.end_ms) for m in merged] == expected


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * 16000)).astype(np.float32)


def run(samples, events, step_samples, **kwargs):
    """Feed samples with events that come as late as they may; returns (start_ms, audio) of all segments."""
    segmenter = Segmenter(**{"max_segment_ms": MAX_MS, "lookback_ms": LOOKBACK_MS} | kwargs)
    state, found, pending, held_ms = FbankState(), [], list(events), 0
    for first in range(0, len(samples) + step_samples, step_samples):
        block = samples[first : first + step_samples]
        is_last = first + step_samples >= len(samples) + step_samples
        state, features = fbank_step(state, block)
        now_ms = (first + len(block)) // FRAME_SAMPLES * 10
        due = [e for e in pending if is_last or first >= len(samples) or e.at_ms + LOOKBACK_MS - 10 <= now_ms]
        pending = pending[len(due) :]
        found += segmenter.push(block, VadStep(tuple(due), features))
        held_ms = max(held_ms, len(segmenter._buffer.samples) // 16)
    assert not pending
    return [(one.start_ms, one.audio) for one in [*found, *segmenter.finish()]], held_ms


def events_of(*spans):
    return [VadEvent(kind, at) for span in spans for kind, at in zip(("start", "end"), span, strict=True)]


@pytest.mark.parametrize("step_samples", [160, 1601, 9600, 480_000])
def test_segments_have_their_own_audio(step_samples):
    """Samples and fbank are exactly those of the span, whatever the block size."""
    samples = noise(8)
    found, _ = run(samples, events_of((100, 1500), (1800, 4000), (6000, 8000)), step_samples)
    assert [start for start, _ in found] == [100, 1800, 6000]
    for (_, audio), (start, end) in zip(found, [(100, 1500), (1800, 4000), (6000, 8000)], strict=True):
        np.testing.assert_array_equal(audio.samples, samples[start * 16 : end * 16])
        np.testing.assert_allclose(audio.features, fbank(audio.samples), atol=1e-4)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.integers(300, 60_000), st.integers(0, 3))
def test_cuts_do_not_depend_on_the_block_size(step_samples, seed):
    """A long stretch is cut into the same pieces from blocks of any size; nothing is lost between them."""
    samples = noise(10, seed)
    events = events_of((200, 9500))
    pieces, _ = run(samples, events, step_samples)
    whole, _ = run(samples, events, len(samples))
    assert [(s, len(a.samples)) for s, a in pieces] == [(s, len(a.samples)) for s, a in whole]
    assert max(len(a.samples) for _, a in pieces) <= MAX_MS * 16
    np.testing.assert_array_equal(np.concatenate([a.samples for _, a in pieces]), samples[200 * 16 : 9500 * 16])


def test_a_long_stretch_is_cut_in_its_pause():
    """The cut falls into the only quiet moment that lies where a cut may be."""
    samples = noise(5)
    samples[2300 * 16 : 2500 * 16] *= 1e-3
    pieces, _ = run(samples, events_of((0, 5000)), 16_000)
    assert 2300 <= pieces[1][0] <= 2500


def test_memory_is_bounded_in_silence_and_in_speech_without_end():
    """Only what may still become part of a segment is kept."""
    silence = np.zeros(60 * 16000, np.float32)
    _, held_ms = run(silence, [], 16_000)
    assert held_ms <= LOOKBACK_MS + 1000
    _, held_ms = run(noise(60), events_of((0, 60_000)), 16_000)
    assert held_ms <= MAX_MS + LOOKBACK_MS + 2000
    _, held_ms = run(silence, events_of((1000, 2000)), 16_000, merge_ms=5000)
    assert held_ms <= 5000 + LOOKBACK_MS + 1000


def test_merged_segments_hold_the_pauses_between_them():
    """Merging joins segments with their pauses, and the result is still cut to what the recogniser takes."""
    samples = noise(9)
    found, _ = run(samples, events_of((500, 1000), (1200, 2000), (7000, 8000)), 8000, merge_ms=2800)
    assert [(start, start + len(a.samples) // 16) for start, a in found] == [(0, 2000), (7000, 8000)]


@pytest.mark.parametrize("step_samples", [1601, 9600, 480_000])
def test_joined_segments_hold_short_pauses(step_samples):
    """Near segments are one up to the length; speech without end is cut as ever, after what stands before it."""
    samples = noise(12)
    spans = ((100, 1000), (1300, 2500), (3000, 3500), (5000, 9500), (10_600, 11_000), (11_200, 11_900))
    found, held_ms = run(samples, events_of(*spans), step_samples, join_ms=2600)
    alone, _ = run(samples, events_of((5000, 9500)), step_samples)
    pieces = [(100, 2500), (3000, 3500), *((s, s + len(a.samples) // 16) for s, a in alone), (10_600, 11_900)]
    assert [(start, start + len(a.samples) // 16) for start, a in found] == pieces
    for start, audio in found:
        np.testing.assert_array_equal(audio.samples, samples[start * 16 : start * 16 + len(audio.samples)])
    if step_samples < 16_000:
        assert held_ms <= MAX_MS + LOOKBACK_MS + 2000
