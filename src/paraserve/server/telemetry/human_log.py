"""Log lines for people: time, level, what happened, and the facts, of which request ids stand first."""

import json
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

LEVEL_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31"}
"""Codes of terminals (SGR) by level: dim, green, yellow, red."""
DIM, BOLD = "2", "1"
FIRST = ("request_id", "session_id", "trace_id")
SHOWN_BEFORE = ("timestamp", "level", "event", "exception")
LEVEL_WIDTH = 7


@dataclass(frozen=True, slots=True)
class HumanLines:
    """Makes lines of log events. Structlog calls it last."""

    has_colours: bool

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        """Return the line of an event, and below it the stack of an exception."""
        level = str(event.get("level", ""))
        names = [name for name, value in event.items() if name not in SHOWN_BEFORE and value is not None]
        names.sort(key=lambda name: name not in FIRST)
        parts = [
            self._coloured(str(event.get("timestamp", "")), DIM),
            self._coloured(f"{level:<{LEVEL_WIDTH}}", LEVEL_COLOURS.get(level, DIM)),
            self._coloured(_one_line(event.get("event", "")), BOLD),
            *(self._coloured(f"{name}=", DIM) + _quoted(event[name]) for name in names),
        ]
        stack = event.get("exception")
        return " ".join(parts) + (f"\n{stack}" if stack else "")

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colours else text


def _quoted(value: Any) -> str:
    """Return a value. Clients choose some of them, so what would move the cursor or end the line is escaped."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    is_plain = text.isprintable() and not any(character in ' "=' for character in text)
    if is_plain or not isinstance(value, str):
        return _one_line(text)
    return _one_line(json.dumps(text, ensure_ascii=False))


def _one_line(text: object) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(text)
    )
