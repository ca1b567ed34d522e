"""Messages between a decode child and its reader, over a Unix stream socket.

A request is a JSON object, with the recording's file descriptor passed along. The answer is a sequence of frames:
info, then blocks, then end with the warnings. An error may come in place of any of them. A frame is a header of 16
bytes and a payload. The child sends frames only in answer to a
request, and waits while nobody reads, so neither side holds more than a block.

The audio of a live client comes without a descriptor. Whenever the child has decoded all that it was given, it says
so (`WANT`), and the reader answers with the next bytes, behind their number. No bytes mean the end.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from paraserve import errors
from paraserve.errors import DecoderError, ParaserveError
from paraserve.types import ChannelChoice, RecordingInfo

MAX_REQUEST_BYTES = 4096
MAX_PAYLOAD_BYTES = 30 * 16_000 * 4
"""30 s of float32 samples. A header that announces more is damaged."""
EXIT_OUT_OF_MEMORY = 12
"""Exit status of a child that ran into its memory limit, since building an error message needs memory."""

INFO, BLOCK, END, ERROR, PONG, WANT = b"I", b"B", b"E", b"X", b"P", b"W"
PING = b"ping"
"""Message in place of a request. The answer is a `PONG` without a payload."""
_COUNT = struct.Struct("<I")
COUNT_BYTES = _COUNT.size
_HEADER = struct.Struct("<cxxxIII")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Header of a frame.

    Args:
        damaged_packets: total up to this frame.
        decode_ms: time spent on decoding, without waiting for the reader; total up to this frame.
    """

    kind: bytes
    payload_bytes: int
    damaged_packets: int
    decode_ms: int


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """Choices for decoding the file whose descriptor comes with the request; None chooses nothing.

    Args:
        channel: 0-based channel to take; None mixes all of them down.
        track: 0-based audio track to take; None takes the default one, or the first with sound.
        max_duration_ms: longest recording that is accepted.
    """

    channel: int | None
    track: int | None
    max_duration_ms: int | None


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Choices for decoding bytes as they arrive.

    Args:
        container: FFmpeg's name of the container; None leaves it to the first bytes.
        channel: the channel to take; "split" sends blocks of (n_samples, n_channels).
    """

    container: str | None
    channel: ChannelChoice


def pack_header(header: FrameHeader) -> bytes:
    """Return 16 bytes, little-endian."""
    return _HEADER.pack(header.kind, header.payload_bytes, header.damaged_packets, header.decode_ms)


def unpack_header(data: bytes | bytearray) -> FrameHeader:
    """Read what `pack_header` wrote.

    Raises:
        DecoderError: the payload is larger than any frame may be.
    """
    header = FrameHeader(*_HEADER.unpack(data))
    if header.payload_bytes > MAX_PAYLOAD_BYTES:
        raise DecoderError(f"the decoder announced a frame of {header.payload_bytes} bytes", code="decoder_died")
    return header


def pack_request(request: DecodeRequest | LiveRequest) -> bytes:
    """Return JSON, well below MAX_REQUEST_BYTES."""
    return json.dumps(asdict(request)).encode()


def unpack_request(data: bytes) -> DecodeRequest | LiveRequest:
    """Read what `pack_request` wrote."""
    fields = json.loads(data)
    return LiveRequest(**fields) if "container" in fields else DecodeRequest(**fields)


def pack_bytes(data: bytes) -> bytes:
    """Return the bytes of a live client behind their number."""
    return _COUNT.pack(len(data)) + data


def unpack_count(data: bytes) -> int:
    """Return the number before the bytes of `pack_bytes`."""
    (count,) = _COUNT.unpack(data)
    return int(count)


def pack_info(info: RecordingInfo) -> bytes:
    """Return JSON."""
    return json.dumps(asdict(info)).encode()


def unpack_info(data: bytes | bytearray) -> RecordingInfo:
    """Read what `pack_info` wrote."""
    return RecordingInfo(**json.loads(data))


def pack_warnings(warnings: Sequence[tuple[str, str]]) -> bytes:
    """Return JSON of codes and sentences."""
    return json.dumps(list(warnings)).encode()


def unpack_warnings(data: bytes | bytearray) -> list[tuple[str, str]]:
    """Read what `pack_warnings` wrote."""
    return [(code, message) for code, message in json.loads(data)]


def pack_error(error: ParaserveError) -> bytes:
    """Return JSON of the class's name and of the error's message, code and param."""
    fields = {"message": error.message, "code": error.code, "param": error.param}
    return json.dumps({"type": type(error).__name__, **fields}).encode()


def unpack_error(data: bytes | bytearray) -> ParaserveError:
    """Return an equal error of the same class of `paraserve.errors`."""
    fields = json.loads(data)
    error_type: type[ParaserveError] = getattr(errors, fields["type"])
    return error_type(fields["message"], code=fields["code"], param=fields["param"])
