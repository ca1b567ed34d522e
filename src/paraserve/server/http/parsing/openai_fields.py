"""Fields of OpenAI's transcription call beyond those of every upload route."""

from dataclasses import dataclass

from paraserve.errors import ProtocolError
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_switch
from paraserve.server.protocols.option_warnings import not_honoured

GRANULARITIES = ("segment", "word")
LOGPROBS = "logprobs"


@dataclass(frozen=True, slots=True)
class OpenAIFields:
    """Lists of times that `verbose_json` should carry, and `json` with probabilities or without."""

    granularities: tuple[str, ...] = ()
    has_logprobs: bool = False


def read_openai_fields(fields: FormFields, response_format: str) -> OpenAIFields:
    """Read the fields of the call for an answer in this format, and note those that have no effect.

    Raises:
        ProtocolError: a value that OpenAI's API does not know, or `stream=true`.
    """
    if read_switch(fields, "stream", default=False):
        raise ProtocolError("stream=true is not supported", code="unsupported_parameter", param="stream")
    read_translation_fields(fields)
    return OpenAIFields(_granularities(fields, response_format), _has_logprobs(fields, response_format))


def read_translation_fields(fields: FormFields) -> None:
    """Read the fields that the translation call has, too, and note those that have no effect.

    Raises:
        ProtocolError: a value that OpenAI's API does not know.
    """
    _check_temperature(fields)


def _granularities(fields: FormFields, response_format: str) -> tuple[str, ...]:
    name = "timestamp_granularities"
    asked = fields.items(name)
    for value in asked:
        if value not in GRANULARITIES:
            message = f"unknown timestamp granularity {value[:40]!r}: {one_of(GRANULARITIES)}"
            raise ProtocolError(message, code="invalid_value", param=name)
    if response_format != "verbose_json":
        if "word" in asked:
            message = "word timestamps need response_format=verbose_json"
            raise ProtocolError(message, code="invalid_value", param=name)
        if asked:
            fields.warn(not_honoured(name, f"response_format={response_format} has no lists of times"))
    return tuple(asked)


def _has_logprobs(fields: FormFields, response_format: str) -> bool:
    asked = fields.items("include")
    for value in asked:
        if value != LOGPROBS:
            raise ProtocolError(
                f"include has no {value[:40]!r}: only {LOGPROBS}", code="invalid_value", param="include"
            )
    if asked and response_format != "json":
        message = f"include={LOGPROBS} needs response_format=json"
        raise ProtocolError(message, code="unsupported_parameter", param="include")
    return bool(asked)


def _check_temperature(fields: FormFields) -> None:
    value = fields.last("temperature") or "0"
    try:
        temperature = float(value)
    except ValueError:
        temperature = -1.0
    if not 0.0 <= temperature <= 1.0:
        message = f"temperature must be between 0 and 1, not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param="temperature")
    if temperature:
        fields.warn(not_honoured("temperature", "recognition takes the most probable text, as with temperature 0"))
