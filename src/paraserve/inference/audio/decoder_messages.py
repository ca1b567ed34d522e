"""What a decode child and its reader say to each other over a Unix stream socket.

One request, a JSON object with the recording's file descriptor passed along, is answered by frames: info, then
blocks, then end; or an error in place of any of them. A frame is a header of 16 bytes and a payload. No frame is
sent unasked, and the child waits in `send` while nobody reads, so neither side ever holds more than a block.
"""

import json
import struct
from dataclasses import asdict, dataclass

from paraserve import errors
from paraserve.errors import DecoderError, ParaserveError
from paraserve.types import RecordingInfo

MAX_REQUEST_BYTES = 4096
MAX_PAYLOAD_BYTES = 30 * 16_000 * 4
"""30 s of float32 samples; a header that announces more is not from a healthy child."""
EXIT_OUT_OF_MEMORY = 12
"""Exit status of a child that ran into its memory limit: it cannot rely on being able to build a message."""

INFO, BLOCK, END, ERROR = b"I", b"B", b"E", b"X"
_HEADER = struct.Struct("<cxxxIII")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """`damaged_packets` and `decode_ms` (time spent decoding, not waiting) are totals up to this frame."""

    kind: bytes
    payload_bytes: int
    damaged_packets: int
    decode_ms: int


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """How to decode the descriptor that comes with it."""

    channel: int | None
    max_duration_ms: int | None


def pack_header(header: FrameHeader) -> bytes:
    """16 bytes, little-endian."""
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


def pack_request(request: DecodeRequest) -> bytes:
    """JSON, well below MAX_REQUEST_BYTES."""
    return json.dumps(asdict(request)).encode()


def unpack_request(data: bytes) -> DecodeRequest:
    """Read what `pack_request` wrote."""
    return DecodeRequest(**json.loads(data))


def pack_info(info: RecordingInfo) -> bytes:
    """JSON."""
    return json.dumps(asdict(info)).encode()


def unpack_info(data: bytes | bytearray) -> RecordingInfo:
    """Read what `pack_info` wrote."""
    return RecordingInfo(**json.loads(data))


def pack_error(error: ParaserveError) -> bytes:
    """JSON of the class's name and of what the error carries."""
    fields = {"message": error.message, "code": error.code, "param": error.param}
    return json.dumps({"type": type(error).__name__, **fields}).encode()


def unpack_error(data: bytes | bytearray) -> ParaserveError:
    """The same error, of the same class of `paraserve.errors`."""
    fields = json.loads(data)
    error_type: type[ParaserveError] = getattr(errors, fields["type"])
    return error_type(fields["message"], code=fields["code"], param=fields["param"])
