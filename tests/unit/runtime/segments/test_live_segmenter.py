"""Live audio to chunks and segments: placed by audio time, whatever the sizes of the blocks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import FbankState, fbank, fbank_step
from paraserve.runtime.segments.live_segmenter import Chunk, LiveSegmenter, SpeechEnd
from paraserve.types import Segment, VadEvent

STEP_MS = 600
LOOKBACK_MS = 575
START_DELAY_MS, END_DELAY_MS = 420, 550


def noise(ms: int) -> np.ndarray:
    return np.random.default_rng(ms).normal(0, 0.1, ms * 16).astype(np.float32)


def boundaries(*segments: tuple[int, int]) -> list[VadEvent]:
    return [
        event
        for start, end in segments
        for event in (VadEvent("start", start, start + START_DELAY_MS), VadEvent("end", end, end + END_DELAY_MS))
    ]


def run(samples, events, cuts, max_ms=None, **options):
    """All chunks and segments when the samples come cut at `cuts`; the recording ends what is still open."""
    segmenter = LiveSegmenter(step_ms=STEP_MS, lookback_ms=LOOKBACK_MS, max_segment_ms=max_ms, **options)
    waiting, state, items = list(events), FbankState(), []
    edges = [0, *sorted(cuts), len(samples)]
    for start, end in pairwise(edges):
        state, features = fbank_step(state, samples[start:end])
        due = [event for event in waiting if event.decided_ms * 16 <= end]
        if end == len(samples):
            due += [VadEvent(e.kind, min(e.at_ms, end // 160 * 10), end // 16) for e in waiting if e not in due]
        waiting = [event for event in waiting if event not in due]
        items += segmenter.push(samples[start:end], VadStep(tuple(due), features))
    return items


def plain(items):
    """Comparable: the audio by its bytes."""
    audio = [(i.audio.samples.tobytes(), i.audio.features.tobytes()) for i in items]
    places = [
        (i.index, i.start_ms, i.end_ms)
        if isinstance(i, Chunk)
        else (i.index, i.segment, i.due_ms, i.is_cut_off, i.rest.samples.tobytes())
        for i in items
    ]
    return list(zip(places, audio, strict=True))


SPEECH = boundaries((500, 2130), (2960, 3400), (4000, 9000))
SAMPLES = noise(8000)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, len(SAMPLES) - 1), max_size=40, unique=True))
def test_block_sizes_change_nothing(cuts):
    """Chunks and segments are the same for any cutting of the audio, speech that is too long included."""
    assert plain(run(SAMPLES, SPEECH, cuts, 2000)) == plain(run(SAMPLES, SPEECH, [], 2000))


def test_chunks_cover_open_speech():
    """A chunk every 600 ms from the back-dated start on, until the end is known; the segment follows."""
    items = run(SAMPLES, SPEECH, [])
    first = [i for i in items if i.index == 0]
    assert [(c.start_ms, c.end_ms) for c in first[:-1]] == [(500, 1100), (1100, 1700), (1700, 2300)]
    assert isinstance(first[-1], SpeechEnd)
    assert (first[-1].segment, first[-1].due_ms) == (Segment(500, 2130), 2680)


@pytest.mark.parametrize("max_ms", [None, 2000])
def test_chunks_and_rest_are_the_segment(max_ms):
    """Chunks and rest together are the segment's samples and fbank frames, without a gap or an overlap."""
    items = run(SAMPLES, SPEECH, range(997, len(SAMPLES), 997), max_ms)
    ends = [i for i in items if isinstance(i, SpeechEnd)]
    assert len(ends) >= 3
    for end in ends:
        taken = [i.audio for i in items if isinstance(i, Chunk) and i.index == end.index]
        samples = np.concatenate([audio.samples for audio in [*taken, end.rest]])
        features = np.concatenate([audio.features for audio in [*taken, end.rest]])
        n = len(end.audio.samples)
        assert np.array_equal(samples[:n], end.audio.samples)
        assert np.array_equal(features[: len(end.audio.features)], end.audio.features)
        assert np.array_equal(end.audio.samples, SAMPLES[end.segment.start_ms * 16 : end.segment.end_ms * 16])
        assert np.allclose(end.audio.features, fbank(end.audio.samples), atol=1e-5)


def test_no_segment_is_longer_than_allowed():
    """Speech that goes on is cut into touching pieces within the limit, as soon as no end can come before it."""
    ends = [i for i in run(SAMPLES, SPEECH, range(160, len(SAMPLES), 160), 1500) if isinstance(i, SpeechEnd)]
    assert all(e.segment.end_ms - e.segment.start_ms <= 1500 for e in ends)
    long = [e.segment for e in ends if e.segment.start_ms >= 4000]
    assert long[0].start_ms == 4000
    assert long[-1].end_ms == 8000
    assert all(a.end_ms == b.start_ms for a, b in pairwise(long))
    assert [e.index for e in ends] == list(range(len(ends)))


def test_only_the_recording_cuts_off():
    """A segment that is open when the recording ends says so; those that a pause ended do not."""
    ends = [i for i in run(SAMPLES, SPEECH, []) if isinstance(i, SpeechEnd)]
    assert [e.is_cut_off for e in ends] == [False, False, True]
    assert ends[-1].due_ms == 8000


def test_an_end_without_a_start_is_refused():
    """A detector that breaks its contract is not guessed at."""
    with pytest.raises(ValueError, match="without having begun"):
        run(noise(1000), [VadEvent("end", 500, 900)], [])


