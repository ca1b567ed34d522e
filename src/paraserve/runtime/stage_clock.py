"""The time of one request, divided into stages that follow each other."""

import time
from dataclasses import dataclass, field

from paraserve.runtime.timeline import Timeline

DECODE_WAIT, DECODE, DETECT, RECOGNIZE, PUNCTUATE = "decode wait", "decode", "detect", "recognize", "punctuate"
"""Stages of a recording. A stage is the time in which the recording waited for just that, in a queue or at work, so
the stages of a request add up to its time. Of recognition it counts what remains beside decoding and detection."""


@dataclass(slots=True)
class StageClock:
    """Seconds of each stage so far. Whatever passes counts to the stage whose lap ends next.

    `timeline` gets each lap.
    """

    started_s: float = field(default_factory=time.monotonic)
    timeline: Timeline | None = None
    stages_s: dict[str, float] = field(default_factory=dict)
    _lapped_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._lapped_s = self.started_s

    @property
    def seconds(self) -> float:
        """Seconds since the request began."""
        return time.monotonic() - self.started_s

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        self.part(stage, time.monotonic() - self._lapped_s)

    def part(self, stage: str, seconds: float) -> None:
        """Count so much of the time since the last lap to a stage, and leave the rest to the next one."""
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds
        if self.timeline is not None:
            self.timeline.passed(stage, self._lapped_s, seconds)
        self._lapped_s += seconds
