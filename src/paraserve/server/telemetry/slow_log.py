"""Log lines about slow requests and results, and of texts if the operator wants them."""

import time
from dataclasses import dataclass, field

import structlog

from paraserve.types import Timing, Transcript

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SlowLog:
    """Limits in seconds from which a request or a live result is slow. `log_transcripts`: log texts, too."""

    slow_request_s: float
    slow_result_s: float
    log_transcripts: bool

    def text(self, text: str, **ids: object) -> None:
        """Log a text if the operator wants texts in the log."""
        if self.log_transcripts:
            log.info("transcript", text=text, **ids)

    def result(self, took_s: float, timing: Timing | None, **facts: object) -> None:
        """Log a live result that took too long.

        Args:
            took_s: seconds since the audio came that made the result possible.
            timing: parts of the time, for a final text.
            facts: ids and properties for the log line.
        """
        if took_s >= self.slow_result_s:
            parts = {} if timing is None else {"queue_ms": timing.queue_ms, "inference_ms": timing.inference_ms}
            log.warning("slow result", ms=round(took_s * 1000), **parts, **facts)


@dataclass(slots=True)
class Stopwatch:
    """Times of the stages of one request, in milliseconds. Stages follow each other."""

    started_s: float = field(default_factory=time.monotonic)
    stages_ms: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds since the request began."""
        return time.monotonic() - self.started_s

    def lap(self, stage: str) -> float:
        """End a stage. Return its seconds."""
        lap_ms = self.seconds * 1000 - sum(self.stages_ms.values())
        self.stages_ms[f"{stage}_ms"] = round(lap_ms)
        return lap_ms / 1000

    def report(self, slow_log: SlowLog, transcript: Transcript, **ids: object) -> None:
        """Log the request if it was slow. Times of queue, decoding and inference are sums over parts that overlap."""
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
