"""Text frames of FunASR's live clients, checked key by key.

A message counts as a whole or not at all. Keys that are left out keep their values; unknown keys are ignored.
"""

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from paraserve.errors import ProtocolError
from paraserve.server.protocols.events import LiveSettings
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.server.protocols.json_values import (
    MAX_MESSAGE_CHARS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    invalid_value,
    read_flag,
    read_number,
    read_text,
    read_whole,
)
from paraserve.types import SAMPLE_RATE, AudioFormat, ChunkSize, RecognitionOptions, StreamConfig, VadOverrides

MAX_WORD_CHARS = 64
MAX_ROWS = 100
"""Most units of 60 ms in each part of `chunk_size`: 6 s."""
MIN_STEP_ROWS = 2
MAX_PAST_STEPS = 4
"""Past in lengths of a step. Each step computes its past and future again, so this bounds the cost of the audio."""
MAX_CHUNKS = 1_000
MAX_TAIL_SILENCE_MS = 60_000
MIN_SEGMENT_MS, MAX_SEGMENT_MS = 500, 3_600_000
MODES = MappingProxyType({"2pass": "2pass", "online": "online", "offline": "offline", "office": "2pass"})
"""FunASR's C# client writes "office" and gets 2pass from FunASR's server."""
LANGUAGE = re.compile(r"[a-z]{2,3}|nospeech")
"""A code of two or three letters, or SenseVoice's name for none."""

TELEPHONY_RATE = 8000
RAW_FORMATS: Mapping[str, Literal["int16", "alaw", "mulaw"]] = MappingProxyType(
    {
        "pcm": "int16",
        "alaw": "alaw",
        "a-law": "alaw",
        "pcma": "alaw",
        "g711a": "alaw",
        "mulaw": "mulaw",
        "mu-law": "mulaw",
        "ulaw": "mulaw",
        "u-law": "mulaw",
        "pcmu": "mulaw",
        "g711u": "mulaw",
    }
)
"""Values of `wav_format` that mean raw audio. All others mean files."""
LiveMode = Literal["2pass", "online", "offline"]


@dataclass(frozen=True, slots=True)
class FunasrSettings:
    """The values of all keys so far. The defaults are those of a client that sends audio only.

    `timing` adds the server's time to each result.
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
    def audio(self) -> AudioFormat:
        """Return the format of raw audio. G.711 at 16 kHz is nowhere: FunASR's clients name that rate by default."""
        encoding = RAW_FORMATS.get(self.wav_format.lower(), "int16")
        is_telephony = encoding != "int16" and self.sample_rate == SAMPLE_RATE
        return AudioFormat(TELEPHONY_RATE if is_telephony else self.sample_rate, encoding=encoding)

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
            vad=VadOverrides(self.max_end_silence_ms, self.max_segment_ms, self.speech_noise_threshold),
            wav_name=self.wav_name,
            session_id=session_id,
            options=self._options(),
            realtime_punctuation=realtime_punctuation,
        )
        return LiveSettings(stream, is_recording, None if self.wav_format.lower() in RAW_FORMATS else self.wav_format)

    def _options(self) -> RecognitionOptions:
        return RecognitionOptions(
            hotwords=self.hotwords,
            itn=self.itn,
            punctuate=self.punctuate,
            language=self.language,
            model_itn=self.model_itn,
            deterministic=self.deterministic,
        )


@dataclass(frozen=True, slots=True)
class EndMarker:
    """The part of a message that ends the utterance (`ends`) and asks for an acknowledgement of it."""

    ends: bool = False
    wants_acknowledgement: bool = False


def end_marker(message: Mapping[str, Any]) -> EndMarker:
    """Read `is_speaking`, `is_finished` and `is_end`.

    Raises:
        ProtocolError: one of them is not true or false.
    """
    flags = {key: read_flag(key, message[key]) for key in ("is_speaking", "is_finished", "is_end") if key in message}
    ends = flags.get("is_speaking") is False or flags.get("is_finished") is True
    return EndMarker(ends, wants_acknowledgement=ends and flags.get("is_end", False))


def apply_message(settings: FunasrSettings, message: Mapping[str, Any]) -> FunasrSettings:
    """Return the settings with the message's values in place of their own.

    Raises:
        ProtocolError: names the key whose value cannot be used.
    """
    changes = {FIELDS[key][0]: FIELDS[key][1](key, value) for key, value in message.items() if key in FIELDS}
    for key in CHECKED.keys() & message.keys():
        CHECKED[key](key, message[key])
    return replace(settings, **changes)


def _whole_between(low: int, high: int) -> Callable[[str, Any], int]:
    return lambda key, value: read_whole(key, value, low, high)


def _mode(key: str, value: object) -> str:
    name = read_text(key, value, MAX_MESSAGE_CHARS)
    if name not in MODES:
        raise ProtocolError(
            f"unknown mode {reprlib.repr(name)}: expected 2pass, online or offline", code="unknown_mode", param=key
        )
    return MODES[name]


def _chunk(key: str, value: object) -> ChunkSize:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) != 3:
        raise invalid_value(key, value, "three numbers, such as [5, 10, 5]")
    rows = [part.strip() if isinstance(part, str) else part for part in parts]
    past, current, future = (read_whole(key, row, 0, MAX_ROWS) for row in rows)
    if current < MIN_STEP_ROWS or past > MAX_PAST_STEPS * current or future > current:
        raise invalid_value(
            key,
            value,
            f"[past, step, future] with a step of {MIN_STEP_ROWS} to {MAX_ROWS}, "
            f"at most {MAX_PAST_STEPS} steps of past and one step of future",
        )
    return ChunkSize(past, current, future)


def _look_back(key: str, value: object) -> int | None:
    chunks = read_whole(key, value, -1, MAX_CHUNKS)
    return None if chunks < 0 else chunks


def _language(key: str, value: object) -> str | None:
    """Return the language, None for an unknown one, which FunASR too takes for "auto"."""
    name = read_text(key, value, MAX_WORD_CHARS).lower()
    return name if LANGUAGE.fullmatch(name) else None


def _hotwords(key: str, value: object) -> tuple[str, ...]:
    words = parse_hotwords(value)
    for word in words:
        read_text(key, word)
    return words


FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = MappingProxyType(
    {
        "mode": ("mode", _mode),
        "wav_name": ("wav_name", read_text),
        "wav_format": ("wav_format", lambda key, value: read_text(key, value, MAX_WORD_CHARS)),
        "audio_fs": ("sample_rate", _whole_between(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)),
        "chunk_size": ("chunk", _chunk),
        "encoder_chunk_look_back": ("encoder_look_back", _look_back),
        "decoder_chunk_look_back": ("decoder_look_back", _look_back),
        "vad_tail_sil": ("max_end_silence_ms", _whole_between(0, MAX_TAIL_SILENCE_MS)),
        "max_single_segment_time": ("max_segment_ms", _whole_between(MIN_SEGMENT_MS, MAX_SEGMENT_MS)),
        "speech_noise_thres": ("speech_noise_threshold", lambda key, value: float(read_number(key, value, -1, 1))),
        "hotwords": ("hotwords", _hotwords),
        "itn": ("itn", read_flag),
        "punctuate": ("punctuate", read_flag),
        "svs_lang": ("language", _language),
        "svs_itn": ("model_itn", read_flag),
        "deterministic": ("deterministic", read_flag),
        "timing": ("timing", read_flag),
    }
)
"""Key on the wire to attribute of `FunasrSettings` and reader."""
CHECKED: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType({"chunk_interval": _whole_between(1, MAX_CHUNKS)})
"""Keys that change nothing here: frames may have any length."""
