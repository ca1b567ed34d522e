"""A client's choices: for one recording, or for one live utterance."""

from dataclasses import dataclass, field
from typing import Literal

from paraserve.hotword_types import Hotword
from paraserve.redaction_types import Mask
from paraserve.types import ROW_MS, SAMPLE_RATE, Task


@dataclass(frozen=True, slots=True)
class VadOverrides:
    """Voice activity detection settings of one stream; None keeps the model's own.

    `speech_noise_threshold` is the least difference between the probabilities of speech and noise, in [-1, 1].
    """

    max_end_silence_ms: int | None = None
    max_segment_ms: int | None = None
    speech_noise_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class HotwordRule:
    """The operator's rule for hotwords, in nats (natural logarithm).

    A hotword of weight 20 may be less probable than the model's own text by `bonus` a unit, two thirds of it where it
    is one unit. Weights scale that. No unit more than `cap` less probable than the best one is written. `in_graph`:
    contextual models take hotwords into their graph, too.
    """

    bonus: float = 3.0
    cap: float = 4.0
    in_graph: bool = True


@dataclass(frozen=True, slots=True)
class Redaction:
    """Changes of the written text: pairs of wrong and right texts, texts to hide, and kinds of numbers to mask.

    The empty one changes nothing.
    """

    replacements: tuple[tuple[str, str], ...] = ()
    profanity: tuple[str, ...] = ()
    masks: frozenset[Mask] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.replacements or self.profanity or self.masks)


NO_REDACTION = Redaction()


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """A client's choices for one recording.

    `channel` selects one channel of the file (0-based); None mixes all down. `track` selects one of its audio tracks
    (0-based); None takes the default one, or the first with sound. `deterministic` runs every model on one
    item at a time, so that the text does not depend on the server's load. `language` None lets the model detect it.
    `model_itn` False asks a model that writes numbers and marks itself for neither. `word_times` False allows the
    model to leave word times out. A `draft` is a partial text that is soon replaced: speed matters more than quality.
    `model` is a name or an alias of one of the server's models; None or "auto" leaves the choice to the server.
    `heard_language` is that of the speech before in the same stream: a model need not find out again. `task`
    "translate" wants English text of speech in any language, which not every model can give. `lm` False goes without
    the language model. `redaction` is done to the written text, after all models. `auto_gain` amplifies quiet speech
    before all models, `noise_suppression` takes noise out before that, `audio_quality` measures it as it comes.
    Requests that differ in nothing but these four are equal, so they share batches.
    """

    hotwords: tuple[Hotword, ...] = ()
    itn: bool = True
    punctuate: bool = True
    language: str | None = None
    deterministic: bool = False
    prompt: str | None = None
    channel: int | None = None
    track: int | None = None
    model_itn: bool = True
    word_times: bool = True
    draft: bool = False
    model: str | None = None
    heard_language: str | None = None
    task: Task = "transcribe"
    hotword_rule: HotwordRule = HotwordRule()
    lm: bool = True
    redaction: Redaction = field(default=NO_REDACTION, compare=False)
    auto_gain: bool = field(default=False, compare=False)
    noise_suppression: bool = field(default=False, compare=False)
    audio_quality: bool = field(default=False, compare=False)


CUE_S_RANGE, LINES_RANGE, LATIN_CHARS_RANGE, CHINESE_CHARS_RANGE = (1, 3600), (1, 10), (10, 500), (5, 500)
"""Least and greatest values of the limits below, of the first in seconds."""


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """Limits of subtitles: the duration of a cue, its lines, and the characters of a line.

    A line has room for `latin_chars` characters of normal width, or for `chinese_chars` wide ones. In a mixed line
    the two shares add up to at most 1. `is_spoken` writes numbers, dates and times as they were said.
    """

    cue_ms: int = 7_000
    lines: int = 2
    latin_chars: int = 42
    chinese_chars: int = 20
    is_spoken: bool = False


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Raw audio as a client sends it, channels interleaved: 16-bit little-endian integers, or bytes of G.711."""

    sample_rate: int = SAMPLE_RATE
    channels: int = 1
    encoding: Literal["int16", "alaw", "mulaw"] = "int16"


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """FunASR's `chunk_size` in rows of 60 ms: past context, the rows of one step, future context.

    Raises:
        ValueError: a negative size, or a step without rows.
    """

    past: int = 5
    current: int = 10
    future: int = 5

    def __post_init__(self) -> None:
        if min(self.past, self.future) < 0 or self.current < 1:
            raise ValueError("chunk_size is [past >= 0, current >= 1, future >= 0]")

    @property
    def step_ms(self) -> int:
        """Milliseconds of audio that one step takes."""
        return self.current * ROW_MS


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A client's choices for one live utterance.

    `encoder_look_back` and `decoder_look_back` count the chunks that a streaming model may look back at; None = the
    model's own. `realtime_punctuation` puts each segment's closing mark before the next segment's text.
    """

    mode: Literal["2pass", "online"] = "2pass"
    audio: AudioFormat = AudioFormat()
    chunk: ChunkSize = ChunkSize()
    encoder_look_back: int | None = None
    decoder_look_back: int | None = None
    vad: VadOverrides = VadOverrides()
    wav_name: str = ""
    session_id: str = ""
    options: RecognitionOptions = RecognitionOptions()
    realtime_punctuation: bool = False
