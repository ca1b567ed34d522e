"""Keys and messages of FunASR's protocol for clients that return after a break of their connection."""

from typing import Annotated, Literal

from pydantic import MISSING, ConfigDict, Field

from paraserve.server.protocols.schemas.documented import Documented

NumberText = Annotated[str, Field(pattern=r"^[+-]?[0-9]{1,12}(\.[0-9]{1,12})?$")]


class ResumeKeys(Documented):
    """Keys of the client."""

    resume: bool | MISSING | None = MISSING
    """`true`: the session is kept for a while after a break. A `FunasrSession` answers. Default `false`."""
    session_token: str | MISSING | None = Field(MISSING, max_length=64)
    """In the first message of a new connection: go on with this session. If it is still there, no other keys of the
    message count but `seq` and `sent_bytes`. Else a session begins as with `resume`."""
    seq: Annotated[int, Field(ge=0)] | NumberText | MISSING | None = MISSING
    """With `session_token`: number of the last message that the client had. Default 0."""
    sent_bytes: Annotated[int, Field(ge=0)] | NumberText | MISSING | None = MISSING
    """With `session_token`: where in the session's audio the bytes begin that are sent next. Default: where the
    server's end."""
    final_until_ms: Annotated[int, Field(ge=0)] | NumberText | MISSING | None = MISSING
    """Audio from the start of the connection's first utterance on whose final texts the client has, from another
    session. They are not sent again. Default 0. For mode `2pass`."""


class Covering(Documented):
    """Keys of a final text."""

    final_until_ms: int | MISSING = Field(MISSING, ge=0)
    """In a session that is kept: the audio from the start of the utterance that has its final texts."""
    resume_from_ms: int | MISSING = Field(MISSING, ge=0)
    """In a session that is kept: audio before this need not be sent again elsewhere if the session is lost."""


class Numbered(Documented):
    """A message that may have a number."""

    seq: int | MISSING = Field(MISSING, ge=1)
    """In a session that is kept: number of the message, from 1. It may come again after a break, with its number."""


class FunasrSession(Documented):
    """The first message to a client that asked to `resume`, or has returned with a `session_token`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_token": "k3J",
                    "resumed": False,
                    "mode": "2pass",
                    "wav_name": "a",
                    "text": "",
                    "is_final": False,
                },
                {
                    "session_token": "k3J",
                    "resumed": True,
                    "received_bytes": 64000,
                    "received_messages": 1,
                    "mode": "2pass",
                    "wav_name": "a",
                    "text": "",
                    "is_final": False,
                },
            ]
        }
    )

    session_token: str
    """What the client returns with after a break. It serves the API key that it was given to."""
    resumed: bool
    """`true`: the session goes on. `false`: it is a new one, which knows nothing of another."""
    received_bytes: int | MISSING = Field(MISSING, ge=0)
    """Of a session that goes on: bytes of audio that have come. The client sends what follows them."""
    received_messages: int | MISSING = Field(MISSING, ge=0)
    """Of a session that goes on: text frames that have come, without those that returned to it. The
    client sends those that follow, such as an end marker."""
    mode: Literal["2pass", "online", "offline"]
    """The mode that the client asked for."""
    wav_name: str
    """The client's `wav_name`."""
    text: Literal[""]
    """Always empty."""
    is_final: Literal[False]
    """Always `false`."""
