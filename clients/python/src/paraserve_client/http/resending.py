"""When a request is sent again, and how long later."""

import random
from dataclasses import dataclass

from paraserve_client.http.steps import Answer, NoAnswer

PASSING = frozenset((408, 425, 429, 502, 503, 504))
"""Statuses of servers and gateways after which the same request may succeed."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Attempts at a request that gets no answer, or one that says "try again later".

    `attempts` is the number of those in a row without progress in between. The wait before the next starts at
    `first_s` and doubles up to `longest_s`. Each is shortened at random by up to half, so that the clients of a
    restarted server do not return all at once. Where the server says how long to wait (`Retry-After`), that counts,
    and more than `most_s` ends the attempts.
    """

    attempts: int = 8
    first_s: float = 0.5
    longest_s: float = 10.0
    most_s: float = 60.0

    def wait_s(self, attempt: int, outcome: Answer | NoAnswer) -> float | None:
        """Return the seconds to wait after an attempt, counted from 1, that did not succeed; None ends them."""
        if attempt >= self.attempts:
            return None
        if isinstance(outcome, NoAnswer):
            return None if outcome.is_lasting else self.usual_s(attempt)
        if outcome.status not in PASSING:
            return None
        asked_s = retry_after_s(outcome)
        if asked_s is None:
            return self.usual_s(attempt)
        return None if asked_s > self.most_s else asked_s + random.uniform(0, self.first_s)  # noqa: S311 - no secret

    def usual_s(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt where the server does not say."""
        longest_s = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def retry_after_s(answer: Answer) -> int | None:
    """Return the seconds of the header `Retry-After`, None without it or where it is a date."""
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
