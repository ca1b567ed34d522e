"""The fields of a job, read at its submission, and again by whoever works on it or wants its transcript."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from paraserve.formats import FORMATS, TranscriptFormat
from paraserve.inference.abilities import ModelChoice
from paraserve.operator_redaction import OperatorRedaction
from paraserve.runtime.jobs.job import JobRequest
from paraserve.runtime.jobs.job_plan import AskedModel, JobPlan
from paraserve.server.http.parsing.form_fields import FormFields, read_caching, read_model, read_task
from paraserve.server.http.parsing.raw_audio import as_wav, read_raw_audio
from paraserve.server.http.transcript_plan import read_format
from paraserve.server.http.upload_plan import UploadRequest
from paraserve.subtitle_options import SubtitleOptions


@dataclass(frozen=True, slots=True)
class JobPlanner:
    """Reads the fields of jobs. `redaction` and `subtitles` are the operator's."""

    redaction: OperatorRedaction
    subtitles: SubtitleOptions

    def __call__(self, request: JobRequest, choice: ModelChoice) -> JobPlan:
        """Return how to recognize a job with the model that was chosen; matches `PlanJob`.

        Raises:
            ProtocolError: names the field that cannot be used.
        """
        fields = form_fields_of(request.fields)
        asked = UploadRequest(fields, request.filename, time.monotonic(), choice, self.subtitles)
        raw = read_raw_audio(request.content_type, fields)
        read_format(fields)
        asked.subtitle_options(has_cues=True)
        options = self.redaction.with_client(replace(asked.options(), word_times=True))
        may_be_cached = read_caching(fields)
        return JobPlan(options, fields.warnings(), may_be_cached, partial(as_wav, raw=raw))

    def model_of(self, request: JobRequest) -> AskedModel:
        """Return the model that a job asks for; matches `ModelOf`.

        Raises:
            ProtocolError: the field `task` cannot be used.
        """
        fields = form_fields_of(request.fields)
        return AskedModel(read_model(fields), read_task(fields))

    def output(self, request: JobRequest, query: Mapping[str, Sequence[str]]) -> "TranscriptOutput":
        """Return how to write a job's transcript: by its own fields, and by those of the query, which count first.

        Raises:
            ProtocolError: names the field that cannot be used.
        """
        ours = ("format", "response_format")
        kept = {
            name: values for name, values in request.fields.items() if not (set(ours) & set(query) and name in ours)
        }
        fields = form_fields_of({**kept, **query})
        chosen = FORMATS[read_format(fields)]
        asked = UploadRequest(fields, request.filename, time.monotonic(), subtitles=self.subtitles)
        return TranscriptOutput(chosen, asked.subtitle_options(has_cues=True))


@dataclass(frozen=True, slots=True)
class TranscriptOutput:
    """A format, and the options of its subtitles."""

    format: TranscriptFormat
    subtitles: SubtitleOptions


def form_fields_of(values: Mapping[str, Sequence[str]]) -> FormFields:
    """Return stored fields as those of a request."""
    return FormFields({name: list(given) for name, given in values.items()})
