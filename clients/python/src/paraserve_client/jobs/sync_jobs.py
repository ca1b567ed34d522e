"""`Jobs`: the client for ordinary programs."""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import httpx2

from paraserve_client.http.answered import text_of
from paraserve_client.http.fields import FieldValue, field_texts
from paraserve_client.http.http_client import answer_of, arguments, no_answer
from paraserve_client.http.recording_sources import OnSent, Recording
from paraserve_client.http.resending import Retries
from paraserve_client.http.steps import Answer, NoAnswer
from paraserve_client.http.sync_connection import SyncConnection
from paraserve_client.jobs import conversations
from paraserve_client.jobs.answers import Job, JobDelivery, JobEvent
from paraserve_client.jobs.conversations import OnProgress
from paraserve_client.jobs.event_reading import BROKEN_OFF, MAX_EVENT_BYTES, EventReading
from paraserve_client.jobs.submissions import RESUMABLE_BYTES, Submission, new_key, submitted

DEFAULT_RETRIES = Retries()


class Jobs:
    """Jobs of a server. Threads may share it.

    Args:
        url: http://HOST:PORT or https://HOST:PORT, with a path where a gateway wants one.
        api_key: for a server that needs one. It sees the jobs of its name.
        timeout_s: longest silence of the server, in seconds.
        retries: attempts and waits where no answer comes, or "try again later".
        verify: False accepts any certificate of an https server.
        resumable_bytes: recordings of this size on are sent in parts.

    Every method raises `paraserve_client.errors.ParaserveError` with the server's `code` where the server refuses,
    and `OverloadedError` where it cannot be reached or is overloaded after several attempts.
    """

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
        self._connection = SyncConnection(url, api_key, timeout_s, verify=verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def submit(
        self,
        recording: Recording,
        *,
        filename: str = "",
        idempotency_key: str = "",
        on_sent: OnSent | None = None,
        **fields: FieldValue,
    ) -> Job:
        """Hand a recording over; return the job once the server has it on its disk.

        Args:
            recording: a path, bytes, a file that is read from its start, or the URL of what the server fetches.
            filename: name to show, where it is not that of the file.
            idempotency_key: a second submission with the same key gives the first one's job. By default each call
                has a key of its own, which only its own repetitions share.
            on_sent: called with the bytes sent and all bytes.
            fields: those of an upload, such as `language` or `hotwords`, and `priority` (-10 to 10), `timeout_s` of
                an attempt, `callback_url`, `store` (False keeps nothing after the transcript was fetched).

        Raises:
            OSError: the recording cannot be read.
            ProtocolError: a field or the URL is not taken.
            QuotaError: the API key has used up what it may have.
            StorageError: the server cannot store the recording now.
        """
        key = idempotency_key or new_key()
        submission = Submission(field_texts(fields), key, filename, on_sent, self._resumable_bytes)
        return self._connection.do(submitted(recording, submission, self._retries))

    def get(self, job_id: str) -> Job:
        """Return a job as it is now.

        Raises:
            JobNotFoundError: there is none of this id, or it is another key's.
        """
        return self._connection.do(conversations.job(job_id, self._retries))

    def list(self, *, states: Sequence[str] = (), batch: str | None = None, page_size: int = 100) -> Iterator[Job]:
        """Iterate over jobs, the newest first; only those in one of the states, or of one batch, where given."""
        after: str | None = None
        while True:
            jobs, after = self._connection.do(conversations.page(states, batch, page_size, after, self._retries))
            yield from jobs
            if after is None:
                return

    def wait(self, job_id: str, on_progress: OnProgress | None = None, timeout_s: float | None = None) -> Job:
        """Wait until a job is finished, and return it: done, failed or cancelled.

        `on_progress` is called with the job about each second.

        Raises:
            RequestTimeoutError: it takes longer than `timeout_s`. The job goes on.
            JobNotFoundError: there is none of this id, or it was deleted.
        """
        return self._connection.do(conversations.finished(job_id, on_progress, timeout_s, self._retries))

    def events(self, job_id: str, after_seq: int = 0) -> Iterator[JobEvent]:
        """Iterate over the events of a job behind number `after_seq`, as they come, until it is finished.

        A connection that breaks is made again. Each event comes once.

        Raises:
            JobNotFoundError: there is none of this id, or it was deleted.
        """
        reading, connection = EventReading(job_id, after_seq, self._retries), self._connection
        while True:
            outcome: Answer | NoAnswer = BROKEN_OFF
            asked = arguments(reading.request, connection.timeout_s)
            try:
                with connection.client.sse(reading.request.path, max_event_size=MAX_EVENT_BYTES, **asked) as source:
                    if reading.begin(source.response.status_code):
                        for received in source:
                            event = reading.take(received)
                            if event is not None:
                                yield event
                            if reading.is_over:
                                break
                    elif not reading.is_over:
                        source.response.read()
                        outcome = answer_of(source.response)
            except httpx2.TransportError as error:
                outcome = no_answer(error, connection.url)
            if reading.is_over:
                return
            time.sleep(reading.wait_s(outcome))

    def transcript(self, job_id: str, format: str = "text", **fields: FieldValue) -> str:  # noqa: A002
        """Return the transcript of a job that is done: text, json, srt, vtt, tsv, ass, ttml or lrc.

        `fields` are those about subtitles, such as `subtitle_lines`.

        Raises:
            JobStateError: the job is not done, failed or was cancelled; `code` says which.
            JobNotFoundError: there is none of this id, or it was deleted.
        """
        return text_of(self._connection.do(conversations.transcript(job_id, format, fields, self._retries)))

    def deliveries(self, job_id: str) -> Sequence[JobDelivery]:
        """Return the log of a job's webhooks.

        Raises:
            JobNotFoundError: there is none of this id, or it is another key's.
        """
        return self._connection.do(conversations.deliveries(job_id, self._retries))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job, also while it runs; one that is finished stays as it is. Return it as it is then.

        Raises:
            JobNotFoundError: there is none of this id, or it is another key's.
        """
        return self._connection.do(conversations.cancelled(job_id, self._retries))

    def delete(self, job_id: str) -> None:
        """Delete a job with its recording and all its texts.

        Raises:
            JobNotFoundError: there is none of this id, or it is another key's.
        """
        self._connection.do(conversations.deleted(job_id, self._retries))
