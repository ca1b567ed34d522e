"""The subcommands of `paraserve`, imported when they are called: the list of them is there at once."""

import difflib
import os
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from paraserve import __version__
from paraserve.cli.help_colours import ColouredContext, colour
from paraserve.cli.interrupts import ended_by_interrupt


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a command is: the typer app `app` in `module`. `about` is the first sentence of its help."""

    module: str
    about: str


COMMANDS = {
    "serve": CommandPlace("serve", "Serve speech recognition over HTTP and WebSocket."),
    "transcribe": CommandPlace("transcribe", "Write the text of recordings to stdout, in the order given."),
    "stream": CommandPlace("stream", "Write the texts of live speech to stdout, one segment a line."),
    "doctor": CommandPlace(
        "doctor", "Check this machine and installation: one line each, ok, warn or fail, with the cure."
    ),
    "mcp": CommandPlace(
        "mcp.command",
        "Give assistants the tools transcribe and list_models, over the Model Context Protocol (stdin and stdout).",
    ),
    "jobs": CommandPlace(
        "jobs.job_commands", "Recordings that a server keeps and transcribes, however long that takes."
    ),
    "selftest": CommandPlace(
        "selftest", "Try every protocol and, with --faults, faults on this machine: a verdict a line."
    ),
    "bench": CommandPlace("bench", "Measure what this machine carries, in a few seconds."),
    "models": CommandPlace("models", "List, pull, check, optimize, quantize, use and remove model bundles, by name."),
    "keys": CommandPlace("keys", "API keys: a file of digests for `serve --api-keys-file`."),
}


class CommandList(TyperGroup):
    """The group of all commands. typer and click call its methods."""

    context_class = ColouredContext

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: Any, name: str) -> Any:
        """Import a command; None if there is none of this name."""
        place = COMMANDS.get(name)
        if place is None:
            return None
        with ended_by_interrupt():
            command = get_command(cast("typer.Typer", import_module(f"paraserve.cli.{place.module}").app))
        command.name = name
        colour(command)
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a command line. One that does not exist is an error that names what is like it."""
        if args[0] not in COMMANDS:
            like = difflib.get_close_matches(args[0], COMMANDS)
            hint = f" Did you mean {' or '.join(map(repr, like))}?" if like else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write the list of commands, which are not imported for that."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.about) for name, place in COMMANDS.items()])


def command_line() -> typer.Typer:
    """Make the command line."""
    app = typer.Typer(
        name="paraserve",
        cls=CommandList,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"color": False} if os.environ.get("NO_COLOR") else None,
    )
    app.callback()(_root)
    return app


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"paraserve {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Speech recognition: a server, and the same pipeline on the command line."""
