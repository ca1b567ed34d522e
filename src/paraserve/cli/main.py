"""The entry point of the command `paraserve`.

It imports next to nothing before it minds Ctrl-C, which is no traceback then in the first moment either.
"""

import os
import signal


def main(args: "list[str] | None" = None) -> None:
    """Run a command line. Every expected error is one line on stderr and exit code 1, Ctrl-C is exit code 130.

    Args:
        args: the command line without the program's name; None takes this process's own.
    """
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from paraserve.cli.program import run_program

    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_program(args)


if __name__ == "__main__":
    main()
