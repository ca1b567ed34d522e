"""Stop working for a client that has gone, or whose request takes too long."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from paraserve.errors import RequestTimeoutError

Result = TypeVar("Result")


@asynccontextmanager
async def time_limit(
    limit_s: float, *, started_s: float | None = None, param: str | None = None
) -> AsyncIterator[None]:
    """Cancel the block after `limit_s` seconds. 0 = never.

    Args:
        limit_s: the limit.
        started_s: `time.monotonic()` from which it counts, None = now.
        param: the field of the request that asks for it, if one does.

    Raises:
        RequestTimeoutError: the block was cancelled.
    """
    spent_s = 0.0 if started_s is None else time.monotonic() - started_s
    limit = asyncio.timeout(max(0.0, limit_s - spent_s) if limit_s else None)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise RequestTimeoutError(f"the request took longer than {limit_s:g} s", param=param) from None


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which is cancelled when the client closes its connection.

    The request's body must have been read.

    Raises:
        ClientDisconnect: the client closed its connection.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return await task
    finally:
        await _cancel(gone)
        await _cancel(task)


async def _disconnect(request: Request) -> None:
    """Return once the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: Awaitable[Any]) -> None:
    """Cancel and wait until it has ended."""
    future = asyncio.ensure_future(task)
    future.cancel()
    await asyncio.wait({future})
