"""The event `transcribe`: what a client of the Wyoming protocol asks for before its audio."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import ChoiceOf
from paraserve.options import StreamConfig, VadOverrides
from paraserve.server.protocols.funasr.hotwords import check_hotwords
from paraserve.server.protocols.json_values import invalid_value, read_text
from paraserve.server.protocols.languages import read_language
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings, unknown_fields
from paraserve.types import FieldWarning

KNOWN_KEYS = frozenset(("name", "language", "context", "vad_sensitivity", "transcript_names", "transcript_terms"))
END_SILENCES_MS: Mapping[object, int | None] = MappingProxyType(
    {None: None, "default": None, "relaxed": 1250, "aggressive": 250}
)
"""Silence that ends a segment, by `vad_sensitivity`. None = the model's own."""
MAX_MODEL_CHARS = 64


def read_transcribe(
    data: Mapping[str, Any], stream: StreamConfig, choice_of: ChoiceOf
) -> tuple[StreamConfig, list[FieldWarning]]:
    """Return the settings that a client asks for, in place of those of `stream`, and warnings about them.

    Raises:
        ProtocolError: names the key whose value is not taken.
    """
    given = {key: value for key, value in data.items() if value is not None}
    language = read_language("language", read_text("language", given.get("language", "")))
    # Names come first, as they count more where words have to be left out.
    words = [word for key in ("transcript_names", "transcript_terms") for word in _read_words(key, given.get(key))]
    options = replace(
        stream.options,
        model=read_text("name", given.get("name", ""), MAX_MODEL_CHARS) or None,
        language=language,
        hotwords=check_hotwords(tuple(map(Hotword, dict.fromkeys(words))), "transcript_names"),
    )
    sensitivity = given.get("vad_sensitivity")
    is_known = isinstance(sensitivity, str | None) and sensitivity in END_SILENCES_MS
    vad = VadOverrides(max_end_silence_ms=END_SILENCES_MS[sensitivity] if is_known else None)
    choice = choice_of(options.model)
    warnings = [
        *choice.warnings,
        *option_warnings(options, choice.abilities, given, OptionNames(hotwords="transcript_names")),
        *unknown_fields(given.keys() - KNOWN_KEYS),
    ]
    if not is_known:
        warnings.append(not_honoured("vad_sensitivity", "expected default, relaxed or aggressive"))
    if given.get("context"):
        warnings.append(not_honoured("context", "each transcript stands for itself"))
    return replace(stream, options=options, vad=vad), warnings


def _read_words(key: str, value: object) -> Sequence[str]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid_value(key, value, "a list of words")
    return [text for word in value if (text := read_text(key, word).strip())]
