"""Sends the messages about jobs to the addresses that clients gave, until each is received or given up.

The database hands them out: the oldest that is due, and of a job only the first that was not received yet. Whoever
sends one has it for a while, then another process may send it again: so a message is received at least once, under an
id that stays the same.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeAlias

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.jobs.job import Delivery
from paraserve.runtime.jobs.webhooks.receivers import Receivers, wait_after
from paraserve.runtime.remote.poster import Poster

Outcome: TypeAlias = Literal["delivered", "failed", "given up"]
AT_ONCE = 32
"""Messages that are sent at once, to all hosts together."""
LEASE_MARGIN_S = 45.0
"""A message is this process's for longer than it takes to post, so that no other one sends it meanwhile."""
MIN_WAIT_S, POLL_S = 0.05, 5.0
"""Shortest and longest wait before the next look for messages that are due."""
DATABASE_WAIT_S = 2.0
GONE = 410
AWAY = frozenset((408, 425, 429, 502, 503, 504))
"""Statuses of a host that may refuse all messages now, not this one alone."""

log = logging.getLogger(__name__)


class DeliveryStore(Protocol):
    """What the sender needs of the database of jobs. Each may raise a `StorageError`, which may pass."""

    async def claim_delivery(self, owner: str, lease_s: float, /) -> Delivery | None:
        """Take the oldest message that is due."""

    async def delivery_done(self, delivery_id: str, owner: str, status: int, /) -> None:
        """Note that a message was received."""

    async def delivery_failed(
        self, delivery_id: str, owner: str, status: int | None, error: str, retry_in_s: float | None, /
    ) -> None:
        """Note that a message was not received. It is given up where `retry_in_s` is None."""

    async def postpone_delivery(self, delivery_id: str, owner: str, retry_in_s: float, /) -> None:
        """Give a message back that was not sent. No attempt counts."""

    async def next_delivery_due_s(self) -> float | None:
        """Return the time until a message may be tried (again) (<= 0: now); None: there is none."""

    async def wait_for_delivery(self, timeout_s: float, /) -> None:
        """Wait until there may be a new message."""


class WebhookSender:
    """Sends messages while `run` runs. Several processes may send those of one database.

    Args:
        store: hands the messages out.
        poster: posts them.
        secret: signs them; see `webhook_secret`.
        owner: names this process in the database.
        give_up_s: age from which a message that is not received is not tried again.
        retry_s: wait after the first failure. It doubles with each, up to an hour.
        post_timeout_s: longest time until a receiver has answered.
        on_outcome: called after each attempt.
    """

    def __init__(  # noqa: PLR0913 - what it works with, each named at its call
        self,
        store: DeliveryStore,
        poster: Poster,
        secret: str,
        *,
        owner: str,
        give_up_s: float,
        retry_s: float = 5.0,
        post_timeout_s: float = 15.0,
        on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        self._store = store
        self._poster = poster
        self._secret = secret
        self._owner = owner
        self._give_up_s = give_up_s
        self._retry_s = retry_s
        self._post_timeout_s = post_timeout_s
        self._on_outcome = on_outcome
        self._receivers = Receivers(retry_s)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._is_closing = asyncio.Event()

    async def run(self) -> None:
        """Send messages until `close`. Those in progress then are ended, and given back to be sent again."""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_all())
            await self._is_closing.wait()
            sending.cancel()

    def close(self) -> None:
        """End `run` soon."""
        self._is_closing.set()

    async def _send_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._slots.acquire()
                delivery = await self._claimed()
                if delivery is None:
                    self._slots.release()
                    await self._wait()
                else:
                    tasks.create_task(self._send_some(delivery))

    async def _send_some(self, delivery: Delivery | None) -> None:
        """Send a message, and those that are due after it."""
        try:
            while delivery is not None:
                await self._handle(delivery)
                delivery = await self._claimed()
        finally:
            self._slots.release()

    async def _claimed(self) -> Delivery | None:
        try:
            return await self._store.claim_delivery(self._owner, self._post_timeout_s + LEASE_MARGIN_S)
        except ParaserveError as error:
            log.warning("webhooks wait for the database: %s", error)
            await asyncio.sleep(DATABASE_WAIT_S)
            return None

    async def _wait(self) -> None:
        """Wait for a new message, or for the next that was put off."""
        try:
            due_s = await self._store.next_delivery_due_s()
            await self._store.wait_for_delivery(POLL_S if due_s is None else min(POLL_S, max(MIN_WAIT_S, due_s)))
        except StorageError:
            await asyncio.sleep(DATABASE_WAIT_S)

    async def _handle(self, delivery: Delivery) -> None:
        """Send a message, unless its host is busy or away, and note what came of it."""
        wait_s = self._receivers.wait_s(delivery.url)
        try:
            if wait_s:
                await self._store.postpone_delivery(delivery.id, self._owner, wait_s)
            else:
                await self._send(delivery)
        except StorageError as error:
            # The message is sent again once its lease ends.
            log.warning("the outcome of webhook %s could not be stored: %s", delivery.id, error)

    async def _send(self, delivery: Delivery) -> None:
        self._receivers.begin(delivery.url)
        begun_s = time.monotonic()
        status, problem, is_away = None, "", None
        try:
            status = await self._poster.post(
                delivery.url, self._headers(delivery), delivery.body.encode(), self._post_timeout_s
            )
            problem, is_away = f"the receiver answered with status {status}", status in AWAY
        except ParaserveError as error:
            problem, is_away = error.message, True
        except asyncio.CancelledError:
            await self._give_back(delivery)
            raise
        finally:
            self._receivers.end(delivery.url, time.monotonic() - begun_s, is_away=is_away)
        await self._note(delivery, status, problem)

    async def _note(self, delivery: Delivery, status: int | None, problem: str) -> None:
        if status is not None and 200 <= status < 300:
            await self._store.delivery_done(delivery.id, self._owner, status)
            self._on_outcome("delivered")
            return
        age_s = time.time() - delivery.created_s
        if status == GONE or age_s >= self._give_up_s:
            log.warning("webhook %s of job %s is given up: %s", delivery.id, delivery.job_id, problem)
            await self._store.delivery_failed(delivery.id, self._owner, status, problem, None)
            self._on_outcome("given up")
            return
        retry_in_s = min(wait_after(delivery.attempts + 1, self._retry_s), max(1.0, self._give_up_s - age_s))
        await self._store.delivery_failed(delivery.id, self._owner, status, problem, retry_in_s)
        self._on_outcome("failed")

    async def _give_back(self, delivery: Delivery) -> None:
        with contextlib.suppress(StorageError):  # its lease ends anyway
            await self._store.postpone_delivery(delivery.id, self._owner, 0.0)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        return signed_headers(self._secret, delivery.id, delivery.body) | {"Content-Type": "application/json"}


def signed_headers(secret: str, message_id: str, body: str) -> dict[str, str]:
    """Return the headers of the Standard Webhooks scheme for a message that is sent now."""
    from standardwebhooks import Webhook  # noqa: PLC0415 - memory that servers without webhooks need not spend

    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }
