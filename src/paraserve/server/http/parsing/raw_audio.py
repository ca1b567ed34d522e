"""Raw audio without a header, as its media type (`audio/L16;rate=16000`) or the field `encoding` says.

It goes to the decoder as a WAV. A recording that has a WAV header already is taken by that.
"""

import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from paraserve.errors import ProtocolError
from paraserve.runtime.decoding.spool import spool
from paraserve.server.http.parsing.form_fields import FormFields, read_digits
from paraserve.server.protocols.option_warnings import not_honoured
from paraserve.types import SAMPLE_RATE, FieldWarning

PCM, FLOAT, A_LAW, MU_LAW = 1, 3, 6, 7
"""Format tags of WAV."""
TELEPHONE_RATE = 8_000
RATES, CHANNELS, BITS = range(1_000, 1_000_001), range(1, 65), range(8, 33, 8)
"""Hz, channels and bits of a sample that the decoder takes."""
MAX_DIGITS = 7
HEADER_BYTES = 44
BLOCK_BYTES = 12 * 1024**2 // 10
"""Divisible by 2, 3 and 4: no sample is cut."""
LOOK_BYTES = 2 * 1024**2
"""The byte order is found in the first minute of audio."""
PARAMETER = re.compile(r"\s*([\w-]+)\s*=\s*\"?([^\"]*?)\"?\s*")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Samples of raw audio. `byte_order` is "little" or "big", and "" where the audio itself is to tell."""

    tag: int
    width_bytes: int
    byte_order: str = "little"
    rate: int | None = None


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "linear16": Encoding(PCM, 2),
        "s16be": Encoding(PCM, 2, "big"),
        "u8": Encoding(PCM, 1),
        "s24le": Encoding(PCM, 3),
        "s24be": Encoding(PCM, 3, "big"),
        "s32le": Encoding(PCM, 4),
        "s32be": Encoding(PCM, 4, "big"),
        "f32le": Encoding(FLOAT, 4),
        "f32be": Encoding(FLOAT, 4, "big"),
        "mulaw": Encoding(MU_LAW, 1, rate=TELEPHONE_RATE),
        "alaw": Encoding(A_LAW, 1, rate=TELEPHONE_RATE),
    }
)
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {"pcm": "linear16", "pcm16": "linear16", "s16le": "linear16", "l16": "linear16", "int16": "linear16"}
    | {"l8": "u8", "linear32": "s32le", "float32": "f32le", "ulaw": "mulaw", "pcmu": "mulaw", "pcma": "alaw"}
    | {"g711ulaw": "mulaw", "g711alaw": "alaw", "pcmmulaw": "mulaw", "pcmalaw": "alaw"}
    | {"pcms16le": "linear16", "pcms16be": "s16be", "pcmf32le": "f32le", "pcmu8": "u8"}
)
MEDIA_TYPES: Mapping[str, Encoding] = MappingProxyType(
    {
        "audio/l16": Encoding(PCM, 2, ""),
        "audio/l24": Encoding(PCM, 3, "big"),
        "audio/l8": Encoding(PCM, 1),
        "audio/basic": ENCODINGS["mulaw"],
        "audio/pcma": ENCODINGS["alaw"],
        "audio/x-alaw": ENCODINGS["alaw"],
        "audio/pcmu": ENCODINGS["mulaw"],
        "audio/x-mulaw": ENCODINGS["mulaw"],
        "audio/pcm": ENCODINGS["linear16"],
        "audio/x-pcm": ENCODINGS["linear16"],
        "audio/x-raw": ENCODINGS["linear16"],
    }
)
"""`audio/L16` is big-endian by RFC 2586, and many clients send little-endian."""


@dataclass(frozen=True, slots=True)
class RawAudio:
    """Layout of raw audio."""

    encoding: Encoding
    sample_rate: int
    channels: int


def read_raw_audio(content_type: str, fields: FormFields) -> RawAudio | None:
    """Return the layout that the content type or the fields `encoding`, `sample_rate`, `channels` tell.

    None for a recording that is a file.

    Raises:
        ProtocolError: names the field that cannot be used.
    """
    media_type, *parameters = re.split("[;,]", content_type)
    known = MEDIA_TYPES.get(media_type.strip().lower())
    matches = [PARAMETER.fullmatch(text.lower()) for text in parameters]
    given = {match[1]: match[2] for match in matches if match}
    name, rate = fields.last("encoding"), _read(fields, "sample_rate", RATES)
    channels = _read(fields, "channels", CHANNELS)
    encoding = _encoding(name) if name is not None else known and _with_parameters(known, given)
    if encoding is None:
        for field in ("sample_rate", "channels"):
            if fields.last(field):
                fields.warn(not_honoured(field, "the file tells its own; it is for raw audio, with encoding"))
        return None
    rate = rate or _number("rate", given, RATES) or encoding.rate
    if rate is None:
        fields.warn(FieldWarning("assumed_value", "sample_rate", f"none is given, so {SAMPLE_RATE} Hz is taken"))
    return RawAudio(encoding, rate or SAMPLE_RATE, channels or _number("channels", given, CHANNELS) or 1)


def _read(fields: FormFields, name: str, limits: range) -> int | None:
    value = read_digits(fields, name, MAX_DIGITS)
    if value is not None and value not in limits:
        problem = f"{name} must be {limits[0]} to {limits[-1]}, not {value}"
        raise ProtocolError(problem, code="invalid_value", param=name)
    return value


def _encoding(name: str) -> Encoding:
    plain = re.sub("[-_. ]", "", name.lower())
    found = ENCODINGS.get(SYNONYMS.get(plain, plain))
    if found is None:
        problem = f"encoding {name[:40]!r} is not known: expected one of {', '.join(ENCODINGS)}"
        raise ProtocolError(problem, code="invalid_value", param="encoding")
    return found


def _with_parameters(known: Encoding, given: Mapping[str, str]) -> Encoding:
    """Return the encoding as parameters of the media type change it: GStreamer's `format`, IBM's `endianness`."""
    if "format" in given:
        known = _encoding(given["format"])
    if (bits := _number("bits", given, BITS)) is not None:
        known = replace(known, width_bytes=bits // 8)
    order = given.get("endianness", "").removesuffix("-endian")
    return replace(known, byte_order=order) if order in ("big", "little") else known


def _number(name: str, given: Mapping[str, str], limits: range) -> int | None:
    """Return a number among the parameters of the media type, None where it is absent."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS or int(text) not in limits:
        problem = f"{name} of the content type must be {limits[0]} to {limits[-1]}, not {text[:20]!r}"
        raise ProtocolError(problem, code="invalid_value", param="file")
    return int(text)


