"""Fields of whisper-asr-webservice's `/asr` beyond those of every upload route."""

from dataclasses import dataclass, replace

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions
from paraserve.server.http.parsing.form_fields import FormFields, one_of, read_switch
from paraserve.server.http.parsing.raw_audio import ENCODINGS, RawAudio
from paraserve.server.protocols.option_warnings import not_honoured
from paraserve.types import SAMPLE_RATE

OUTPUTS = ("txt", "vtt", "srt", "tsv", "json")
RAW_AUDIO = RawAudio(ENCODINGS["linear16"], SAMPLE_RATE, channels=1)
"""What `encode=false` sends."""


@dataclass(frozen=True, slots=True)
class WebserviceFields:
    """The format of the answer, None where none is named, and whether it should have the times of words."""

    output: str | None = None
    has_words: bool = False


def read_webservice_fields(fields: FormFields) -> WebserviceFields:
    """Read the fields about the answer.

    Raises:
        ProtocolError: names the field that cannot be used.
    """
    output = fields.last("output")
    if output not in (None, *OUTPUTS):
        raise ProtocolError(f"unknown output {output!r}: {one_of(OUTPUTS)}", code="invalid_format", param="output")
    if not read_switch(fields, "vad_filter", default=True):
        fields.warn(not_honoured("vad_filter", "speech is always detected, and silence left out"))
    return WebserviceFields(output, read_switch(fields, "word_timestamps", default=False))


def read_encode(fields: FormFields) -> RawAudio | None:
    """Return the layout of the recording with `encode` false, None where it is a file.

    Raises:
        ProtocolError: it is neither true nor false.
    """
    return None if read_switch(fields, "encode", default=True) else RAW_AUDIO


def with_initial_prompt(options: RecognitionOptions, fields: FormFields, abilities: Abilities) -> RecognitionOptions:
    """Return the options with `initial_prompt`, which is another name of `prompt`."""
    text = fields.last("initial_prompt")
    if text is None:
        return options
    if options.prompt is not None:
        fields.warn(not_honoured("initial_prompt", "prompt is given, too, and counts"))
        return options
    if not abilities.prompt:
        fields.warn(not_honoured("initial_prompt", "the loaded model takes no prompt"))
    return replace(options, prompt=text)
