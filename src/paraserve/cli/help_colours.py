"""Colours of `--help` in a terminal. typer takes them out where nobody sees them: in a pipe, a file, under NO_COLOR.

typer's own coloured help loads rich with its Markdown, which takes longer than all the rest of `--help`.
"""

from collections.abc import Sequence
from typing import Any

import typer


class ColouredFormatter(typer.Context.formatter_class):  # type: ignore[valid-type, misc]  # typer has no other name
    """Help with bold headings, and the names of flags and commands in cyan."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line, its name in bold."""
        super().write_usage(prog, args, typer.style(prefix or "Usage: ", bold=True))

    def write_heading(self, heading: str) -> None:
        """Write a heading in bold."""
        super().write_heading(typer.style(heading, bold=True))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write flags or commands in cyan, with what they mean."""
        coloured = [(typer.style(first, fg="cyan"), second) for first, second in rows]
        super().write_dl(coloured, col_max, col_spacing)


class ColouredContext(typer.Context):
    """The context of a command whose help is coloured."""

    formatter_class = ColouredFormatter


def colour(command: Any) -> None:
    """Let a command and its subcommands have coloured help."""
    command.context_class = ColouredContext
    for subcommand in getattr(command, "commands", {}).values():
        colour(subcommand)