@contextmanager
def as_wav(file: BinaryIO, raw: RawAudio | None) -> Iterator[BinaryIO]:
    """Return the file, or a copy of its raw audio with the header of a WAV. Blocks while it copies."""
    head = file.read(12)
    file.seek(0)
    if raw is None or not head or (head[:4] == b"RIFF" and head[8:] == b"WAVE"):
        yield file
        return
    with spool() as wav:
        wav.write(bytes(HEADER_BYTES))
        if raw.encoding.width_bytes > 1 and _is_big_endian(file, raw):
            _copy_swapped(file, wav, raw.encoding.width_bytes)
        else:
            shutil.copyfileobj(file, wav, BLOCK_BYTES)
        n_bytes = wav.tell() - HEADER_BYTES
        wav.seek(0)
        wav.write(_header(raw, n_bytes))
        wav.seek(0)
        yield wav


def _is_big_endian(file: BinaryIO, raw: RawAudio) -> bool:
    """Tell the byte order. Where nothing states it, neighbouring samples differ less in the right one."""
    if raw.encoding.byte_order:
        return raw.encoding.byte_order == "big"
    data = file.read(LOOK_BYTES)
    file.seek(0)
    data = data[: len(data) // 2 * 2]
    little, big = (
        np.abs(np.diff(np.frombuffer(data, order).astype(np.int32)[:: raw.channels])).sum(dtype=np.int64)
        for order in ("<i2", ">i2")
    )
    return bool(big <= little)


def _copy_swapped(file: BinaryIO, wav: BinaryIO, width: int) -> None:
    while block := file.read(BLOCK_BYTES):
        whole = len(block) // width * width
        wav.write(np.frombuffer(block[:whole], np.uint8).reshape(-1, width)[:, ::-1].tobytes())


def _header(raw: RawAudio, n_bytes: int) -> bytes:
    width, tag = raw.encoding.width_bytes, raw.encoding.tag
    frame, size = width * raw.channels, min(n_bytes, 2**32 - 1 - HEADER_BYTES)
    layout = (tag, raw.channels, raw.sample_rate, min(raw.sample_rate * frame, 2**32 - 1), frame, 8 * width)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + HEADER_BYTES - 8, b"WAVE", b"fmt ", 16, *layout, b"data", size
    )
