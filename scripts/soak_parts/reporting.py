"""What a process of clients tells the soak: a line of JSON a minute, and one for each loss."""

import asyncio
import json
import time
from collections.abc import Mapping

from figures import Tally


class LostError(Exception):
    """An answer that is missing, doubled or wrong."""


class Told:
    """The tallies of some kinds of requests, written to stdout."""

    def __init__(self, *kinds: str) -> None:
        self.tallies: Mapping[str, Tally] = {kind: Tally() for kind in kinds}

    def done(self, kind: str, waited_s: float) -> None:
        """One was answered as expected, after this time."""
        tally = self.tallies[kind]
        tally.done += 1
        tally.waits_ms.append(waited_s * 1000)

    def lost(self, kind: str, what: str) -> None:
        """One was not."""
        self.tallies[kind].lost += 1
        _write({"at": time.time(), "loss": f"{kind}: {what}"})

    async def tell(self, every_s: float) -> None:
        """Write the figures at this interval, until cancelled."""
        due_s = time.monotonic()
        while True:
            due_s += every_s
            await asyncio.sleep(due_s - time.monotonic())
            self.tell_now()

    def tell_now(self) -> None:
        """Write the figures once."""
        _write({"at": time.time(), **{kind: tally.take() for kind, tally in self.tallies.items()}})


def _write(line: Mapping[str, object]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)
