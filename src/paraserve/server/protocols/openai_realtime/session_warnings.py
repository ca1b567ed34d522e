"""Warnings about a client's choices: keys that nobody knows, and those without effect on the loaded models."""

from paraserve.inference.abilities import ModelChoice
from paraserve.inference.audio import noise_suppression
from paraserve.server.protocols.openai_realtime.session import RealtimeSession
from paraserve.server.protocols.openai_realtime.session_reading import BETA, GA, SessionChange, Shape
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings, unknown_fields
from paraserve.types import FieldWarning

NO_SUPPRESSION = f"the server lacks the package {noise_suppression.PACKAGE}"


def change_warnings(change: SessionChange, choice: ModelChoice, *, is_beta: bool) -> list[FieldWarning]:
    """Return a warning for each choice of an update that has no effect."""
    shape = BETA if is_beta else GA
    return [
        *choice.warnings,
        *unknown_fields(change.unknown),
        *(not_honoured(path, message) for path, message in change.without_effect),
        *_of_options(change.session, choice, shape),
        *_of_session(change.session, choice, shape),
    ]


def _of_options(session: RealtimeSession, choice: ModelChoice, shape: Shape) -> list[FieldWarning]:
    path = f"{shape.path}{shape.transcription}."
    words = "keywords" if session.keywords else "prompt"
    names = OptionNames(language=f"{path}language", hotwords=path + words, prompt=f"{path}prompt")
    options = session.options(choice.abilities)
    found = [one for one in option_warnings(options, choice.abilities, (), names) if one.param != "noise_suppression"]
    if session.prompt and not (choice.abilities.prompt or choice.abilities.hotwords):
        found.append(not_honoured(f"{path}prompt", "the loaded model takes neither a prompt nor hotwords"))
    elif session.prompt and not choice.abilities.prompt:
        found.append(not_honoured(f"{path}prompt", "the loaded model takes no prompt: the names in it are hotwords"))
    return found


def _of_session(session: RealtimeSession, choice: ModelChoice, shape: Shape) -> list[FieldWarning]:
    path, turns = f"{shape.path}{shape.transcription}.", session.turns
    noise = shape.path + shape.noise_reduction
    vad, detects = shape.path + shape.turn_detection, choice.abilities.detects_speech
    cases = (
        (session.delay, f"{path}delay", "texts come as soon as they are known"),
        (len(session.languages) > 1, f"{path}languages", "one language can be chosen, else the model finds out"),
        (session.noise_reduction and not noise_suppression.is_installed(), noise, NO_SUPPRESSION),
        (session.noise_strength not in (None, 1), f"{noise}.strength", "noise is suppressed in full"),
        (turns is not None and not detects, vad, "no voice activity detector is loaded"),
        (
            turns is not None and turns.eagerness is not None and not choice.abilities.semantic_endpoint,
            f"{vad}.eagerness",
            "it takes a detector, a streaming recognizer and a punctuation model",
        ),
    )
    return [not_honoured(param, message) for is_so, param, message in cases if is_so]
