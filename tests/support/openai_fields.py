"""Holds the request types of OpenAI's package (`openai_types.py`) against the server's description of its fields."""

from pathlib import Path
from typing import Any

from paraserve.errors import ModelNotFoundError
from paraserve.runtime.routing.names import ModelNames, find_model
from paraserve.server.http.upload_forms import OpenAIForm, TranslationForm
from paraserve.server.protocols.server_vad import SERVER_VAD_KEYS

TYPES_PROGRAM = Path(__file__).with_name("openai_types.py")
NESTED_TYPES = frozenset(
    (
        "TranscriptionCreateParamsBase",
        "TranscriptionCreateParamsNonStreaming",
        "TranscriptionCreateParamsStreaming",
        "ChunkingStrategy",
        "ChunkingStrategyVadConfig",
    )
)
"""Types of the request that `read_types` looks into."""


def unknown_here(types: dict[str, list[str]]) -> dict[str, set[str]]:
    """What the server's description and its names of models do not have of these types."""
    form = _fields_of(OpenAIForm)
    known = {
        "types": NESTED_TYPES,
        "transcription": form.keys(),
        "translation": _fields_of(TranslationForm).keys(),
        "server_vad": set(SERVER_VAD_KEYS),
        "response_format": set(form["response_format"]["enum"]),
        "include": {form["include"]["items"]["const"]},
        "models": {name for name in types["models"] if _is_model(name)},
        "events": {f"TranscriptionText{name}Event" for name in ("Delta", "Segment", "Done")},
    }
    found = {name: set(values) - known[name] for name, values in types.items()}
    return {name: values for name, values in found.items() if values}


def _fields_of(form: Any) -> dict[str, Any]:
    return {name.removesuffix("[]"): field for name, field in form.model_json_schema()["properties"].items()}


def _is_model(name: str) -> bool:
    try:
        find_model(name, [ModelNames("demo")])
    except ModelNotFoundError:
        return False
    return True
