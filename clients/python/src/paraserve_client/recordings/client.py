"""`Client`: recordings to texts, for programs without an event loop."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from paraserve_client.http.fields import FieldValue, field_texts
from paraserve_client.http.recording_sources import OnSent, Recording
from paraserve_client.http.resending import Retries
from paraserve_client.http.sync_connection import SyncConnection
from paraserve_client.recordings import transcription
from paraserve_client.recordings.transcripts import Model, Transcript

DEFAULT_RETRIES = Retries()
ANSWER_S = 600.0
"""A recording of hours takes minutes on a small machine."""


class Client:
    """A server that transcribes recordings. Threads may share it.

    Args:
        url: http://HOST:PORT or https://HOST:PORT, with a path where a gateway wants one.
        api_key: for a server that needs one.
        timeout_s: longest silence of the server, in seconds. It is silent while it recognizes.
        retries: attempts and waits where no answer comes, or "try again later".
        verify: False accepts any certificate of an https server.

    Every method raises `paraserve_client.errors.ParaserveError` with the server's `code` where the server refuses,
    `OverloadedError` where it cannot be reached or is overloaded after several attempts, and `RequestTimeoutError`
    where the text of a recording takes too long.
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

    def transcribe(
        self, recording: Recording, *, filename: str = "", on_sent: OnSent | None = None, **fields: FieldValue
    ) -> Transcript:
        """Send a recording; return its text with all times.

        Args:
            recording: a path, bytes, or a file that is read from its start.
            filename: name to tell, where it is not that of the file.
            on_sent: called with the bytes sent and all bytes.
            fields: those of an upload, such as `language` or `hotwords`.

        Raises:
            OSError: the recording cannot be read.
            AudioError: it is no recording, or too long or too large.
            ProtocolError: a field is not taken, or the recording is a URL.
        """
        texts = field_texts(fields)
        return self._connection.do(transcription.transcribed(recording, filename, texts, on_sent, self._retries))

    def transcribe_as(
        self,
        format: str,  # noqa: A002
        recording: Recording,
        *,
        filename: str = "",
        on_sent: OnSent | None = None,
        **fields: FieldValue,
    ) -> str:
        """Send a recording; return its text, or subtitles: text, json, srt, vtt, tsv, ass, ttml or lrc.

        `fields` may have those about subtitles, such as `subtitle_lines`. Arguments and errors are otherwise those of
        `transcribe`.
        """
        texts = {**field_texts(fields), "format": format}
        return self._connection.do(transcription.written(recording, filename, texts, on_sent, self._retries))

    def models(self) -> Sequence[Model]:
        """Return the models of the server."""
        return self._connection.do(transcription.models(self._retries))
