"""Fields of OpenAI's transcription call beyond those of every upload route."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_switch
from paraserve.server.protocols.funasr.hotwords import check_hotwords
from paraserve.server.protocols.languages import read_language
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings, unknown_fields
from paraserve.server.protocols.server_vad import SERVER_VAD_KEYS, read_server_vad

GRANULARITIES = ("segment", "word")
LOGPROBS = "logprobs"
SPEAKER_FIELDS = ("known_speaker_names", "known_speaker_references")
CHUNKING, AUTO = "chunking_strategy", "auto"
VAD_FIELDS = {
    "max_end_silence_ms": "vad_tail_sil",
    "max_segment_ms": "max_single_segment_time",
    "speech_noise_threshold": "speech_noise_thres",
}
"""Fields that have a knob of the detector beside `chunking_strategy`."""


@dataclass(frozen=True, slots=True)
class OpenAIFields:
    """Lists of times that `verbose_json` should carry, `json` with probabilities or without, the answer in parts."""

    granularities: tuple[str, ...] = ()
    has_logprobs: bool = False
    has_events: bool = False


def read_openai_fields(fields: FormFields, response_format: str) -> OpenAIFields:
    """Read the fields of the call for an answer in this format, and note those that have no effect.

    Raises:
        ProtocolError: a value that OpenAI's API does not know, or something that the server does not do.
    """
    for name in SPEAKER_FIELDS:
        if fields.all(name):
            message = f"{name} is not supported: speakers are told apart by their channels"
            raise ProtocolError(message, code="unsupported_parameter", param=name)
    read_translation_fields(fields)
    return OpenAIFields(
        _granularities(fields, response_format),
        _has_logprobs(fields, response_format),
        read_switch(fields, "stream", default=False),
    )


def read_translation_fields(fields: FormFields) -> None:
    """Read the fields that the translation call has, too, and note those that have no effect.

    Raises:
        ProtocolError: a value that OpenAI's API does not know.
    """
    _check_temperature(fields)


def with_openai_options(options: RecognitionOptions, fields: FormFields, abilities: Abilities) -> RecognitionOptions:
    """Return the options with what OpenAI's call has for them in fields of its own.

    Raises:
        ProtocolError: names the field whose value is not taken.
    """
    options = _with_keywords(options, fields, abilities)
    options = _with_languages(options, fields, abilities)
    return _with_chunking(options, fields, abilities)


def _with_keywords(options: RecognitionOptions, fields: FormFields, abilities: Abilities) -> RecognitionOptions:
    words = [Hotword(item.strip()) for item in fields.items("keywords") if item.strip()]
    if words and not abilities.hotwords:
        fields.warn(not_honoured("keywords", "the loaded model takes no hotwords"))
    hotwords = check_hotwords(tuple(dict.fromkeys((*options.hotwords, *words))), "keywords")
    return replace(options, hotwords=hotwords)


def _with_languages(options: RecognitionOptions, fields: FormFields, abilities: Abilities) -> RecognitionOptions:
    named = dict.fromkeys(read_language("languages", item) for item in fields.items("languages"))
    codes = [code for code in named if code is not None]
    if options.language is not None:
        if codes and codes != [options.language]:
            fields.warn(not_honoured("languages", "language is given, too, and counts"))
        return options
    if len(codes) > 1:
        fields.warn(not_honoured("languages", "the model chooses among all that it knows: several are no choice"))
    if len(codes) != 1:
        return options
    for warning in option_warnings(
        RecognitionOptions(language=codes[0]), abilities, (), OptionNames(language="languages")
    ):
        fields.warn(warning)
    return replace(options, language=codes[0])


def _with_chunking(options: RecognitionOptions, fields: FormFields, abilities: Abilities) -> RecognitionOptions:
    values = _chunking(fields)
    if not values:
        return options
    changes = {}
    vad = read_server_vad(values, CHUNKING)
    for name in vad.__dataclass_fields__:
        value = getattr(vad, name)
        if value is not None and getattr(options.vad, name) is not None:
            fields.warn(not_honoured(CHUNKING, f"{VAD_FIELDS[name]} is given, too, and counts"))
        elif value is not None:
            changes[name] = value
    if not abilities.detects_speech:
        fields.warn(not_honoured(CHUNKING, "no voice activity detector is loaded"))
    return replace(options, vad=replace(options.vad, **changes))


def _chunking(fields: FormFields) -> Mapping[str, object]:
    """Return the object of `chunking_strategy`: JSON, or a field for each of its keys. Empty for "auto"."""
    text = fields.last(CHUNKING) or AUTO
    values: dict[str, object] = {}
    if text != AUTO:
        values = _object(text)
        for warning in unknown_fields(f"{CHUNKING}.{name}" for name in values.keys() - SERVER_VAD_KEYS):
            fields.warn(warning)
    return values | fields.nested(CHUNKING, SERVER_VAD_KEYS)


def _object(text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or "type" not in values:
        message = f'{CHUNKING} must be {AUTO} or an object with "type": "server_vad", not {text[:40]!r}'
        raise ProtocolError(message, code="invalid_value", param=CHUNKING)
    return values


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
        if asked and response_format != "diarized_json":
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
