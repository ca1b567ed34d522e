"""Contracts of the model families. A family matches them by shape; it imports only the plain data of this module.

All calls are synchronous and may be made from several threads at once. State goes in and comes out: a call that
fails or whose result is thrown away leaves the caller's state unchanged. Each family has a type of state of its own,
the `State` of its Protocol; whoever steps a stream passes it on without looking into it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from paraserve.errors import TaskUnavailableError
from paraserve.types import (
    ChunkSize,
    Features,
    FieldWarning,
    Hypothesis,
    Partial,
    RecognitionOptions,
    Samples,
    Segment,
    SegmentAudio,
    VadEvent,
    VadOverrides,
)

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class VadStep:
    """Result of one VAD step.

    Args:
        events: the boundaries that this step decided, in time order.
        features: the fbank frames (n, 80) that this step completed.
        quiet_until_ms: no further boundary is decided before this much of the stream has been fed, whatever it holds.
    """

    events: tuple[VadEvent, ...]
    features: Features
    quiet_until_ms: int = 0


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

    def step(self, state: State, samples: Samples, *, is_last: bool) -> tuple[State, VadStep]:
        """Take any number of new samples, also none. Return the next state and what the samples decided.

        Each segment gives one start and one end event, in time order, whatever the sizes of the steps.
        """
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Abilities of a recognizer beyond the text of a segment.

    Args:
        partials: partial texts can be made of it, by recognizing open speech again and again (`draft`). False for
            families that have a streaming form, which does this at a fraction of the cost.
        punctuates: its text comes with marks and written numbers where the options want both.
        languages: codes that the option `language` may name, and that come back as the hypothesis' language. Empty
            for a model that takes no language and tells none.
        word_times: tokens have a start and an end.
        hotwords: the option `hotwords` has an effect.
        prompt: the option `prompt` has an effect.
        model_itn: it leaves marks and written numbers out where the options want neither.
        translates: the option `task` may be "translate".
        keeps_language: it finds out the language at a cost that the option `heard_language` saves.
        join_ms: length up to which it understands neighbouring segments of a recording better as one; 0 = none.
    """

    partials: bool = False
    punctuates: bool = False
    languages: frozenset[str] = frozenset()
    word_times: bool = False
    hotwords: bool = False
    prompt: bool = False
    model_itn: bool = False
    translates: bool = False
    keeps_language: bool = False
    join_ms: int = 0


@dataclass(frozen=True, slots=True)
class Abilities:
    """Options of a client that a loaded pipeline honours. A client that asks for another one is told.

    Args:
        languages: codes that the option `language` may name.
        any_language: its languages are not known before it is loaded.
        hotwords: the option `hotwords` has an effect.
        prompt: the option `prompt` has an effect.
        punctuates: texts can have marks.
        writes_numbers: texts can have written numbers.
        leaves_numbers: texts can have numbers as they were spoken.
        model_itn: the option `model_itn` has an effect.
        word_times: words have a start and an end.
        draft_options: partial texts follow the options too. A streaming recognizer takes none.
        knows: speech that it understands, in words that follow "knows". Empty where its bundle does not tell.
        translates: the option `task` may be "translate".
        join_ms: length up to which neighbouring segments of a recording are recognized as one; 0 = they are not.
    """

    languages: frozenset[str] = frozenset()
    hotwords: bool = False
    prompt: bool = False
    punctuates: bool = True
    writes_numbers: bool = True
    leaves_numbers: bool = True
    model_itn: bool = False
    word_times: bool = True
    draft_options: bool = False
    translates: bool = False
    join_ms: int = 0
    knows: str = ""
    any_language: bool = False

    def check_task(self, options: RecognitionOptions) -> None:
        """Check that the task of the options can be done.

        Raises:
            TaskUnavailableError: a translation is asked for, and no loaded model translates.
        """
        if options.task == "translate" and not self.translates:
            raise TaskUnavailableError("the loaded model does not translate: Whisper does", param="task")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Facts about the model that answers a request, for whoever reads the other options of the request.

    Args:
        abilities: options that it honours.
        warnings: told to the client that named a model, such as that another one stands in for it.
    """

    abilities: Abilities = Abilities()
    warnings: tuple[FieldWarning, ...] = ()


ChoiceOf: TypeAlias = Callable[[str | None], ModelChoice]
"""Returns what is known of the model that a name means. Raises `ModelNotFoundError` for an unknown name."""


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
    """Next step of one stream: its state, its new audio, and whether its utterance ends with it."""

    state: State
    audio: SegmentAudio
    is_last: bool


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

        A step that is not the last takes `chunk.step_ms` of audio, the last one anything up to that, also nothing.
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
            prompt=recognizer.prompt,
            punctuates=recognizer.punctuates or self.punctuator is not None,
            writes_numbers=recognizer.punctuates or self.itn is not None,
            leaves_numbers=not recognizer.punctuates or recognizer.model_itn,
            model_itn=recognizer.model_itn,
            word_times=recognizer.word_times,
            draft_options=self.has_drafts,
            knows=self.knows,
            translates=recognizer.translates,
            join_ms=recognizer.join_ms,
        )

    @property
    def has_drafts(self) -> bool:
        """True if partial texts are made by recognizing open speech again and again."""
        return self.allows_drafts and self.streaming is None and self.recognizer.capabilities.partials
