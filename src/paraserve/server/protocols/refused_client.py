"""A client that asks in its address for something that it cannot have."""

from collections.abc import Sequence

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.server.protocols.events import Event
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.requests import BadMessage, Frame, LiveSettings, Request, Returning


class RefusedClient:
    """It is told of the error in its own protocol, once it has shown its key. Matches `LiveProtocol`."""

    def __init__(self, protocol: LiveProtocol, error: ProtocolError) -> None:
        self.error = error
        self._protocol = protocol

    @property
    def name(self) -> str:
        """Return the name of the client's protocol."""
        return self._protocol.name

    @property
    def settings(self) -> LiveSettings:
        """Return those of the client's protocol."""
        return self._protocol.settings

    def read(self, frame: Frame) -> Sequence[Request]:  # noqa: ARG002 - whatever it says
        """Return the error."""
        return (BadMessage(self.error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:
        """Write as the client's protocol does."""
        return self._protocol.write(event, took_s)

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - whatever it says
        """Return None: it has no session to return to."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code of the client's protocol."""
        return self._protocol.close_code(error)
