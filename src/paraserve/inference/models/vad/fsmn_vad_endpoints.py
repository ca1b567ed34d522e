"""Starts and ends of segments from a flag (speech or silence) for each 10 ms frame.

The rules are those of FunASR's FSMN-VAD post-processing (`E2EVadModel`). A sliding window decides between speech and
silence. A machine with two states (between segments, inside a segment) turns its changes into boundaries. Array
operations decide whole blocks of flags, and the only Python loop is over segments.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from paraserve.inference.models.vad.fsmn_vad_options import SINGLE_UTTERANCE, VadOptions
from paraserve.types import FRAME_MS, VadEvent

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EndpointState:
    """State of a stream between two blocks of flags. Frames are counted from the start of the stream."""

    n_frames: int = 0
    first_free: int = 0  # first frame that belongs to no segment yet
    recent: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))  # flags still inside the window
    is_speech: bool = False  # last decision of the window
    silence_frames: int = 0  # since the window's last decision for speech
    start: int | None = None  # first frame of the open segment
    is_done: bool = False  # detect_mode 0 has found its segment or given up


def find_endpoints(
    state: EndpointState, flags: Flags, options: VadOptions, *, is_last: bool
) -> tuple[EndpointState, tuple[VadEvent, ...]]:
    """Take the flags (True = speech) of the next frames. Return the next state and the boundaries that they decide.

    Starts and ends alternate, in time order. With `is_last` an open segment ends at the last frame. `decided_ms` of a
    boundary is the start of the frame that decided it, for that last end the start of the frame that would follow.
    """
    events: list[VadEvent] = []
    while len(flags) and not state.is_done:
        search = _next_start if state.start is None else _next_end
        state, event, n_used = search(state, flags, options)
        flags = flags[n_used:]
        if event is not None:
            events.append(event)
    if is_last and state.start is not None:
        end_ms = state.n_frames * FRAME_MS
        events.append(VadEvent("end", end_ms, decided_ms=end_ms))
        state = replace(state, start=None)
    return state, tuple(events)


def frames_to_boundary(state: EndpointState, options: VadOptions) -> int:
    """Return the least number of frames (1 or more) after which `find_endpoints` can decide another boundary.

    Each frame changes the number of speech frames in the window by one at most.
    """
    n_speech = int(np.count_nonzero(state.recent))
    if state.start is None:
        return max(1, options.sil_to_speech_time_thres // FRAME_MS - n_speech)
    too_long = state.start + options.max_single_segment_time // FRAME_MS - state.n_frames + 1
    silent = options.end_silence_frames - state.silence_frames
    if state.is_speech:
        silent = options.end_silence_frames + max(1, n_speech - options.speech_to_sil_time_thres // FRAME_MS)
    return max(1, min(silent, too_long))


def silence_so_far_ms(state: EndpointState, options: VadOptions) -> int:
    """Return the silence in ms that counts towards `max_end_silence_time` of the open segment; 0 in speech."""
    if state.start is None or state.is_speech:
        return 0
    # The window decides for silence only after this much of it.
    return state.silence_frames * FRAME_MS + options.speech_to_sil_time_thres


def _next_start(
    state: EndpointState, flags: Flags, options: VadOptions
) -> tuple[EndpointState, VadEvent | None, int]:
    """Find the first change of the window to speech, which starts a segment. Return the number of flags used, too."""
    is_speech = _window_decisions(state, flags, options)
    at = _first(is_speech)
    if options.detect_mode == SINGLE_UTTERANCE:
        gives_up_at = options.max_start_silence_time // FRAME_MS - state.silence_frames
        if gives_up_at < min(at, len(flags)):
            return replace(state, is_done=True), None, len(flags)
    if at == len(flags):
        silence_frames = state.silence_frames + len(flags)
        return _advance(state, flags, options, is_speech=False, silence_frames=silence_frames), None, len(flags)
    decided = state.n_frames + at
    start = max(state.first_free, decided - options.latency_frames)
    event = VadEvent("start", start * FRAME_MS, decided_ms=decided * FRAME_MS)
    state = _advance(state, flags[: at + 1], options, is_speech=True, silence_frames=0)
    return replace(state, start=start), event, at + 1


def _next_end(state: EndpointState, flags: Flags, options: VadOptions) -> tuple[EndpointState, VadEvent | None, int]:
    """Find the end of the open segment: some frames before the end of enough silence, or at the length limit."""
    assert state.start is not None
    is_speech = _window_decisions(state, flags, options)
    silence_frames = _silence_frames(state, is_speech)
    silent_at = _first(silence_frames >= options.end_silence_frames)
    too_long_at = max(0, state.start + options.max_single_segment_time // FRAME_MS - state.n_frames)
    at = min(silent_at, too_long_at)
    if at >= len(flags):
        last = int(silence_frames[-1])
        state = _advance(state, flags, options, is_speech=bool(is_speech[-1]), silence_frames=last)
        return state, None, len(flags)
    decided = state.n_frames + at
    end = decided - options.end_lookback_frames if at == silent_at else decided
    after = EndpointState(
        n_frames=decided + 1,
        first_free=end + 1,
        is_done=options.detect_mode == SINGLE_UTTERANCE,
    )
    return after, VadEvent("end", (end + 1) * FRAME_MS, decided_ms=decided * FRAME_MS), at + 1


def _window_decisions(state: EndpointState, flags: Flags, options: VadOptions) -> Flags:
    """Return the decision of the sliding window on each frame (True = speech).

    Silence becomes speech when the number of speech frames in the window reaches one threshold. Speech becomes
    silence when the number is at or below the other. Where both conditions hold, the decision flips on every frame.
    """
    window = options.window_size_ms // FRAME_MS
    padding = np.zeros(window - len(state.recent), dtype=np.int64)
    sums: npt.NDArray[np.int64] = np.cumsum(np.concatenate((padding, state.recent, flags)))
    n_speech = sums[window:] - sums[:-window]
    can_rise = n_speech >= options.sil_to_speech_time_thres // FRAME_MS
    can_fall = n_speech <= options.speech_to_sil_time_thres // FRAME_MS
    index = np.arange(len(flags))
    last_set = np.maximum.accumulate(np.where(can_rise ^ can_fall, index, -1))
    n_flips = np.cumsum(can_rise & can_fall)
    base = np.where(last_set >= 0, can_rise[last_set], state.is_speech)
    flips_since: npt.NDArray[np.int64] = n_flips - np.where(last_set >= 0, n_flips[last_set], 0)
    decisions: Flags = base ^ (flips_since % 2 == 1)
    return decisions


def _silence_frames(state: EndpointState, is_speech: Flags) -> npt.NDArray[np.int64]:
    """Return for each frame the number of frames since the decision changed to silence; 0 on the change itself."""
    before = np.concatenate(([state.is_speech], is_speech[:-1]))
    index = np.arange(len(is_speech))
    last_sound = np.maximum.accumulate(np.where(before | is_speech, index, -1))
    return np.where(last_sound >= 0, index - last_sound, index + 1 + state.silence_frames)


def _advance(
    state: EndpointState, flags: Flags, options: VadOptions, *, is_speech: bool, silence_frames: int
) -> EndpointState:
    """Return the state after `flags`, which end no segment."""
    window = options.window_size_ms // FRAME_MS
    recent = np.concatenate((state.recent, flags))
    return replace(
        state,
        n_frames=state.n_frames + len(flags),
        recent=recent[max(0, len(recent) - window) :],
        is_speech=is_speech,
        silence_frames=silence_frames,
    )


def _first(is_hit: Flags) -> int:
    """Return the index of the first True, or the length if there is none."""
    return int(np.argmax(is_hit)) if is_hit.any() else len(is_hit)
