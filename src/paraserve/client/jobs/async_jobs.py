"""`AsyncJobs`: the client for programs with an event loop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from paraserve.client.jobs import conversations
from paraserve.client.jobs.answers import Job, JobDelivery, JobEvent
from paraserve.client.jobs.conversations import OnProgress
from paraserve.client.jobs.event_reading import MAX_EVENT_BYTES, EventReading
from paraserve.client.jobs.http_client import BROKEN_OFF, answer_of, arguments, client_settings, no_answer
from paraserve.client.jobs.job_requests import FieldValue, field_texts
from paraserve.client.jobs.recording_sources import OnSent, Recording
from paraserve.client.jobs.resending import Retries
from paraserve.client.jobs.steps import Answer, Call, Conversation, NoAnswer, Pause, Send, Step
from paraserve.client.jobs.submissions import RESUMABLE_BYTES, Submission, new_key, submitted

T = TypeVar("T")
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
        self._url = url
        self._timeout_s = timeout_s
        self._retries = retries
        self._resumable_bytes = resumable_bytes
        self._client = httpx2.AsyncClient(**client_settings(url, api_key, timeout_s, verify=verify))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

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
        return await self._do(submitted(recording, submission, self._retries))

    async def get(self, job_id: str) -> Job:
        """Return a job as it is now."""
        return await self._do(conversations.job(job_id, self._retries))

    async def list(
        self, *, states: Sequence[str] = (), batch: str | None = None, page_size: int = 100
    ) -> AsyncIterator[Job]:
        """Iterate over jobs, as `Jobs.list` does."""
        after: str | None = None
        while True:
            jobs, after = await self._do(conversations.page(states, batch, page_size, after, self._retries))
            for job in jobs:
                yield job
            if after is None:
                return

    async def wait(self, job_id: str, on_progress: OnProgress | None = None, timeout_s: float | None = None) -> Job:
        """Wait until a job is finished, as `Jobs.wait` does."""
        return await self._do(conversations.finished(job_id, on_progress, timeout_s, self._retries))

    async def events(self, job_id: str, after_seq: int = 0) -> AsyncIterator[JobEvent]:
        """Iterate over the events of a job, as `Jobs.events` does."""
        reading = EventReading(job_id, after_seq, self._retries)
        while True:
            outcome: Answer | NoAnswer = BROKEN_OFF
            asked = arguments(reading.request, self._timeout_s)
            try:
                async with self._client.sse(reading.request.path, max_event_size=MAX_EVENT_BYTES, **asked) as source:
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
                outcome = no_answer(error, self._url)
            if reading.is_over:
                return
            await asyncio.sleep(reading.wait_s(outcome))

    async def transcript(self, job_id: str, format: str = "text", **fields: FieldValue) -> str:  # noqa: A002
        """Return the transcript of a job that is done, as `Jobs.transcript` does."""
        return conversations.text_of(await self._do(conversations.transcript(job_id, format, fields, self._retries)))

    async def deliveries(self, job_id: str) -> Sequence[JobDelivery]:
        """Return the log of a job's webhooks."""
        return await self._do(conversations.deliveries(job_id, self._retries))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job, as `Jobs.cancel` does."""
        return await self._do(conversations.cancelled(job_id, self._retries))

    async def delete(self, job_id: str) -> None:
        """Delete a job with its recording and all its texts."""
        await self._do(conversations.deleted(job_id, self._retries))

    async def _do(self, conversation: Conversation[T]) -> T:
        outcome: object = None
        try:
            while True:
                outcome = await self._step(conversation.send(outcome))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            conversation.close()

    async def _step(self, step: Step) -> object:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        if isinstance(step, Call):
            return await asyncio.to_thread(step.function)
        return await self._send(step)

    async def _send(self, step: Send) -> Answer | NoAnswer:
        request = step.request
        try:
            asked = arguments(request, self._timeout_s)
            return answer_of(await self._client.request(request.method, request.path, **asked))
        except httpx2.TransportError as error:
            return no_answer(error, self._url)
