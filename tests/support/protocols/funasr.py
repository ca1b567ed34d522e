"""FunASR's live protocol in its modes, and vosk's."""

import json
from collections.abc import Iterator

from support.protocols.said import End, Event, Final, Partial, Problem
from support.protocols.websockets import Dialect, Json


def funasr_events(message: Json) -> Iterator[Event]:
    """What a message of FunASR's protocol says."""
    if message.get("error"):
        yield Problem(message["error"]["code"])
    elif message["mode"].endswith("online"):
        yield Partial(message["text"])
    elif message["text"]:
        pairs = json.loads(message.get("timestamp", "[]"))
        yield Final(message["text"], tuple(map(tuple, pairs)))
    if message["is_final"]:
        yield End()


def online_events(message: Json) -> Iterator[Event]:
    """The same in mode online, which has no final texts: the pieces are the text."""
    for event in funasr_events(message):
        yield Final(event.text) if isinstance(event, Partial) else event


def funasr(mode: str) -> Dialect:
    """FunASR's protocol in one of its modes."""
    return Dialect(
        path="/",
        events_of=online_events if mode == "online" else funasr_events,
        first=[{"mode": mode, "wav_name": "matrix", "is_speaking": True}],
        last=[{"is_speaking": False}],
    )


def vosk_events(message: Json) -> Iterator[Event]:
    """What a reply of vosk's protocol says. The end is the end of the connection."""
    if "error" in message:
        yield Problem(message["error"]["code"])
    elif message.get("partial"):
        yield Partial(message["partial"])
    elif message.get("text"):
        words = message.get("result", ())
        yield Final(message["text"], tuple((ms(word["start"]), ms(word["end"])) for word in words))


def ms(seconds: float) -> int:
    """Milliseconds of seconds."""
    return round(seconds * 1000)


VOSK = Dialect(
    path="/vosk",
    events_of=vosk_events,
    first=[{"config": {"sample_rate": 16000, "punctuate": True, "itn": True}}],
    last=[{"eof": 1}],
    ends_by_closing=True,
)
