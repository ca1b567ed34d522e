"""Contracts of the model families. Families match them by shape and do not import this module.

All calls are synchronous and may be made from several threads at once. State goes in and comes out: a call that
fails or whose result is thrown away leaves the caller's state as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from paraserve.types import (
    ChunkSize,
    Features,
    Hypothesis,
    Partial,
    RecognitionOptions,
    Samples,
    Segment,
    SegmentAudio,
    VadEvent,
    VadOverrides,
)


@dataclass(frozen=True, slots=True)
class VadStep:
    """Result of one VAD step: what began or ended, and the fbank frames (n, 80) that this step completed.

    No further boundary is decided before `quiet_until_ms` of the stream have been fed, whatever they hold.
    """

    events: tuple[VadEvent, ...]
    features: Features
    quiet_until_ms: int = 0


class Vad(Protocol):
    """Voice activity detection."""

    @property
    def lookback_ms(self) -> int:
        """How far behind the samples already fed a boundary may be reported, at most; for streams without knobs."""
        ...

    def lookback_with(self, knobs: VadOverrides) -> int:
        """`lookback_ms` of a stream with these knobs.

        Raises:
            ValueError: a knob is out of its range.
        """
        ...

    def segment(self, samples: Samples) -> list[Segment]:
        """Speech segments of a whole recording."""
        ...

    def new_state(self, knobs: VadOverrides | None = None) -> Any:
        """State of a stream that has seen nothing.

        Raises:
            ValueError: a knob is out of its range.
        """
        ...

    def step(self, state: Any, samples: Samples, *, is_last: bool) -> tuple[Any, VadStep]:
        """Take any number of new samples (also none) and return the next state with what they decided.

        Each segment gives one start and one end event, in time order, whatever the sizes of the steps.
        """
        ...


class Recognizer(Protocol):
    """Speech segment to text."""

    @property
    def max_segment_ms(self) -> int:
        """Longest segment that should be given in one piece."""
        ...

    @property
    def batch_frames(self) -> int:
        """Padded cost (10 ms frames) up to which a batch pays; 0 = one segment at a time."""
        ...

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """One hypothesis for each segment; token times are relative to the segment's start.

        Silence and audio shorter than a frame give an empty hypothesis, in any batch. Another failure raises
        InferenceError for the whole batch: the scheduler then runs its items alone, so that only the one at fault
        fails, and never silently.
        """
        ...


@dataclass(frozen=True, slots=True)
class StreamingItem:
    """One stream's next step: its state, its new audio, and whether its utterance ends with it."""

    state: Any
    audio: SegmentAudio
    is_last: bool


class StreamingRecognizer(Protocol):
    """Speech to text while it is spoken."""

    @property
    def batch_size(self) -> int:
        """Streams up to which a batch pays."""
        ...

    def new_state(self, chunk: ChunkSize) -> Any:
        """State of an utterance of which nothing was heard."""
        ...

    def step(self, batch: Sequence[StreamingItem]) -> list[tuple[Any, Partial]]:
        """The next state of each stream, and what its step adds.

        A step that is not the last takes `chunk.step_ms` of audio, the last one anything up to that, also nothing;
        after it the state is a new utterance's. `audio.features`, where given, are the fbank frames of the utterance
        that the samples complete.
        """
        ...


class StreamingPunctuator(Protocol):
    """Words to punctuation marks, segment by segment of a text that goes on."""

    def new_state(self) -> Any:
        """State of a text that has not begun."""
        ...

    def step(self, state: Any, words: Sequence[str]) -> tuple[Any, str, list[str]]:
        """Next state, the mark that stands before the first word ("" for none), and the mark after each word.

        The mark after the last word is always "": it comes before the next call's first word, if at all.
        """
        ...


class Punctuator(Protocol):
    """Words to punctuation marks."""

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """The mark after each word ("" for none), for one text; the text is closed with a full stop."""
        ...


class Itn(Protocol):
    """Inverse text normalisation: spoken to written form."""

    def normalize(self, text: str) -> str:
        """Written form of one sentence."""
        ...


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """The models of one pipeline.

    `has_drafts`: without a streaming recogniser, partial texts come from decoding open speech again and again.
    """

    name: str
    vad: Vad | None
    recognizer: Recognizer
    streaming: StreamingRecognizer | None = None
    punctuator: Punctuator | None = None
    punctuator_online: StreamingPunctuator | None = None
    itn: Itn | None = None
    has_drafts: bool = False
