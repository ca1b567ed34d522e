"""Which process listens on a port of this machine, as Linux tells it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
LISTENS = "0A"
"""State of a socket in the tables of the kernel."""


def port_holder(port: int) -> str:
    """Return the process that listens on a TCP port, such as `process 123, nginx`; "" where that cannot be told.

    Processes of other users are told to root alone.
    """
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in PROC.glob("[0-9]*") if inodes else ():
        with suppress(OSError):
            if any(_target(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                return f"process {process.name}, {_name(process)}"
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _target(descriptor: Path) -> str:
    with suppress(OSError):  # it has been closed since
        return str(descriptor.readlink())
    return ""


def _name(process: Path) -> str:
    """Return the program, without what runs it: `paraserve` for `python /usr/bin/paraserve serve`."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    names = [Path(word).name for word in words if word and not word.startswith("-")]
    is_python = len(names) > 1 and names[0].startswith("python")
    return "".join(filter(str.isprintable, names[1 if is_python else 0])) if names else "without a name"
