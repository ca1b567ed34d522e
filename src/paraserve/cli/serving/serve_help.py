"""The end of `paraserve serve --help`: the settings without an option of typer's, by group, and FunASR's flags."""

import textwrap
from collections.abc import Collection, Iterable
from itertools import groupby

from paraserve.cli.serving.extra_flags import SETTING_OF, SWITCHES, WITHOUT_EFFECT
from paraserve.cli.setting_options import flag, setting_texts

WIDTH = 74
UNWRAPPED = "\b\n"
"""Before a paragraph that typer must not wrap again, which would break it at its dashes."""


def more_help(common: Collection[str]) -> str:
    """Return the text below the options, among which are those of the `common` settings."""
    texts = setting_texts()
    groups = groupby((name for name in texts if name not in common), lambda name: texts[name].group)
    return "\n\n".join(
        (
            "All other settings are flags as well. A <bool> may stand alone for true, a <list> has commas.",
            *(_group(heading, names) for heading, names in groups),
            "FunASR's flags work too, with dashes or underscores:",
            _listed(SETTING_OF),
            'A --*-dir replaces that part of the bundle, "" or 0 removes it.',
            "These are accepted with a warning and change nothing:",
            _listed((*WITHOUT_EFFECT, *SWITCHES)),
        )
    )


def _group(heading: str, names: Iterable[str]) -> str:
    return UNWRAPPED + "\n".join([f"{heading}:", *(line for name in names for line in _setting(name))])


def _setting(name: str) -> list[str]:
    text = setting_texts()[name]
    lines = textwrap.wrap(text.help, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return [f"  {flag(name)} {text.metavar}", *lines]


def _listed(names: Iterable[str]) -> str:
    flags = " ".join(f"--{name}" for name in names)
    return UNWRAPPED + textwrap.fill(
        flags, WIDTH, break_on_hyphens=False, initial_indent="  ", subsequent_indent="  "
    )
