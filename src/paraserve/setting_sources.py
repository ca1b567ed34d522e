"""Where the settings of a server come from, so that a running one can read them again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from paraserve.settings import Settings, checked_settings

RELOADED = frozenset(
    (
        "bundle",
        "models",
        "fallback",
        "models_memory_bytes",
        "models_dir",
        "bundle_keys",
        "model_dir",
        "online_model_dir",
        "vad_dir",
        "punc_dir",
        "itn_dir",
        "quantize",
        "vad_quant",
        "punc_quant",
        "hotword_file",
        "hotword_bonus",
        "hotword_cap",
        "hotwords_in_graph",
        "hotwords_in_partials",
        "replacements",
        "replacements_file",
        "profanity",
        "profanity_file",
        "mask",
    )
)
"""Settings whose changes count after a reload. Those of other settings need a restart."""


@dataclass(frozen=True, slots=True)
class SettingSources:
    """The flags of the command line. The environment and the settings file are read beside them."""

    flags: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "SettingSources":
        """Return the sources of settings that were made in code: all values that they were given stay."""
        return cls(settings.model_dump(mode="json", include=settings.model_fields_set))

    def read(self) -> Settings:
        """Read the settings again.

        Raises:
            ParaserveError: a value is not valid; names the setting.
        """
        return checked_settings(self.flags)

    def with_bundles(self, bundles: Sequence[str]) -> "SettingSources":
        """Return the sources with these bundles in place of those that they name; without any they stay."""
        return replace(self, flags={**self.flags, "bundle": list(bundles)}) if bundles else self


def reloaded_settings(settings: Settings, wanted: Settings) -> Settings:
    """Return settings with the values that a reload takes from newer ones."""
    return settings.model_copy(update={name: getattr(wanted, name) for name in RELOADED})
