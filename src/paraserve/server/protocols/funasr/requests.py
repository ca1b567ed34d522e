"""Text frames of FunASR's live clients, checked key by key.

Each good value counts, whatever the others are. Keys that are left out or null keep their values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.options import (
    AudioFormat,
    ChunkSize,
    Encoding,
    RecognitionOptions,
    Redaction,
    SemanticEndpoint,
    StreamConfig,
    VadOverrides,
)
from paraserve.redaction_types import Mask
from paraserve.server.protocols.funasr.message_fields import FIELDS
from paraserve.server.protocols.json_values import (
    read_flag,
)
from paraserve.server.protocols.languages import AUTO, NO_SPEECH, language_code
from paraserve.server.protocols.requests import LiveSettings
from paraserve.types import SAMPLE_RATE, ChannelChoice, Task

MAX_ERRORS = 3
"""Most bad values of a message that its error names."""
MARKERS = ("is_speaking", "is_finished", "is_end", "commit")
FRAME_INTERVAL = 10
"""The `chunk_interval` that FunASR's clients send where nobody chose one."""
TELEPHONY_RATE = 8000
RAW_FORMATS: Mapping[str, Encoding] = MappingProxyType(
    {
        **dict.fromkeys(("pcm", "s16le", "pcm_s16le"), "int16"),
        **dict.fromkeys(("f32le", "pcm_f32le", "float32"), "float32"),
        **dict.fromkeys(["alaw", "a-law", "pcma", "g711a"], "alaw"),
        **dict.fromkeys(["mulaw", "mu-law", "ulaw", "u-law", "pcmu", "g711u"], "mulaw"),
    }
)
"""Values of `wav_format` that mean raw audio. All others mean files."""
LiveMode = Literal["2pass", "online", "offline"]


@dataclass(frozen=True, slots=True)
class FunasrSettings:
    """The values of all keys so far. The defaults are those of a client that sends audio only.

    `timing` adds the server's time to each result, `token_times` its words with their times, `confidence` the
    probability of the text and of its words, `tail` what may still change. The last five are those of
    `resuming.py`.
    """

    mode: LiveMode = "2pass"
    wav_name: str = "wav-default-id"
    wav_format: str = "pcm"
    sample_rate: int = 16_000
    channels: int = 1
    channel: ChannelChoice = None
    chunk: ChunkSize = field(default_factory=ChunkSize)
    chunk_interval: int = FRAME_INTERVAL
    encoder_look_back: int | None = None
    decoder_look_back: int | None = None
    max_end_silence_ms: int | None = None
    max_segment_ms: int | None = None
    speech_noise_threshold: float | None = None
    merge_vad: bool | None = None
    merge_length_ms: int | None = None
    hotwords: tuple[Hotword, ...] = ()
    itn: bool = True
    punctuate: bool = True
    model_itn: bool = True
    language_name: str = AUTO
    model: str | None = None
    deterministic: bool = False
    lm: bool = True
    task: Task = "transcribe"
    timing: bool = False
    replacements: tuple[tuple[str, str], ...] = ()
    profanity: tuple[str, ...] = ()
    masks: frozenset[Mask] = frozenset()
    token_times: bool = False
    confidence: bool = False
    tail: bool = False
    speech_events: bool = False
    partial_punctuation: bool = False
    semantic_endpoint: bool = False
    auto_gain: bool = False
    noise_suppression: bool = False
    audio_quality: bool = False
    resume: bool = False
    session_token: str = ""
    seq: int = 0
    sent_bytes: int | None = None
    final_until_ms: int = 0

    @property
    def wants_session(self) -> bool:
        """Return True for a client that wants to be able to return, or has just returned."""
        return self.resume or bool(self.session_token)

    @property
    def file_name(self) -> str | None:
        """Return the client's name for the format of a file, None for raw audio."""
        return None if self.wav_format.lower() in RAW_FORMATS else self.wav_format

    @property
    def audio(self) -> AudioFormat:
        """Return the format of raw audio. G.711 at 16 kHz is nowhere: FunASR's clients name that rate by default."""
        encoding = RAW_FORMATS.get(self.wav_format.lower(), "int16")
        is_telephony = encoding in {"alaw", "mulaw"} and self.sample_rate == SAMPLE_RATE
        return AudioFormat(TELEPHONY_RATE if is_telephony else self.sample_rate, self.channels, encoding)

    @property
    def language(self) -> str | None:
        """Return the code of the language, None for an unknown one, which FunASR too takes for "auto"."""
        name = self.language_name.lower()
        return name if name == NO_SPEECH else language_code(name)

    @property
    def options(self) -> RecognitionOptions:
        """Return the choices for the recognition."""
        return RecognitionOptions(
            hotwords=self.hotwords,
            itn=self.itn,
            punctuate=self.punctuate,
            language=self.language,
            model_itn=self.model_itn,
            deterministic=self.deterministic,
            lm=self.lm,
            channel=self.channel,
            model=self.model,
            task=self.task,
            redaction=Redaction(self.replacements, self.profanity, self.masks),
            vad=self.vad,
            merge_vad=True if self.merge_vad is None and self.merge_length_ms is not None else self.merge_vad,
            merge_length_ms=self.merge_length_ms,
            auto_gain=self.auto_gain,
            noise_suppression=self.noise_suppression,
            audio_quality=self.audio_quality,
        )

    @property
    def vad(self) -> VadOverrides:
        """Return the choices for the detector."""
        return VadOverrides(self.max_end_silence_ms, self.max_segment_ms, self.speech_noise_threshold)

    def live_settings(
        self, session_id: str, *, is_recording: bool = False, realtime_punctuation: bool = False
    ) -> LiveSettings:
        """Return what the session needs of it."""
        stream = StreamConfig(
            mode="online" if self.mode == "online" else "2pass",
            audio=self.audio,
            chunk=self.chunk,
            encoder_look_back=self.encoder_look_back,
            decoder_look_back=self.decoder_look_back,
            vad=self.vad,
            wav_name=self.wav_name,
            session_id=session_id,
            options=self.options,
            realtime_punctuation=realtime_punctuation,
            partial_punctuation=self.partial_punctuation,
            endpoint=SemanticEndpoint() if self.semantic_endpoint else None,
            final_until_ms=self.final_until_ms,
        )
        return LiveSettings(stream, is_recording, self.file_name, self.speech_events)


