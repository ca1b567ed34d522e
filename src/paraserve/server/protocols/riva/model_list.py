"""Riva's list of models, from that of `GET /v1/models`."""

from collections.abc import Iterable, Mapping
from typing import Any

from paraserve.errors import ModelNotFoundError
from paraserve.server.protocols.generated.riva_asr_pb2 import RivaSpeechRecognitionConfigResponse
from paraserve.types import SAMPLE_RATE

KINDS = ("online", "offline")
"""Riva's clients look for models of either kind. Each of ours is both."""


def model_list(models: Iterable[Mapping[str, Any]], name: str) -> RivaSpeechRecognitionConfigResponse:
    """Return the models that are loaded, or the one of this name, each once for live speech and once for recordings.

    Raises:
        ModelNotFoundError: there is none of this name.
    """
    loaded = [one for one in models if one["state"] == "loaded"]
    chosen = [one for one in loaded if name in ("", one["id"], *one["aliases"])]
    if name and not chosen:
        names = ", ".join(str(one["id"]) for one in loaded)
        raise ModelNotFoundError(f"there is no model {name[:40]!r}: there is {names}", param="model_name")
    return RivaSpeechRecognitionConfigResponse(
        model_config=[
            RivaSpeechRecognitionConfigResponse.Config(model_name=one["id"], parameters=_parameters(one, kind))
            for one in chosen
            for kind in KINDS
        ]
    )


def _parameters(model: Mapping[str, Any], kind: str) -> dict[str, str]:
    return {
        "type": kind,
        "streaming": str(kind == "online"),
        "language_code": ",".join(model["languages"]) or "multi",
        "sample_rate": str(SAMPLE_RATE),
    }
