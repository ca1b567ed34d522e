"""Recordings over HTTP: each route with its body, and jobs."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx2

from paraserve.client import Jobs
from paraserve.errors import ParaserveError
from support.api_description import api_description
from support.live import TIMEOUT_S
from support.protocols.funasr import ms
from support.protocols.said import Closed, End, Final, Problem, Target, Told

Json = Mapping[str, Any]
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


def upload(path: str, final_of: Callable[[Json], Final], **fields: str) -> Callable[[Target, bytes], Told]:
    """A client of one route. A keyword is a field of its form."""

    def send(target: Target, wav: bytes) -> Told:
        files = {"file": ("matrix.wav", wav)}
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False, headers=target.authorization) as http:
            answer = http.post(target.url + path, files=files, data=fields)
        api_description().check(answer)
        told = Told()
        if answer.is_success:
            told.hear(final_of(answer.json()))
            told.hear(End())
        else:
            told.hear(Problem(answer.json()["error"]["code"]))
            told.hear(Closed(str(answer.status_code)))
        return told

    return send


def job(target: Target, wav: bytes) -> Told:
    """A job, and its result."""
    told = Told()
    with Jobs(target.url, api_key=target.key, timeout_s=TIMEOUT_S) as jobs:
        try:
            submitted = jobs.submit(wav, filename="matrix.wav")
            jobs.wait(submitted.id)
            told.hear(own_final(json.loads(jobs.transcript(submitted.id, "json"))))
            told.hear(End())
        except ParaserveError as error:
            told.hear(Problem(error.code))
            told.hear(Closed(""))
    return told
