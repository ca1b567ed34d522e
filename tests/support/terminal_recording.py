"""A session in a real terminal, which tmux emulates, as the screens that a person would see."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COLUMNS, ROWS = 96, 20
PROMPT = "$ "
KEY_S, LOOK_S = 0.06, 0.08
"""Between the keys of a command, and between two looks at the screen."""
END_TIMEOUT_S = 90
BASH = ("bash", "--norc", "--noprofile", "-i")


@dataclass(frozen=True)
class Screen:
    """What the terminal shows from `at_s` on: its lines, with escape sequences for colours."""

    at_s: float
    lines: tuple[str, ...]


class Terminal:
    """A shell in tmux.

    Args:
        socket: name of a socket of tmux that nobody else uses.
        environment: added to that of this process.
    """

    def __init__(self, socket: Path, cwd: Path, environment: Mapping[str, str]) -> None:
        self._tmux = [str(shutil.which("tmux")), "-S", str(socket), "-f", os.devnull]
        self.screens: list[Screen] = []
        self._began = time.monotonic()
        given = {"PS1": PROMPT, "PS2": "> ", "TERM": "screen-256color", "HISTFILE": "", **environment}
        words = ["env", *(f"{name}={value}" for name, value in given.items()), *BASH]
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self._run("new-session", "-d", *size, "-c", str(cwd), shlex.join(words))
        self._wait_for_prompt(0)

    def type(self, command: str) -> None:
        """Type a command key by key, and look at the screen until its program has ended."""
        prompts = self._prompts()
        for key in command:
            self._run("send-keys", "-l", key)
            self._look()
            time.sleep(KEY_S)
        self._run("send-keys", "Enter")
        self._wait_for_prompt(prompts)

    def close(self) -> None:
        """End the shell and what it runs."""
        self._run("kill-server")

    def _wait_for_prompt(self, n_before: int) -> None:
        deadline = time.monotonic() + END_TIMEOUT_S
        while not self._is_at_prompt(n_before):
            assert time.monotonic() < deadline, self.screens[-1]
            time.sleep(LOOK_S)

    def _is_at_prompt(self, n_before: int) -> bool:
        lines = self._look()
        return bool(lines) and lines[-1].rstrip() == PROMPT.rstrip() and self._prompts() > n_before

    def _prompts(self) -> int:
        """The prompts so far, those that have left the screen too."""
        return sum(
            line.startswith(PROMPT.rstrip()) for line in self._run("capture-pane", "-p", "-S", "-").splitlines()
        )

    def _look(self) -> tuple[str, ...]:
        lines = tuple(self._run("capture-pane", "-p", "-e").rstrip("\n").splitlines())
        if not self.screens or self.screens[-1].lines != lines:
            self.screens.append(Screen(time.monotonic() - self._began, lines))
        return lines

    def _run(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout


def without_pauses(screens: Sequence[Screen], longest_s: float) -> list[Screen]:
    """The screens in their order, none shown for longer than this."""
    shortened, at_s = [], 0.0
    for one, following in zip(screens, [*screens[1:], None], strict=True):
        shortened.append(Screen(at_s, one.lines))
        at_s += min(longest_s, following.at_s - one.at_s) if following else 0.0
    return shortened
