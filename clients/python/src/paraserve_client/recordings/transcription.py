"""Conversations that send a recording and read its text, or ask for the models."""

from collections.abc import Mapping
from functools import partial
from typing import BinaryIO, cast

from paraserve_client.errors import ProtocolError
from paraserve_client.http.answered import answered, text_of
from paraserve_client.http.recording_sources import (
    OnSent,
    OpenRecording,
    Recording,
    ReportedFile,
    address_in,
    open_recording,
)
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, Call, Conversation, Request
from paraserve_client.recordings.transcripts import Model, Transcript, models_of, transcript_of


def transcribed(
    recording: Recording, filename: str, texts: Mapping[str, str], on_sent: OnSent | None, retries: Retries
) -> Conversation[Transcript]:
    """Send a recording, and read its transcript.

    Raises:
        OSError: the recording cannot be read.
        ParaserveError: it is refused, or all attempts were in vain.
    """
    answer = yield from _sent(recording, filename, {**texts, "format": "json"}, on_sent, retries)
    return transcript_of(answer.json())


def written(
    recording: Recording, filename: str, texts: Mapping[str, str], on_sent: OnSent | None, retries: Retries
) -> Conversation[str]:
    """Send a recording, and get its transcript as a text of the form that `texts` asks for.

    Raises:
        OSError: the recording cannot be read.
        ParaserveError: it is refused, or all attempts were in vain.
    """
    answer = yield from _sent(recording, filename, texts, on_sent, retries)
    return text_of(answer)


def models(retries: Retries) -> Conversation[list[Model]]:
    """Ask for the models."""
    answer = yield from answered(Request("GET", "/v1/models"), retries)
    return models_of(answer.json())


def _sent(
    recording: Recording, filename: str, texts: Mapping[str, str], on_sent: OnSent | None, retries: Retries
) -> Conversation[Answer]:
    if address_in(recording) is not None:
        raise ProtocolError("a server fetches the recordings of jobs alone: see Jobs", code="url_not_taken")
    opening = yield Call(partial(open_recording, recording))
    with opening as opened:
        return (yield from answered(_request(opened, filename, texts, on_sent), retries))


def _request(opened: OpenRecording, filename: str, texts: Mapping[str, str], on_sent: OnSent | None) -> Request:
    file = cast("BinaryIO", ReportedFile(opened, on_sent))
    name = filename or opened.name or "recording"
    return Request("POST", "/transcribe", form=texts, file=(name, file), is_costly=True)
