"""Results by key. Equal requests at the same time are one piece of work, and a store that fails fails no request."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from paraserve.errors import ParaserveError
from paraserve.runtime.result_cache.result_store import TURN_S, CacheAwayError, ResultStore
from paraserve.runtime.result_cache.transcript_bytes import transcript_bytes, transcript_from_bytes
from paraserve.types import Transcript

Outcome: TypeAlias = Literal["hit", "miss", "error"]
Make: TypeAlias = Callable[[], Awaitable[Transcript]]
LEFT: Literal["left"] = "left"
FAILED: Literal["failed"] = "failed"
FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0
"""Time between two looks whether another process has made a result."""
WARNING_INTERVAL_S = 60.0
LONG_BYTES = 20_000
"""A longer result is written and read on another thread."""

log = logging.getLogger(__name__)


class Seal(Protocol):
    """Encrypts what is stored."""

    def seal(self, data: bytes) -> bytes:
        """Return data encrypted."""
        ...

    def unseal(self, data: bytes) -> bytes:
        """Return what `seal` was given. ParaserveError: it was sealed with another key, or changed since."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A transcript, and whether it was made by an earlier or an equal request."""

    transcript: Transcript
    is_hit: bool


class ResultCache:
    """Results that are kept in a store. Use it from one event loop.

    Args:
        store: where they are kept.
        on_outcome: called with what became of each request: "hit", "miss", and "error" where the store failed.
        seal: encrypts them, None for none.
    """

    def __init__(
        self, store: ResultStore, on_outcome: Callable[[Outcome], None] = lambda _: None, seal: Seal | None = None
    ) -> None:
        self._store = store
        self._on_outcome = on_outcome
        self._seal = seal
        self._owner = secrets.token_hex(8)
        self._working: dict[str, asyncio.Future[Transcript | Literal["left", "failed"]]] = {}
        self._warned_s = float("-inf")

    async def transcript(
        self, key: str, make: Make, *, group: str = "", may_keep: Callable[[], bool] = lambda: True
    ) -> Kept:
        """Return the result of a key, made with `make` if there is none.

        Who asks for a result that another request is just making waits for it. If that one is given up, the next one
        makes it; if it fails, each tries for itself.

        Args:
            key: equal for requests with equal results.
            make: makes the result.
            group: only requests of one group wait for each other.
            may_keep: tells, once a result is made, whether it may be kept.

        Raises:
            Exception: what `make` raises.
        """
        place = f"{group} {key}"
        while (other := self._working.get(place)) is not None:
            made = await asyncio.shield(other)
            if isinstance(made, Transcript):
                return self._kept(made, is_hit=True)
            if made == FAILED:
                return self._kept(await make(), is_hit=False)
        working = asyncio.get_running_loop().create_future()
        self._working[place] = working
        outcome: Transcript | Literal["left", "failed"] = LEFT
        try:
            kept = await self._found_or_made(key, place, make, may_keep)
            outcome = kept.transcript
        except Exception:
            outcome = FAILED
            raise
        finally:
            del self._working[place]
            working.set_result(outcome)
        return kept

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def _found_or_made(self, key: str, place: str, make: Make, may_keep: Callable[[], bool]) -> Kept:
        found = await self._found(key)
        if found is not None:
            return self._kept(found, is_hit=True)
        async with self._turn(key, place) as found:
            if found is not None:
                return self._kept(found, is_hit=True)
            made = await make()
            if may_keep():
                await self._keep(key, made)
        return self._kept(made, is_hit=False)

    def _kept(self, transcript: Transcript, *, is_hit: bool) -> Kept:
        self._on_outcome("hit" if is_hit else "miss")
        return Kept(transcript, is_hit)

    @asynccontextmanager
    async def _turn(self, key: str, place: str) -> AsyncIterator[Transcript | None]:
        """Wait until no other process makes this result. Yields it if one has made it meanwhile."""
        look_s = FIRST_LOOK_S
        while not await self._take_turn(place):
            await asyncio.sleep(look_s)
            look_s = min(LONGEST_LOOK_S, look_s * 1.5)
            if (found := await self._found(key)) is not None:
                yield found
                return
        keeping = asyncio.create_task(self._keep_turn(place))
        try:
            yield None
        finally:
            keeping.cancel()
            ending = asyncio.create_task(self._end_turn(place))
            await asyncio.shield(ending)

    async def _take_turn(self, place: str) -> bool:
        try:
            return await self._store.take_turn(place, self._owner)
        except CacheAwayError as error:
            self._failed(error)
            return True

    async def _keep_turn(self, place: str) -> None:
        while True:
            await asyncio.sleep(TURN_S / 3)
            with suppress(CacheAwayError):
                await self._store.take_turn(place, self._owner)

    async def _end_turn(self, place: str) -> None:
        with suppress(CacheAwayError):  # it runs out
            await self._store.end_turn(place, self._owner)

    async def _found(self, key: str) -> Transcript | None:
        try:
            data = await self._store.get(key)
            if data is None:
                return None
            return await _on_thread(data, self._read)
        except CacheAwayError as error:
            self._failed(error)
        return None

    async def _keep(self, key: str, transcript: Transcript) -> None:
        data = await asyncio.to_thread(self._write, transcript)
        try:
            await self._store.put(key, data)
        except CacheAwayError as error:
            self._failed(error)

    def _read(self, data: bytes) -> Transcript:
        """Read a stored result. One that cannot be read is a failure of the store, and is replaced by a new one."""
        try:
            return transcript_from_bytes(data if self._seal is None else self._seal.unseal(data))
        except (ValueError, ParaserveError) as error:
            raise CacheAwayError(f"a result cannot be read: {error}") from error

    def _write(self, transcript: Transcript) -> bytes:
        data = transcript_bytes(transcript)
        return data if self._seal is None else self._seal.seal(data)

    def _failed(self, error: CacheAwayError) -> None:
        self._on_outcome("error")
        now_s = time.monotonic()
        if now_s - self._warned_s >= WARNING_INTERVAL_S:
            self._warned_s = now_s
            log.warning("the result cache cannot be used: %s", error)


async def _on_thread(data: bytes, read: Callable[[bytes], Transcript]) -> Transcript:
    return await asyncio.to_thread(read, data) if len(data) > LONG_BYTES else read(data)
