"""The program `paraserve`: its streams and exit codes."""

import atexit
import contextlib
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from paraserve.cli.interrupts import INTERRUPTED, ended_by_interrupt

if TYPE_CHECKING:
    import typer


def _all_commands() -> "typer.Typer":
    from paraserve.cli.commands import command_line

    return command_line()


def run_program(args: Sequence[str] | None, commands: "Callable[[], typer.Typer]" = _all_commands) -> None:
    """Run a command line. Every expected error is one line on stderr and exit code 1, Ctrl-C is exit code 130.

    Args:
        args: the command line without the program's name; None takes this process's own.
        commands: imports and returns what there is to be called.
    """
    # Or the end of the process takes 0.2 s, to look for garbage in all that it has imported.
    atexit.register(gc.freeze)
    try:
        _prepare_streams()
        _run(sys.argv[1:] if args is None else args, commands)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _drop(sys.stdout)
        sys.exit(1)
    except Exception as error:
        if not _comes_of_interrupt(error):
            raise
        sys.exit(INTERRUPTED)
    finally:
        # A log that nobody reads any more is no failure.
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            _drop(sys.stderr)


def _run(args: Sequence[str], commands: "Callable[[], typer.Typer]") -> None:
    with ended_by_interrupt():
        from paraserve.errors import ParaserveError

        command = commands()
    try:
        command(list(args))
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)
        sys.exit(1)
    finally:
        sys.stdout.flush()


def _comes_of_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C is at the bottom of an error, into which a library has made it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _prepare_streams() -> None:
    """Let texts of any script be written, whatever the locale, and to a stream that is closed.

    Files and pipes get UTF-8. A terminal keeps its encoding and shows what it lacks as an escape sequence.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for good
        elif isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _drop(stream: TextIO) -> None:
    """Give up what nobody reads any more, and has not been written. Python would try again at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
