"""How many may be served at once: counted at the door, before any work."""

from dataclasses import dataclass

from prometheus_client import Gauge

from paraserve.errors import OverloadedError


@dataclass(slots=True)
class Admission:
    """`what` (such as "uploads") are in progress, and how many may be; `with` counts one."""

    limit: int
    what: str
    gauge: Gauge
    in_progress: int = 0

    def __enter__(self) -> None:
        if self.in_progress >= self.limit:
            raise OverloadedError(f"{self.limit} {self.what} are in progress already: try again later")
        self._change(+1)

    def __exit__(self, *_: object) -> None:
        self._change(-1)

    def _change(self, by: int) -> None:
        self.in_progress += by
        self.gauge.set(self.in_progress)
