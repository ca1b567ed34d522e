"""Clients that vanish, and clients that are slow: nothing is left of them, and others notice nothing."""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServers, Target
from paraserve.selftest.protocols.live_protocols import LiveClient, funasr, live_client
from paraserve.selftest.raw_sockets import (
    BINARY,
    TEXT,
    connected,
    frame,
    read_to_end,
    reset,
    upgraded,
    upload_head,
)
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import expect

N_EACH = 10
SECOND_BYTES = 32_000
HEAD_S, BODY_S, PING_S, SEND_S = 2.0, 3.0, 2.0, 2.0
"""Limits of the server whose clients are slow, in place of 10 s, 60 s, 20 s and 10 s."""
MAX_ENDED_S = 90.0
"""Time within which each must be ended. Buffers of megabytes have to fill first, on a machine that may be busy."""


def vanishing_clients(servers: OwnServers) -> str:
    """Break connections at every moment: in an upload, in a frame, while speaking, before the answer."""
    with servers.start() as server:
        before = at_rest(servers, server)
        with _unharmed(server.target, before.text):
            for _ in range(N_EACH):
                for vanish in VANISHING:
                    vanish(server.target)
        rest = expect_rest(server, before)
    return f"{N_EACH * len(VANISHING)} clients vanished, one beside them was served, {rest}"


def slow_clients(servers: OwnServers) -> str:
    """Trickle heads and bodies, answer no pings, read nothing: each is ended at its limit."""
    limits = {"head-timeout": HEAD_S, "upload-idle-timeout": BODY_S, "send-timeout": SEND_S}
    limits |= {"ping-interval": PING_S, "ping-timeout": PING_S}
    flags = [word for name, seconds in limits.items() for word in (f"--{name}-s", str(seconds))]
    with servers.start(*flags) as server:
        before = at_rest(servers, server)
        with _unharmed(server.target, before.text):
            ended = [f"{name} after {_ended_s(name, slow, server.target):.1f} s" for name, slow in SLOW.items()]
        rest = expect_rest(server, before)
    return f"ended were {', '.join(ended)}, one beside them was served, {rest}"


@contextlib.contextmanager
def _unharmed(target: Target, expected: str) -> Iterator[LiveClient]:
    """A live client beside the others, whose text must be right in the end."""
    with live_client(funasr("2pass"), target) as client:
        client.speak(recording.pcm()[:SECOND_BYTES])
        yield client
        client.speak(recording.pcm()[SECOND_BYTES:])
        recording.expect_text(client.finish(), expected, "the client beside them")


def _in_an_upload(target: Target) -> None:
    sock = connected(target)
    sock.sendall(upload_head(1_000_000) + bytes(200_000))
    reset(sock)


def _before_the_answer(target: Target) -> None:
    sock = connected(target)
    wav = recording.encoded()
    sock.sendall(upload_head(len(wav)) + wav)
    reset(sock)


def _while_speaking(target: Target) -> None:
    sock = upgraded(target)
    sock.sendall(frame(TEXT, b'{"mode":"2pass"}') + frame(BINARY, recording.pcm()[:SECOND_BYTES]))
    reset(sock)


def _in_a_recording(target: Target) -> None:
    sock = upgraded(target)
    sock.sendall(frame(TEXT, b'{"mode":"offline","wav_format":"wav"}') + frame(BINARY, recording.encoded()[:100_000]))
    reset(sock)


def _in_a_frame(target: Target) -> None:
    with upgraded(target) as sock:
        sock.sendall(frame(BINARY, bytes(1000), announced=100_000))


def _in_a_head(target: Target) -> None:
    with connected(target) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost:")


VANISHING: Sequence[Callable[[Target], None]] = (
    _in_an_upload,
    _before_the_answer,
    _while_speaking,
    _in_a_recording,
    _in_a_frame,
    _in_a_head,
)


def _trickled_head(target: Target) -> bool:
    with connected(target) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        return _is_ended(sock)


def _idle_body(target: Target) -> bool:
    with connected(target) as sock:
        sock.sendall(upload_head(1_000_000) + bytes(1000))
        return _is_ended(sock)


def _half_open(target: Target) -> bool:
    """Answer no ping, as a client whose network is gone."""
    with upgraded(target) as sock:
        return _is_ended(sock)


def _is_ended(sock: socket.socket) -> bool:
    return read_to_end(sock, MAX_ENDED_S) is not None


def _reads_nothing(target: Target) -> bool:
    """Ask for more answers than all buffers hold, and read none: only a reset can end that."""
    requests = memoryview(frame(TEXT, json.dumps({"mode": "x" * 100}).encode()) * 100)
    n_sent, until_s = 0, time.monotonic() + MAX_ENDED_S
    with upgraded(target, receive_buffer_bytes=4096) as sock:
        sock.settimeout(0.2)
        while time.monotonic() < until_s:
            try:
                n_sent = (n_sent + sock.send(requests[n_sent:])) % len(requests)
            except TimeoutError:
                continue  # no more is taken for now
            except ConnectionError:
                return True
    return False


SLOW: Mapping[str, Callable[[Target], bool]] = {
    "half a head": _trickled_head,
    "an idle upload": _idle_body,
    "one that answers no ping": _half_open,
    "one that reads nothing": _reads_nothing,
}
"""Each returns whether the server has ended the connection in time."""


def _ended_s(name: str, slow: Callable[[Target], bool], target: Target) -> float:
    """Return the seconds after which the server ended a slow client's connection."""
    started_s = time.monotonic()
    expect(slow(target), f"an end of {name} within {MAX_ENDED_S:g} s", "an open connection")
    return time.monotonic() - started_s
