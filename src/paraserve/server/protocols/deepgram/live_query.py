"""The query of a live connection to `/v1/listen`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from paraserve.errors import ProtocolError
from paraserve.inference.abilities import ChoiceOf
from paraserve.option_values import END_SILENCE_MS_RANGE
from paraserve.options import MAX_SPLIT_CHANNELS, AudioFormat, Encoding, StreamConfig, VadOverrides
from paraserve.server.protocols.deepgram.query import FILE_ENCODINGS, read_options
from paraserve.server.protocols.deepgram.query_fields import SWITCHES, QueryFields
from paraserve.server.protocols.json_values import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, read_whole
from paraserve.server.protocols.requests import LiveSettings
from paraserve.types import SAMPLE_RATE, FieldWarning

RAW_ENCODINGS: Mapping[str, Encoding] = MappingProxyType({"linear16": "int16", "mulaw": "mulaw", "alaw": "alaw"})
TELEPHONE_RATE = 8_000
UTTERANCE_END_MS_RANGE = (1, 60_000)


@dataclass(frozen=True, slots=True)
class LiveQuery:
    """What a live client asks for.

    `tells_pauses`: a pause in speech makes a result `speech_final`. `utterance_end_ms` is the pause behind a word
    that `UtteranceEnd` tells of, None for none. `asked_rate` is the sample rate in Hz that the client states, None if
    it states none.
    """

    settings: LiveSettings = field(default_factory=LiveSettings)
    interim_results: bool = False
    vad_events: bool = False
    tells_pauses: bool = True
    utterance_end_ms: int | None = None
    asked_rate: int | None = None
    warnings: tuple[FieldWarning, ...] = ()


def read_live_query(values: Mapping[str, Sequence[str]], request_id: str, choice_of: ChoiceOf) -> LiveQuery:
    """Read the query of a live connection, without the parameters that are keys.

    Raises:
        ProtocolError: names the parameter whose value cannot be used.
        ModelNotFoundError: the server has no such model.
    """
    fields = QueryFields(values)
    options = read_options(fields, choice_of)
    audio, file_format, asked_rate = _audio(fields)
    end_silence_ms, tells_pauses = _endpointing(fields)
    stream = StreamConfig(
        audio=audio, vad=VadOverrides(max_end_silence_ms=end_silence_ms), session_id=request_id, options=options
    )
    # Starts and ends of speech also tell which results are `speech_final`.
    settings = LiveSettings(stream, file_format=file_format, speech_events=True)
    query = LiveQuery(
        settings,
        interim_results=fields.flag("interim_results"),
        vad_events=fields.flag("vad_events"),
        tells_pauses=tells_pauses,
        utterance_end_ms=fields.whole("utterance_end_ms", *UTTERANCE_END_MS_RANGE),
        asked_rate=asked_rate,
    )
    return replace(query, warnings=fields.warnings())  # only now is every parameter read


def _audio(fields: QueryFields) -> tuple[AudioFormat, str | None, int | None]:
    """Return the format of raw audio, the name of a file's format, and the rate that the client states."""
    name = fields.last("encoding") or ""
    rate = fields.whole("sample_rate", MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    channels = fields.whole("channels", 1, MAX_SPLIT_CHANNELS) or 1
    if name in FILE_ENCODINGS:
        return AudioFormat(channels=channels), FILE_ENCODINGS[name], rate
    if name and name not in RAW_ENCODINGS:
        known = ", ".join((*RAW_ENCODINGS, *FILE_ENCODINGS))
        problem = f"encoding {name[:40]!r} is not taken: expected one of {known}"
        raise ProtocolError(problem, code="invalid_value", param="encoding")
    encoding = RAW_ENCODINGS[name or "linear16"]
    usual_rate = SAMPLE_RATE if encoding == "int16" else TELEPHONE_RATE
    if name and rate is None:
        fields.warn(FieldWarning("assumed_value", "sample_rate", f"none is given, so {usual_rate} Hz is taken"))
    return AudioFormat(rate or usual_rate, channels, encoding), None, rate


def _endpointing(fields: QueryFields) -> tuple[int | None, bool]:
    """Return the silence in ms that ends a segment (None: the detector's own), and whether pauses are told."""
    value = fields.last("endpointing")
    if value is None or value.lower() in ("true", "false"):
        return None, value is None or SWITCHES[value.lower()]
    return read_whole("endpointing", value, *END_SILENCE_MS_RANGE), True
