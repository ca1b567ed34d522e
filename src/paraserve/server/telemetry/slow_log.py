"""What is logged beyond a line a request: where the time of slow ones went, and texts if the operator wants them."""

import time
from dataclasses import dataclass, field

import structlog

from paraserve.types import Timing, Transcript

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SlowLog:
    """From how many seconds on a request or a live result is slow, and whether texts are logged."""

    slow_request_s: float
    slow_result_s: float
    log_transcripts: bool

    def text(self, text: str, **ids: object) -> None:
        """Log what was said, if that is wanted."""
        if self.log_transcripts:
            log.info("transcript", text=text, **ids)

    def result(self, took_s: float, timing: Timing | None, **facts: object) -> None:
        """Log a live result that came late: `queue_ms` and `inference_ms` are those of a final text."""
        if took_s >= self.slow_result_s:
            parts = {} if timing is None else {"queue_ms": timing.queue_ms, "inference_ms": timing.inference_ms}
            log.warning("slow result", ms=round(took_s * 1000), **parts, **facts)


@dataclass(slots=True)
class Stopwatch:
    """The stages of one request, one after the other, in milliseconds."""

    started_s: float = field(default_factory=time.monotonic)
    stages_ms: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the request began."""
        return time.monotonic() - self.started_s

    def lap(self, stage: str) -> float:
        """A stage has ended; gives its seconds."""
        lap_ms = self.seconds * 1000 - sum(self.stages_ms.values())
        self.stages_ms[f"{stage}_ms"] = round(lap_ms)
        return lap_ms / 1000

    def report(self, slow_log: SlowLog, transcript: Transcript, **ids: object) -> None:
        """Log the request if it was slow. Queue, decoding and inference overlap; they add up over segments."""
        if self.seconds < slow_log.slow_request_s:
            return
        timing = transcript.timing
        log.warning(
            "slow request",
            ms=round(self.seconds * 1000),
            **self.stages_ms,
            audio_ms=transcript.duration_ms,
            queue_ms=timing.queue_ms,
            decode_ms=timing.decode_ms,
            inference_ms=timing.inference_ms,
            **ids,
        )
