"""Set-up of the log on stderr: one JSON object a line, or lines for people."""

import logging
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

from paraserve.runtime.trace_parent import TRACEPARENT, trace_id_of
from paraserve.server.telemetry.human_log import HumanLines


class QuietStream:
    """A stream that drops what cannot be written: the terminal has hung up, or the reader of the log has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or not."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with suppress(OSError):
            self._stream.flush()


def configure_logging(
    level_name: str, log_format: Literal["auto", "human", "json"] = "auto", *, has_traces: bool = False
) -> None:
    """Log to stderr, lines of libraries from warnings on.

    Args:
        level_name: the lowest level of our own lines, such as "info".
        log_format: "auto" is for people where stderr is a terminal, and JSON elsewhere.
        has_traces: lines about requests that are traced have the `trace_id`.
    """
    level = logging.getLevelNamesMapping()[level_name.upper()]
    is_human = log_format == "human" or (log_format == "auto" and sys.stderr.isatty())
    time = structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_human else "iso", utc=not is_human)
    common: list[Processor] = [structlog.processors.add_log_level, time, structlog.processors.format_exc_info]
    if has_traces:
        common.append(_add_trace_id)
    lines = _human_lines() if is_human else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*common, lines],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(QuietStream(sys.stderr)),  # type: ignore[arg-type]
    )
    libraries = logging.StreamHandler(QuietStream(sys.stderr))
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, lines],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[libraries])
    logging.getLogger("paraserve").setLevel(level)


def _add_trace_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if traceparent := TRACEPARENT.get():
        event["trace_id"] = trace_id_of(traceparent)
    return event


def _human_lines() -> HumanLines:
    return HumanLines(has_colours=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))
