"""OpenAI's Realtime API for transcription, with turns that the client commits."""

import base64
import json
from collections.abc import Iterator

from support.protocols.said import End, Event, Final, Partial, Problem
from support.protocols.websockets import Dialect, Json

TEXTS = "conversation.item.input_audio_transcription"
END = "end"
"""Id of the event behind which nothing is said."""
SESSION = {
    "type": "transcription",
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}, "turn_detection": None}},
}
DETECTED = {
    "type": "transcription",
    "include": ["item.input_audio_transcription.logprobs"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {"model": "auto", "language": "zh", "prompt": "a"},
            "turn_detection": {
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
            },
            "noise_reduction": {"type": "near_field"},
        }
    },
}  # fmt: skip


def realtime_events(message: Json) -> Iterator[Event]:
    """What an event of the server says. A commit that is refused has no text, so its error is an end."""
    match message["type"]:
        case "error":
            yield Problem(message["error"]["code"])
            if message["error"]["event_id"] == END:
                yield End()
        case kind if kind == f"{TEXTS}.failed":
            yield Problem(message["error"]["code"])
            yield End()
        case kind if kind == f"{TEXTS}.delta":
            yield Partial(message["delta"])
        case kind if kind == f"{TEXTS}.completed":
            yield Final(message["transcript"])
            yield End()


def append(pcm: bytes) -> str:
    """Audio as an event."""
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


REALTIME = Dialect(
    path="/v1/realtime?intent=transcription",
    events_of=realtime_events,
    first=[{"type": "session.update", "session": SESSION}],
    last=[{"type": "input_audio_buffer.commit", "event_id": END}],
    audio=append,
    examples=[
        {"type": "session.update", "event_id": "a", "session": DETECTED},
        {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16", "turn_detection": None}},
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(96)).decode()},
        {"type": "input_audio_buffer.clear"},
        {"type": "response.create", "response": {"modalities": ["text"]}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
    ],
)
