"""Protocols of whole recordings over HTTP, with jobs and resumable uploads."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx2

from paraserve.selftest import recording
from paraserve.selftest.own_server import TIMEOUT_S, Target
from paraserve.selftest.verdicts import CheckFailedError, expect
from paraserve_client import Jobs

OPENAI_PATH = "/v1/audio/transcriptions"
TUS = {"Tus-Resumable": "1.0.0"}


def uploaded(path: str, target: Target, part: str = "file", **fields: str) -> str:
    """Return the text of a form with the recording."""
    with target.http() as http:
        answer = http.post(path, files={part: ("selftest.wav", recording.encoded())}, data=fields)
    return str(answered(answer)["text"])


def raw(path: str, target: Target) -> str:
    """Return the text of the recording as the body of a request."""
    with target.http() as http:
        answer = http.post(path, content=recording.encoded("FLAC"), headers={"Content-Type": "audio/flac"})
    return str(answered(answer)["text"])


def deepgram(target: Target) -> str:
    """Return the text that Deepgram's call about a recording gives."""
    with target.http() as http:
        options = {"punctuate": "true", "smart_format": "true"}
        answer = http.post("/v1/listen", params=options, content=recording.encoded())
    return str(answered(answer)["results"]["channels"][0]["alternatives"][0]["transcript"])


def openai_events(target: Target) -> str:
    """Return the text of OpenAI's Server-Sent Events, whose pieces must add up to the whole."""
    pieces, whole = "", ""
    files = {"file": ("selftest.wav", recording.encoded())}
    with target.http() as http, http.stream("POST", OPENAI_PATH, files=files, data={"stream": "true"}) as answer:
        expect(answer.is_success, "status 200", answer.status_code)
        for line in answer.iter_lines():
            event = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {"type": ""}
            pieces += event.get("delta", "")
            whole = event["text"] if event["type"] == "transcript.text.done" else whole
    expect(recording.plain(pieces) == recording.plain(whole), f"pieces of {whole!r}", repr(pieces))
    return whole


def job(target: Target) -> str:
    """Return the text of a job."""
    with Jobs(target.url, api_key=target.api_key) as jobs:
        return _result(jobs, jobs.submit(recording.encoded(), filename="selftest.wav").id)


def resumed_upload(target: Target) -> str:
    """Return the text of a job whose recording comes in two pieces, by the tus protocol."""
    wav, half = recording.encoded(), len(recording.encoded()) // 2
    with target.http() as http:
        begun = http.post("/v1/uploads", headers=TUS | {"Upload-Length": str(len(wav)), "Upload-Metadata": "job"})
        expect(begun.status_code == 201, "an upload that begins with 201", begun.status_code)
        for offset, piece in ((0, wav[:half]), (half, wav[half:])):
            asked = http.head(begun.headers["location"], headers=TUS)
            expect(asked.headers.get("upload-offset") == str(offset), f"offset {offset}", dict(asked.headers))
            about = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
            added = http.patch(begun.headers["location"], content=piece, headers=TUS | about)
            expect(added.status_code == 204, "a piece that is taken with 204", added.text or added.status_code)
    with Jobs(target.url, api_key=target.api_key) as jobs:
        return _result(jobs, added.headers["x-job-id"])


def answered(answer: httpx2.Response) -> Mapping[str, Any]:
    """Return the JSON of an answer.

    Raises:
        CheckFailedError: it is an error.
    """
    if not answer.is_success:
        raise CheckFailedError("status 200", f"{answer.status_code} {answer.text[:200]}")
    body: Mapping[str, Any] = answer.json()
    return body


def _result(jobs: Jobs, job_id: str) -> str:
    done = jobs.wait(job_id, timeout_s=TIMEOUT_S)
    expect(done.state == "done", "a job that is done", done.state)
    text = jobs.transcript(job_id)
    jobs.delete(job_id)
    return text


HTTP_PROTOCOLS: Mapping[str, Callable[[Target], str]] = {
    "http-transcribe": partial(uploaded, "/transcribe"),
    "http-raw-body": partial(raw, "/transcribe"),
    "http-openai": partial(uploaded, OPENAI_PATH, response_format="verbose_json"),
    "http-openai-events": openai_events,
    "http-funasr-recognition": partial(uploaded, "/recognition"),
    "http-funasr-asr": partial(uploaded, "/asr"),
    "http-funasr-root": partial(uploaded, "/"),
    "http-whisper-webservice": partial(uploaded, "/asr?output=json", part="audio_file"),
    "http-deepgram": deepgram,
    "job": job,
    "resumed-upload": resumed_upload,
}
"""Each returns the text of the recording."""
