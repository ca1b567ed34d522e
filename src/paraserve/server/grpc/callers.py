"""The client of a call, as routes and live connections know clients."""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from grpc.aio import ServicerContext

from paraserve.server.access.client_addresses import ClientAddresses, plain_host
from paraserve.server.telemetry.request_log import ACCEPTABLE_ID

PEER = re.compile(r"ipv[46]:\[?(.+?)\]?:([0-9]+)")
"""As gRPC writes addresses."""
OWN_HEADERS = frozenset(("content-length", "content-type", "host", "transfer-encoding", "connection", "upgrade"))
"""Say something else over HTTP, whatever a client calls by these names."""
FORWARDED_FOR, REQUEST_ID = "x-forwarded-for", "x-request-id"


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of a call: its metadata as headers, its address and port, and the id of the call."""

    headers: tuple[tuple[str, str], ...]
    client: tuple[str, int] | None
    request_id: str


def caller_of(context: "ServicerContext[Any, Any]", addresses: ClientAddresses) -> Caller:
    """Return the client of a call. A trusted proxy says who it is."""
    headers = tuple(_headers(context.invocation_metadata() or ()))
    named = dict(headers)
    given = named.get(REQUEST_ID, "")
    request_id = given if ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
    return Caller(headers, _client(context.peer(), named.get(FORWARDED_FOR, ""), addresses), request_id)


def _headers(metadata: Iterable[tuple[str, str | bytes]]) -> Iterable[tuple[str, str]]:
    """Yield the metadata that is text."""
    for name, value in metadata:
        if isinstance(value, str) and name not in OWN_HEADERS:
            yield name, value


def _client(peer: str, forwarded_for: str, addresses: ClientAddresses) -> tuple[str, int] | None:
    match = PEER.fullmatch(unquote(peer))
    if match is None:
        return None
    host, port = plain_host(match[1]), int(match[2])
    for proxied in reversed([one.strip() for one in forwarded_for.split(",") if one.strip()]):
        if not addresses.is_trusted(host):
            break
        host, port = plain_host(proxied), 0
    return host, port
