"""The queue of messages about jobs, for senders of webhooks."""

from paraserve.runtime.jobs.database.database import Database
from paraserve.runtime.jobs.database.transaction import DELIVERIES
from paraserve.runtime.jobs.database.transactions import deliveries
from paraserve.runtime.jobs.database.waits import Waits
from paraserve.runtime.jobs.job import Delivery


class WebhookQueue:
    """Messages that are written with what they tell, and wait to be sent. Errors are those of `JobStore`."""

    def __init__(self, database: Database, waits: Waits) -> None:
        self._database = database
        self._waits = waits

    async def claim_delivery(self, owner: str, lease_s: float) -> Delivery | None:
        """Take the message that has been due for longest; of a job only the first that was not delivered."""
        return await self._waits.look(DELIVERIES, self._database.note(deliveries.claim_delivery, owner, lease_s))

    async def wait_for_delivery(self, timeout_s: float) -> None:
        """Wait until there may be a message to deliver: one came since the last claim that found none."""
        await self._waits.for_news(DELIVERIES, timeout_s)

    async def next_delivery_due_s(self) -> float | None:
        """Return the time until a message may be tried (again) (<= 0: now); None: there is none."""
        return await self._database.read(deliveries.next_delivery_due_s)

    async def delivery_done(self, message_id: str, owner: str, status: int) -> None:
        """Note that a message was received. Nothing changes where another sender has it by now."""
        await self._database.write(deliveries.delivery_done, message_id, owner, status)

    async def delivery_failed(
        self, message_id: str, owner: str, status: int | None, error: str, retry_in_s: float | None
    ) -> None:
        """Note an attempt that failed. `retry_in_s` None gives the message up."""
        await self._database.write(deliveries.delivery_failed, message_id, owner, status, error, retry_in_s)

    async def postpone_delivery(self, message_id: str, owner: str, retry_in_s: float) -> None:
        """Give a message back that was not sent. It counts as no attempt."""
        await self._database.write(deliveries.postpone_delivery, message_id, owner, retry_in_s)
