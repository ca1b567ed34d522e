"""Waits for what this process or another one writes to the database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from paraserve.runtime.jobs.database.database import Database
from paraserve.runtime.jobs.database.transactions.events import LastEvent, last_event

T = TypeVar("T")


class Waits:
    """Waits that miss nothing which was written since the last look."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, int] = {}

    async def look(self, topic: str, claiming: Awaitable[T | None]) -> T | None:
        """Claim something. Where there is nothing, `for_news` waits for what came after the begin of this look."""
        seen = self._database.news.count(topic)
        found = await claiming
        if found is None:
            self._seen[topic] = seen
        return found

    async def for_news(self, topic: str, timeout_s: float) -> None:
        """Wait for news since the last look that found nothing."""
        with self._database.news_of(topic) as news, suppress(TimeoutError):
            if self._database.news.count(topic) == self._seen.get(topic):
                async with asyncio.timeout(timeout_s):
                    await news.wait()

    async def until(self, job_id: str, is_there: Callable[[LastEvent], bool], timeout_s: float) -> bool:
        """Wait until this is true of a job, or the job is gone; False after `timeout_s` without."""
        with self._database.news_of(job_id) as news, suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while (last := await self._database.read(last_event, job_id)) is not None and not is_there(last):
                    await news.wait()
                    news.clear()
                return True
        return False
