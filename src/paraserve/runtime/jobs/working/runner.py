"""The runner of jobs of one server process: it claims them one after the other, and works on several at once."""

import asyncio
import logging
import time

from paraserve.errors import StorageError
from paraserve.runtime.jobs.job import Job
from paraserve.runtime.jobs.working.attempt import Attempt
from paraserve.runtime.jobs.working.workplace import Workplace

LOOK_S = 5.0
"""Longest time between two looks for work, should news of it be lost."""
AWAY_S = 1.0
"""Time between two looks while the database does not answer."""

log = logging.getLogger(__name__)


class JobRunner:
    """Works on jobs until it is closed.

    Args:
        place: what it works with, and the limits.
        owner: names this process in the database, for people.
    """

    def __init__(self, place: Workplace, owner: str) -> None:
        self._place = place
        self._owner = owner
        self._attempts: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._is_away = False
        self._may_claim = asyncio.Event()
        self._may_claim.set()

    def pause(self) -> None:
        """Claim no more jobs. Those in progress go on."""
        self._may_claim.clear()

    def go_on(self) -> None:
        """Claim jobs again."""
        self._may_claim.set()

    @property
    def in_progress(self) -> int:
        """Number of attempts in progress."""
        return len(self._attempts)

    async def run(self) -> None:
        """Work on jobs. Cancelling it gives those in progress back to the queue."""
        self._running = asyncio.current_task()
        slots = asyncio.Semaphore(self._place.limits.at_once)
        try:
            while True:
                await slots.acquire()
                attempt = asyncio.create_task(self._attempt(await self._next_job()))
                self._attempts.add(attempt)
                attempt.add_done_callback(self._attempts.discard)
                attempt.add_done_callback(lambda _: slots.release())
        finally:
            for attempt in self._attempts:
                attempt.cancel()
            await asyncio.gather(*self._attempts, return_exceptions=True)

    async def close(self) -> None:
        """Give jobs in progress back to the queue. Other runners, or this one after a restart, take them."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _next_job(self) -> Job:
        """Wait for a job, and claim it."""
        store = self._place.store
        while True:
            await self._may_claim.wait()
            try:
                job = await store.claim(self._owner, self._place.limits.lease_s)
                self._is_away = False
                if job is not None:
                    return job
                due_s = await store.next_due_s()
                await store.wait_for_work(LOOK_S if due_s is None else min(LOOK_S, max(0.0, due_s)))
            except StorageError as error:
                if not self._is_away:
                    log.warning("jobs wait, since their database does not answer: %s", error.message)
                self._is_away = True
                await asyncio.sleep(AWAY_S)

    async def _attempt(self, job: Job) -> None:
        with self._place.following(job) as end:
            log.info("job %s: attempt %d", job.id, job.attempts)
            try:
                outcome = await Attempt(job, self._place, end).run()
            except asyncio.CancelledError:
                end.outcome = "released"
                self._place.on_end("released", _age_s(job))
                raise
            except Exception:  # a defect on one job must not stop the others: its lease ends, and it is tried again
                log.exception("job %s: the attempt broke off", job.id)
                return
            end.outcome = outcome
            self._place.on_end(outcome, _age_s(job))


def _age_s(job: Job) -> float:
    return max(0.0, time.time() - job.created_s)
