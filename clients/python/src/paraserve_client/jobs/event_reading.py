"""Reading of a job's events over one connection after the other."""

import json
from typing import Protocol

from paraserve_client.http.answer_errors import failure_of
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, NoAnswer, Request
from paraserve_client.jobs import job_requests
from paraserve_client.jobs.answers import JobEvent

END = "end"
OK, NO_CONTENT = 200, 204
BROKEN_OFF = NoAnswer("the server ended the connection in the middle of a job's events")
MAX_EVENT_BYTES = 64 * 1024**2
"""A sentence with its tokens is far smaller. A server gone mad must not fill the memory."""


class ReceivedEvent(Protocol):
    """A server-sent event."""

    @property
    def event(self) -> str:
        """Its kind."""

    @property
    def data(self) -> str:
        """Its text."""

    @property
    def id(self) -> str:
        """Id of the last event that had one."""


class EventReading:
    """What was read of a job's events so far, and where to go on after a break. Each event comes once."""

    def __init__(self, job_id: str, after_seq: int, retries: Retries) -> None:
        self.is_over = False
        self._job_id = job_id
        self._last_seq = after_seq
        self._retries = retries
        self._attempt = 0

    @property
    def request(self) -> Request:
        """The request for what has not been read yet."""
        return job_requests.events(self._job_id, self._last_seq)

    def begin(self, status: int) -> bool:
        """Take the status of a connection; return whether events follow. Without any left to read it is over."""
        self.is_over = status == NO_CONTENT
        return status == OK

    def take(self, received: ReceivedEvent) -> JobEvent | None:
        """Take an event; None for one that was read before, or that is cut off."""
        try:
            data = json.loads(received.data)
        except ValueError:
            return None
        self.is_over = received.event == END
        seq = None if self.is_over else _number(received.id)
        if seq is not None and seq <= self._last_seq:
            return None
        self._last_seq = self._last_seq if seq is None else seq
        self._attempt = 0
        return JobEvent(seq, received.event, data if isinstance(data, dict) else {})

    def wait_s(self, outcome: Answer | NoAnswer) -> float:
        """Return the seconds until the next connection, after one that broke or was refused.

        Raises:
            ParaserveError: it is refused, or all attempts were in vain.
        """
        self._attempt += 1
        wait_s = self._retries.wait_s(self._attempt, outcome)
        if wait_s is None:
            raise failure_of(outcome) or AssertionError("only what failed is repeated")
        return wait_s


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
