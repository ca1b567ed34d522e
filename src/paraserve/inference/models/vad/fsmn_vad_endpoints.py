"""From speech/silence flags, one a 10 ms frame, to the starts and ends of segments. Pure functions, no model.

The rules are those of FunASR's FSMN-VAD post-processing (`E2EVadModel`): a sliding window decides between speech and
silence, and a machine of two states (between segments, inside a segment) turns its changes into boundaries. Here
whole blocks of flags are decided with array operations; the only Python loop is over segments.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from paraserve.types import FRAME_MS, SAMPLE_RATE, VadEvent

Flags = npt.NDArray[np.bool_]

SINGLE_UTTERANCE = 0
MULTIPLE_UTTERANCES = 1
GATE_OFF_DB = -100.0
"""A level gate at or below this lets every frame pass."""


@dataclass(frozen=True, slots=True)
class VadOptions:
    """Options of the FSMN-VAD, with FunASR's names and defaults (`model_conf` of config.yaml).

    Args:
        detect_mode: 1 finds all segments, 0 stops after the first or after `max_start_silence_time` without speech.
        max_end_silence_time: ms of silence that end a segment.
        max_start_silence_time: ms; only for detect_mode 0.
        window_size_ms: sliding window of the speech/silence decision.
        sil_to_speech_time_thres: ms of speech in the window that turn silence into speech.
        speech_to_sil_time_thres: ms of speech in the window at or below which speech turns into silence.
        speech_2_noise_ratio: exponent on the silence probability.
        do_extend: whether segments are widened by the next two.
        lookback_time_start_point: ms before the window that a segment may start.
        lookahead_time_end_point: ms that a segment goes on after its last speech.
        max_single_segment_time: ms after which a segment is cut.
        snr_thres: dB above the noise level that speech frames must have.
        noise_frame_num_used_for_snr: frames over which the noise level is averaged.
        decibel_thres: dB (0 = sum of squares 1 over a frame) that speech frames must have.
        speech_noise_thres: how much more probable than silence speech must be.
        silence_pdf_num: number of `sil_pdf_ids`.
        sil_pdf_ids: outputs of the network that mean silence.

    Raises:
        ValueError: an option is out of its range, or names another frame grid than the one that features have.
    """

    sample_rate: int = SAMPLE_RATE
    detect_mode: int = MULTIPLE_UTTERANCES
    max_end_silence_time: int = 800
    max_start_silence_time: int = 3000
    window_size_ms: int = 200
    sil_to_speech_time_thres: int = 150
    speech_to_sil_time_thres: int = 150
    speech_2_noise_ratio: float = 1.0
    do_extend: int = 1
    lookback_time_start_point: int = 200
    lookahead_time_end_point: int = 100
    max_single_segment_time: int = 60_000
    snr_thres: float = GATE_OFF_DB
    noise_frame_num_used_for_snr: int = 100
    decibel_thres: float = GATE_OFF_DB
    speech_noise_thres: float = 0.6
    silence_pdf_num: int = 1
    sil_pdf_ids: tuple[int, ...] = (0,)
    frame_in_ms: int = FRAME_MS
    frame_length_ms: int = 25

    def __post_init__(self) -> None:
        if (self.sample_rate, self.frame_in_ms, self.frame_length_ms) != (SAMPLE_RATE, FRAME_MS, 25):
            raise ValueError("sample_rate, frame_in_ms and frame_length_ms must be 16000, 10 and 25")
        if self.detect_mode not in (SINGLE_UTTERANCE, MULTIPLE_UTTERANCES):
            raise ValueError(f"detect_mode must be 0 or 1, got {self.detect_mode}")
        for name in ("window_size_ms", "sil_to_speech_time_thres", "max_single_segment_time"):
            if getattr(self, name) < FRAME_MS:
                raise ValueError(f"{name} must be at least {FRAME_MS}, got {getattr(self, name)}")
        for name in (
            "max_end_silence_time",
            "lookback_time_start_point",
            "lookahead_time_end_point",
            "max_start_silence_time",
            "speech_2_noise_ratio",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not -1 <= self.speech_noise_thres <= 1:
            raise ValueError(f"speech_noise_thres must be in [-1, 1], got {self.speech_noise_thres}")
        if self.noise_frame_num_used_for_snr < 1:
            raise ValueError("noise_frame_num_used_for_snr must be at least 1")
        if not self.sil_pdf_ids or len(self.sil_pdf_ids) != self.silence_pdf_num or min(self.sil_pdf_ids) < 0:
            raise ValueError(f"sil_pdf_ids must be {self.silence_pdf_num} indices, got {list(self.sil_pdf_ids)}")

    @property
    def has_level_gate(self) -> bool:
        """Whether frame levels matter at all."""
        return self.snr_thres > GATE_OFF_DB or self.decibel_thres > GATE_OFF_DB

    @property
    def latency_frames(self) -> int:
        """How far before the frame that decides for speech a segment starts."""
        lookback_ms = self.lookback_time_start_point if self.do_extend else 0
        return self.window_size_ms // FRAME_MS + lookback_ms // FRAME_MS

    @property
    def end_silence_frames(self) -> int:
        """Silent frames, counted from the window's decision, that end a segment."""
        return max(1, -(-self._end_silence_ms // FRAME_MS))

    @property
    def end_lookback_frames(self) -> int:
        """How far before the last of `end_silence_frames` a segment ends."""
        extension = self.lookahead_time_end_point // FRAME_MS + 1 if self.do_extend else 0
        return max(0, self._end_silence_ms // FRAME_MS - extension)

    @property
    def lookback_frames(self) -> int:
        """How far before the frame that decides a boundary lies at most; no end lies before its start."""
        longest_frames = self.max_single_segment_time // FRAME_MS + 1
        return max(self.latency_frames, min(self.end_lookback_frames - 1, longest_frames))

    @property
    def _end_silence_ms(self) -> int:
        # The window itself takes this much silence before it decides.
        return self.max_end_silence_time - self.speech_to_sil_time_thres


@dataclass(frozen=True, slots=True)
class EndpointState:
    """A stream between two blocks of flags. Frames are counted from the start of the stream."""

    n_frames: int = 0
    first_free: int = 0  # first frame that no segment has taken
    recent: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))  # flags still inside the window
    is_speech: bool = False  # what the window decided last
    silence_frames: int = 0  # since the window last decided for speech
    start: int | None = None  # first frame of the open segment
    is_done: bool = False  # detect_mode 0 has its answer


def find_endpoints(
    state: EndpointState, flags: Flags, options: VadOptions, *, is_last: bool
) -> tuple[EndpointState, tuple[VadEvent, ...]]:
    """Take the flags (True = speech) of the next frames; return the next state and the boundaries they decide.

    Starts and ends alternate, in time order. The last call ends an open segment at the last frame. `decided_ms` is
    the start of the frame that decided; for the end that the last call makes, of the frame that would come next.
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
    """At least so many more frames (1 or more) must come before `find_endpoints` can decide another boundary.

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


def _next_start(
    state: EndpointState, flags: Flags, options: VadOptions
) -> tuple[EndpointState, VadEvent | None, int]:
    """Between segments the window has decided for silence; the first change to speech opens a segment."""
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
    """Inside a segment: enough silence ends it some frames back, the length limit at once."""
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
    """What the sliding window decides on each frame.

    The number of speech frames in the window switches silence to speech when it reaches one threshold, and speech
    to silence when it is at or below the other. Where both hold, the decision flips on every frame.
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
    """On each frame, how many frames the decision has stayed silence; the frame that changed to it counts 0."""
    before = np.concatenate(([state.is_speech], is_speech[:-1]))
    index = np.arange(len(is_speech))
    last_sound = np.maximum.accumulate(np.where(before | is_speech, index, -1))
    return np.where(last_sound >= 0, index - last_sound, index + 1 + state.silence_frames)


def _advance(
    state: EndpointState, flags: Flags, options: VadOptions, *, is_speech: bool, silence_frames: int
) -> EndpointState:
    """The state after `flags`, with no end among them."""
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
    """Index of the first True, or the length where there is none."""
    return int(np.argmax(is_hit)) if is_hit.any() else len(is_hit)
