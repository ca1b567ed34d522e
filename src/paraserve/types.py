"""Plain data that all parts exchange. Times are int milliseconds from the start of the recording."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from paraserve.hotword_types import Hotword, HotwordHit, HotwordReport, IgnoredHotword
from paraserve.quality_types import AudioQuality
from paraserve.redaction_types import Redactions

SAMPLE_RATE = 16_000
"""Hz of all `Samples`."""
FRAME_MS = 10
"""Hop of one fbank frame."""
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
ROW_MS = 60
"""Length of one low-frame-rate row of a Paraformer: six frames."""

Samples: TypeAlias = npt.NDArray[np.float32]
"""float32 (n_samples,), mono, 16 kHz, in [-1, 1]. Only `features.fbank` rescales to the int16 range."""
Features: TypeAlias = npt.NDArray[np.float32]
"""float32 (n_frames, dim)."""
Int: TypeAlias = npt.NDArray[np.int64]
ChannelChoice: TypeAlias = int | Literal["split"] | None
Task: TypeAlias = Literal["transcribe", "translate"]
"""What to write: the words that were spoken, or what they mean in English."""


def samples_to_ms(n_samples: int) -> int:
    """Return the whole milliseconds in `n_samples` at 16 kHz, rounded down."""
    return n_samples * 1000 // SAMPLE_RATE


def ms_to_samples(ms: int) -> int:
    """Return the samples at 16 kHz in `ms` milliseconds. Always exact: a millisecond has 16 samples."""
    return ms * SAMPLE_RATE // 1000


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of speech."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """Properties that a file's container states before it is decoded.

    `duration_ms` is None where the container gives no dependable length (raw mp3 and aac, streamed wav and webm).
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class SegmentAudio:
    """Input of a recognizer: the segment's samples, and its fbank if it has been computed already.

    `features` is the plain 80-dimensional log-mel fbank (n_frames, 80), before LFR and CMVN. Segments start on
    multiples of 10 ms, so a slice of the recording's fbank equals the fbank of the segment. `before` is the recording
    in front of the segment, as far as somebody has asked for it. `hotwords` are those of this segment,
    for recognizers that take them segment by segment.
    """

    samples: Samples
    features: Features | None = None
    before: Samples = field(default_factory=lambda: np.zeros(0, np.float32), compare=False, repr=False)
    hotwords: tuple[Hotword, ...] = ()


