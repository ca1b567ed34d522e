"""How many CPUs this process may use."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def available_cpus() -> int:
    """CPUs of this process' affinity, bounded by the quotas of its control groups; at least 1.

    Of a quota of two and a half CPUs it says two: a thread more than the quota would be stopped in the middle of its
    work, and the rest is for the event loop and for decoding.
    """
    cpus = len(os.sched_getaffinity(0))
    try:
        membership = MEMBERSHIP.read_text("utf-8")
    except OSError:
        return cpus
    return max(1, math.floor(min(cpus, quota_cpus(membership, GROUPS))))


def quota_cpus(membership: str, groups: Path) -> float:
    """CPUs that control groups (version 1 or 2, as mounted at `groups`) let a process have; infinity without a quota.

    `membership` is the process' /proc/PID/cgroup. A group is bounded by those above it, too.
    """
    return min((_quota(folder) for folder in _folders(membership, groups)), default=math.inf)


def _folders(membership: str, groups: Path) -> Iterator[Path]:
    """The folders that may hold a quota, of each hierarchy from its mount down.

    In a container the path may be the host's, which is not mounted there: its own group is the mount itself then.
    """
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount, steps = groups / controllers, PurePosixPath(path.lstrip("/")).parts
        yield mount
        if ".." not in steps:  # which says that the group lies outside of what this process sees
            yield from (mount.joinpath(*steps[: n + 1]) for n in range(len(steps)))


def _quota(folder: Path) -> float:
    """CPUs of one group; infinity where it says nothing."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota, period = (_word(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        # "max" in version 2 and -1 in version 1 mean none.
        return int(quota) / int(period) if quota.isdecimal() and int(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _word(path: Path) -> str:
    return path.read_text("ascii").strip()
