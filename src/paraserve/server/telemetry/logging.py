"""Set-up of the log: one JSON object a line on stderr."""

import logging
import sys
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.typing import Processor


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


def configure_logging(level_name: str) -> None:
    """Log JSON lines to stderr, those of libraries from warnings on.

    `level_name` is the lowest level of our own lines, such as "info".
    """
    level = logging.getLevelNamesMapping()[level_name.upper()]
    common: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*common, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(QuietStream(sys.stderr)),  # type: ignore[arg-type]
    )
    libraries = logging.StreamHandler(QuietStream(sys.stderr))
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[libraries])
    logging.getLogger("paraserve").setLevel(level)