@dataclass(frozen=True, slots=True)
class VadEvent:
    """Speech starts or ends at `at_ms`.

    `decided_ms` is the amount of audio that the decision needed. Neither depends on the sizes of the VAD steps.
    """

    kind: Literal["start", "end"]
    at_ms: int
    decided_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or character of the text, or (after ITN) what replaced several of them.

    Times are None where the model gives none. `score` is a probability in [0, 1]. `unit_ids` are the entries of the
    model's vocabulary that it was recognized as; a unit that several tokens share is with the first of them.
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    score: float = 1.0
    unit_ids: tuple[int, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Result of a recognizer for one segment. `score` is the mean of the tokens' probabilities.

    `language` is a code ("zh"); `emotion` and `events` are labels of the model ("NEUTRAL", "Speech").
    `is_punctuated`: `text` is final, with marks and written numbers, and the tokens are its words without marks.
    `itn`: True if the model was asked for written numbers, None if it has no such option. `model`: name of the model
    that wrote it, None where the server has only one. `model_reason` is the reason why that model wrote it
    (`runtime/routing/`).
    `unknown_units` counts the units that are not in the text: the model marked them as unknown, or a guard dropped
    them. `unsure` is the reason why text was given up ("unknown_units": the model knew none of them), else None.
    `hotwords` are those in the text, `hotwords_ignored` those of the list that have no effect.
    """

    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()
    text: str = ""
    score: float = 1.0
    language: str | None = None
    emotion: str | None = None
    events: tuple[str, ...] = ()
    is_punctuated: bool = False
    itn: bool | None = None
    model: str | None = None
    model_reason: str | None = None
    unknown_units: int = 0
    unsure: str | None = None
    hotwords: tuple[HotwordHit, ...] = ()
    hotwords_ignored: tuple[IgnoredHotword, ...] = ()


@dataclass(frozen=True, slots=True)
class Partial:
    """Text that one step of a streaming recognizer adds to its utterance.

    The joined texts of all steps are the utterance's text: no text is ever taken back. `tail` is text that may still
    change (the front of a word, letters that may become an abbreviation); a later `text` contains its final form.
    `tokens` are the words of `text`, with times relative to the utterance's start. `token_ids` are the vocabulary ids
    that this step recognized, `unknown_units` the number of those among them that the model marked as unknown.
    `hotwords` are those that this step completed, with times like those of the tokens, `hotwords_ignored` those of
    the list that have no effect.
    """

    text: str = ""
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    token_ids: tuple[int, ...] = ()
    unknown_units: int = 0
    hotwords: tuple[HotwordHit, ...] = ()
    hotwords_ignored: tuple[IgnoredHotword, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A punctuated span of text and its tokens; language, emotion, events and model as in `Hypothesis`.

    Where ITN wrote something otherwise than it was said, `spoken` is the text as it was said, with the same marks,
    and `spoken_tokens` are its words with their own times. Else both are empty. `channel` is that of split channels.
    """

    text: str
    start_ms: int | None
    end_ms: int | None
    tokens: tuple[Token, ...]
    language: str | None = None
    emotion: str | None = None
    events: tuple[str, ...] = ()
    model: str | None = None
    model_reason: str | None = None
    spoken: str = ""
    spoken_tokens: tuple[Token, ...] = ()
    channel: int | None = None

    @property
    def as_spoken(self) -> str:
        """Return the text as it was said, with its marks."""
        return self.spoken or self.text


@dataclass(frozen=True, slots=True)
class Timing:
    """Time spent on a request in milliseconds, summed over its parts, which overlap.

    `decode_ms` is the time of audio decoding.
    """

    queue_ms: int = 0
    decode_ms: int = 0
    inference_ms: int = 0


@dataclass(frozen=True, slots=True)
class FieldWarning:
    """A field of a request that is not honoured as it was meant, or a fact about the recording to know of.

    `code` names the case for programs, `param` the field (None: it is about no field), `message` is for people.
    """

    code: str
    param: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Speech that the detector found, and what the recognizer made of it.

    Of `speech_ms`, `recognized_ms` became text. `unknown_tokens` are units that did not: the model marks them as
    unknown, or a guard dropped them. Speech without any units gave no words at all, such as a cough.
    """

    speech_ms: int = 0
    recognized_ms: int = 0
    unknown_tokens: int = 0

    def __add__(self, other: "Heard") -> "Heard":
        return Heard(
            self.speech_ms + other.speech_ms,
            self.recognized_ms + other.recognized_ms,
            self.unknown_tokens + other.unknown_tokens,
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact about the whole answer that people should know. `code` is for programs, `message` says what to do."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of a whole recording.

    `language` is the one that was heard, None where the model tells none. `audio_received_ms` is the audio decoded,
    `audio_processed_ms` the audio that was judged silent or recognized; they are equal unless audio was lost.
    `damaged_packets` counts packets of the file that could not be decoded. `warnings` go into the answer. `heard`
    says how much of the speech was understood, and `notice` says so in words where it was too little. `task` is
    what was asked for: a translation is English, whatever `language` was spoken. `spoken` is the text as it was said
    where ITN wrote it otherwise, else "". `redactions` counts what was changed in both, None where nothing was to be.
    `hotwords` is None where the client sent none, `quality` where nobody asked for it. `channels` are the transcripts
    of split channels: `sentences` are then those of all by their starts, and each line of `text` begins with the
    number of a channel. `is_cached`: it was not made for this request, but for an earlier or an equal one.
    """

    text: str
    sentences: tuple[Sentence, ...]
    duration_ms: int
    language: str | None = None
    audio_received_ms: int = 0
    audio_processed_ms: int = 0
    damaged_packets: int = 0
    timing: Timing = field(default_factory=Timing)
    warnings: tuple[FieldWarning, ...] = ()
    heard: Heard = Heard()
    notice: Notice | None = None
    task: Task = "transcribe"
    spoken: str = ""
    hotwords: HotwordReport | None = None
    redactions: Redactions | None = None
    channels: tuple["Transcript", ...] = ()
    quality: AudioQuality | None = None
    is_cached: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """The next text of a live utterance. Times are ms from the start of the utterance.

    An "online" update adds `text` to its segment's text; an "offline" update replaces all of it. `tail` is text that
    may still change and is not part of `text`. `tokens` are the words of an online update, `sentences` those of an
    offline update. `seq` counts the updates, `segment_index` the segments. `start_ms` to `end_ms` is the audio that
    the update covers, `due_ms` the amount of audio that it needed. Exactly one update of an utterance is the `last`.
    `channel` is the one that it was said in where channels are split. `timing` is given with offline updates. `heard`
    counts the speech of the utterance so far, without open segments. `notice` is about the segment, that of the last
    update about the utterance. `spoken` is the text of an offline update as it was said where ITN wrote it otherwise,
    else "". `redactions` are those of the text where no later one replaces it, None where nothing was to be changed.
    `hotwords` is None where the client sent none. `is_committed`: the client ended the segment here, or there was
    none to end. `quality` (of the audio so far, with final texts) is None where nobody asked for it.
    """

    kind: Literal["online", "offline"]
    text: str
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    seq: int = 0
    segment_index: int = 0
    start_ms: int = 0
    end_ms: int = 0
    due_ms: int = 0
    last: bool = False
    channel: int | None = None
    timing: Timing | None = field(default=None, compare=False)
    heard: Heard = field(default=Heard(), compare=False)
    notice: Notice | None = None
    spoken: str = ""
    hotwords: HotwordReport | None = None
    redactions: Redactions | None = None
    is_committed: bool = False
    quality: AudioQuality | None = field(default=None, compare=False)
