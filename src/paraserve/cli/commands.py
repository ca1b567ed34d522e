"""The subcommands of `paraserve`."""

from typing import Annotated

import typer

from paraserve import __version__
from paraserve.cli import keys, serve, serve_help


def command_line(*, is_serve: bool) -> typer.Typer:
    """Make the command line: with the one command `serve`, or with all of them.

    The supervisor of servers stays small, since `serve` alone imports neither the server nor the models' libraries.
    """
    # Plain help and errors: they are read in logs and start scripts as often as in a terminal.
    app = typer.Typer(
        name="paraserve",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_root)
    app.command(context_settings=serve.CONTEXT, epilog=serve_help.more_help())(serve.serve)
    if not is_serve:
        _add_others(app)
    return app


def _add_others(app: typer.Typer) -> None:
    from paraserve.cli import bench, doctor, models, stream, transcribe  # noqa: PLC0415 - see `command_line`
    from paraserve.cli.jobs import job_commands  # noqa: PLC0415
    from paraserve.cli.mcp import command as mcp_command  # noqa: PLC0415

    app.command()(transcribe.transcribe)
    app.command()(stream.stream)
    app.command()(doctor.doctor)
    app.command()(mcp_command.mcp)
    app.add_typer(job_commands.app, name="jobs")
    app.add_typer(bench.app, name="bench")
    app.add_typer(models.app, name="models")
    app.add_typer(keys.app, name="keys")


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
