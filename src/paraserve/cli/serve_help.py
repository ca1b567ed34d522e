"""The end of `paraserve serve --help`: the settings without an option of typer's, by group, and FunASR's flags."""

import textwrap
from collections.abc import Iterable

from paraserve.cli.extra_flags import SETTING_OF, SWITCHES, WITHOUT_EFFECT
from paraserve.cli.serve import COMMON
from paraserve.cli.setting_texts import flag, groups, help_text, metavar

WIDTH = 74
UNWRAPPED = "\b\n"
"""Before a paragraph that typer must not wrap again, which would break it at its dashes."""


def more_help() -> str:
    """Return the text below the options."""
    return "\n\n".join(
        (
            "All other settings are flags as well. A <bool> may stand alone for true, a <list> has commas.",
            *filter(None, (_group(heading, names) for heading, names in groups())),
            "FunASR's flags work too, with dashes or underscores:",
            _listed(SETTING_OF),
            'A --*-dir replaces that part of the bundle, "" or 0 removes it.',
            "These are accepted with a warning and change nothing:",
            _listed((*WITHOUT_EFFECT, *SWITCHES)),
        )
    )


def _group(heading: str, names: Iterable[str]) -> str:
    lines = [line for name in names if name not in COMMON for line in _setting(name)]
    return UNWRAPPED + "\n".join([f"{heading}:", *lines]) if lines else ""


def _setting(name: str) -> list[str]:
    text = textwrap.wrap(help_text(name), WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return [f"  {flag(name)} {metavar(name)}", *text]


def _listed(names: Iterable[str]) -> str:
    flags = " ".join(f"--{name}" for name in names)
    return UNWRAPPED + textwrap.fill(
        flags, WIDTH, break_on_hyphens=False, initial_indent="  ", subsequent_indent="  "
    )