@given(st.lists(st.integers(1, len(SAMPLES) - 1), max_size=20, unique=True))
def test_what_chunks_have_taken_can_be_forgotten(cuts):
    """Chunks and rests are those of a segmenter that keeps all audio; only the whole segment is not there."""
    kept, forgotten = (run(SAMPLES, SPEECH, cuts, keeps_stepped=keeps) for keeps in (True, False))
    assert [plain([item]) for item in forgotten if isinstance(item, Chunk)] == [
        plain([item]) for item in kept if isinstance(item, Chunk)
    ]
    rests = [
        [item.rest.samples.tobytes() for item in items if isinstance(item, SpeechEnd)] for items in (kept, forgotten)
    ]
    assert rests[0] == rests[1]


@pytest.mark.parametrize("end_ms", range(2000, 2000 + STEP_MS, 50))
@pytest.mark.parametrize("keeps_stepped", [True, False])
def test_an_end_at_the_edge_of_the_lookback(keeps_stepped, end_ms):
    """Speech ends as far back as the detector may say, while chunks have gone on: the rest is what they left."""
    events = [VadEvent("start", 500, 920), VadEvent("end", end_ms, end_ms + LOOKBACK_MS)]
    cuts = [ms * 16 for ms in range(10, 4000, 5)]
    *chunks, end = run(noise(4000), events, cuts, keeps_stepped=keeps_stepped)
    assert [chunk.end_ms for chunk in chunks] == list(range(1100, end_ms + LOOKBACK_MS + 1, STEP_MS))
    assert len(end.rest.samples) == max(0, end_ms - chunks[-1].end_ms) * 16


@given(st.lists(st.integers(1, len(SAMPLES) - 1), max_size=20, unique=True))
def test_the_surroundings_of_cut_speech(cuts):
    """Parts of cut speech come with what stands beside them, of any blocks; others with nothing."""
    ends = [item for item in run(SAMPLES, SPEECH, cuts, 1500, context_ms=400) if isinstance(item, SpeechEnd)]
    for before, end, after in zip([None, *ends], ends, [*ends[1:], None], strict=False):
        is_rest = before is not None and before.segment.end_ms == end.segment.start_ms
        is_cut = after is not None and after.segment.start_ms == end.segment.end_ms
        assert (end.around is not None) == (is_rest or is_cut)
        if end.around is not None:
            start_ms = end.segment.start_ms - 400 * is_rest
            assert (end.around.start_ms, end.around.has_before, end.around.has_after) == (start_ms, is_rest, is_cut)
            assert end.segment.end_ms <= end.around.end_ms <= end.segment.end_ms + 400
            span = slice(end.around.start_ms * 16, end.around.end_ms * 16)
            assert np.array_equal(end.around.audio.samples, SAMPLES[span])


def committed(cuts, commits_ms, **options):
    """All chunks and segments of speech from 500 to 4000 ms with commits at these times."""
    events = boundaries((500, 4000))
    segmenter, state, items = LiveSegmenter(step_ms=STEP_MS, lookback_ms=LOOKBACK_MS, **options), FbankState(), []
    edges = sorted({0, *cuts, *(ms * 16 for ms in commits_ms), len(SAMPLES)})
    for start, end in pairwise(edges):
        state, features = fbank_step(state, SAMPLES[start:end])
        due = tuple(event for event in events if start < event.decided_ms * 16 <= end)
        items += segmenter.push(SAMPLES[start:end], VadStep(due, features))
        if end // 16 in commits_ms:
            items.append(segmenter.commit())
    return items


@given(st.lists(st.integers(1, len(SAMPLES) - 1), max_size=20, unique=True))
def test_commits_end_segments_where_the_audio_is(cuts):
    """Segments touch at commits and are together all of the speech, for any blocks. Outside speech there is none."""
    items = committed(cuts, [200, 1500, 1505, 3000, 5000], max_segment_ms=10_000, commit_context_ms=1000)
    assert (items[0], items[-1]) == (None, None)
    ends = [item for item in items if isinstance(item, SpeechEnd)]
    spans = [(end.segment.start_ms, end.segment.end_ms) for end in ends]
    assert spans == [(500, 1500), (1500, 3000), (3000, 4000)]
    assert [end.is_committed for end in ends] == [True, True, False]
    assert [end.around and end.around.start_ms for end in ends] == [None, 500, 2000]
    assert not any(end.around and end.around.has_after for end in ends)
    audio = np.concatenate([end.audio.samples for end in ends])
    assert np.array_equal(audio, SAMPLES[500 * 16 : 4000 * 16])


def test_a_commit_behind_the_speech_takes_all_of_it():
    """Where the detector finds later that speech had ended before the commit, nothing is left for another segment."""
    *_, first, rest = committed([], [4300], max_segment_ms=10_000, commit_context_ms=1000)
    assert (first.segment, first.is_committed) == (Segment(500, 4300), True)
    assert (rest.segment, rest.around, len(rest.audio.samples)) == (Segment(4300, 4300), None, 0)


def test_what_no_chunk_has_taken():
    """It is the end of open speech, and nothing outside it."""
    segmenter = LiveSegmenter(step_ms=STEP_MS, lookback_ms=LOOKBACK_MS, max_segment_ms=None)
    _, features = fbank_step(FbankState(), SAMPLES[: 1500 * 16])
    assert segmenter.unstepped() is None
    start, _ = boundaries((500, 4000))
    assert len(list(segmenter.push(SAMPLES[: 1500 * 16], VadStep((start,), features)))) == 1
    assert np.array_equal(segmenter.unstepped().samples, SAMPLES[1100 * 16 : 1500 * 16])
