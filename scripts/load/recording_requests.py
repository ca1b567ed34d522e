"""Whole recordings: uploads, uploads whose text comes as events, and jobs.

Each function sends one clip and calls `mark` with the name of what is measured once it has come. It raises
`LostError` where the answer is not right.
"""

import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from typing import Any

from deployed_server import LostError, Server, read_json
from spoken_clips import Clip, wav

Mark = Callable[[str], None]
UPLOADS, EVENTS_FIRST, EVENTS, JOBS_ACCEPTED, JOBS = (
    "uploads", "events, first text", "events, whole text", "jobs, accepted", "jobs, text",
)  # fmt: skip
OPENAI_PATH = "/v1/audio/transcriptions"
OWN_PATH = "/transcribe"
BOUNDARY = "----------------recording-of-a-user"
JOB_WAIT_S = 30
"""Time for which the server holds its answer back while a job goes on."""


def upload_to_openai(server: Server, clip: Clip, mark: Mark) -> None:
    """Upload to OpenAI's route, as a form."""
    with server.request("POST", OPENAI_PATH, *form(wav(clip.once()), model="auto")) as answer:
        check_text(clip, read_json(answer.read()).get("text"))
    mark(UPLOADS)


def upload(server: Server, clip: Clip, mark: Mark) -> None:
    """Upload to /transcribe, the recording as the body."""
    with server.request("POST", OWN_PATH, wav(clip.once())) as answer:
        check_text(clip, read_json(answer.read()).get("text"))
    mark(UPLOADS)


def events_of_openai(server: Server, clip: Clip, mark: Mark) -> None:
    """Upload to OpenAI's route with `stream=true`: pieces of text, then all of it."""
    pieces: list[str] = []
    with server.request("POST", OPENAI_PATH, *form(wav(clip.once()), model="auto", stream="true")) as answer:
        for _, data in server_sent_events(answer):
            kind = data.get("type")
            if kind == "transcript.text.delta":
                if not pieces:
                    mark(EVENTS_FIRST)
                pieces.append(str(data["delta"]))
            elif kind == "transcript.text.done":
                check_text(clip, data.get("text"))
                check_text(clip, "".join(pieces))
                mark(EVENTS)
                return
    raise LostError("the events ended without transcript.text.done")


def events(server: Server, clip: Clip, mark: Mark) -> None:
    """Upload to /transcribe with `stream=true`: sentences, then the transcript."""
    n_sentences = 0
    with server.request("POST", f"{OWN_PATH}?stream=true", wav(clip.once())) as answer:
        for kind, data in server_sent_events(answer):
            if kind == "sentence":
                if not n_sentences:
                    mark(EVENTS_FIRST)
                n_sentences += 1
            elif kind == "done":
                check_text(clip, data.get("text"))
                if not n_sentences:
                    raise LostError("no sentence came before the whole text")
                mark(EVENTS)
                return
    raise LostError("the events ended without done")


def job(server: Server, clip: Clip, mark: Mark) -> None:
    """Hand the recording over as a job, wait for its end, fetch its text, and delete it."""
    with server.request("POST", "/v1/jobs", wav(clip.once())) as answer:
        job_id = str(read_json(answer.read()).get("id"))
    mark(JOBS_ACCEPTED)
    try:
        wait_for(server, job_id)
        with server.request("GET", f"/v1/jobs/{job_id}/transcript?format=text") as answer:
            check_text(clip, answer.read().decode("utf-8"))
        mark(JOBS)
    finally:
        with server.request("DELETE", f"/v1/jobs/{job_id}?purge=true") as answer:
            answer.read()


def wait_for(server: Server, job_id: str) -> None:
    """Return once the job is done.

    Raises:
        LostError: it has failed, was cancelled, or takes longer than `timeout_s` of the server.
    """
    deadline_s = time.monotonic() + server.timeout_s
    while time.monotonic() < deadline_s:
        wait_s = max(1, min(JOB_WAIT_S, int(server.timeout_s / 2)))
        with server.request("GET", f"/v1/jobs/{job_id}?wait_s={wait_s}") as answer:
            body = read_json(answer.read())
        if body.get("state") == "done":
            return
        if body.get("state") in {"failed", "cancelled"}:
            raise LostError(f"the job is {body['state']}: {(body.get('error') or {}).get('code')}")
    raise LostError("the job was not done in time")


def check_text(clip: Clip, text: object) -> None:
    """Compare a text with what was said.

    Raises:
        LostError: it is another text, or none.
    """
    complaint = clip.complaint(text) if isinstance(text, str) else "the answer has no text"
    if complaint:
        raise LostError(complaint)


def form(recording: bytes, **fields: str) -> tuple[bytes, str]:
    """Return the body and content type of a form with the recording as `file`."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = "".join(f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    begin = f'{parts}{head}"file"; filename="clip.wav"\r\n\r\n'
    body = begin.encode() + recording + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


def server_sent_events(answer: HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of each event as it comes.

    Raises:
        LostError: the event is an error.
    """
    name = ""
    while line := answer.readline():
        if line.startswith(b"event: "):
            name = line.removeprefix(b"event: ").strip().decode()
        elif line.startswith(b"data: "):
            data = read_json(line.removeprefix(b"data: "))
            if isinstance(data.get("error"), dict):
                raise LostError(f"error event {data['error'].get('code')}")
            yield name, data
        elif not line.strip():
            name = ""
