"""A client of OpenAI's Realtime API on the `websockets` library. It sends 16 kHz PCM, as `FakeEngine` hears it."""

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.live import TIMEOUT_S
from support.live_messages import check_from_server

PATH = "/v1/realtime?intent=transcription"
TEXTS = "conversation.item.input_audio_transcription"
PCM = {"type": "audio/pcm", "rate": 16_000}
VAD = {"type": "server_vad"}
UNSET = object()


@dataclass
class RealtimeClient:
    """One connection; every message that comes must be one of those that `/asyncapi.json` describes."""

    ws: ClientConnection

    def say(self, kind: str, **fields) -> None:
        """A message of the client."""
        self.ws.send(json.dumps({"type": kind, **fields}))

    def update(self, *, turns: Any = UNSET, **given) -> dict[str, Any]:
        """Choices for the session; gives the answer."""
        given = {"format": PCM, **given} | ({} if turns is UNSET else {"turn_detection": turns})
        self.say("session.update", session={"type": "transcription", "audio": {"input": given}})
        return self.next("session.updated")

    def append(self, data: bytes, frame_bytes: int = 3200) -> None:
        """Audio, in messages of this size."""
        for start in range(0, len(data), frame_bytes):
            self.say("input_audio_buffer.append", audio=base64.b64encode(data[start : start + frame_bytes]).decode())

    def commit(self, **fields) -> None:
        """The end of a turn."""
        self.say("input_audio_buffer.commit", **fields)

    def clear(self) -> None:
        """Drop the audio of the turn."""
        self.say("input_audio_buffer.clear")

    def receive(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next event."""
        text = self.ws.recv(timeout_s)
        check_from_server("realtime", text)
        return json.loads(text)

    def next(self, kind: str) -> dict[str, Any]:
        """The next event, which must be of this kind."""
        event = self.receive()
        assert event["type"] == kind, event
        return event

    def until(self, kind: str) -> list[dict[str, Any]]:
        """Events up to the first one of this kind."""
        events = [self.receive()]
        while events[-1]["type"] != kind:
            events.append(self.receive())
        return events

    def turn(self) -> list[dict[str, Any]]:
        """Events up to the end of a turn."""
        return self.until(f"{TEXTS}.completed")

    def rest(self) -> tuple[list[dict[str, Any]], int, str]:
        """All events until the server closes, its code and its reason."""
        events = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                events.append(self.receive())
        return events, self.ws.close_code, self.ws.close_reason

    def assert_silent(self, for_s: float = 0.2) -> None:
        """Nothing more comes."""
        with contextlib.suppress(TimeoutError):
            raise AssertionError(self.ws.recv(for_s))


@contextlib.contextmanager
def realtime(url: str, path: str = PATH, **options) -> Iterator[RealtimeClient]:
    """A connection whose session has been created."""
    with connect(url.replace("http", "ws", 1) + path, compression=None, proxy=None, **options) as ws:
        client = RealtimeClient(ws)
        assert client.receive()["type"].endswith("session.created")
        yield client


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The last words of the events' names, deltas left out."""
    found = [event["type"].rpartition(".")[2] for event in events]
    return [kind for kind in found if kind != "delta"]
