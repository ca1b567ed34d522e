"""What a live client asks for in its text frames: FunASR's first message and later ones, checked key by key.

A message counts as a whole or not at all. Keys that are left out keep their values; unknown keys are ignored.
"""

import json
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from paraserve.errors import ProtocolError
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.types import AudioFormat, ChunkSize, RecognitionOptions, StreamConfig, VadOverrides

MAX_MESSAGE_CHARS = 1_000_000
MAX_NAME_CHARS = 1_024
MAX_WORD_CHARS = 64
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 4_000, 192_000
"""Hz. One byte at a lower rate would become too much audio."""
MAX_ROWS = 100
"""Of each part of `chunk_size`: 6 s."""
MAX_CHUNKS = 1_000
MAX_TAIL_SILENCE_MS = 60_000
MIN_SEGMENT_MS, MAX_SEGMENT_MS = 500, 3_600_000
MODES = MappingProxyType({"2pass": "2pass", "online": "online", "offline": "offline", "office": "2pass"})
"""FunASR's C# client writes "office" and gets 2pass from FunASR's server."""
LANGUAGE = re.compile(r"[a-z]{2,3}|nospeech")
"""A code of two or three letters, or SenseVoice's name for none."""
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")

LiveMode = Literal["2pass", "online", "offline"]


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """All that a connection has asked for so far; the defaults are those of a client that sends audio only.

    `timing` adds to each result how long the server took for it.
    """

    mode: LiveMode = "2pass"
    wav_name: str = "wav-default-id"
    wav_format: str = "pcm"
    sample_rate: int = 16_000
    chunk: ChunkSize = field(default_factory=ChunkSize)
    encoder_look_back: int | None = None
    decoder_look_back: int | None = None
    max_end_silence_ms: int | None = None
    max_segment_ms: int | None = None
    speech_noise_threshold: float | None = None
    hotwords: tuple[str, ...] = ()
    itn: bool = True
    punctuate: bool = True
    model_itn: bool = True
    language: str | None = None
    deterministic: bool = False
    timing: bool = False

    @property
    def is_container(self) -> bool:
        """Whether the audio is a file (mp3, wav, ...) instead of raw samples."""
        return self.wav_format.lower() != "pcm"

    @property
    def audio(self) -> AudioFormat:
        """The raw samples."""
        return AudioFormat(sample_rate=self.sample_rate)

    @property
    def options(self) -> RecognitionOptions:
        """What recognition is asked for."""
        return RecognitionOptions(
            hotwords=self.hotwords,
            itn=self.itn,
            punctuate=self.punctuate,
            language=self.language,
            model_itn=self.model_itn,
            deterministic=self.deterministic,
        )

    def stream_config(self, session_id: str, *, realtime_punctuation: bool) -> StreamConfig:
        """The next utterance; mode offline has none."""
        return StreamConfig(
            mode="online" if self.mode == "online" else "2pass",
            audio=self.audio,
            chunk=self.chunk,
            encoder_look_back=self.encoder_look_back,
            decoder_look_back=self.decoder_look_back,
            vad=VadOverrides(self.max_end_silence_ms, self.max_segment_ms, self.speech_noise_threshold),
            wav_name=self.wav_name,
            session_id=session_id,
            options=self.options,
            realtime_punctuation=realtime_punctuation,
        )


def read_message(text: str) -> Mapping[str, Any]:
    """The JSON object of a text frame.

    Raises:
        ProtocolError: it is none, or too long.
    """
    if len(text) > MAX_MESSAGE_CHARS:
        problem = f"the message has {len(text)} characters, at most {MAX_MESSAGE_CHARS} are taken"
        raise ProtocolError(problem, code="message_too_large")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError(
            "the text frame is not JSON; audio goes into binary frames", code="invalid_json"
        ) from None
    if not isinstance(message, dict):
        raise ProtocolError(f"expected a JSON object, not {reprlib.repr(message)}", code="invalid_message")
    return message


@dataclass(frozen=True, slots=True)
class EndMarker:
    """What a message says of the utterance: whether it ends here, and whether that is to be acknowledged."""

    ends: bool
    wants_ack: bool


def end_marker(message: Mapping[str, Any]) -> EndMarker:
    """Read `is_speaking`, `is_finished` and `is_end`.

    Raises:
        ProtocolError: one of them is not true or false.
    """
    flags = {key: _flag(key, message[key]) for key in ("is_speaking", "is_finished", "is_end") if key in message}
    ends = flags.get("is_speaking") is False or flags.get("is_finished") is True
    return EndMarker(ends, wants_ack=ends and flags.get("is_end", False))


