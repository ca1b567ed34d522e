"""Messages between a worker and its supervisor.

A worker sends single bytes, one or more a second while its event loop turns. Either side sends a line, a JSON object,
about a reload: the worker when it has reloaded, the supervisor when the worker is to follow another one.
"""

import json
import re
from collections.abc import Sequence

WELL = b"."
"""The server is ready, and its models answer."""
LIMPING = b"o"
"""A model run hangs and others go on: the worker is to be replaced, and may end what it has begun."""
STUCK = b"!"
"""No model answers. All who waited have been told, and the worker is to be replaced at once."""
INTERVAL_S = 1.0
LINE = re.compile(rb"\{[^\n]*\n")


def reload_line(bundles: Sequence[str], *, is_for_all: bool = False) -> bytes:
    """Return the line about a reload.

    Args:
        bundles: those that an operator has chosen with it, none for those of the settings.
        is_for_all: the other workers are to follow.
    """
    return json.dumps({"bundle": list(bundles), "for_all": is_for_all}).encode() + b"\n"


def split_lines(received: bytes) -> tuple[bytes, list[tuple[list[str], bool]], bytes]:
    """Return the single bytes of what has been received, the complete lines, and the beginning of the next line.

    A line is (bundles, is for all), as in `reload_line`.
    """
    read = (json.loads(line) for line in LINE.findall(received))
    lines = [(line["bundle"], line["for_all"]) for line in read]
    single, brace, rest = LINE.sub(b"", received).partition(b"{")
    return single, lines, brace + rest
