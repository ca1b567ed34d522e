"""The last errors that clients were told, for operators. They have no text of speech."""

import time
from collections import deque
from dataclasses import dataclass, field

MAX_ERRORS = 50
MAX_OF_A_KIND = 10
"""Errors that are kept, and those of one code and path: a client that fails all the time hides no others."""
MAX_PATH_CHARS, MAX_MESSAGE_CHARS = 100, 200


@dataclass(frozen=True, slots=True)
class RecentError:
    """An error; `at_s` is Unix time. `status` is that of HTTP, None for live clients."""

    at_s: float
    request_id: str
    path: str
    code: str
    message: str
    status: int | None


@dataclass(slots=True)
class RecentErrors:
    """The last errors, the newest first."""

    errors: deque[RecentError] = field(default_factory=lambda: deque(maxlen=MAX_ERRORS))

    def note(self, request_id: str, path: str, code: str, message: str, status: int | None = None) -> None:
        """Keep an error that a client is told now."""
        path, message = path[:MAX_PATH_CHARS], message[:MAX_MESSAGE_CHARS]
        alike = [one for one in self.errors if (one.code, one.path) == (code, path)]
        if len(alike) >= MAX_OF_A_KIND:
            self.errors.remove(alike[-1])
        self.errors.appendleft(RecentError(time.time(), request_id, path, code, message, status))
