"""Readers of the values of FunASR's keys: each returns a checked value, or raises an error that names the key."""

import reprlib
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.option_values import MERGE_S_RANGE
from paraserve.options import MAX_SPLIT_CHANNELS, ChunkSize
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.server.protocols.json_values import (
    MAX_MESSAGE_CHARS,
    invalid_value,
    read_number,
    read_text,
    read_whole,
)
from paraserve.types import ChannelChoice

MAX_WORD_CHARS = 64
MAX_ROWS = 100
"""Most units of 60 ms in each part of `chunk_size`: 6 s."""
MIN_STEP_ROWS = 2
MAX_PAST_STEPS = 4
"""Past in lengths of a step. Each step computes its past and future again, so this bounds the cost of the audio."""
MAX_CHUNKS = 1_000
MODES = MappingProxyType({"2pass": "2pass", "online": "online", "offline": "offline", "office": "2pass"})
"""FunASR's C# client writes "office" and gets 2pass from FunASR's server."""


def whole_between(low: int, high: int) -> Callable[[str, Any], int]:
    """Return a reader of whole numbers between the two."""
    return lambda key, value: read_whole(key, value, low, high)


def number_between(low: float, high: float) -> Callable[[str, Any], float]:
    """Return a reader of numbers between the two."""
    return lambda key, value: float(read_number(key, value, low, high))


def read_mode(key: str, value: object) -> str:
    """Return the mode by the name that clients give it."""
    name = read_text(key, value, MAX_MESSAGE_CHARS)
    if name not in MODES:
        raise ProtocolError(
            f"unknown mode {reprlib.repr(name)}: expected 2pass, online or offline", code="unknown_mode", param=key
        )
    return MODES[name]


def read_chunk(key: str, value: object) -> ChunkSize:
    """Return `chunk_size`, a list of three numbers or their text with commas."""
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


def read_channel(key: str, value: object) -> ChannelChoice:
    """Read the channel to take, or "split" for each for itself."""
    return "split" if value == "split" else read_whole(key, value, 0, MAX_SPLIT_CHANNELS - 1)


def read_look_back(key: str, value: object) -> int | None:
    """Return a number of chunks, None for -1: the model's own."""
    chunks = read_whole(key, value, -1, MAX_CHUNKS)
    return None if chunks < 0 else chunks


def read_hotwords(key: str, value: object) -> tuple[Hotword, ...]:
    """Return hotwords in any form that clients write."""
    words = parse_hotwords(value)
    for word in words:
        read_text(key, word.text)
    return words


def read_word(key: str, value: object) -> str:
    """Return a short text: a name, a language, a format."""
    return read_text(key, value, MAX_WORD_CHARS)


def read_merge_length_ms(key: str, value: object) -> int:
    """Return a length of merged segments, given in seconds."""
    return round(read_number(key, value, *MERGE_S_RANGE) * 1000)
