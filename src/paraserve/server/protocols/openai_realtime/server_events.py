"""The server's events, as pure functions. Ids are made from the request's, so that they are found in the log."""

from dataclasses import dataclass

from paraserve.errors import ParaserveError
from paraserve.server.error_table import error_row
from paraserve.server.protocols.json_encoding import Json

CLIENT_ERRORS = range(400, 500)
"""HTTP statuses of errors that the client can cure."""


@dataclass(slots=True)
class EventIds:
    """Ids of one connection."""

    request_id: str
    _n_events: int = 0
    _n_items: int = 0

    @property
    def session_id(self) -> str:
        """Return the id of the session."""
        return f"sess_{self.request_id}"

    def next_item(self) -> str:
        """Return the id of another item."""
        self._n_items += 1
        return f"item_{self.request_id}_{self._n_items}"

    def event(self, kind: str, **fields: object) -> Json:
        """Return an event with an id of its own."""
        self._n_events += 1
        return {"type": kind, "event_id": f"event_{self.request_id}_{self._n_events}", **fields}


def error_object(error: ParaserveError) -> Json:
    """Return the facts about a failure."""
    kind = "invalid_request_error" if error_row(error).status in CLIENT_ERRORS else "server_error"
    return {"type": kind, "code": error.code, "message": error.message, "param": error.param}


def item_object(item_id: str) -> Json:
    """Return the message that a turn of the user is. Its text comes with events of its own."""
    content = [{"type": "input_audio", "transcript": None}]
    about = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
    return about | {"content": content}


def usage_object(audio_ms: float) -> Json:
    """Return what a text cost: seconds of audio."""
    return {"type": "duration", "seconds": round(audio_ms / 1000, 3)}
