"""What machines carry, for the table of docs/scale.md: measured on two CPUs, computed for more of them.

    python scripts/bench/fleet_capacity.py                            # prints the table
    python scripts/bench/fleet_capacity.py --rating 18 --speed 71     # of a machine of yours, by what bench says

The rules: twice the CPUs carry 1.9 times as much, as one and two CPUs did (docs/speed.md). Files may have the CPUs that
live talkers leave, so the columns are for one or the other. Memory grows by what a live client holds.
"""

import argparse
import math
from dataclasses import dataclass

from report import table

DOUBLING = 1.9
"""37.9 and 72.3 times real time on one and on two CPUs: 1.91."""
CPUS = (2, 4, 8, 16, 32)
MB_PER_CLIENT = 2.0
"""0.88 GB with 18 talkers, 0.74 GB and what the models took while they were loaded without: at most 8 MB. 200 silent
clients of the embedded bundle held less than 0.5 MB each. Two is between."""
LOOP_SHARE = 0.6
HEADER = ("CPUs", "embedded bundle: live talkers", "recordings, x real time", "hours of jobs a day", "memory, GB",
          "full size: live talkers", "recordings, x real time", "hours of jobs a day", "memory, GB")  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A bundle on two CPUs: live talkers, recordings in times real time, memory without clients."""

    talkers: float
    speed: float
    memory_mb: float

    def on(self, cpus: int) -> list[object]:
        """Return the cells of a machine with so many CPUs."""
        factor = DOUBLING ** math.log2(cpus / 2)
        talkers, speed = int(self.talkers * factor), self.speed * factor
        memory_gb = (self.memory_mb + talkers * MB_PER_CLIENT) / 1000
        return [talkers, f"{speed:,.0f}", f"{speed * 24:,.0f}", f"{memory_gb:.1f}"]


EMBEDDED = Measured(67, 281, 250)
"""docs/speed.md: 48 talkers took 57 % of two CPUs, so 67 take the 80 % that live talkers may have. 281 times real time
for uploads, decoding included."""
FULL_SIZE = Measured(18, 71, 740)
"""docs/speed.md: 18 talkers were carried for three minutes, 16 uploads at once were done in 71 times real time."""


def capacity_table() -> str:
    """Return the table of docs/scale.md. What is measured is bold."""
    rows = [[cpus, *EMBEDDED.on(cpus), *FULL_SIZE.on(cpus)] for cpus in CPUS]
    measured = {1: (2, 5, 6)}
    del measured
    first = rows[0]
    for column in (2, 5, 6):
        first[column] = f"**{first[column]}**"
    return table(HEADER, rows)


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
    yours = Measured(arguments.rating, arguments.speed, arguments.memory_mb)
    print(table(("CPUs", *HEADER[5:]), [[cpus, *yours.on(cpus)] for cpus in CPUS]))


if __name__ == "__main__":
    main()
