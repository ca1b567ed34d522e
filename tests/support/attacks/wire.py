"""An attacker on raw sockets: connections from an address of its own, paced bytes, and what the server answers."""

import asyncio
import contextlib
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from support.attacks.tallies import Pace, Tally, error_codes, frame_of

SOURCE = "127.0.0.2"
"""Another loopback address than that of honest clients, so that limits per address can tell the two apart."""
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
ERROR_CODE = re.compile(rb'"code": ?"(\w+)"')
TEXT, CLOSE, PING = 1, 8, 9
MASKED_EMPTY_PONG = b"\x8a\x80\0\0\0\0"
BLOCK_BYTES = 8192
CONNECT_TIMEOUT_S = 10.0
PORT_PAUSE_S = 0.1
UNTIL_ENDED_S = 86_400.0
LINGER_S = 1.0
"""Time for an answer that is on its way when the server no longer takes what is sent."""


@dataclass
class Connection:
    """One connection of an attacker."""

    sock: socket.socket
    tally: Tally
    pace: Pace
    is_reader: bool
    sent_bytes: int = 0
    is_answered: bool = False
    is_ended: bool = False
    """By the server."""
    _is_live: bool = False
    _unread: bytes = b""

    async def send(self, data: bytes) -> None:
        """Send at the attacker's rate.

        Raises:
            OSError: the server has ended the connection.
        """
        loop = asyncio.get_running_loop()
        for start in range(0, len(data), BLOCK_BYTES):
            block = data[start : start + BLOCK_BYTES]
            await self.pace.take(len(block))
            await loop.sock_sendall(self.sock, block)
            self.sent_bytes += len(block)
            self.tally.sent_bytes += len(block)

    async def shake_hands(self, request: bytes) -> None:
        """Ask for a WebSocket and wait for the answer. What is sent before it may be thrown away."""
        await self.send(request)
        while not self.is_answered and not self.is_ended:
            if self.is_reader:
                await asyncio.sleep(0.01)
            else:
                await self._hear(await asyncio.get_running_loop().sock_recv(self.sock, 4096))

    async def send_on(self, unit: bytes, most_bytes: int) -> None:
        """Send `unit` again and again, up to about `most_bytes`."""
        block = unit * max(1, BLOCK_BYTES // len(unit))
        for _ in range(max(1, most_bytes // len(block))):
            await self.send(block)

    async def drip(self, unit: bytes, every_s: float) -> None:
        """Send `unit` every so often until the server ends the connection."""
        while True:
            await asyncio.sleep(every_s if unit else UNTIL_ENDED_S)
            await self.send(unit)

    async def listen(self) -> None:
        """Read until the server ends the connection; note its answers and answer its pings."""
        with contextlib.suppress(OSError):
            while data := await asyncio.get_running_loop().sock_recv(self.sock, 1 << 16):
                await self._hear(data)
        self.is_ended = True

    async def _hear(self, data: bytes) -> None:
        self._unread += data
        if not self._is_live:
            found = [int(status) for status in STATUS.findall(self._unread)]
            self.tally.statuses.update(found)
            self.tally.codes.update(code.decode() for code in ERROR_CODE.findall(self._unread))
            self.is_answered |= bool(found)
            self._is_live = 101 in found
            # A status line is not counted twice: what is kept is shorter than one.
            self._unread = self._unread.partition(b"\r\n\r\n")[2] if self._is_live else self._unread[-8:]
        if self._is_live:
            await self._hear_frames()

    async def _hear_frames(self) -> None:
        while (cut := frame_of(self._unread)) is not None:
            opcode, payload, self._unread = cut
            if opcode == CLOSE:
                self.tally.closes[int.from_bytes(payload[:2]) or 1005] += 1
                self.is_answered = True
            elif opcode == PING:
                self.tally.sent_bytes += 6
                with contextlib.suppress(OSError):
                    pong = bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload
                    await asyncio.get_running_loop().sock_sendall(self.sock, pong)
            elif opcode == TEXT:
                self.tally.codes.update(error_codes(payload))


async def _converse(connection: Connection, say: Callable[[Connection], Awaitable[None]], linger_s: float) -> None:
    tasks = [asyncio.ensure_future(say(connection))]
    if connection.is_reader:
        tasks.append(asyncio.ensure_future(connection.listen()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not connection.is_reader and linger_s:
            tasks.append(asyncio.ensure_future(connection.listen()))
        if linger_s and not connection.is_ended:
            await asyncio.wait(tasks[1:], timeout=linger_s)
    finally:
        for task in tasks:
            task.cancel()
        # The event loop must have let go of the socket before it is closed.
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Attacker:
    """A role of `processes.py`: runs attacks one after the other, each for `each_s`; `tally` is of all."""

    host: str
    port: int
    attack_names: tuple[str, ...]
    each_s: float = math.inf
    source: str = SOURCE
    tally: Tally = field(default_factory=Tally)
    pace: Pace = field(default_factory=lambda: Pace(0.0))
    connect_pace: Pace = field(default_factory=lambda: Pace(200.0))

    async def run(self) -> None:
        """Attack until the last of the attacks has had its time."""
        from support.attacks.all_attacks import ATTACKS  # noqa: PLC0415 - which imports this module

        started = time.process_time()
        try:
            for name in self.attack_names:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if math.isinf(self.each_s) else self.each_s):
                        await self.act(ATTACKS[name])
        finally:
            self.tally.cpu_s = time.process_time() - started

    async def act(self, attack: "Attack") -> None:
        """Run one attack without end, at its pace."""
        self.pace.per_s, self.connect_pace.per_s = attack.mb_per_s * 1e6, attack.connects_per_s
        await attack.act(self)

    async def until_ended(self, attack: "Attack", n: int, within_s: float) -> Tally:
        """Run one attack until the server has ended `n` of its connections, or the time is over."""
        acting, deadline = asyncio.create_task(self.act(attack)), time.monotonic() + within_s
        while self.tally.ended < n and time.monotonic() < deadline:
            await asyncio.wait({acting}, timeout=0.02)
        acting.cancel()
        await asyncio.gather(acting, return_exceptions=True)
        return self.tally

    async def once(
        self,
        say: Callable[[Connection], Awaitable[None]],
        *,
        is_reader: bool = True,
        receive_buffer_bytes: int = 0,
        linger_s: float = LINGER_S,
    ) -> None:
        """One connection: say something and listen, until the server ends it.

        Args:
            say: what is sent. When it returns, answers are waited for `linger_s`.
            is_reader: False reads nothing before the server stops taking.
            receive_buffer_bytes: of the system, 0 = its own choice.
            linger_s: how long an answer may take.
        """
        await self.connect_pace.take(1)
        sock = socket.socket()
        sock.setblocking(False)  # noqa: FBT003 - its only parameter
        if receive_buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            sock.bind((self.source, 0))
        except OSError:  # no port is free: those of closed connections are kept for a minute
            sock.close()
            await asyncio.sleep(PORT_PAUSE_S)
            return
        started, connection = time.monotonic(), Connection(sock, self.tally, self.pace, is_reader)
        self.tally.connections += 1
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().sock_connect(sock, (self.host, self.port))
            await _converse(connection, say, linger_s)
        except OSError:
            connection.is_ended = True
        except asyncio.CancelledError:
            self.tally.held += 1
            raise
        finally:
            sock.close()
            self._count(connection, time.monotonic() - started)

    def _count(self, connection: Connection, open_s: float) -> None:
        tally = self.tally
        tally.longest_s = max(tally.longest_s, open_s)
        tally.most_bytes = max(tally.most_bytes, connection.sent_bytes)
        tally.ended += connection.is_ended
        tally.unanswered += connection.is_ended and not connection.is_answered

    async def again(self, n: int, say: Callable[[Connection], Awaitable[None]], **options: object) -> None:
        """`n` connections at once; each that the server ends is followed by another."""

        async def forever() -> None:
            while True:
                await self.once(say, **options)

        await asyncio.gather(*(forever() for _ in range(n)))

    async def flood(
        self, first: bytes, unit: bytes, *, handshake: bytes = b"", most_bytes: int = 64_000_000, **options: object
    ) -> None:
        """One connection after the other: `first`, then `unit` again and again."""

        async def say(connection: Connection) -> None:
            if handshake:
                await connection.shake_hands(handshake)
            await connection.send(first)
            await connection.send_on(unit, most_bytes)

        await self.again(1, say, **options)

    async def hold(self, n: int, first: bytes, drip: bytes = b"", every_s: float = 1.0) -> None:
        """`n` connections that say `first`, then `drip` every so often."""

        async def say(connection: Connection) -> None:
            await connection.send(first)
            await connection.drip(drip, every_s)

        await self.again(n, say)


@dataclass(frozen=True)
class Attack:
    """An attack by name. `mb_per_s` bounds what all its connections send together."""

    name: str
    act: Callable[[Attacker], Awaitable[None]]
    mb_per_s: float = 20.0
    connects_per_s: float = 200.0
