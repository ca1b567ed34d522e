"""Recordings over HTTP: each route with its body, and jobs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import httpx2

from support.api_description import api_description
from support.live import TIMEOUT_S
from support.protocols.funasr import ms
from support.protocols.said import Closed, End, Event, Final, Partial, Problem, Target, Told

Json = Mapping[str, Any]
OPENAI_PATH = "/v1/audio/transcriptions"
WEBSERVICE_PATH = "/asr?output=json&word_timestamps=true"
OPENAI_FIELDS = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}


def own_final(body: Json) -> Final:
    """Our JSON transcript, of an upload or a job."""
    tokens = [token for sentence in body["sentences"] for token in sentence["tokens"]]
    return Final(body["text"], tuple((token["start_ms"], token["end_ms"]) for token in tokens))


def openai_final(body: Json) -> Final:
    """OpenAI's verbose JSON."""
    return Final(body["text"], times_in_s(body["words"]))


def funasr_final(body: Json) -> Final:
    """The answer of FunASR's C++ HTTP server."""
    return Final(body["text"], tuple(map(tuple, json.loads(body["timestamp"]))))


def asr_final(body: Json) -> Final:
    """The answer of `funasr-server`."""
    return Final(body["text"], times_in_s(word for segment in body["segments"] for word in segment["words"]))


def text_final(body: Json) -> Final:
    """An answer that has no times of words."""
    return Final(body["text"])


def times_in_s(words: Iterable[Json]) -> tuple[tuple[int, int], ...]:
    """Start and end in ms of words with times in seconds."""
    return tuple((ms(word["start"]), ms(word["end"])) for word in words)


def upload(
    path: str, final_of: Callable[[Json], Final], part: str = "file", **fields: str
) -> Callable[[Target, bytes], Told]:
    """A client of one route, whose form has the recording as `part`. A keyword is a field."""

    def send(target: Target, wav: bytes) -> Told:
        with http_client(target) as http:
            return answer_told(post(http, path, wav, fields, part), final_of)

    return send


def events(target: Target, wav: bytes) -> Told:
    """OpenAI's call with its text as Server-Sent Events."""
    told = Told()
    fields = OPENAI_FIELDS | {"stream": "true"}
    with (
        http_client(target) as http,
        http.stream("POST", OPENAI_PATH, files={"file": ("matrix.wav", wav)}, data=fields) as answer,
    ):
        if not answer.is_success:
            answer.read()
            return answer_told(answer, openai_final)
        for line in answer.iter_lines():
            for event in event_told(line):
                told.hear(event)
    return told


def event_told(line: str) -> Iterator[Event]:
    """What a line of the stream says."""
    if not line.startswith("data: "):
        return
    event = json.loads(line.removeprefix("data: "))
    match event["type"]:
        case "transcript.text.delta":
            yield Partial(event["delta"])
        case "transcript.text.done":
            yield openai_final(event)
            yield End()
        case "error":
            yield Problem(event["error"]["code"])


def job(target: Target, wav: bytes) -> Told:
    """A job, and its result."""
    with http_client(target) as http:
        submitted = post(http, "/v1/jobs", wav, {})
        if not submitted.is_success:
            return answer_told(submitted, own_final)
        address = f"/v1/jobs/{submitted.json()['id']}"
        http.get(address, params={"wait_s": TIMEOUT_S})
        return answer_told(http.get(f"{address}/transcript", params={"format": "json"}), own_final)


def http_client(target: Target) -> httpx2.Client:
    """A client of one server."""
    return httpx2.Client(base_url=target.url, timeout=TIMEOUT_S, trust_env=False, headers=target.authorization)


def post(
    http: httpx2.Client, path: str, wav: bytes, fields: Mapping[str, str], part: str = "file"
) -> httpx2.Response:
    """Upload a recording as a form."""
    return http.post(path, files={part: ("matrix.wav", wav)}, data=fields)


def answer_told(answer: httpx2.Response, final_of: Callable[[Json], Final]) -> Told:
    """What an answer says, which must be one that `/openapi.json` describes."""
    api_description().check(answer)
    told = Told()
    if answer.is_success:
        told.hear(final_of(answer.json()))
        told.hear(End())
    else:
        told.hear(Problem(answer.json()["error"]["code"]))
        told.hear(Closed(str(answer.status_code)))
    return told
