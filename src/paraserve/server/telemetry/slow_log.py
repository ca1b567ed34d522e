"""Log lines about slow requests and results, and of texts if the operator wants them."""

from dataclasses import dataclass

import structlog

from paraserve.runtime.stage_clock import StageClock
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


def log_slow_request(slow_log: SlowLog, clock: StageClock, transcript: Transcript, **ids: object) -> None:
    """Log the request if it was slow. Times of queue, decoding and inference are sums over parts that overlap."""
    if clock.seconds < slow_log.slow_request_s:
        return
    timing = transcript.timing
    log.warning(
        "slow request",
        ms=round(clock.seconds * 1000),
        stages_ms={stage: round(seconds * 1000) for stage, seconds in clock.stages_s.items()},
        audio_ms=transcript.duration_ms,
        queue_ms=timing.queue_ms,
        decode_ms=timing.decode_ms,
        inference_ms=timing.inference_ms,
        **ids,
    )
