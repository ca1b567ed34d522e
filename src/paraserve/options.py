"""A client's choices: for one recording, or for one live utterance."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.redaction_types import Mask
from paraserve.types import ROW_MS, SAMPLE_RATE, ChannelChoice, Task


@dataclass(frozen=True, slots=True)
class VadOverrides:
    """Voice activity detection settings of one stream; None keeps the model's own.

    `speech_noise_threshold` is the least difference between the probabilities of speech and noise, in [-1, 1].
    `start_padding_ms` is the audio that a segment has before the window in which its speech was found.
    """

    max_end_silence_ms: int | None = None
    max_segment_ms: int | None = None
    speech_noise_threshold: float | None = None
    start_padding_ms: int | None = None


NO_OVERRIDES = VadOverrides()


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


NO_REDACTION, USUAL_RULE = Redaction(), HotwordRule()


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """A client's choices for one recording.

    `channel` selects one channel of the audio (0-based), "split" each for itself; None mixes all down. `track`
    selects one of its audio tracks (0-based); None takes the default one, or the first with sound. `deterministic`
    runs every model on one item at a time, so that the text does not depend on the server's load. `language` None
    lets the model detect it. `model_itn` False asks a model that writes numbers and marks itself for neither.
    `word_times` False allows the model to leave word times out. A `draft` is a partial text that is soon replaced:
    speed matters more than quality. `model` is a name or an alias of one of the server's models; None or "auto"
    leaves the choice to the server. `heard_language` is that of the speech before in the same stream: a model need
    not find out again. `task` "translate" wants English text of speech in any language, which not every model can
    give. `lm` False goes without the language model. `redaction` is done to the written text, after all models. `vad`
    changes the detector for this recording; a live utterance has its own in `StreamConfig`. `merge_vad` merges
    neighbouring segments up to `merge_length_ms`, as FunASR does; None keeps the operator's choice. `auto_gain`
    amplifies quiet speech before all models, `noise_suppression` takes noise out before that, `audio_quality`
    measures it as it comes. `first_ms` is the audio from the start that a recording is taken for, None for all.
    Requests that differ only from `redaction` on are equal, so they share batches.
    """

    hotwords: tuple[Hotword, ...] = ()
    itn: bool = True
    punctuate: bool = True
    language: str | None = None
    deterministic: bool = False
    prompt: str | None = None
    channel: ChannelChoice = None
    track: int | None = None
    model_itn: bool = True
    word_times: bool = True
    draft: bool = False
    model: str | None = None
    heard_language: str | None = None
    task: Task = "transcribe"
    hotword_rule: HotwordRule = USUAL_RULE
    lm: bool = True
    redaction: Redaction = field(default=NO_REDACTION, compare=False)
    vad: VadOverrides = field(default=NO_OVERRIDES, compare=False)
    merge_vad: bool | None = field(default=None, compare=False)
    merge_length_ms: int | None = field(default=None, compare=False)
    auto_gain: bool = field(default=False, compare=False)
    noise_suppression: bool = field(default=False, compare=False)
    audio_quality: bool = field(default=False, compare=False)
    first_ms: int | None = field(default=None, compare=False)


MAX_SPLIT_CHANNELS = 8
"""Channels that are transcribed each for itself: one costs as much as a recording."""
Encoding: TypeAlias = Literal["int16", "float32", "alaw", "mulaw"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Raw audio as a client sends it, channels interleaved: little-endian integers or floats, or bytes of G.711."""

    sample_rate: int = SAMPLE_RATE
    channels: int = 1
    encoding: Encoding = "int16"


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
class SemanticEndpoint:
    """Silence in ms that ends a segment whose words are a complete sentence, and one whose words are not."""

    complete_ms: int = 400
    incomplete_ms: int = 1200


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A client's choices for one live utterance.

    `encoder_look_back` and `decoder_look_back` count the chunks that a streaming model may look back at; None = the
    model's own. `realtime_punctuation` puts each segment's closing mark before the next segment's text.
    `partial_punctuation` puts marks into partial texts. `endpoint` lets the punctuation model decide how much silence
    ends a segment; None = it does not. `empty_finals` gives segments without words a final text, too. The client has
    the final texts of the first `final_until_ms` of the audio already, from another connection.
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
    partial_punctuation: bool = False
    endpoint: SemanticEndpoint | None = None
    final_until_ms: int = 0
    empty_finals: bool = False
