"""A way to a server on which connections break: by a reset, by an end, or so that neither side notices."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import numpy as np

READ_BYTES = 2048
KINDS = ("reset", "end", "half-open")
HALF_OPEN_SHARE = 0.06
"""Only a ping that is not answered shows them, which takes a while."""


@dataclass
class Break:
    """A break of a connection once so many bytes have gone either way."""

    kind: str
    at_bytes: float


LASTS = Break("never", float("inf"))


def random_breaks(rng: np.random.Generator, count: int, most_bytes: int) -> list[Break]:
    """Breaks anywhere up to `most_bytes`, the handshake of the WebSocket included."""
    rest = (1 - HALF_OPEN_SHARE) / 2
    kinds = rng.choice(KINDS, count, p=(rest, rest, HALF_OPEN_SHARE))
    return [Break(str(kind), int(rng.integers(1, most_bytes))) for kind in kinds]


@dataclass
class _Way:
    """One connection."""

    planned: Break
    n_bytes: int = 0
    is_broken: asyncio.Event = field(default_factory=asyncio.Event)

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                writer.write(data)
                await writer.drain()
                self.n_bytes += len(data)
                if self.n_bytes >= self.planned.at_bytes:
                    self.is_broken.set()
                    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def breaking(
    addresses: Iterable[tuple[str, int]], breaks: Iterable[Break], done: "Counter[str] | None" = None
) -> AsyncIterator[str]:
    """The URL of the way. Each connection in turn goes to the next address and has the next break, later ones none.

    `done` counts the breaks that came to pass.
    """
    planned, to = iter(breaks), iter(addresses)
    open_ways: list[asyncio.Task[None]] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = _Way(next(planned, LASTS))
        upstream_reader, upstream = await asyncio.open_connection(*next(to))
        pumps = [way.pump(reader, upstream), way.pump(upstream_reader, writer), way.is_broken.wait()]
        tasks = [asyncio.ensure_future(one) for one in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if way.is_broken.is_set() and done is not None:
                done[way.planned.kind] += 1
            if way.is_broken.is_set() and way.planned.kind == "half-open":
                await asyncio.Event().wait()
        finally:
            for task in tasks:
                task.cancel()
            for end in (writer, upstream):
                if way.planned.kind == "end":
                    end.close()
                else:
                    end.transport.abort()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ways.append(asyncio.ensure_future(pass_on(reader, writer)))

    async with await asyncio.start_server(keep, "127.0.0.1", 0) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for one in open_ways:
            one.cancel()
        await asyncio.gather(*open_ways, return_exceptions=True)
