"""What an upload route makes of a request: its options, and the answer to its transcript."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response

from paraserve.inference.abilities import ModelChoice
from paraserve.options import RecognitionOptions
from paraserve.server.http.error_codes import UPLOAD_CODES
from paraserve.server.http.parsing.detector_fields import with_detector
from paraserve.server.http.parsing.form_fields import FormFields, recognition_options
from paraserve.server.http.parsing.subtitle_fields import read_subtitles
from paraserve.server.http.upload_forms import TaskForm, UploadForm
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.option_warnings import detector_warnings
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Sentence, Task, Transcript

EXAMPLE = Transcript(
    text="今天是11月21号。", sentences=(Sentence("今天是11月21号。", 310, 2050, tokens=()),), duration_ms=2400
)
"""Shown in the description of the API."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A request without its recording.

    `started_s` is `time.monotonic()` at its arrival, `choice` is about the model that the request names.
    `subtitles` are the operator's limits.
    """

    fields: FormFields
    filename: str
    started_s: float
    choice: ModelChoice = field(default_factory=ModelChoice)
    subtitles: SubtitleOptions = field(default_factory=SubtitleOptions)

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

    For an answer in events `write_part` writes those of the next sentences, and `render` those that are left.
    """

    options: RecognitionOptions
    render: Callable[[Transcript], Response]
    write_part: Callable[[Sequence[Sentence]], bytes] | None = None


@dataclass(frozen=True, slots=True)
class UploadFormat:
    """One upload route.

    `plan` reads the fields and raises a `ProtocolError` for one that cannot be used. All else describes the route:
    `form` its fields, `query` parameters that a form has elsewhere, `body` its JSON answer, `texts` an example of
    each other media type, `events` the schema and an example of its events, `codes` its errors, `task` the only one
    that it does.
    """

    path: str
    name: str
    summary: str
    description: str
    plan: Callable[[UploadRequest], UploadPlan]
    body: Any
    form: type[UploadForm] = TaskForm
    texts: Mapping[str, str] | None = None
    events: Json | None = None
    query: tuple[Json, ...] = ()
    codes: tuple[str, ...] = UPLOAD_CODES
    task: Task | None = None


def json_response(body: Json) -> Response:
    """Return a JSON answer."""
    return Response(object_text(body), media_type="application/json")
