"""Deepgram's protocols, live and about recordings."""

from collections.abc import Iterator
from urllib.parse import urlencode

import httpx2

from support.protocols.said import Event, Final, Partial, Problem, Target, Told
from support.protocols.uploads import Json, answer_told, http_client, times_in_s
from support.protocols.websockets import Dialect

OPTIONS = {"punctuate": "true", "smart_format": "true"}
LIVE_OPTIONS = {"encoding": "linear16", "sample_rate": "16000", "interim_results": "true", **OPTIONS}


def live_events(message: Json) -> Iterator[Event]:
    """What a message says. The end is the end of the connection."""
    if message["type"] == "Error":
        yield Problem(message["code"])
    elif message["type"] == "Results":
        alternative = message["channel"]["alternatives"][0]
        if alternative["transcript"]:
            yield Final(*text_and_times(alternative)) if message["is_final"] else Partial(alternative["transcript"])


def text_and_times(alternative: Json) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text of an alternative, and the times of its words."""
    return alternative["transcript"], times_in_s(alternative["words"])


LISTEN = Dialect(
    path=f"/v1/listen?{urlencode(LIVE_OPTIONS)}",
    events_of=live_events,
    last=[{"type": "CloseStream"}],
    ends_by_closing=True,
    examples=[
        {"type": "KeepAlive"},
        {"type": "Finalize", "channel": 0},
        {"type": "CloseStream"},
        {"type": "Configure", "keyterms": ["paraserve"], "features": {"numerals": True, "punctuate": False}},
    ],
)


def listen(target: Target, wav: bytes) -> Told:
    """The call about a recording."""
    with http_client(target) as http:
        answer: httpx2.Response = http.post("/v1/listen", content=wav, params=OPTIONS)
    return answer_told(answer, recorded_final)


def recorded_final(body: Json) -> Final:
    """The text of a recording."""
    return Final(*text_and_times(body["results"]["channels"][0]["alternatives"][0]))
