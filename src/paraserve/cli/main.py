"""The entry point of the command `paraserve`: its streams and exit codes.

It imports little before `main` is called, so that Ctrl-C in the first second is no traceback.
"""

import atexit
import contextlib
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in a shell."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command line. Every expected error is one line on stderr and exit code 1, Ctrl-C is exit code 130.

    Args:
        args: the command line without the program's name; None takes this process's own.
    """
    atexit.register(
        gc.freeze
    )  # or the end of the process takes 0.2 s, to look for garbage in all that it has imported
    try:
        _prepare_streams()
        _run(sys.argv[1:] if args is None else args)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _drop(sys.stdout)
        sys.exit(1)
    finally:
        # A log that nobody reads any more is no failure.
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            _drop(sys.stderr)


def _run(args: Sequence[str]) -> None:
    with _ended_by_interrupt():
        from paraserve.cli.commands import command_line
        from paraserve.errors import ParaserveError

        commands = command_line()
    try:
        commands(list(args))
    except ParaserveError as error:
        print(f"paraserve: {error.message}", file=sys.stderr)
        sys.exit(1)
    finally:
        sys.stdout.flush()


@contextlib.contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the program at once. While pydantic makes a model, a KeyboardInterrupt becomes another error."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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


if __name__ == "__main__":
    main()
