"""Requests of the tus protocol, by hand."""

import base64
from collections.abc import Iterable

import httpx2

PATH = "/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    """The header Upload-Metadata."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".rstrip() for key, value in values.items())


def begin(server, length: int | None = None, *, body: bytes = b"", key: str = "", **values: str) -> httpx2.Response:
    """Begin an upload with these metadata; without a length it comes later."""
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    about = {"Upload-Metadata": metadata(**values)} if values else {}
    return server.get(PATH, "POST", headers={**(BYTES if body else TUS), **size, **about, **_key(key)}, content=body)


def patch(
    server, location: str, offset: int, body: bytes | Iterable[bytes], *, key: str = "", **headers: str
) -> httpx2.Response:
    """Add bytes."""
    sent = {**BYTES, "Upload-Offset": str(offset), **headers, **_key(key)}
    return server.get(location, "PATCH", headers=sent, content=body)


def offset_of(server, location: str, *, key: str = "") -> int:
    """Bytes that the server has for good."""
    answer = server.get(location, "HEAD", headers={**TUS, **_key(key)})
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["upload-offset"])


def _key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
