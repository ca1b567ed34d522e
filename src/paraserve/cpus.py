"""Number of CPUs that this process may use: affinity and control groups (cgroups)."""

import math
import os
from pathlib import Path

from paraserve.control_groups import GROUPS, MEMBERSHIP, group_folders


def available_cpus() -> int:
    """Return the CPUs of this process' affinity, bounded by the quotas of its control groups; at least 1.

    A quota is rounded down, 2.5 CPUs to 2: one more thread would be throttled in the middle of its work, and the rest
    of the quota serves the event loop and audio decoding.
    """
    cpus = len(os.sched_getaffinity(0))
    try:
        membership = MEMBERSHIP.read_text("utf-8")
    except OSError:
        return cpus
    return max(1, math.floor(min(cpus, quota_cpus(membership, GROUPS))))


def quota_cpus(membership: str, groups: Path) -> float:
    """Return the CPUs that control groups (version 1 or 2, mounted at `groups`) allow; infinity without a quota.

    `membership` is the content of the process' /proc/PID/cgroup. The groups above a group bound it too.
    """
    return min((_quota(folder) for folder in group_folders(membership, groups, "cpu")), default=math.inf)


def _quota(folder: Path) -> float:
    """CPUs of one group; infinity if it has no quota."""
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
