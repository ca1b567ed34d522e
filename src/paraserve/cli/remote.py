"""Recognition by a server: upload a recording and get its transcript. The file is streamed, never held in memory."""

import asyncio
import http.client
import json
import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

from paraserve.cli.inputs import Source
from paraserve.cli.progress import OnProgress
from paraserve.cli.request_fields import option_fields
from paraserve.cli.server_address import server_address
from paraserve.errors import ParaserveError
from paraserve.formats import transcript_from_json
from paraserve.options import RecognitionOptions
from paraserve.types import Transcript

CONNECT_TIMEOUT_S = 10.0
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class RemoteTranscriber:
    """Transcribes recordings by a paraserve server. `path` is that of the upload route."""

    kind: type[http.client.HTTPConnection]
    host: str
    port: int | None
    path: str
    api_key: str = ""

    async def __call__(self, source: Source, options: RecognitionOptions, on_progress: OnProgress) -> Transcript:
        """Transcribe one recording.

        Raises:
            OSError: the file cannot be read.
            ParaserveError: the server cannot be reached, or refused; carries its message.
        """
        connection = self.kind(self.host, self.port, timeout=CONNECT_TIMEOUT_S)
        try:
            return await asyncio.to_thread(self._upload, connection, source, options, on_progress)
        except asyncio.CancelledError:
            _abort(connection)
            raise
        finally:
            connection.close()

    def _upload(
        self,
        connection: http.client.HTTPConnection,
        source: Source,
        options: RecognitionOptions,
        on_progress: OnProgress,
    ) -> Transcript:
        boundary = secrets.token_hex(16)
        with source.open() as file:
            head, tail = _form(boundary, source.filename, options)
            n_bytes = os.fstat(file.fileno()).st_size
            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(len(head) + n_bytes + len(tail)),
            }
            if self.api_key:
                headers["Authorization"] = f"Bearer {self.api_key}"
            body = _body(head, file, n_bytes, tail, on_progress)
            try:
                status, answer = _post(connection, self.path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                raise ParaserveError(_no_answer(connection, error)) from None
        return _transcript(status, answer)


def remote_transcriber(address: str, api_key: str = "") -> RemoteTranscriber:
    """Return the server at an address such as 127.0.0.1:10095.

    Raises:
        ParaserveError: it is no address of a server.
    """
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    parts = urlsplit(server_address(address))
    assert parts.hostname is not None
    return RemoteTranscriber(kinds[parts.scheme], parts.hostname, parts.port, f"{parts.path}/transcribe", api_key)


def _post(
    connection: http.client.HTTPConnection, path: str, body: Iterator[bytes], headers: dict[str, str]
) -> tuple[int, bytes]:
    connection.connect()
    connection.sock.settimeout(None)  # a long recording may take minutes without a byte
    # A server that refuses an upload answers and closes before it has read everything.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def _no_answer(connection: http.client.HTTPConnection, error: Exception) -> str:
    """Return why a server did not answer, with what helps."""
    place = f"{connection.host}:{connection.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message
        return f"the certificate of {place} is not trusted: {reason} (SSL_CERT_FILE=FILE trusts one of yours)"
    if isinstance(error, ssl.SSLError):
        return f"{place} does not speak TLS: try http:// in place of https://"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {place}: is paraserve serve running there?"
    if isinstance(error, http.client.BadStatusLine):
        return f"{place} does not answer as a server does: try https://, or another port"
    return f"no answer from {place}: {(error.strerror if isinstance(error, OSError) else None) or error}"


def _form(boundary: str, filename: str, options: RecognitionOptions) -> tuple[bytes, bytes]:
    """Return the bytes of a multipart body before and after the file's own."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in option_fields(options).items()
    ]
    quoted = filename.replace("\\", "_").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()


def _body(head: bytes, file: BinaryIO, n_bytes: int, tail: bytes, on_progress: OnProgress) -> Iterator[bytes]:
    yield head
    sent = 0
    while sent < n_bytes and (chunk := file.read(min(CHUNK_BYTES, n_bytes - sent))):
        yield chunk
        sent += len(chunk)
        on_progress(sent, n_bytes)
    yield tail


def _transcript(status: int, body: bytes) -> Transcript:
    try:
        answer = json.loads(body)
        if status == http.client.OK:
            return transcript_from_json(answer)
        message = str(answer["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"the server answered {status} with something else than a transcript"
    raise ParaserveError(message)


def _abort(connection: http.client.HTTPConnection) -> None:
    """Wake the thread that waits for the server."""
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
