"""What Linux tells of running processes: who started whom, and what each holds."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
DECODE_CHILD = "decoder_process"
"""In the command lines of processes that decode recordings."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its number, with that of the one which started it, and of its session."""

    pid: int
    parent: int
    session: int


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that run still, without those that decode recordings."""
    return [one.pid for one in _running() if one.parent == pid and DECODE_CHILD not in command_of(one.pid)]


def session_members(session: int) -> list[int]:
    """Return the processes of a session, which is the number of the process that began it."""
    return [one.pid for one in _running() if one.session == session]


def command_of(pid: int) -> str:
    """Return the command line of a process; "" of one that has ended."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def has_decode_child(pid: int) -> bool:
    """Return whether a process has started one that decodes recordings."""
    return any(one.parent == pid and DECODE_CHILD in command_of(one.pid) for one in _running())


def memory_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 of one that has ended."""
    with contextlib.suppress(OSError, IndexError):
        return int((PROC / str(pid) / "statm").read_text("ascii").split()[1]) * PAGE_BYTES
    return 0


def open_files(pid: int) -> Iterator[str]:
    """Yield what a process has open: paths, and names such as `socket:[123]`. Nothing of one that has ended."""
    with contextlib.suppress(OSError):
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):  # it has been closed since
                yield str(descriptor.readlink())


def _running() -> Iterator[Process]:
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            # The name of a program stands in parentheses, and may have some itself.
            fields = (folder / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                yield Process(int(folder.name), parent=int(fields[1]), session=int(fields[3]))
