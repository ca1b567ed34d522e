"""The flags of settings, by texts that are made before.

To read the settings themselves takes 0.3 s, which `--help` and the completion of a shell need not wait for. So
scripts/docs-settings writes what they say of flags into setting_texts.json, and a test holds the two together.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

TEXTS = Path(__file__).with_name("setting_texts.json")


@dataclass(frozen=True, slots=True)
class SettingText:
    """What the command line says of a setting.

    `kinds` are the values that it may have, or their types. `is_choice` is True if they are values alone.
    """

    group: str
    kinds: tuple[str, ...]
    is_choice: bool
    help: str

    @property
    def metavar(self) -> str:
        """What `--help` shows for the value: `<int>`, `<2pass|offline>`."""
        return f"<{'|'.join(self.kinds)}>"


@cache
def setting_texts() -> dict[str, SettingText]:
    """Return the texts of all settings by their names, those of one group together."""
    facts = json.loads(TEXTS.read_text("utf-8"))
    return {
        name: SettingText(one["group"], tuple(one["kinds"]), one["is_choice"], one["help"])
        for name, one in facts.items()
    }


def setting_option(name: str, *aliases: str, **more: Any) -> Any:
    """Return the option of a setting, for a parameter of a command. `more` goes to typer."""
    text = setting_texts()[name]
    return typer.Option(flag(name), *aliases, metavar=text.metavar, help=text.help, **more)


def flag(name: str) -> str:
    """Return how a setting is written on the command line."""
    return f"--{name.replace('_', '-')}"
