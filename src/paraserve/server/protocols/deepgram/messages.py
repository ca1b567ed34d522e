"""Text messages of Deepgram's live clients."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.options import RecognitionOptions
from paraserve.server.protocols.deepgram.query import key_terms
from paraserve.server.protocols.json_values import read_flag, read_object, read_text
from paraserve.server.protocols.option_warnings import not_honoured, unknown_fields
from paraserve.types import FieldWarning

FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"numerals": ("itn",), "punctuate": ("punctuate",), "smart_format": ("itn", "punctuate")}
)
"""Features that a client may turn on and off between segments, with the options that they stand for."""
KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "KeepAlive": ("type",),
        "Finalize": ("type", "channel"),
        "CloseStream": ("type",),
        "Configure": ("type", "keyterms", "features"),
    }
)
"""The kinds of messages with their keys."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `hotwords` are those of `Configure`, None if they stay as they are; `switches` are its options."""

    kind: str
    hotwords: tuple[Hotword, ...] | None = None
    switches: Mapping[str, bool] = field(default_factory=dict)
    warnings: tuple[FieldWarning, ...] = ()

    def applied(self, options: RecognitionOptions) -> RecognitionOptions:
        """Return the options as the message changes them."""
        hotwords = options.hotwords if self.hotwords is None else self.hotwords
        return replace(
            options,
            hotwords=hotwords,
            itn=self.switches.get("itn", options.itn),
            punctuate=self.switches.get("punctuate", options.punctuate),
        )


def read_message(text: str) -> Message:
    """Read a text frame.

    Raises:
        ProtocolError: it is no message of the protocol, or has a value that cannot be used.
    """
    body = read_object(text)
    kind = body.get("type")
    if not isinstance(kind, str) or kind not in KEYS:
        raise ProtocolError(
            f"expected an object with a type of {', '.join(KEYS)}", code="invalid_message", param="type"
        )
    warnings = unknown_fields(key for key in body if key not in KEYS[kind])
    if kind == "Finalize" and body.get("channel") is not None:
        warnings.append(not_honoured("channel", "all channels are finalized together"))
    if kind != "Configure":
        return Message(kind, warnings=tuple(warnings))
    return _configuration(body, warnings)


def _configuration(body: Mapping[str, Any], warnings: list[FieldWarning]) -> Message:
    terms, features = body.get("keyterms"), body.get("features")
    if terms is not None and not isinstance(terms, list):
        raise ProtocolError("keyterms must be a list", code="invalid_message", param="keyterms")
    if features is not None and not isinstance(features, dict):
        raise ProtocolError("features must be an object", code="invalid_message", param="features")
    hotwords = None if terms is None else key_terms([read_text("keyterms", term) for term in terms])
    switches: dict[str, bool] = {}
    for name, value in (features or {}).items():
        is_on = read_flag("features", value)
        switches |= dict.fromkeys(FEATURES.get(name, ()), is_on)
        if name not in FEATURES:
            warnings.append(not_honoured("features", f"only {', '.join(FEATURES)} can be changed"))
    return Message("Configure", hotwords, MappingProxyType(switches), tuple(warnings))
