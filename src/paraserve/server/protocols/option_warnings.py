"""Warnings about options that a client asks for and the loaded models cannot honour."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from paraserve.inference.abilities import Abilities
from paraserve.inference.audio import noise_suppression
from paraserve.options import RecognitionOptions
from paraserve.sendable_text import sendable
from paraserve.server.protocols.languages import NO_SPEECH
from paraserve.types import FieldWarning

NOT_HONOURED = "not_honoured"
"""A field that is known and has no effect here, or less than was asked for."""
UNKNOWN_FIELD = "unknown_field"
"""No field of this route or protocol has this name."""
MAX_NAME_CHARS = 64
MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class OptionNames:
    """Names of the options in one protocol."""

    language: str = "language"
    hotwords: str = "hotwords"
    prompt: str = "prompt"
    itn: str = "itn"
    punctuate: str = "punctuate"
    model_itn: str = "svs_itn"
    lm: str = "lm"


FUNASR_NAMES = OptionNames(language="svs_lang")


def not_honoured(param: str, message: str) -> FieldWarning:
    """Return the warning about a known field that has no effect, or less than was asked for."""
    return FieldWarning(NOT_HONOURED, param, message)


def unknown_fields(names: Iterable[str]) -> list[FieldWarning]:
    """Return a warning about each field that nobody here knows. After the first 20 the others are counted."""
    names = list(names)
    found = [
        FieldWarning(UNKNOWN_FIELD, sendable(name, MAX_NAME_CHARS), "no such field: it changes nothing")
        for name in names[:MAX_NAMED]
    ]
    if len(names) > MAX_NAMED:
        found.append(FieldWarning(UNKNOWN_FIELD, None, f"{len(names) - MAX_NAMED} more fields that do not exist"))
    return found


def option_warnings(
    options: RecognitionOptions, abilities: Abilities, asked: Container[str], names: OptionNames = OptionNames()
) -> list[FieldWarning]:
    """Return a warning for each option that has no effect on the loaded models.

    Args:
        options: the client's choices.
        abilities: those of the loaded models.
        asked: names of all fields that the client sent.
        names: names of the options in the client's protocol.
    """
    language = options.language
    wants_numbers, wants_marks = names.itn in asked and options.itn, names.punctuate in asked and options.punctuate
    wants_lm = names.lm in asked and options.lm
    cases = (
        (options.hotwords and not abilities.hotwords, names.hotwords, "the loaded model takes no hotwords"),
        (options.prompt and not abilities.prompt, names.prompt, "the loaded model takes no prompt"),
        (language and not _knows(abilities, language), names.language, _language_problem(abilities, language)),
        (
            not options.itn and not abilities.leaves_numbers,
            names.itn,
            "the loaded model writes numbers by itself and cannot leave them as spoken",
        ),
        (wants_numbers and not abilities.writes_numbers, names.itn, "nothing that writes numbers is loaded"),
        (wants_lm and not abilities.language_model, names.lm, "no language model is loaded"),
        (
            options.noise_suppression and not noise_suppression.is_installed(),
            "noise_suppression",
            f"the server lacks the package {noise_suppression.PACKAGE}",
        ),
        (wants_marks and not abilities.punctuates, names.punctuate, "no punctuation model is loaded"),
        (
            not options.model_itn and not abilities.model_itn,
            names.model_itn,
            "the loaded model is no SenseVoice: itn and punctuate choose the written form",
        ),
    )
    return [not_honoured(name, message) for is_so, name, message in cases if is_so]


def detector_warnings(options: RecognitionOptions, abilities: Abilities) -> list[FieldWarning]:
    """Return a warning for each choice about the detector that has no effect where none is loaded."""
    if abilities.detects_speech:
        return []
    cases = (
        (options.vad.max_end_silence_ms is not None, "vad_tail_sil"),
        (options.vad.speech_noise_threshold is not None, "speech_noise_thres"),
        (options.merge_vad, "merge_vad"),
    )
    return [not_honoured(name, "no voice activity detector is loaded") for is_so, name in cases if is_so]


def _knows(abilities: Abilities, language: str) -> bool:
    return (
        abilities.any_language or language in abilities.languages or (language == NO_SPEECH and abilities.model_itn)
    )


def _language_problem(abilities: Abilities, language: str | None) -> str:
    if not abilities.languages:
        return "the loaded model takes no language: it recognizes those that it was trained on, as they come"
    return f"the loaded model does not know {language!r} and finds out the language by itself"
