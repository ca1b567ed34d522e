"""Names by which clients choose a model: its own, its aliases, and those that programs send whatever is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from paraserve.errors import ModelNotFoundError
from paraserve.sendable_text import sendable

AUTO = "auto"
"""Leaves the choice to the server, like no name."""
KIND_OF_ALIAS: Mapping[str, str] = MappingProxyType(
    {
        "default": "",
        "gpt-transcribe": "",
        "gpt-4o-transcribe": "",
        "gpt-4o-mini-transcribe": "",
        "gpt-4o-mini-transcribe-2025-12-15": "",
        "gpt-4o-transcribe-diarize": "",
        "gpt-live-transcribe": "",
        "gpt-realtime-whisper": "",
        "fun-asr-nano": "",
        "whisper-1": "whisper",
        "whisper": "whisper",
        "paraformer": "paraformer",
        "paraformer-zh": "paraformer",
        "paraformer-zh-streaming": "paraformer",
        "paraformer-en": "paraformer",
        "sensevoice": "sensevoicesmall",
        "sensevoicesmall": "sensevoicesmall",
        "iic/sensevoicesmall": "sensevoicesmall",
    }
)
"""Names that clients of OpenAI and FunASR send and often cannot change, with the kind of model meant ("": any).

Such a name reaches the first model of its kind. Where there is none, the server chooses.
"""
MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The names of one model. `kind` is the family of its recognizer in small letters, as in `KIND_OF_ALIAS`."""

    name: str
    aliases: tuple[str, ...] = ()
    kind: str = ""


def find_model(asked: str | None, models: Sequence[ModelNames]) -> str | None:
    """Return the own name of the model that a client asks for, None where the server chooses.

    Raises:
        ModelNotFoundError: there is no such model. It names those that there are.
    """
    if not asked or asked == AUTO:
        return None
    for model in models:
        if asked == model.name or asked in model.aliases:
            return model.name
    kind = KIND_OF_ALIAS.get(asked.lower())
    if kind is None:
        there = ", ".join(model.name for model in models)
        message = f"there is no model {sendable(asked, MAX_NAME_CHARS)!r} here, only: {there}"
        raise ModelNotFoundError(message, param="model")
    return next((model.name for model in models if kind and model.kind == kind), None)