@dataclass(frozen=True, slots=True)
class EndMarker:
    """The part of a message that ends the utterance (`ends`) and asks for an acknowledgement of it."""

    ends: bool = False
    wants_acknowledgement: bool = False


@dataclass(frozen=True, slots=True)
class FunasrMessage:
    """A message: settings with its good values, its end marker, an error for each bad value.

    `known` are the keys of its good values, `unknown` those that mean nothing here. `commits`: the open segment ends.
    """

    settings: FunasrSettings
    end: EndMarker = EndMarker()
    errors: tuple[ProtocolError, ...] = ()
    known: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()
    commits: bool = False

    def without_model(self, model: str | None, error: ProtocolError) -> "FunasrMessage":
        """Return the message with another model in its settings, and why it is not the one that it names."""
        settings, known = replace(self.settings, model=model), self.known - {"model"}
        return replace(self, settings=settings, errors=(*self.errors, error), known=known)

    @property
    def error(self) -> ProtocolError | None:
        """Return all errors as one, which has code and key of the first. None if all values are good."""
        if not self.errors:
            return None
        first = self.errors[0]
        others = [error.message for error in self.errors[1:MAX_ERRORS]]
        return ProtocolError("; ".join((first.message, *others)), code=first.code, param=first.param)


def apply_message(settings: FunasrSettings, message: Mapping[str, Any]) -> FunasrMessage:
    """Read a message, with `settings` as the values of the keys that it leaves out. Never raises."""
    changes: dict[str, Any] = {}
    flags: dict[str, bool] = {}
    errors: list[ProtocolError] = []
    known: set[str] = set()
    unknown: list[str] = []
    for key, value in message.items():
        try:
            if value is None:
                continue
            if key in MARKERS:
                flags[key] = read_flag(key, value)
            elif key in FIELDS:
                attribute, reader = FIELDS[key]
                changes[attribute] = reader(key, value)
                known.add(key)
            else:
                unknown.append(key)
        except ProtocolError as error:
            errors.append(error)
    return FunasrMessage(
        replace(settings, **changes),
        _end_marker(flags),
        tuple(errors),
        frozenset(known),
        tuple(unknown),
        flags.get("commit", False),
    )


def _end_marker(flags: Mapping[str, bool]) -> EndMarker:
    ends = flags.get("is_speaking") is False or flags.get("is_finished") is True
    return EndMarker(ends, wants_acknowledgement=ends and flags.get("is_end", False))
