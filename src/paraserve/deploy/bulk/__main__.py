"""`python -m paraserve.deploy.bulk`."""

from typing import TYPE_CHECKING

from paraserve.cli.program import run_program

if TYPE_CHECKING:
    import typer


def _command() -> "typer.Typer":
    from paraserve.deploy.bulk.command import app  # noqa: PLC0415 - Ctrl-C is minded first

    return app


if __name__ == "__main__":
    run_program(None, _command)
