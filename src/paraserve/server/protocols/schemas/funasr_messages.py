"""Messages of FunASR's WebSocket protocol, in both directions."""

from typing import Annotated, Literal

from pydantic import MISSING, ConfigDict, Field

from paraserve.options import MAX_SPLIT_CHANNELS
from paraserve.server.protocols.schemas.audio_quality import WithAudioQuality
from paraserve.server.protocols.schemas.channels import InChannel, WithChannels
from paraserve.server.protocols.schemas.funasr_answers import FunasrTimes
from paraserve.server.protocols.schemas.funasr_events import FunasrToken
from paraserve.server.protocols.schemas.live_errors import LiveError
from paraserve.server.protocols.schemas.redactions import Masks, Profanity, Replacements, WithRedactions
from paraserve.server.protocols.schemas.session_messages import Covering, Numbered, NumberText, ResumeKeys
from paraserve.server.protocols.schemas.transcript_answers import HotwordFacts, SpokenProperties, WithSpoken
from paraserve.server.protocols.schemas.warnings import Shortfall, WithWarnings

Rows = Annotated[int, Field(ge=0, le=100)] | NumberText
ChunkSizes = Annotated[list[Rows], Field(min_length=3, max_length=3)]
ChunkSizesText = Annotated[str, Field(pattern=r"^[^,]+,[^,]+,[^,]+$")]
Channel = Annotated[int, Field(ge=0, lt=MAX_SPLIT_CHANNELS)]
Chunks = Annotated[int, Field(ge=-1, le=1000)]


