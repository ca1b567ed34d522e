"""The seam between live sessions and the protocols of their clients."""

from collections.abc import Sequence
from typing import Protocol

from paraserve.errors import ParaserveError
from paraserve.server.protocols.events import Event
from paraserve.server.protocols.requests import Frame, LiveSettings, Request, Returning


class LiveProtocol(Protocol):
    """The messages of one connection. An object of it is made for each connection and may keep its state.

    `read` is called for each frame of the client, in order; `write` for each event, in order, at the moment when the
    client can take it. The two run in different tasks and must not rely on each other's progress: what a message
    changes for later results begins with `Configured`.
    """

    @property
    def name(self) -> str:
        """Return the name of the protocol, for operators."""
        ...

    @property
    def settings(self) -> LiveSettings:
        """Return the settings that count before the client's first message."""
        ...

    def read(self, frame: Frame) -> Sequence[Request]:
        """Return what the client asks for with this frame, in order. Never raises."""
        ...

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:
        """Return the frames that tell the client of this event, none where the protocol has no words for it.

        `took_s` is the time since `received_s` of the event.
        """
        ...

    def returning(self, frame: str) -> Returning | None:
        """Return the session that a client wants back with its first message, None if it wants none."""
        ...

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code that the connection is closed with after this error, None where it goes on."""
        ...
