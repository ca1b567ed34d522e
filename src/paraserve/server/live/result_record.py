"""Figures and log lines of a live connection."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from paraserve.server.live.live_session import LiveSession
from paraserve.server.protocols.events import PartialText, RecordingText, SegmentText, TextEvent
from paraserve.server.telemetry.metrics import Metrics
from paraserve.server.telemetry.slow_log import SlowLog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """Measures and logs what one connection sends. `ids` are in each of its log lines."""

    metrics: Metrics
    slow_log: SlowLog
    ids: Mapping[str, str | None]

    def text(self, event: TextEvent, took_s: float | None, utterance: int) -> None:
        """Measure and log a result of an utterance. `took_s` is the time from its audio on."""
        is_final = not isinstance(event, PartialText) or event.is_last
        if not event.text and not is_final:
            return
        notice = None if isinstance(event, RecordingText) else event.notice
        self.metrics.live_result(is_partial=not is_final, took_s=took_s, notice=notice)
        if is_final:
            self.metrics.hotwords(event.transcript.hotwords if isinstance(event, RecordingText) else event.hotwords)
        self.metrics.redacted(event.redactions)
        facts = {"kind": "final" if is_final else "partial", "utterance": utterance}
        timing = event.timing if isinstance(event, SegmentText) else None
        # The one result of a file may take its time.
        if took_s is not None and (not is_final or timing is not None):
            self.slow_log.result(took_s, timing, **facts, **self.ids)
        if is_final:
            self.slow_log.text(event.text, **facts, **self.ids)

    def connection(self, session: LiveSession, code: int, seconds: float) -> None:
        """Write one log line for a connection that was closed with `code`, without what was said."""
        self.metrics.live_close(code)
        log.info(
            "live session",
            **self.ids,
            mode=session.reader.settings.mode,
            utterances=session.n_utterances,
            audio_ms=round(session.reader.received_ms),
            close_code=code,
            ms=round(seconds * 1000),
        )