class FunasrRequest(ResumeKeys):
    """A text frame of the client. Absent and null keys keep their values. Numbers may be text.

    Unknown keys, and known ones that have no effect here, are told in `warnings` of the next result.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mode": "2pass", "wav_name": "a", "audio_fs": 16000, "chunk_size": [5, 10, 5], "is_speaking": True},
                {"mode": "offline", "wav_name": "a.mp3", "wav_format": "mp3", "hotwords": '{"阿里巴巴": 20}'},
                {"is_speaking": False, "is_end": True},
            ]
        }
    )

    mode: Literal["2pass", "online", "offline", "office"] | MISSING | None = MISSING
    """`2pass` (default, also called `office`): partials, then each segment again with punctuation. `online`: partials
    only. `offline`: one result at the end."""
    wav_name: str | MISSING | None = Field(MISSING, max_length=1024)
    """Name that comes back in every result. Default `wav-default-id`."""
    wav_format: str | MISSING | None = Field(MISSING, max_length=64)
    """`pcm` (default): raw 16-bit little-endian. `f32le`: floats. `alaw`, `mulaw`: G.711. Anything else names a file:
    Ogg, WebM, MP3, FLAC and others are decoded as they arrive, whatever is named."""
    audio_fs: Annotated[int, Field(ge=4000, le=192_000)] | NumberText | MISSING | None = MISSING
    """Sample rate of raw audio in Hz. Default 16000. What the audio itself tells counts instead."""
    channels: Annotated[int, Field(ge=1, le=MAX_SPLIT_CHANNELS)] | NumberText | MISSING | None = MISSING
    """Channels of raw audio, interleaved. Default 1. What the audio itself tells counts instead."""
    channel: Channel | NumberText | Literal["split"] | MISSING | None = MISSING
    """Channel to take, from 0. `split`: each channel gets results of its own. Default: all are mixed."""
    chunk_size: ChunkSizes | ChunkSizesText | MISSING | None = Field(MISSING, examples=[[5, 10, 5], "5,10,5"])
    """Past, step and future of the streaming model in units of 60 ms. Default `[5,10,5]`. A step of 2 to 100, at most
    4 steps of past and one of future. Short steps take more than one place of `--max-live`."""
    chunk_interval: Annotated[int, Field(ge=1, le=1000)] | NumberText | MISSING | None = MISSING
    """Frames may have any length. Another value than 10 gets a warning."""
    encoder_chunk_look_back: Chunks | NumberText | MISSING | None = MISSING
    """-1 (default): the encoder looks back as its graph says. Other values get a warning."""
    decoder_chunk_look_back: Chunks | NumberText | MISSING | None = MISSING
    """-1 (default): the decoder looks back as its graph says. Other values get a warning."""
    is_speaking: bool | MISSING | None = MISSING
    """`false` ends the utterance."""
    is_finished: bool | MISSING | None = MISSING
    """`true` ends the utterance."""
    is_end: bool | MISSING | None = MISSING
    """`true` in a message that ends the utterance asks for an acknowledgement."""
    hotwords: str | list[str] | dict[str, float | NumberText] | MISSING | None = Field(
        MISSING, examples=['{"阿里巴巴": 20}']
    )
    """Words to expect: an object of words and weights, a list, the text of either, the lines of FunASR's hotword
    file, or words with commas or spaces between them. A word may be `word:weight`. The usual weight is 20."""
    itn: bool | MISSING | None = MISSING
    """`false` leaves numbers, dates and times as spoken. Default `true`."""
    svs_lang: str | MISSING | None = Field(MISSING, max_length=64)
    """Language by code or name, where the model has several. Default `auto`."""
    svs_itn: bool | MISSING | None = MISSING
    """`false`: a SenseVoice writes neither marks nor numbers. Default `true`."""
    vad_tail_sil: Annotated[int, Field(ge=0, le=60_000)] | NumberText | MISSING | None = MISSING
    """Milliseconds of silence that end a segment. Default: the model's own."""
    max_single_segment_time: Annotated[int, Field(ge=500, le=3_600_000)] | NumberText | MISSING | None = MISSING
    """Milliseconds after which a segment is ended anyway. Default: the model's own."""
    speech_noise_thres: Annotated[float, Field(ge=-1, le=1)] | NumberText | MISSING | None = MISSING
    """Difference of probabilities by which speech must exceed noise. Default: the model's own."""
    merge_vad: bool | MISSING | None = MISSING
    """In mode `offline`: `true` merges neighbouring segments before recognition. Default: the server's setting."""
    merge_length_s: Annotated[float, Field(ge=1, le=60)] | NumberText | MISSING | None = MISSING
    """In mode `offline`: longest merged segment in seconds, which asks for merging. Default: the server's."""
    punctuate: bool | MISSING | None = MISSING
    """`false` leaves out punctuation. Default `true`."""
    deterministic: bool | MISSING | None = MISSING
    """`true`: the text does not depend on what else the server is doing. Default `false`."""
    lm: bool | MISSING | None = MISSING
    """`false` goes without the language model, in partial and final texts. Default `true`, where there is one."""
    model: str | MISSING | None = Field(MISSING, max_length=64, examples=["auto", "demo"])
    """Model that answers, by a name or an alias of `/v1/models`, from the next utterance on. Default `auto`: the
    server chooses."""
    task: Literal["transcribe", "translate"] | MISSING | None = MISSING
    """`translate` writes English, whatever language is spoken. For Whisper: other models refuse it with
    `task_unavailable`. Default `transcribe`."""
    replacements: Replacements | MISSING | None = Field(
        MISSING, examples=[{"魔打": "魔搭"}, ["teh=>the"], "teh=>the;wrold=>world"]
    )
    """Texts to replace in what was recognized: an object of wrong and right texts, a list of `wrong=>right`, or text
    with semicolons, commas or line ends between them. Whole words, the longest first. Default: none."""
    profanity: Profanity | MISSING | None = Field(MISSING, examples=[["damn"], "damn,hell"])
    """Words and phrases to write as `***`: a list, or text with commas between them. Default: none."""
    mask: Masks | MISSING | None = Field(MISSING, examples=["all", "phone,card", ["email"]])
    """Numbers and addresses to write as stars: `phone`, `id_number`, `card`, `email`, several of them, `all` or
    `none`. Default `none`."""
    commit: bool | MISSING | None = MISSING
    """`true` ends the open segment where the audio is. Exactly one result answers it, with `commit`. Speech that goes
    on is the next segment."""
    token_times: bool | MISSING | None = MISSING
    """`true` adds `tokens` to results. Default `false`."""
    confidence: bool | MISSING | None = MISSING
    """`true` adds `confidence` to results, and to their `tokens`. Default `false`."""
    tail: bool | MISSING | None = MISSING
    """`true` adds `tail` to partials. Default `false`."""
    speech_events: bool | MISSING | None = MISSING
    """`true`: a `FunasrSpeechEvent` tells of each start and end of speech. Default `false`."""
    partial_punctuation: bool | MISSING | None = MISSING
    """`true` puts marks into partials, where a realtime punctuation model is loaded. Default `false`."""
    semantic_endpoint: bool | MISSING | None = MISSING
    """`true`: little silence ends a segment after a complete sentence, more silence ends it amid one. The settings
    `endpoint_complete_ms` and `endpoint_incomplete_ms` say how much. Default `false`."""
    auto_gain: bool | MISSING | None = MISSING
    """`true` amplifies quiet speech before it is detected, from the next utterance on. Default `false`."""
    noise_suppression: bool | MISSING | None = MISSING
    """`true` takes steady noise out of the audio first, from the next utterance on. Default `false`. The server needs
    the package webrtc-noise-gain for it."""
    audio_quality: bool | MISSING | None = MISSING
    """`true` adds `audio_quality` to final texts and to the last result. Default `false`."""
    timing: bool | MISSING | None = MISSING
    """`true` adds `server_ms` and `due_ms` to results. Default `false`."""


