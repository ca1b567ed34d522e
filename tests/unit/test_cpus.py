"""CPU quotas of control groups."""

import math
import os
from pathlib import Path

import pytest

from paraserve.cpus import available_cpus, quota_cpus
from support.files import write_files

V1 = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/docker/abc\n"
CASES = {
    "no quota": ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
    "no group": ("", {}, math.inf),
    "a container of version 2": ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
    "a service under its slice": ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "400000 100000\n"}, 4),
    "the slice above bounds it": (
        "0::/a.slice/b.service\n",
        {"a.slice/cpu.max": "300000 100000\n", "a.slice/b.service/cpu.max": "max 100000\n"},
        3,
    ),
    "a container of version 1": (
        V1,
        {"cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"},
        0.5,
    ),
    "a group of version 1 on the host": (
        V1,
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "200000\n",
            "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        },
        2,
    ),
    "another namespace": ("0::/../..\n", {"cpu.max": "200000 100000\n"}, 2),
    "damaged": ("0::/\n", {"cpu.max": "many 0\n"}, math.inf),
}


@pytest.mark.parametrize("name", CASES)
def test_quotas(name: str, tmp_path: Path) -> None:
    """The smallest quota of the process' own group and those above it, for both versions."""
    membership, files, expected = CASES[name]
    write_files(tmp_path, files)
    assert quota_cpus(membership, tmp_path) == expected


def test_this_process() -> None:
    """At least one CPU, and no more than the affinity has."""
    assert 1 <= available_cpus() <= len(os.sched_getaffinity(0))
