"""Opening of a WebSocket connection, the errors if it fails, and the waits between attempts."""

import random
import ssl
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from paraserve_client.errors import OverloadedError, ProtocolError

CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Attempts and waits after broken and refused connections.

    `attempts` is the number of attempts in a row without a final text in between. The wait before them starts at
    `first_s` and doubles up to `longest_s`. Each wait is shortened at random by up to half, so that the clients of a
    restarted server do not return all at once. `keep_s` is how much sent audio without a final text is held, to be
    sent again. A connection over which no answer to a ping has come for `ping_s` is broken. Pings are sent as often.
    A server that has told that it keeps the session is tried for `return_s`, however often.
    """

    attempts: int = 6
    first_s: float = 0.2
    longest_s: float = 10.0
    keep_s: float = 600.0
    ping_s: float = 20.0
    return_s: float = 60.0

    def wait_s(self, attempt: int) -> float:
        """Return the seconds to wait before an attempt, counted from 1."""
        longest_s = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


async def open_connection(
    url: str, context: ssl.SSLContext | None, api_key: str = "", ping_s: float = 20.0
) -> ClientConnection:
    """Open a connection.

    Args:
        url: ws:// or wss://.
        context: for wss, from `ssl_context`.
        api_key: for a server that needs one.
        ping_s: see `Reconnect`.

    Raises:
        OverloadedError: it failed for now; another attempt may succeed.
        ProtocolError: it fails at any time: no valid URL, no trusted certificate, or refused by the server.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        return await connect(
            url,
            ssl=context,
            additional_headers=headers,
            compression=None,
            max_size=None,
            close_timeout=min(CLOSE_TIMEOUT_S, ping_s),
            ping_interval=ping_s,
            ping_timeout=ping_s,
        )
    except ssl.SSLCertVerificationError as error:  # also a ValueError, so it must come first
        message = f"the certificate of {url} is not trusted: {error.verify_message}"
        raise ProtocolError(message, code="untrusted_certificate") from error
    except (InvalidURI, InvalidProxy, ValueError, OverflowError) as error:
        raise ProtocolError(f"not the URL of a WebSocket server: {url}", code="invalid_url") from error
    except (OSError, EOFError, InvalidHandshake) as error:
        if isinstance(error, InvalidStatus) and error.response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ProtocolError(f"{url} refused: {error}", code="refused") from error
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise OverloadedError(f"no connection to {url}: {reason}", code="no_connection") from error


def ssl_context(url: str, *, verify: bool) -> ssl.SSLContext | None:
    """Return the TLS context for a wss URL, else None; without `verify` any certificate is accepted."""
    if not url.lower().startswith("wss:"):
        return None
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
