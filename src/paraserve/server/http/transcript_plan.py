"""What `/transcribe` makes of a request: our JSON, as a whole or in events, or what `format` names."""

from dataclasses import replace

from fastapi import Response

from paraserve.errors import ProtocolError
from paraserve.formats import FORMATS
from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.peaks import RecordingPeaks
from paraserve.server.http.event_stream import EVENT_STREAM
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_switch
from paraserve.server.http.transcript_events import TranscriptEvents, measured_transcript_json
from paraserve.server.http.upload_plan import UploadPlan, UploadRequest, json_response
from paraserve.server.protocols.option_warnings import not_honoured


def plan_transcript(request: UploadRequest) -> UploadPlan:
    """Plan our JSON transcript, or what `format` names."""
    name = read_format(request.fields)
    chosen = FORMATS[name]
    subtitles = request.subtitle_options(has_cues=chosen.has_cues)
    options = replace(request.options(), word_times=name != "text")
    has_events, peaks = _read_events(request, name), _read_peaks(request.fields, name)
    if has_events:
        return _plan_of_events(options, peaks)
    if name == "json":
        return UploadPlan(options, lambda one: json_response(measured_transcript_json(one, peaks)), peaks=peaks)
    return UploadPlan(
        options, lambda transcript: Response(chosen.write(transcript, subtitles), media_type=chosen.media_type)
    )


def read_format(fields: FormFields) -> str:
    """Read the format of a transcript, one of `FORMATS`; JSON where none is named.

    Raises:
        ProtocolError: it is not known.
    """
    name, other = fields.last("format"), fields.last("response_format")
    if name and other and name != other:
        fields.warn(not_honoured("response_format", "format is given, too, and counts"))
    param, name = ("response_format", other) if other and not name else ("format", name or "json")
    if name not in FORMATS:
        raise ProtocolError(f"unknown format {name!r}: {one_of(FORMATS)}", code="invalid_format", param=param)
    return name


def _read_events(request: UploadRequest, name: str) -> bool:
    """Return whether the answer is to come in events. A client that would only accept them is not bound to JSON.

    Raises:
        ProtocolError: another format is asked for, too.
    """
    is_asked = read_switch(request.fields, "stream", default=False)
    if is_asked and name != "json":
        message = f"stream=true is for JSON: format={name} comes as a whole"
        raise ProtocolError(message, code="unsupported_parameter", param="stream")
    return is_asked or (name == "json" and EVENT_STREAM in request.accept.lower())


def _read_peaks(fields: FormFields, name: str) -> RecordingPeaks | None:
    is_asked = read_switch(fields, "peaks", default=False)
    if is_asked and name != "json":
        fields.warn(not_honoured("peaks", f"it is for JSON, and the format is {name}"))
        return None
    return RecordingPeaks() if is_asked else None


def _plan_of_events(options: RecognitionOptions, peaks: RecordingPeaks | None) -> UploadPlan:
    events = TranscriptEvents(peaks)
    return UploadPlan(
        options,
        lambda transcript: Response(events.ending(transcript), media_type=EVENT_STREAM),
        write_part=events.of_sentences,
        write_progress=events.of_progress,
        peaks=peaks,
    )
