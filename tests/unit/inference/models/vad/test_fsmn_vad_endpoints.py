"""From frame flags to segment boundaries: the array form against the rules applied frame by frame."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.inference.models.vad.fsmn_vad_endpoints import (
    EndpointState,
    Flags,
    find_endpoints,
    frames_to_boundary,
)
from paraserve.inference.models.vad.fsmn_vad_options import VadOptions
from paraserve.types import VadEvent

RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 45)), max_size=25)
NOISE = st.lists(st.booleans(), max_size=300)
FLAGS = st.one_of(RUNS.map(lambda runs: [flag for flag, n in runs for _ in range(n)]), NOISE)

OPTIONS = st.builds(
    VadOptions,
    detect_mode=st.sampled_from([1, 1, 0]),
    max_end_silence_time=st.sampled_from([0, 150, 155, 165, 300, 405, 800]),
    max_start_silence_time=st.sampled_from([0, 95, 200, 1000]),
    window_size_ms=st.sampled_from([10, 50, 200, 300]),
    sil_to_speech_time_thres=st.sampled_from([10, 50, 150, 200]),
    speech_to_sil_time_thres=st.sampled_from([0, 50, 150, 180]),
    do_extend=st.sampled_from([1, 1, 0]),
    lookback_time_start_point=st.sampled_from([0, 55, 200, 400]),
    lookahead_time_end_point=st.sampled_from([0, 55, 100, 900]),
    max_single_segment_time=st.sampled_from([10, 100, 455, 1500, 60_000]),
)


class PlainEndpoints:
    """The rules as they are written down: one frame at a time, one line a case."""

    def __init__(self, options: VadOptions) -> None:
        self.options = options
        self.t = -1
        self.base = 0
        self.events: list[VadEvent] = []
        self.stopped = False
        self.restart()

    def restart(self) -> None:
        self.window = [False] * (self.options.window_size_ms // 10)
        self.is_speech = False
        self.counter = 0
        self.start: int | None = None

    def end(self, frame: int) -> None:
        self.events.append(VadEvent("end", (frame + 1) * 10))
        self.base = frame + 1
        self.restart()
        self.stopped = self.options.detect_mode == 0

    def feed(self, flag: bool) -> None:
        if self.stopped:
            return
        o, self.t = self.options, self.t + 1
        t, before = self.t, self.is_speech
        self.window = [*self.window[1:], flag]
        if not before and sum(self.window) >= o.sil_to_speech_time_thres // 10:
            self.is_speech = True
        elif before and sum(self.window) <= o.speech_to_sil_time_thres // 10:
            self.is_speech = False
        is_silent = not before and not self.is_speech
        self.counter = self.counter + 1 if is_silent else 0
        if self.start is None:
            self.between(t, is_silent)
        else:
            self.inside(t, is_silent)

    def between(self, t: int, is_silent: bool) -> None:
        o = self.options
        latency = o.window_size_ms // 10 + (o.lookback_time_start_point // 10 if o.do_extend else 0)
        if is_silent:
            if o.detect_mode == 0 and self.counter * 10 > o.max_start_silence_time:
                self.stopped = True
            elif t >= latency:
                self.base = max(self.base, t - latency)
        elif self.is_speech:
            self.start = max(self.base, t - latency)
            self.events.append(VadEvent("start", self.start * 10))

    def inside(self, t: int, is_silent: bool) -> None:
        o = self.options
        silence_ms = o.max_end_silence_time - o.speech_to_sil_time_thres
        back = silence_ms // 10 - (o.lookahead_time_end_point // 10 + 1 if o.do_extend else 0)
        if is_silent and self.counter * 10 >= silence_ms:
            self.end(t - max(0, back))
        elif t - self.start + 1 > o.max_single_segment_time / 10:
            self.end(t)

    def finish(self) -> list[VadEvent]:
        if self.start is not None:
            self.end(self.t)
        return self.events


def whole(flags: list[bool], options: VadOptions) -> list[VadEvent]:
    _, events = find_endpoints(EndpointState(), np.array(flags, dtype=np.bool_), options, is_last=True)
    return list(events)


def plain(flags: list[bool], options: VadOptions) -> list[VadEvent]:
    machine = PlainEndpoints(options)
    for flag in flags:
        machine.feed(flag)
    return machine.finish()


def runs(*lengths: int) -> list[bool]:
    """Silence and speech in turn, so many frames each."""
    return [bool(i % 2) for i, n in enumerate(lengths) for _ in range(n)]


@given(flags=FLAGS, options=OPTIONS)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_array_form_equals_the_plain_rules(flags: list[bool], options: VadOptions) -> None:
    """For any flags and options the boundaries are those of the frame-by-frame rules."""
    assert whole(flags, options) == plain(flags, options)


@pytest.mark.full
@given(flags=FLAGS, options=OPTIONS)
@settings(max_examples=5000, deadline=None, derandomize=True)
def test_array_form_equals_the_plain_rules_at_length(flags: list[bool], options: VadOptions) -> None:
    """The same, on many more cases."""
    assert whole(flags, options) == plain(flags, options)


@given(flags=FLAGS, options=OPTIONS, sizes=st.lists(st.integers(0, 80), max_size=12))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_step_sizes_do_not_matter(flags: list[bool], options: VadOptions, sizes: list[int]) -> None:
    """Flags in pieces of any sizes give the same boundaries, and old states stay as they were."""
    states, found = [EndpointState()], []
    pieces: list[Flags] = np.split(np.array(flags, dtype=np.bool_), np.cumsum(sizes))
    for number, piece in enumerate(pieces, start=1):
        state, events = find_endpoints(states[-1], piece, options, is_last=number == len(pieces))
        states.append(state)
        found += events
    assert found == whole(flags, options)
    again = [
        find_endpoints(state, piece, options, is_last=False)[1] for state, piece in zip(states, pieces, strict=False)
    ]
    assert [event for events in again for event in events] == found[: sum(map(len, again))]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [VadOptions(), VadOptions(max_end_silence_time=300, max_single_segment_time=8000)]
)
def test_hours_in_pieces(options: VadOptions, full: bool) -> None:
    """Hours of scores that wander as those of speech do, cut anywhere: the boundaries of the frame-by-frame rules."""
    rng = np.random.default_rng(11)
    n_frames = 2 * 360_000 if full else 60_000
    turns = np.repeat(np.arange(n_frames // 20), rng.integers(1, 60, n_frames // 20))[:n_frames] % 2
    scores = 0.25 + 0.5 * turns + rng.normal(0, 0.22, len(turns))
    flags = scores > 0.5
    state, found = EndpointState(), []
    pieces = np.split(flags, np.sort(rng.choice(len(flags), len(flags) // 40, replace=False)))
    for number, piece in enumerate(pieces, start=1):
        state, events = find_endpoints(state, piece, options, is_last=number == len(pieces))
        found += events
    assert len(found) > len(flags) // 2000
    assert found == plain(flags.tolist(), options)


@pytest.mark.slow
@given(flags=FLAGS, options=OPTIONS, more=st.lists(st.booleans(), min_size=100, max_size=100))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_boundary_comes_before_it_can(flags: list[bool], options: VadOptions, more: list[bool]) -> None:
    """Whatever was heard, and whatever comes: `frames_to_boundary` is never too large."""
    state, _ = find_endpoints(EndpointState(), np.array(flags, dtype=np.bool_), options, is_last=False)
    quiet = frames_to_boundary(state, options) - 1
    for coming in (more, [True] * quiet, [False] * quiet):
        _, events = find_endpoints(state, np.array(coming[:quiet], dtype=np.bool_), options, is_last=False)
        assert events == ()


@pytest.mark.parametrize(
    ("heard", "flag", "frames"),
    [
        pytest.param(runs(0), True, 15, id="a start out of nothing"),
        pytest.param(runs(30, 4), True, 11, id="a start that has begun"),
        pytest.param(runs(10, 40), False, 70, id="an end in the middle of speech"),
        pytest.param(runs(10, 40, 30), False, 40, id="an end that has begun"),
        pytest.param(runs(10, 5950), True, 41, id="the longest segment"),
    ],
)
def test_the_next_boundary_comes_when_it_can(heard: list[bool], flag: bool, frames: int) -> None:
    """With the default options: it comes with the very frame, if all frames until then ask for it."""
    state, _ = find_endpoints(EndpointState(), np.array(heard, dtype=np.bool_), VadOptions(), is_last=False)
    assert frames_to_boundary(state, VadOptions()) == frames
    _, events = find_endpoints(state, np.full(frames, flag), VadOptions(), is_last=False)
    assert len(events) == 1


@given(flags=FLAGS, options=OPTIONS)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_segments_are_ordered(flags: list[bool], options: VadOptions) -> None:
    """Starts and ends alternate, segments are not empty, do not overlap and lie inside the recording."""
    events = whole(flags, options)
    assert [event.kind for event in events] == ["start", "end"] * (len(events) // 2)
    times = [event.at_ms for event in events]
    assert times == sorted(times)
    assert all(start < end for start, end in zip(times[::2], times[1::2], strict=True))
    assert not times or times[-1] <= len(flags) * 10


@given(flags=FLAGS, options=OPTIONS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_how_far_back_a_boundary_lies(flags: list[bool], options: VadOptions) -> None:
    """No boundary lies further behind the frame that decided it than the options say; decisions are in order."""
    events = whole(flags, options)
    assert all(event.at_ms >= event.decided_ms - options.lookback_frames * 10 for event in events)
    decided = [event.decided_ms for event in events]
    assert decided == sorted(decided)
    assert all(ms <= len(flags) * 10 for ms in decided)


def test_look_back_and_look_ahead() -> None:
    """100 silent, 50 speech, 100 silent frames: 400 ms before the window decides, 10 frames after it lets go."""
    # The window holds 15 speech frames on frame 114, and again 15 (so not more) on frame 154.
    assert whole(runs(100, 50, 100), VadOptions()) == [VadEvent("start", 740), VadEvent("end", 1660)]


def test_a_forced_cut_touches_the_next_segment() -> None:
    """The length check is strict, so a cut at 1000 ms makes 1010 ms; the rest starts where the first ended."""
    events = whole(runs(100, 250), VadOptions(max_single_segment_time=1000))
    starts_and_ends = [event.at_ms for event in events]
    assert starts_and_ends == [740, 1750, 1750, 2760, 2760, 3500]


def test_no_new_start_before_enough_new_speech() -> None:
    """After an end the window is empty: 14 speech frames are not enough, 15 are."""
    options = VadOptions(max_single_segment_time=1000)
    assert len(whole(runs(100, 75 + 14), options)) == 2
    assert len(whole(runs(100, 75 + 15), options)) == 4


def test_single_utterance_mode() -> None:
    """Mode 0 stops after the first segment, and gives up when speech begins too late."""
    once = VadOptions(detect_mode=0)
    assert [event.at_ms for event in whole(runs(100, 50, 100, 50, 100), once)] == [740, 1660]
    assert len(whole(runs(286, 50, 100), once)) == 2
    assert whole(runs(287, 50, 100), once) == []
    assert whole(runs(100, 50, 100), replace(once, max_start_silence_time=1000)) == []


def test_open_segment_ends_with_the_stream() -> None:
    """The last call ends an open segment at the last frame, also when it brings no frames."""
    state, events = find_endpoints(EndpointState(), np.ones(30, np.bool_), VadOptions(), is_last=False)
    assert events == (VadEvent("start", 0),)
    _, events = find_endpoints(state, np.zeros(0, np.bool_), VadOptions(), is_last=True)
    assert events == (VadEvent("end", 300),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_rate", 8000),
        ("frame_in_ms", 20),
        ("frame_length_ms", 32),
        ("detect_mode", 2),
        ("window_size_ms", 0),
        ("sil_to_speech_time_thres", 0),
        ("max_single_segment_time", -1),
        ("lookback_time_start_point", -10),
        ("lookahead_time_end_point", -10),
        ("max_end_silence_time", -1),
        ("speech_noise_thres", 1.5),
        ("speech_noise_thres", float("nan")),
        ("max_start_silence_time", -1),
        ("speech_2_noise_ratio", -1.0),
        ("noise_frame_num_used_for_snr", 0),
        ("sil_pdf_ids", ()),
        ("sil_pdf_ids", (0, 1)),
        ("sil_pdf_ids", (-1,)),
    ],
)
def test_options_out_of_range(name: str, value: object) -> None:
    """An option that makes no sense, or names another frame grid, is refused by name."""
    with pytest.raises(ValueError, match=name):
        VadOptions(**{name: value})
