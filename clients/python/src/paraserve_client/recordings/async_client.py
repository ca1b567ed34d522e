"""`AsyncClient`: recordings to texts, for programs with an event loop."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from paraserve_client.http.async_connection import AsyncConnection
from paraserve_client.http.fields import FieldValue, field_texts
from paraserve_client.http.recording_sources import OnSent, Recording
from paraserve_client.http.resending import Retries
from paraserve_client.recordings import transcription
from paraserve_client.recordings.client import ANSWER_S
from paraserve_client.recordings.transcripts import Model, Transcript

DEFAULT_RETRIES = Retries()


class AsyncClient:
    """A server that transcribes recordings, for one event loop.

    Arguments, methods and errors are those of `Client`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:10095",
        *,
        api_key: str = "",
        timeout_s: float = ANSWER_S,
        retries: Retries = DEFAULT_RETRIES,
        verify: bool = True,
    ) -> None:
        self._retries = retries
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

    async def transcribe(
        self, recording: Recording, *, filename: str = "", on_sent: OnSent | None = None, **fields: FieldValue
    ) -> Transcript:
        """Send a recording, as `Client.transcribe` does. Files are opened on a thread."""
        texts = field_texts(fields)
        return await self._connection.do(
            transcription.transcribed(recording, filename, texts, on_sent, self._retries)
        )

    async def transcribe_as(
        self,
        format: str,  # noqa: A002
        recording: Recording,
        *,
        filename: str = "",
        on_sent: OnSent | None = None,
        **fields: FieldValue,
    ) -> str:
        """Send a recording, as `Client.transcribe_as` does."""
        texts = {**field_texts(fields), "format": format}
        return await self._connection.do(transcription.written(recording, filename, texts, on_sent, self._retries))

    async def models(self) -> Sequence[Model]:
        """Return the models of the server."""
        return await self._connection.do(transcription.models(self._retries))
