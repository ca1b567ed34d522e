"""Memory that this process and those beside it may use: of the machine, or less by control groups (cgroups)."""

import os
from pathlib import Path

from paraserve.control_groups import GROUPS, MEMBERSHIP, group_folders

GUARDED_SHARE = 0.9
"""Share of the allowed memory at which new work is refused: what is in progress still grows, and at the limit itself
the kernel kills a process."""


def guarded_bytes(processes: int) -> int:
    """Return the memory at which one of so many equal processes should take no more work."""
    return int(allowed_bytes() * GUARDED_SHARE) // processes


def allowed_bytes() -> int:
    """Return the machine's memory, or the least limit of this process' control groups if that is lower."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        membership = MEMBERSHIP.read_text("utf-8")
    except OSError:
        return machine
    return min(machine, group_bytes(membership, GROUPS) or machine)


def group_bytes(membership: str, groups: Path) -> int:
    """Return the memory that control groups (version 1 or 2, mounted at `groups`) allow; 0 without a limit.

    `membership` is the content of the process' /proc/PID/cgroup. Version 1 states a number near 2^63 for no limit.
    """
    limits = (_limit(folder) for folder in group_folders(membership, groups, "memory"))
    return min((limit for limit in limits if limit), default=0)


def _limit(folder: Path) -> int:
    """Bytes of one group; 0 if it has no limit."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            word = (folder / name).read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        if word.isdecimal():
            return int(word)
    return 0
