"""Requests of live clients, whatever their protocol."""

from dataclasses import dataclass, field
from typing import TypeAlias

from paraserve.errors import ProtocolError
from paraserve.options import StreamConfig

Frame: TypeAlias = str | bytes
"""A WebSocket message: text or binary."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The recognition that a client has asked for so far.

    `stream` holds the format of raw audio, the options and the settings of partial and final texts. `is_recording`:
    the utterance is recognized as one recording after its end (FunASR's mode offline). `file_format` is the
    client's name for the kind of file that it sends, None for raw audio. `speech_events` asks for `SpeechChanged`.
    """

    stream: StreamConfig = field(default_factory=StreamConfig)
    is_recording: bool = False
    file_format: str | None = None
    speech_events: bool = False

    @property
    def mode(self) -> str:
        """Return "2pass", "online" or "offline"."""
        return "offline" if self.is_recording else self.stream.mode


@dataclass(frozen=True, slots=True)
class Audio:
    """The next bytes of the utterance; the first ones begin it. With `wants_reply`, `Acknowledged` follows.

    With `commits` the open segment ends after them, and exactly one text has `is_committed` for it.
    """

    data: bytes
    wants_reply: bool = False
    commits: bool = False


@dataclass(frozen=True, slots=True)
class Configure:
    """Settings in place of the previous ones; `Configured` follows.

    `stream.options` count from the next segment on, all else from the next utterance on.
    """

    settings: LiveSettings


@dataclass(frozen=True, slots=True)
class EndUtterance:
    """The utterance is complete. `Finished` follows its last text, with the same `wants_reply`.

    `problem` describes a mistake in the message that the end came in, "" for none. With `closes_connection`, the
    connection is closed after `Finished`.
    """

    wants_reply: bool = False
    problem: str = ""
    closes_connection: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """The utterance is over, and its audio since the last end of speech is dropped: no text of that comes.

    `Cleared` follows the texts of what had ended before.
    """


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message that cannot be obeyed and changes nothing; `Failed` follows."""

    error: ProtocolError


@dataclass(frozen=True, slots=True)
class KeepSession:
    """The client wants to be able to return after its connection broke; `SessionKept` follows."""


Request: TypeAlias = Audio | Configure | EndUtterance | Clear | BadMessage | KeepSession


@dataclass(frozen=True, slots=True)
class Returning:
    """A client's wish to go on with a kept session over a new connection.

    `seq` is the number of the last message that it had. `sent_bytes` is where in the session's audio the bytes
    begin that it sends next, None for where the server's end.
    """

    token: str
    seq: int = 0
    sent_bytes: int | None = None
