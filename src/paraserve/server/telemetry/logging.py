"""Set-up of the log: one JSON object a line on stderr."""

import logging
import sys

import structlog
from structlog.typing import Processor


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
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    libraries = logging.StreamHandler()
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[libraries])
