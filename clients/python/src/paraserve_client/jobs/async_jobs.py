"""`AsyncJobs`: the client for programs with an event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import httpx2

from paraserve_client.http.answered import text_of
from paraserve_client.http.async_connection import AsyncConnection
from paraserve_client.http.fields import FieldValue, field_texts
from paraserve_client.http.http_client import answer_of, arguments, no_answer
from paraserve_client.http.recording_sources import OnSent, Recording
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, NoAnswer
from paraserve_client.jobs import conversations
from paraserve_client.jobs.answers import Job, JobDelivery, JobEvent
from paraserve_client.jobs.conversations import OnProgress
from paraserve_client.jobs.event_reading import BROKEN_OFF, MAX_EVENT_BYTES, EventReading
from paraserve_client.jobs.submissions import RESUMABLE_BYTES, Submission, new_key, submitted

DEFAULT_RETRIES = Retries()


class AsyncJobs:
    """Jobs of a server, for one event loop. Arguments, methods and errors are those of `Jobs`."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:10095",
        *,
        api_key: str = "",
        timeout_s: float = 60.0,
        retries: Retries = DEFAULT_RETRIES,
        verify: bool = True,
        resumable_bytes: int = RESUMABLE_BYTES,
    ) -> None:
        self._retries = retries
        self._resumable_bytes = resumable_bytes
        self._connection = AsyncConnection(url, api_key, timeout_s, verify=verify)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def submit(
        self,
        recording: Recording,
        *,
        filename: str = "",
        idempotency_key: str = "",
        on_sent: OnSent | None = None,
        **fields: FieldValue,
    ) -> Job:
        """Hand a recording over, as `Jobs.submit` does. Files are read on a thread."""
        key = idempotency_key or new_key()
        submission = Submission(field_texts(fields), key, filename, on_sent, self._resumable_bytes)
        return await self._connection.do(submitted(recording, submission, self._retries))

    async def get(self, job_id: str) -> Job:
        """Return a job as it is now."""
        return await self._connection.do(conversations.job(job_id, self._retries))

    async def list(
        self, *, states: Sequence[str] = (), batch: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Job]:
        """Iterate over jobs, as `Jobs.list` does."""
        after: str | None = None
        while True:
            page = conversations.page(states, batch, page_size, after, self._retries)
            jobs, after = await self._connection.do(page)
            for job in jobs:
                yield job
            if after is None:
                return

    async def wait(self, job_id: str, on_progress: OnProgress | None = None, timeout_s: float | None = None) -> Job:
        """Wait until a job is finished, as `Jobs.wait` does."""
        return await self._connection.do(conversations.finished(job_id, on_progress, timeout_s, self._retries))

    async def events(self, job_id: str, after_seq: int = 0) -> AsyncIterator[JobEvent]:
        """Iterate over the events of a job, as `Jobs.events` does."""
        reading, connection = EventReading(job_id, after_seq, self._retries), self._connection
        while True:
            outcome: Answer | NoAnswer = BROKEN_OFF
            asked = arguments(reading.request, connection.timeout_s)
            try:
                async with connection.client.sse(
                    reading.request.path, max_event_size=MAX_EVENT_BYTES, **asked
                ) as source:
                    if reading.begin(source.response.status_code):
                        async for received in source:
                            event = reading.take(received)
                            if event is not None:
                                yield event
                            if reading.is_over:
                                break
                    elif not reading.is_over:
                        await source.response.aread()
                        outcome = answer_of(source.response)
            except httpx2.TransportError as error:
                outcome = no_answer(error, connection.url)
            if reading.is_over:
                return
            await asyncio.sleep(reading.wait_s(outcome))

    async def transcript(self, job_id: str, format: str = "text", **fields: FieldValue) -> str:  # noqa: A002
        """Return the transcript of a job that is done, as `Jobs.transcript` does."""
        return text_of(await self._connection.do(conversations.transcript(job_id, format, fields, self._retries)))

    async def deliveries(self, job_id: str) -> Sequence[JobDelivery]:
        """Return the log of a job's webhooks."""
        return await self._connection.do(conversations.deliveries(job_id, self._retries))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job, as `Jobs.cancel` does."""
        return await self._connection.do(conversations.cancelled(job_id, self._retries))

    async def delete(self, job_id: str) -> None:
        """Delete a job with its recording and all its texts."""
        await self._connection.do(conversations.deleted(job_id, self._retries))