def apply_message(request: LiveRequest, message: Mapping[str, Any]) -> LiveRequest:
    """The request with the message's keys in place of its own.

    Raises:
        ProtocolError: names the key whose value cannot be used.
    """
    changes = {FIELDS[key][0]: FIELDS[key][1](key, value) for key, value in message.items() if key in FIELDS}
    for key in CHECKED.keys() & message.keys():
        CHECKED[key](key, message[key])
    return replace(request, **changes)


def _invalid(key: str, value: object, expected: str) -> ProtocolError:
    return ProtocolError(f"{key} must be {expected}, not {reprlib.repr(value)}", code="invalid_value", param=key)


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid(key, value, "true or false")
    return value


def _text(key: str, value: object, max_chars: int = MAX_NAME_CHARS) -> str:
    if not isinstance(value, str):
        raise _invalid(key, value, "text")
    if len(value) > max_chars:
        raise _invalid(key, value, f"at most {max_chars} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can write half of a surrogate pair, UTF-8 cannot
        raise _invalid(key, value, "Unicode text") from None
    return value


def _number(key: str, value: object, low: float, high: float) -> float:
    """A JSON number, or one as text."""
    number = float(value) if isinstance(value, str) and NUMBER.fullmatch(value) else value
    # Not a number fails every comparison.
    if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
        raise _invalid(key, value, f"a number from {low:g} to {high:g}")
    return number


def _whole(key: str, value: object, low: int, high: int) -> int:
    number = _number(key, value, low, high)
    if number != int(number):
        raise _invalid(key, value, "a whole number")
    return int(number)


def _whole_between(low: int, high: int) -> Callable[[str, Any], int]:
    return lambda key, value: _whole(key, value, low, high)


def _mode(key: str, value: object) -> str:
    name = _text(key, value, MAX_MESSAGE_CHARS)
    if name not in MODES:
        raise ProtocolError(
            f"unknown mode {reprlib.repr(name)}: expected 2pass, online or offline", code="unknown_mode", param=key
        )
    return MODES[name]


def _chunk(key: str, value: object) -> ChunkSize:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 3:
        raise _invalid(key, value, "three numbers, such as [5, 10, 5]")
    rows = [part.strip() if isinstance(part, str) else part for part in parts]
    past, current, future = (_whole(key, row, low, MAX_ROWS) for row, low in zip(rows, (0, 1, 0), strict=True))
    return ChunkSize(past, current, future)


def _look_back(key: str, value: object) -> int | None:
    chunks = _whole(key, value, -1, MAX_CHUNKS)
    return None if chunks < 0 else chunks


def _language(key: str, value: object) -> str | None:
    """FunASR takes an unknown language for "auto", and so do the models here."""
    name = _text(key, value, MAX_WORD_CHARS).lower()
    return name if LANGUAGE.fullmatch(name) else None


def _hotwords(key: str, value: object) -> tuple[str, ...]:
    words = parse_hotwords(value)
    for word in words:
        _text(key, word)
    return words


FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = MappingProxyType(
    {
        "mode": ("mode", _mode),
        "wav_name": ("wav_name", _text),
        "wav_format": ("wav_format", lambda key, value: _text(key, value, MAX_WORD_CHARS)),
        "audio_fs": ("sample_rate", _whole_between(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)),
        "chunk_size": ("chunk", _chunk),
        "encoder_chunk_look_back": ("encoder_look_back", _look_back),
        "decoder_chunk_look_back": ("decoder_look_back", _look_back),
        "vad_tail_sil": ("max_end_silence_ms", _whole_between(0, MAX_TAIL_SILENCE_MS)),
        "max_single_segment_time": ("max_segment_ms", _whole_between(MIN_SEGMENT_MS, MAX_SEGMENT_MS)),
        "speech_noise_thres": ("speech_noise_threshold", lambda key, value: float(_number(key, value, -1, 1))),
        "hotwords": ("hotwords", _hotwords),
        "itn": ("itn", _flag),
        "punctuate": ("punctuate", _flag),
        "svs_lang": ("language", _language),
        "svs_itn": ("model_itn", _flag),
        "deterministic": ("deterministic", _flag),
        "timing": ("timing", _flag),
    }
)
"""Key on the wire to attribute and reader."""
CHECKED: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType({"chunk_interval": _whole_between(1, MAX_CHUNKS)})
"""Keys that change nothing here: frames may have any length."""
