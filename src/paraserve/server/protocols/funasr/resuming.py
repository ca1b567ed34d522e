"""Keys of a client that wants to be able to return after its connection broke, and the numbers of its messages."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.server.protocols.events import SegmentText, SessionKept
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.json_values import read_flag, read_object, read_text, read_whole
from paraserve.server.protocols.requests import Returning
from paraserve.types import FRAME_MS

MAX_TOKEN_CHARS = 64
MAX_COUNT = 2**53
"""Greatest whole number that every JSON reader keeps."""
LEAD_MS = 1000
"""Audio before a segment that another server hears again, so that its detector finds the segment as this one did."""
MAX_SPEECH_MS = 60_000
"""Speech without a pause that is heard again from its start at most. Longer speech begins again at a cut."""


def _count(key: str, value: object) -> int:
    return read_whole(key, value, 0, MAX_COUNT)


RESUME_FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = MappingProxyType(
    {
        "resume": ("resume", read_flag),
        "session_token": ("session_token", lambda key, value: read_text(key, value, MAX_TOKEN_CHARS)),
        "seq": ("seq", _count),
        "sent_bytes": ("sent_bytes", _count),
        "final_until_ms": ("final_until_ms", _count),
    }
)
"""Key on the wire to attribute of `FunasrSettings` and reader."""


def read_returning(frame: str) -> Returning | None:
    """Return the session that a first message names, None if it names none or cannot be read."""
    if '"session_token"' not in frame:
        return None
    try:
        message = {key: value for key, value in read_object(frame).items() if value is not None}
        given = {key: RESUME_FIELDS[key][1](key, message[key]) for key in RESUME_FIELDS.keys() & message.keys()}
    except ProtocolError:
        return None
    if not given.get("session_token"):
        return None
    return Returning(given["session_token"], given.get("seq", 0), given.get("sent_bytes"))


def session_message(event: SessionKept, mode: str, wav_name: str) -> Json:
    """Return the message that tells a client its token, and once it has returned what has come of it."""
    body: Json = {"session_token": event.token, "resumed": event.resumed is not None}
    if event.resumed is not None:
        body |= {"received_bytes": event.resumed.n_bytes, "received_messages": event.resumed.n_messages}
    return body | {"mode": mode, "wav_name": wav_name, "text": "", "is_final": False}


class ResumeKeys:
    """Keys that are added to the messages of a kept session: their numbers, and what final texts cover."""

    def __init__(self) -> None:
        self._seq = 0
        self._opened_ms = 0
        self._end_ms = -1

    def of_message(self) -> Json:
        """Return the number of the next message, from 1."""
        self._seq += 1
        return {"seq": self._seq}

    def of_segment(self, event: SegmentText) -> Json:
        """Return the audio that a final text and those before it are about, and where to go on without this server.

        Parts of cut speech are only heard as before from the start of that speech.
        """
        if event.start_ms != self._end_ms or event.end_ms - self._opened_ms > MAX_SPEECH_MS:
            self._opened_ms = event.start_ms
        self._end_ms = event.end_ms
        resume_from_ms = max(0, (self._opened_ms - LEAD_MS) // FRAME_MS * FRAME_MS)
        return {"final_until_ms": event.end_ms, "resume_from_ms": resume_from_ms}
