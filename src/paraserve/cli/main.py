"""The command `paraserve`: its subcommands, and its exit codes."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from paraserve import __version__
from paraserve.cli import bench, doctor, keys, models, serve, serve_help, stream, transcribe
from paraserve.errors import ParaserveError

# Plain help and errors: they are read in logs and start scripts as often as in a terminal.
app = typer.Typer(
    name="paraserve",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(context_settings=serve.CONTEXT, epilog=serve_help.more_help())(serve.serve)
app.command()(transcribe.transcribe)
app.command()(stream.stream)
app.command()(doctor.doctor)
app.add_typer(bench.app, name="bench")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"paraserve {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Speech recognition: a server, and the same pipeline on the command line."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command line. Every expected error is one line on stderr and exit code 1, Ctrl-C is exit code 130.

    Args:
        args: the command line without the program's name; None takes this process's own.
    """
    try:
        app(args)
    except ParaserveError as error:
        typer.echo(f"paraserve: {error.message}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
