"""Commands in a real terminal, as a person sees and interrupts them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from support.commands import PROGRAM, clean_environment

COLUMNS, LINES = 80, 24
TIMEOUT_S = 60
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A command in a terminal of 80 columns and 24 lines."""

    def __init__(self, child: "pexpect.spawn[str]") -> None:
        self._child = child
        self._seen: list[str] = []

    def wait_for(self, pattern: str) -> str:
        """Wait until the terminal shows a text; return what it showed before, and the text."""
        self._child.expect(pattern)
        self._seen += [self._child.before, self._child.after]
        return self._child.before + self._child.after

    def press_ctrl_c(self) -> None:
        """Press it once."""
        self._child.sendintr()

    def type(self, text: str) -> None:
        """Type a text."""
        self._child.send(text)

    def end(self) -> int:
        """Wait for the end; return the exit code, a signal's as a shell has it. The cursor is visible again."""
        self._child.expect(pexpect.EOF)
        self._seen.append(self._child.before)
        self._child.close()
        shown = self.shown
        assert "Traceback" not in shown
        assert shown.rfind(SHOW_CURSOR) >= shown.rfind(HIDE_CURSOR)
        code = self._child.exitstatus
        return 128 + self._child.signalstatus if code is None else code

    @property
    def shown(self) -> str:
        """All that was shown so far, with its escape sequences."""
        return "".join(self._seen)

    @property
    def text(self) -> str:
        """All that was shown so far, without escape sequences."""
        return ESCAPE.sub("", self.shown)


@contextmanager
def terminal(
    *args: object, program: str = PROGRAM, cwd: Path | None = None, **environment: str
) -> Iterator[Terminal]:
    """Start the installed program, or another one, in a terminal."""
    child = pexpect.spawn(
        program,
        [*map(str, args)],
        env=clean_environment(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(LINES), **environment),
        cwd=cwd and str(cwd),
        dimensions=(LINES, COLUMNS),
        encoding="utf-8",
        timeout=TIMEOUT_S,
    )
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)
