"""What an upload route makes of a request: its options, and the answer to its transcript."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fastapi import Request, Response

from paraserve.inference.abilities import ModelChoice
from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.peaks import RecordingPeaks
from paraserve.server.http.error_codes import UPLOAD_CODES
from paraserve.server.http.parsing.detector_fields import with_detector
from paraserve.server.http.parsing.form_fields import FormFields, recognition_options
from paraserve.server.http.parsing.raw_audio import RawAudio
from paraserve.server.http.parsing.subtitle_fields import read_subtitles
from paraserve.server.http.parsing.upload_pace import UploadLimits
from paraserve.server.http.receiving import Upload, receive_upload
from paraserve.server.http.upload_forms import TaskForm
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.option_warnings import detector_warnings
from paraserve.server.protocols.schemas.documented import Documented
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Sentence, Task, Transcript

Receive: TypeAlias = Callable[[Request, UploadLimits], AbstractAsyncContextManager[Upload]]
"""Returns the recording of a request, open until the end of the block."""
EXAMPLE = Transcript(
    text="今天是11月21号。", sentences=(Sentence("今天是11月21号。", 310, 2050, tokens=()),), duration_ms=2400
)
"""Shown in the description of the API."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A request without its recording.

    `started_s` is `time.monotonic()` at its arrival, `choice` is about the model that the request names.
    `subtitles` are the operator's limits. `file_field` is the name of the form's field with the recording, "" without
    a form, and `query` has the names of all fields of the query. `sha256` is that of `Upload`.
    `accept` is the header of this name.
    """

    fields: FormFields
    filename: str
    started_s: float
    choice: ModelChoice = field(default_factory=ModelChoice)
    subtitles: SubtitleOptions = field(default_factory=SubtitleOptions)
    file_field: str = ""
    query: frozenset[str] = frozenset()
    request_id: str = ""
    sha256: str = ""
    accept: str = ""

    def options(self, task: Task | None = None) -> RecognitionOptions:
        """Read the fields that every route has. `task` is that of a route with one only."""
        for warning in self.choice.warnings:
            self.fields.warn(warning)
        options = with_detector(recognition_options(self.fields, self.choice.abilities, task), self.fields)
        for warning in detector_warnings(options, self.choice.abilities):
            self.fields.warn(warning)
        return options

    def subtitle_options(self, *, has_cues: bool) -> SubtitleOptions:
        """Read the fields about subtitles, which every route has, for an answer with cues or without any."""
        return read_subtitles(self.fields, self.subtitles, has_cues=has_cues)


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """Options for the recognition, and a function that writes its result.

    `raw` is the layout of a recording without a header where neither its content type nor `encoding` tells one. For
    an answer in events `write_part` writes those of the next sentences, and `render` those that are left.
    `write_progress` writes how far it is, from the milliseconds that were decoded and those of the whole recording,
    None where it does not tell. `peaks` are to be measured.
    """

    options: RecognitionOptions
    render: Callable[[Transcript], Response]
    raw: RawAudio | None = None
    write_part: Callable[[Sequence[Sentence]], bytes] | None = None
    write_progress: Callable[[int, int | None], bytes] | None = None
    peaks: RecordingPeaks | None = None


@dataclass(frozen=True, slots=True)
class UploadFormat:
    """One upload route.

    `plan` reads the fields and raises a `ProtocolError` for one that cannot be used. All else describes the route:
    `form` its fields, `query` parameters that a form has elsewhere, `body` its JSON answer, `texts` an example of
    each other media type, `events` the schema and an example of its events, `codes` its errors, `task` the only one
    that it does, `request` the request itself where it is not that of a form. `receive` takes the recording and its
    fields from the client.
    """

    path: str
    name: str
    summary: str
    description: str
    plan: Callable[[UploadRequest], UploadPlan]
    body: Any
    form: type[Documented] = TaskForm
    texts: Mapping[str, str] | None = None
    events: Json | None = None
    query: tuple[Json, ...] = ()
    codes: tuple[str, ...] = UPLOAD_CODES
    task: Task | None = None
    receive: Receive = receive_upload
    request: Json | None = None


def json_response(body: Json) -> Response:
    """Return a JSON answer."""
    return Response(object_text(body), media_type="application/json")
