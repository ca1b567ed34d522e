"""Settings of httpx2, and its answers and errors as ours."""

import ssl
from typing import Any, TypedDict
from urllib.parse import urlsplit

import httpx2

from paraserve_client.errors import ProtocolError
from paraserve_client.http.steps import Answer, NoAnswer, Request

CONNECT_TIMEOUT_S = 10.0


class ClientSettings(TypedDict):
    """Arguments of httpx2's clients."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx2.Timeout
    verify: bool


def client_settings(url: str, api_key: str, timeout_s: float, *, verify: bool) -> ClientSettings:
    """Return the settings of a client.

    Raises:
        ProtocolError: this is not the URL of an HTTP server.
    """
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server:
        message = f"not the URL of a server: {url!r}, expected something like http://127.0.0.1:10095"
        raise ProtocolError(message, code="invalid_url")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
        "timeout": httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
        # Without TLS the certificates of authorities, which take a while to be read, are of no use.
        "verify": verify and parts.scheme == "https",
    }


def arguments(request: Request, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of httpx2 for a request."""
    given = {
        "params": request.query or None,
        "headers": request.headers or None,
        "json": request.json,
        "content": request.content,
        "data": request.form,
        "files": None if request.file is None else {"file": request.file},
    }
    timeout = httpx2.Timeout(timeout_s + request.extra_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    return {name: value for name, value in given.items() if value is not None} | {"timeout": timeout}


def answer_of(response: httpx2.Response) -> Answer:
    """Return an answer that was read to its end."""
    return Answer(response.status_code, dict(response.headers), response.content)


def no_answer(error: httpx2.TransportError, url: str) -> NoAnswer:
    """Return why no answer came."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"the certificate of {url} is not trusted: {cause.verify_message}"
            return NoAnswer(reason, "untrusted_certificate", is_lasting=True)
        cause = cause.__cause__ or cause.__context__
    is_ours = isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol)
    reason = f"no answer from {url}: {str(error) or type(error).__name__}"
    return NoAnswer(reason, is_lasting=is_ours, is_late=isinstance(error, httpx2.ReadTimeout))
