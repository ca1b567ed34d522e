"""Contracts of the model families. A family matches them by shape; it imports only the plain data of this module.

All calls are synchronous and may be made from several threads at once. State goes in and comes out: a call that
fails or whose result is thrown away leaves the caller's state unchanged. Each family has a type of state of its own,
the `State` of its Protocol; whoever steps a stream passes it on without looking into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from paraserve.inference.abilities import Abilities, Capabilities
from paraserve.options import ChunkSize, RecognitionOptions, VadOverrides
from paraserve.types import Features, Hypothesis, Partial, Samples, Segment, SegmentAudio, VadEvent

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class VadStep:
    """Result of one VAD step.

    Args:
        events: the boundaries that this step decided, in time order.
        features: the fbank frames (n, 80) that this step completed.
        quiet_until_ms: no further boundary is decided before this much of the stream has been fed, whatever it holds.
        silence_ms: silence at the end of what has been fed, as it counts towards the end of open speech; else 0.
    """

    events: tuple[VadEvent, ...]
    features: Features
    quiet_until_ms: int = 0
    silence_ms: int = 0


class Vad(Protocol[State]):
    """Voice activity detection."""

    @property
    def lookback_ms(self) -> int:
        """Furthest that a boundary lies behind the audio fed when it is reported, for a stream without overrides."""
        ...

    @property
    def max_segment_ms(self) -> int | None:
        """Length at which the model's own options end a segment amid speech; None = never."""
        ...

    def lookback_with(self, overrides: VadOverrides) -> int:
        """Return `lookback_ms` of a stream with these overrides.

        Raises:
            ValueError: an override is out of its range.
        """
        ...

    def segment(self, samples: Samples) -> list[Segment]:
        """Return the speech segments of a whole recording."""
        ...

    def new_state(self, overrides: VadOverrides | None = None) -> State:
        """Return the state of a stream before its first sample.

        Raises:
            ValueError: an override is out of its range.
        """
        ...

    def with_end_silence(self, state: State, end_silence_ms: int | None) -> State:
        """Return the state with this much silence to end speech from now on; None = the model's own."""
        ...

    def step(self, state: State, samples: Samples, *, is_last: bool) -> tuple[State, VadStep]:
        """Take any number of new samples, also none. Return the next state and what the samples decided.

        Each segment gives one start and one end event, in time order, whatever the sizes of the steps.
        """
        ...


class Recognizer(Protocol):
    """Speech segment to text."""

    @property
    def capabilities(self) -> Capabilities:
        """Abilities of this model; they may differ between models of one family."""
        ...

    @property
    def max_segment_ms(self) -> int:
        """Longest segment that should be given in one piece."""
        ...

    @property
    def batch_frames(self) -> int:
        """Padded cost (10 ms frames) up to which a batch pays; 0 = one segment at a time."""
        ...

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        Silence and audio shorter than a frame give an empty hypothesis, in any batch. Units that the model marks as
        unknown are in no text. They are counted in `unknown_units`, from which clients learn what was not understood.

        Raises:
            InferenceError: another failure, for the whole batch. The scheduler then runs each item alone, so that
                only the one at fault fails, and never silently.
        """
        ...


@dataclass(frozen=True, slots=True)
class StreamingItem(Generic[State]):
    """Next step of one stream: its state, its new audio, and whether its utterance ends with it.

    Of the options a streaming recognizer takes the rule for hotwords. The hotwords come with the audio.
    """

    state: State
    audio: SegmentAudio
    is_last: bool
    options: RecognitionOptions = field(default_factory=RecognitionOptions)


class StreamingRecognizer(Protocol[State]):
    """Speech to text while it is spoken."""

    @property
    def batch_size(self) -> int:
        """Number of streams up to which a batch pays."""
        ...

    def new_state(self, chunk: ChunkSize) -> State:
        """Return the state of an utterance before its first sample."""
        ...

    def step(self, batch: Sequence[StreamingItem[State]]) -> list[tuple[State, Partial]]:
        """Return the next state of each stream and the text that its step adds.

        A step that is not the last takes `chunk.step_ms` of audio or a multiple of it, the last one anything up to
        `chunk.step_ms`, also nothing.
        After the last step the state is a new utterance's. `audio.features`, where given, are the fbank frames of
        the utterance that the samples complete.
        """
        ...


class StreamingPunctuator(Protocol[State]):
    """Words to punctuation marks, segment by segment of a text that goes on."""

    def new_state(self) -> State:
        """Return the state of a text before its first word."""
        ...

    def step(self, state: State, words: Sequence[str]) -> tuple[State, str, list[str]]:
        """Return the next state, the mark before the first word ("" for none), and the mark after each word.

        The mark after the last word is always "": it comes before the next call's first word, if at all.
        """
        ...


class Punctuator(Protocol):
    """Words to punctuation marks."""

    @property
    def realtime(self) -> StreamingPunctuator[Any] | None:
        """The same model for a text that goes on; None if it takes whole texts only."""
        ...

    def punctuate(self, words: Sequence[str]) -> list[str]:
        """Return the mark after each word ("" for none) of one text, which is closed with a full stop."""
        ...

    def sentence_end_probability(self, words: Sequence[str]) -> float:
        """Return the probability that a sentence ends after the last of the words, if any word follows it."""
        ...


class Itn(Protocol):
    """Inverse text normalization: spoken to written form."""

    def normalize(self, text: str) -> str:
        """Return the written form of one sentence."""
        ...


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """Models of one pipeline. Their types of state are open here: each stream keeps to one model.

    Args:
        allows_drafts: a recognizer that is able to may give partial texts where there is no streaming one.
        knows: see `Abilities`.
    """

    name: str
    vad: Vad[Any] | None
    recognizer: Recognizer
    streaming: StreamingRecognizer[Any] | None = None
    punctuator: Punctuator | None = None
    punctuator_online: StreamingPunctuator[Any] | None = None
    itn: Itn | None = None
    allows_drafts: bool = True
    knows: str = ""

    @property
    def abilities(self) -> Abilities:
        """Options that this pipeline honours."""
        recognizer = self.recognizer.capabilities
        return Abilities(
            languages=recognizer.languages,
            hotwords=recognizer.hotwords,
            language_model=recognizer.language_model,
            prompt=recognizer.prompt,
            punctuates=recognizer.punctuates or self.punctuator is not None,
            writes_numbers=recognizer.punctuates or self.itn is not None,
            leaves_numbers=not recognizer.punctuates or recognizer.model_itn,
            model_itn=recognizer.model_itn,
            word_times=recognizer.word_times,
            draft_options=self.has_drafts,
            partial_hotwords=recognizer.hotwords if self.has_drafts else self.streaming is not None,
            knows=self.knows,
            translates=recognizer.translates,
            join_ms=recognizer.join_ms,
            detects_speech=self.vad is not None,
            partial_punctuation=self.punctuator_online is not None
            and (self.streaming is not None or self.has_drafts),
            semantic_endpoint=None not in (self.vad, self.streaming, self.punctuator),
        )

    @property
    def has_drafts(self) -> bool:
        """True if partial texts are made by recognizing open speech again and again."""
        return self.allows_drafts and self.streaming is None and self.recognizer.capabilities.partials