class FunasrResult(WithRedactions, WithWarnings, Numbered):
    """Keys of every result."""

    text: str
    """The text. Its meaning depends on the kind of result."""
    wav_name: str
    """The client's `wav_name`."""
    is_final: bool
    """`true` on exactly one result of an utterance, its last. Never with `--protocol strict --mode offline`."""
    server_ms: float | MISSING = Field(MISSING, ge=0)
    """With `timing`: milliseconds from the frame that made the result possible to its sending."""
    due_ms: int | MISSING = Field(MISSING, ge=0)
    """With `timing`: milliseconds of audio up to that frame. Not in mode `offline`."""
    tokens: list[FunasrToken] | MISSING = MISSING
    """With `token_times`: the words of the text. Of a partial, those that are new. Absent without words."""
    confidence: float | MISSING = Field(MISSING, ge=0, le=1)
    """With `confidence`: mean probability of the words of the text. Absent without words."""


class FunasrPartial(FunasrResult, HotwordFacts, Shortfall, InChannel, WithAudioQuality):
    """New words of a segment that is still open, without punctuation. Its text adds to the partials before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mode": "2pass-online", "text": "今天", "wav_name": "a", "is_final": False},
            ]
        }
    )

    tail: str | MISSING = MISSING
    """With the request's `tail`: text behind all partials of the segment so far, which may still change. A later
    partial has its final form in `text`. It comes without new text, too."""
    commit: Literal[True] | MISSING = MISSING
    """`true` on the one result that answers a `commit`: the segment ends with it. In mode `online`."""
    mode: Literal["2pass-online"] | MISSING = MISSING
    """`2pass-online`. Absent on a final without text with `--protocol strict`."""
    slice_type: Literal[0, 1] | MISSING = MISSING
    """With `--protocol strict`: 0 for the first partial of a sentence, 1 for others."""
    index: int | MISSING = Field(MISSING, ge=0)
    """With `--protocol strict`: number of the sentence on the connection."""


class FunasrSegmentResult(
    FunasrResult,
    Covering,
    FunasrTimes,
    SpokenProperties,
    WithSpoken,
    HotwordFacts,
    Shortfall,
    InChannel,
    WithAudioQuality,
):
    """The text of a segment with punctuation, in place of all its partials."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "2pass-offline",
                    "text": "你好。",
                    "wav_name": "a",
                    "is_final": False,
                    "timestamp": "[[430,670],[670,810]]",
                    "stamp_sents": [
                        {
                            "text_seg": "你 好",
                            "punc": "。",
                            "start": 430,
                            "end": 810,
                            "ts_list": [[430, 670], [670, 810]],
                        }
                    ],
                },
                {"mode": "2pass-offline", "text": "", "wav_name": "a", "is_final": True},
            ]
        }
    )

    commit: Literal[True] | MISSING = MISSING
    """`true` on the one result that answers a `commit`: the segment ends with it. Empty where no speech was open."""
    mode: Literal["2pass-offline"] | MISSING = MISSING
    """`2pass-offline`. Absent on a final without text with `--protocol strict`."""
    slice_type: Literal[2] | MISSING = MISSING
    """With `--protocol strict`: always 2."""
    index: int | MISSING = Field(MISSING, ge=0)
    """With `--protocol strict`: number of the sentence on the connection."""
    start_time: int | MISSING = Field(MISSING, ge=0)
    """With `--protocol strict`: start of the segment in ms."""
    end_time: int | MISSING = Field(MISSING, ge=0)
    """With `--protocol strict`: end of the segment in ms."""


class FunasrRecordingResult(
    FunasrResult, FunasrTimes, SpokenProperties, WithSpoken, HotwordFacts, Shortfall, WithChannels, WithAudioQuality
):
    """The one result of mode `offline`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mode": "offline", "text": "", "wav_name": "a.mp3", "is_final": True},
            ]
        }
    )

    mode: Literal["2pass-offline", "offline"]
    """`offline` with `--mode offline`, else `2pass-offline`."""


class FunasrErrorResult(FunasrResult):
    """An error in the shape of a result."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "2pass-offline",
                    "text": "",
                    "wav_name": "a",
                    "is_final": False,
                    "error": {"code": "unknown_mode", "message": "unknown mode 'fast'", "request_id": "call-7"},
                },
            ]
        }
    )

    mode: Literal["2pass-online", "2pass-offline", "offline"]
    """The mode of an utterance's last result."""
    text: Literal[""]
    """Always empty."""
    error: LiveError
    """Facts about the failure."""


class FunasrAcknowledgement(Numbered):
    """The answer to an end marker with `is_end`, after the last result."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"is_end": True, "is_final": True, "mode": "2pass", "wav_name": "a", "text": ""},
            ]
        }
    )

    is_end: Literal[True]
    """Always `true`."""
    is_final: bool
    """`false` if something was wrong with the utterance."""
    mode: Literal["2pass", "online", "offline"]
    """The mode that the client asked for."""
    wav_name: str
    """The client's `wav_name`."""
    text: Literal[""]
    """Always empty."""
    error: str | MISSING = MISSING
    """Description of the problem for people. Absent if there was none."""
