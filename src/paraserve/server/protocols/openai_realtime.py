"""OpenAI's Realtime API, which is not served: the event that says so."""

from typing import Final

from paraserve.server.protocols.json_encoding import object_text
from paraserve.server.protocols.schemas.realtime_messages import RealtimeError, RealtimeErrorDetail

NOT_SERVED: Final = "not_served"


def realtime_refusal(request_id: str) -> str:
    """Return OpenAI's error event, which its clients show. Without it they wait for `session.created` for ever."""
    detail = RealtimeErrorDetail(
        type="invalid_request_error",
        code=NOT_SERVED,
        message="this server does not serve the Realtime API: send recordings to /v1/audio/transcriptions, or speak "
        "FunASR's protocol on /",
        param=None,
        event_id=None,
    )
    return object_text(RealtimeError(event_id=f"event_{request_id}", type="error", error=detail).model_dump())
