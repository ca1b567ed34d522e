"""What cannot become a request or a live session is ended early, and the client is told why."""

import asyncio

import pytest

from support.attacks.all_attacks import ATTACKS, FAMILIES
from support.attacks.bodies import UPLOAD
from support.attacks.heads import H2C, HEAD
from support.attacks.tallies import Tally
from support.attacks.wire import Attack, Attacker

WITHIN_S = 20
"""Far longer than it takes, on a machine with other work."""
MAX_TAKEN_BYTES = 80_000_000
"""Of one connection: what is read on while its refusal is on its way."""
MAX_GROWTH_MB = 64
HEAD_TIMEOUT_S = 10
TOO_LARGE, TOO_MANY = {431}, {1008}
STATUSES = {
    "header lines without end": TOO_LARGE,
    "header value without end": TOO_LARGE,
    "header name without end": {400, 431},
    "URL without end": {414, 431},
    "method without end": {400, 414, 431, 501},
    "2,000 header lines a request": TOO_LARGE,
    "chunk extension without end": {400, 413, 431},
    "chunks with long extensions": {400, 413, 431},
    "trailers without end": {400, 413, 431},
    "random bytes": {400},
    "form parts without end": {400, 413},
    "headers of a form part without end": {400, 413, 431},
    "name of a form part without end": {400, 413},
    "refused body without end": {404},
    "refused body of 1-byte chunks": {404},
    "handshakes with 300 header lines": TOO_LARGE,
    "handshakes with a URL of 20 kB": {414, 431},
}
"""Those with which a server may answer."""
CLOSES = {
    "empty pings": TOO_MANY,
    "unsolicited pongs": TOO_MANY,
    "2-byte fragments": TOO_MANY | {1009},
    "empty fragments": TOO_MANY | {1009},
    "pings between fragments": TOO_MANY | {1009},
    "close frames": {1000},
    "message announced as 2^62 bytes": {1009},
    "random bytes as frames": {1002, 1007, 1008, 1009},
}
"""Codes with which a server may close."""


def attack(server, name: str, n: int = 3, within_s: float = WITHIN_S) -> Tally:
    """Until `n` connections are ended."""
    attacker = Attacker(server.target.host, server.target.port, (name,))
    return asyncio.run(attacker.until_ended(ATTACKS[name], n, within_s))


def bounded(server, name: str, n: int = 1) -> Tally:
    """An attack that is ended `n` times at least, without many bytes taken or much memory."""
    server.forget_peaks()
    before_mb = server.resident_mb()
    tally = attack(server, name, n)
    assert tally.ended >= n, tally
    assert tally.most_bytes < MAX_TAKEN_BYTES, tally
    assert server.peak_mb() - before_mb < MAX_GROWTH_MB
    return tally


@pytest.mark.parametrize("name", STATUSES)
def test_requests(attacked, name):
    """A request without end gets the status that says what is too large, and its connection is closed."""
    tally = bounded(attacked, name)
    assert set(tally.statuses), tally
    assert set(tally.statuses) <= STATUSES[name], tally


@pytest.mark.parametrize("name", CLOSES)
def test_frames(attacked, name):
    """A flood of frames gets the close code that says why, and its connection is closed."""
    tally = bounded(attacked, name)
    assert set(tally.closes), tally
    assert set(tally.closes) <= CLOSES[name], tally


def test_pongs_that_nobody_reads(attacked):
    """A client that pings and does not read loses its connection, before its pongs fill the memory."""
    assert bounded(attacked, "pings of 125 bytes, pongs unread").ended


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("empty pings", 1),
        ("2-byte fragments", 1),
        pytest.param("2-byte messages", 1, marks=pytest.mark.full),
        pytest.param("empty text messages", 1, marks=pytest.mark.full),
    ],
)
def test_refused_clients(guarded, name, n):
    """A client without a key is not listened to for long while its refusal is on its way."""
    tally = bounded(guarded, name, n)
    assert set(tally.statuses) <= {101, 401, 403}, tally
    assert set(tally.closes) <= {1008}, tally
    assert tally.closes or tally.statuses.keys() & {401, 403}


@pytest.mark.slow
def test_unfinished_heads(attacked):
    """Silent connections, half heads and trickled heads are closed in time; where a head has begun, with 408."""
    kinds = {"silent": (b"", b""), "half": (HEAD, b""), "trickled": (HEAD, b"a:b\r\n")}
    tallies = asyncio.run(hold_all(attacked, kinds, HEAD_TIMEOUT_S + 5))
    for kind, tally in tallies.items():
        assert tally.ended >= 5, (kind, tally)
        assert tally.longest_s < HEAD_TIMEOUT_S + 4, (kind, tally)
        assert set(tally.statuses) <= {408}, (kind, tally)
    assert tallies["half"].statuses[408] >= 5
    assert tallies["trickled"].statuses[408] >= 5


async def hold_all(server, kinds: dict[str, tuple[bytes, bytes]], seconds: float) -> dict[str, Tally]:
    """Five connections of each kind (what is said first, what every second) for so long."""
    attackers = {kind: Attacker(server.target.host, server.target.port, ()) for kind in kinds}

    async def hold(kind: str) -> None:
        first, drip = kinds[kind]
        await attackers[kind].until_ended(Attack(kind, lambda one: one.hold(5, first, drip)), 1000, seconds)

    await asyncio.gather(*map(hold, kinds))
    return {kind: attacker.tally for kind, attacker in attackers.items()}


def test_upgrade_offers(attacked):
    """An upload that offers h2c is read like any other; its body does not become a request."""
    plain = UPLOAD + b"Content-Length: 4\r\nConnection: close\r\n\r\nRIFF"
    offered = H2C.replace(b"HTTP2-Settings\r\nUpgrade", b"HTTP2-Settings, close\r\nUpgrade")
    answers = [asyncio.run(answer_to(attacked, request)) for request in (plain, offered)]
    assert answers[0].statuses == answers[1].statuses, answers
    assert answers[0].codes == answers[1].codes, answers


async def answer_to(server, request: bytes) -> Tally:
    """Of one connection."""
    attacker = Attacker(server.target.host, server.target.port, ())
    await attacker.once(lambda connection: connection.send(request), linger_s=WITHIN_S)
    return attacker.tally


def test_every_attack_has_a_name():
    """No attack hides another, and each that must be ended is one of them."""
    assert len(ATTACKS) == sum(map(len, FAMILIES.values()))
    assert set(STATUSES) | set(CLOSES) <= set(ATTACKS)
