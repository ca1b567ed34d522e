"""What the protocols of gRPC share: reading a message, and the end of a client's messages."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from paraserve.errors import ProtocolError
from paraserve.server.protocols.requests import Frame

END_OF_REQUESTS = ""
"""The frame, the only one of text, that stands for the end of the client's messages."""

AnyMessage = TypeVar("AnyMessage", bound=Message)


def read_message(kind: type[AnyMessage], frame: Frame) -> AnyMessage:
    """Return the message of a frame.

    Raises:
        ProtocolError: the bytes are no message of this kind.
    """
    try:
        assert isinstance(frame, bytes)
        return kind.FromString(frame)
    except DecodeError:
        problem = f"the bytes are no {kind.DESCRIPTOR.full_name}"
        raise ProtocolError(problem, code="invalid_message") from None
