"""Riva's `RecognitionConfig` as the choices of a live client, and as the fields of an upload."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from paraserve.hotword_types import Hotword
from paraserve.inference.audio.file_signatures import HEAD_BYTES, file_format
from paraserve.option_values import END_SILENCE_MS_RANGE
from paraserve.options import (
    MAX_SPLIT_CHANNELS,
    AudioFormat,
    Encoding,
    RecognitionOptions,
    StreamConfig,
    VadOverrides,
)
from paraserve.server.protocols.funasr.hotwords import check_hotwords
from paraserve.server.protocols.generated.riva_asr_pb2 import RecognitionConfig
from paraserve.server.protocols.generated.riva_common_pb2 import ALAW, FLAC, LINEAR_PCM, MULAW, OGGOPUS
from paraserve.server.protocols.json_values import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, read_text, read_whole
from paraserve.server.protocols.languages import AUTO, read_language
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured
from paraserve.server.protocols.requests import LiveSettings
from paraserve.types import FieldWarning

MULTILINGUAL = "multi"
"""Riva's name for a language that the model finds out."""
WEIGHT_OF_BOOST = 5.0
"""The boost that Riva's clients take by default, 4, is our usual weight, 20."""
MAX_WEIGHT = 100.0
MAX_MODEL_CHARS = 64
RAW: Mapping[int, Encoding] = MappingProxyType({LINEAR_PCM: "int16", MULAW: "mulaw", ALAW: "alaw"})
FILES: Mapping[int, str] = MappingProxyType({FLAC: "flac", OGGOPUS: "opus"})
NAMES = OptionNames(
    language="language_code",
    hotwords="speech_contexts",
    itn="verbatim_transcripts",
    punctuate="enable_automatic_punctuation",
)
FIELD_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "file": "audio",
        "language": NAMES.language,
        "hotwords": NAMES.hotwords,
        "itn": NAMES.itn,
        "punctuate": NAMES.punctuate,
        "vad_tail_sil": "endpointing_config.stop_history",
        "sample_rate": "sample_rate_hertz",
        "channels": "audio_channel_count",
        "channel": "enable_separate_recognition_per_channel",
    }
)
"""Fields of an upload and the names that Riva has for them."""
UNUSED_ENDPOINTING = ("start_history", "start_threshold", "stop_threshold", "stop_history_eou", "stop_threshold_eou")


def live_settings(config: RecognitionConfig, request_id: str) -> LiveSettings:
    """Return the choices of a live client.

    Raises:
        ProtocolError: names the field whose value cannot be used.
    """
    options = RecognitionOptions(
        hotwords=_hotwords(config),
        itn=not config.verbatim_transcripts,
        punctuate=config.enable_automatic_punctuation,
        language=_language(config),
        channel="split" if config.enable_separate_recognition_per_channel else None,
        model=read_text("model", config.model, MAX_MODEL_CHARS) or None,
    )
    stream = StreamConfig(audio=_audio(config), vad=_vad(config), options=options, session_id=request_id)
    return LiveSettings(stream, file_format=FILES.get(config.encoding))


def upload_fields(config: RecognitionConfig, audio: bytes) -> dict[str, str]:
    """Return the choices for this recording as fields of `POST /transcribe`.

    Raises:
        ProtocolError: names the field whose value cannot be used.
    """
    hotwords = {word.text: word.weight for word in _hotwords(config)}
    silence_ms = _vad(config).max_end_silence_ms
    fields = {
        "language": _language(config) or "",
        "model": config.model,
        "hotwords": json.dumps(hotwords) if hotwords else "",
        "itn": "false" if config.verbatim_transcripts else "",
        "punctuate": "true" if config.enable_automatic_punctuation else "false",
        "channel": "split" if config.enable_separate_recognition_per_channel else "",
        "vad_tail_sil": "" if silence_ms is None else str(silence_ms),
    }
    is_file = config.encoding in FILES or file_format(audio[:HEAD_BYTES]) is not None
    return fields if is_file or not audio else fields | _raw_fields(config)


def config_warnings(config: RecognitionConfig) -> list[FieldWarning]:
    """Return a warning for each field that has no effect whatever the model is."""
    return [not_honoured(name, message) for name, message in _unused(config)]


def named_as_here(warning: FieldWarning) -> FieldWarning:
    """Return a warning about a field of an upload with Riva's name of the field."""
    return replace(warning, param=FIELD_NAMES.get(warning.param or "", warning.param))


def asked_names(config: RecognitionConfig) -> set[str]:
    """Return the names of the options that the client asks for rather than leaves out."""
    return {field.name for field, _ in config.ListFields()} - {NAMES.itn}


def _unused(config: RecognitionConfig) -> Iterator[tuple[str, str]]:
    if config.max_alternatives > 1:
        yield "max_alternatives", "there is always one alternative"
    if config.profanity_filter:
        yield "profanity_filter", "the words to hide are the operator's choice, the setting profanity_file"
    if config.diarization_config.enable_speaker_diarization:
        yield "diarization_config", "speakers are not told apart; channels are"
    if config.encoding not in (0, *RAW, *FILES):
        yield "encoding", f"{config.encoding} is no encoding that is known here: the audio itself tells what it is"
    if any(context.boost < 0 for context in config.speech_contexts):
        yield "speech_contexts", "phrases cannot be made less likely: those with a negative boost are left out"
    for name in UNUSED_ENDPOINTING:
        if config.endpointing_config.HasField(name):
            yield f"endpointing_config.{name}", "of these, only stop_history has an effect here"
    if config.custom_configuration:
        yield "custom_configuration", "it is for pipelines of Riva"


def _hotwords(config: RecognitionConfig) -> tuple[Hotword, ...]:
    words = [
        Hotword(phrase.strip(), min(context.boost * WEIGHT_OF_BOOST, MAX_WEIGHT) or Hotword("").weight)
        for context in config.speech_contexts
        for phrase in context.phrases
        if phrase.strip() and context.boost >= 0
    ]
    return check_hotwords(tuple(words), NAMES.hotwords)


def _language(config: RecognitionConfig) -> str | None:
    name = config.language_code
    return read_language(NAMES.language, AUTO if name.lower() == MULTILINGUAL else name)


def _audio(config: RecognitionConfig) -> AudioFormat:
    """Return the format of raw audio; 0 stands for values that the client leaves to us."""
    usual = AudioFormat(encoding=RAW.get(config.encoding, "int16"))
    rate, channels = config.sample_rate_hertz, config.audio_channel_count
    if rate:
        rate = read_whole("sample_rate_hertz", rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    if channels:
        channels = read_whole("audio_channel_count", channels, 1, MAX_SPLIT_CHANNELS)
    return AudioFormat(rate or usual.sample_rate, channels or usual.channels, usual.encoding)


def _raw_fields(config: RecognitionConfig) -> dict[str, str]:
    audio = _audio(config)
    encoding = "linear16" if audio.encoding == "int16" else audio.encoding
    return {"encoding": encoding, "sample_rate": str(audio.sample_rate), "channels": str(audio.channels)}


def _vad(config: RecognitionConfig) -> VadOverrides:
    silence_ms = config.endpointing_config.stop_history
    if silence_ms:
        read_whole("endpointing_config.stop_history", silence_ms, *END_SILENCE_MS_RANGE)
    return VadOverrides(max_end_silence_ms=silence_ms or None)
