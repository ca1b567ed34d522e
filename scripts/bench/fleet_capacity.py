"""What machines carry, for the table of docs/scale.md: measured on two CPUs, computed for more of them.

    python scripts/bench/fleet_capacity.py                            # prints the table
    python scripts/bench/fleet_capacity.py --rating 18 --speed 71     # for a bundle of yours, by what bench says

Twice the CPUs carry 1.9 times as much, as two and one did. Live talkers and recordings share the CPUs, so each column
is for a machine that does nothing else. Memory is that of a server at rest, and what each talker adds.
"""

import argparse
import math
from dataclasses import dataclass

from fleet_service import read_facts
from report import table

DOUBLING = 1.9
"""docs/speed.md: 37.9 and 72.3 times real time on one and on two CPUs, 1.91."""
CPUS = (2, 4, 8, 16, 32)
HEADER = ("CPUs", "embedded bundle: live talkers", "recordings, x real time", "hours of jobs a day", "memory, GB",
          "full size: live talkers", "recordings, x real time", "hours of jobs a day", "memory, GB")  # fmt: skip


@dataclass(frozen=True)
class Carried:
    """What two CPUs do with a bundle: live talkers, or recordings in times real time, and memory.

    Args:
        talkers, speed, memory_mb: as measured; memory without clients.
        talker_mb: memory that each talker adds at most.
        measured: columns whose figures are measured, not worked out from others. The rest is.
    """

    talkers: float
    speed: float
    memory_mb: float
    talker_mb: float
    measured: frozenset[int] = frozenset()

    def on(self, cpus: int) -> list[str]:
        """Return the cells of a machine with so many CPUs; bold what is measured."""
        factor = DOUBLING ** math.log2(cpus / 2)
        talkers, speed = int(self.talkers * factor), self.speed * factor
        memory_gb = (self.memory_mb + talkers * self.talker_mb) / 1000
        cells = [f"{talkers:,}", f"{speed:,.0f}", f"{speed * 24:,.0f}", f"{memory_gb:.2g}"]
        return [f"**{cell}**" if cpus == 2 and n in self.measured else cell for n, cell in enumerate(cells)]


EMBEDDED = Carried(67, 281, 200, 4, frozenset((1,)))
"""docs/speed.md: 48 talkers took 57 % of two CPUs, so 67 take the 80 % that live talkers may have. 281 times real
time with decoding. Memory is of `fleet_times.json`."""
FULL_SIZE = Carried(18, 71, 740, 8, frozenset((0, 1, 3)))
"""docs/speed.md: 18 talkers were carried for three minutes, with 0.88 GB of memory, 0.74 of them at rest. 16 uploads
at once were done in 71 times real time."""


def capacity_table() -> str:
    """Return the table of docs/scale.md."""
    computed = [[f"{cpus}, with VNNI", *EMBEDDED.on(cpus), *FULL_SIZE.on(cpus)] for cpus in CPUS]
    return table(HEADER, [_without_vnni(), *computed])


def _without_vnni() -> list[str]:
    """Return what `fleet_times.py` measured on two CPUs which had much else to do."""
    row = ["2, without VNNI, busy with other work"]
    for name in ("demo", "paraformer-large"):
        bench, server = (read_facts(name)[part] for part in ("bench", "server"))
        row += [f"**{bench['live_streams']:.0f}**", f"**{bench['offline_speed']:.0f}**"]
        row += [f"{bench['offline_speed'] * 24:,.0f}", f"**{server['with_talkers_mb'] / 1000:.2g}**"]
    return row


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rating", type=float, help="what `paraserve bench live` says, on two CPUs")
    parser.add_argument("--speed", type=float, help="what `paraserve bench offline` says, on two CPUs")
    parser.add_argument("--memory-mb", type=float, default=FULL_SIZE.memory_mb, help="resident, without clients")
    arguments = parser.parse_args()
    if arguments.rating is None or arguments.speed is None:
        print(capacity_table())
        return
    yours = Carried(arguments.rating, arguments.speed, arguments.memory_mb, FULL_SIZE.talker_mb)
    print(table((HEADER[0], *HEADER[5:]), [[str(cpus), *yours.on(cpus)] for cpus in CPUS]))


if __name__ == "__main__":
    main()
