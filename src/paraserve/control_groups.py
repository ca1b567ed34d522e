"""Control groups (cgroups, versions 1 and 2) that this process is in, for their limits."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def group_folders(membership: str, groups: Path, controller: str) -> Iterator[Path]:
    """Yield the folders that may hold a limit: of each hierarchy, from its mount down to the process' group.

    In a container the path may be the host's, which is not mounted there; the mount itself is the group then. The
    groups above a group bound it too.

    Args:
        membership: content of the process' /proc/PID/cgroup.
        groups: where the control groups are mounted.
        controller: name of the controller in version 1, such as `cpu`.
    """
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount, steps = groups / controllers, PurePosixPath(path.lstrip("/")).parts
        yield mount
        if ".." not in steps:  # ".." means a group outside this process' cgroup namespace
            yield from (mount.joinpath(*steps[: n + 1]) for n in range(len(steps)))
