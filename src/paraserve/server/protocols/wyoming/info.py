"""The event `info`: the server as a speech-to-text program, and its models."""

from collections.abc import Iterable
from dataclasses import dataclass

from paraserve import __version__
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.wyoming.events import event_frame

ATTRIBUTION = {"name": "paraserve", "url": "https://pypi.org/project/paraserve/"}
USUAL_LANGUAGES = ("en", "zh")
"""Of models that name none. Clients offer no model without a language."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model and the codes of its languages."""

    name: str
    languages: tuple[str, ...]


def info_frame(models: Iterable[ModelInfo]) -> bytes:
    """Return the answer to `describe`."""
    program = _artifact("paraserve", "Speech recognition: paraserve") | {
        "models": [
            _artifact(one.name, f"Model {one.name}") | {"languages": list(one.languages or USUAL_LANGUAGES)}
            for one in models
        ],
        "supports_transcript_streaming": True,
        "requires_external_vad": True,
        "prefers_auto_gain_enabled": False,
        "prefers_noise_reduction_enabled": False,
    }
    others: Json = {kind: [] for kind in ("tts", "handle", "intent", "wake", "mic", "snd")}
    return event_frame("info", {"asr": [program], **others})


def _artifact(name: str, description: str) -> Json:
    facts: Json = {"name": name, "attribution": ATTRIBUTION, "installed": True, "description": description}
    return facts | {"version": __version__}
