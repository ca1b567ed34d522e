"""Memory limits of control groups, and the share at which a server takes no more work."""

import os
from pathlib import Path

import pytest

from paraserve.memory_limit import allowed_bytes, group_bytes, guarded_bytes
from support.files import write_files

V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"
CASES = {
    "no limit": ("0::/\n", {"memory.max": "max\n"}, 0),
    "no group": ("", {}, 0),
    "a container of version 2": ("0::/\n", {"memory.max": "536870912\n"}, 536870912),
    "the slice above bounds it": (
        "0::/a.slice/b.service\n",
        {"a.slice/memory.max": "1000\n", "a.slice/b.service/memory.max": "2000\n"},
        1000,
    ),
    "a container of version 1": (V1, {"memory/memory.limit_in_bytes": "3000\n"}, 3000),
    "another controller's": (V1, {"cpu,cpuacct/memory.limit_in_bytes": "5\n"}, 0),
    "damaged": ("0::/\n", {"memory.max": "much\n"}, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_limits(name: str, tmp_path: Path) -> None:
    """The smallest limit of the process' own group and those above it, for both versions."""
    membership, files, expected = CASES[name]
    write_files(tmp_path, files)
    assert group_bytes(membership, tmp_path) == expected


def test_this_machine() -> None:
    """Never more than the machine has, and each of several processes gets its share."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < allowed_bytes() <= machine
    assert 0 < guarded_bytes(1) < allowed_bytes()
    assert guarded_bytes(4) == guarded_bytes(1) // 4
