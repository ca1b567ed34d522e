"""Blocking functions that use the caller's files, run on a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function on a thread. A caller that is cancelled waits for its end, and may then close its files."""
    running = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # nobody else fetches it
        raise


@asynccontextmanager
async def entered_in_thread(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter a context that blocks on a thread. It is left again, also where the caller is cancelled meanwhile."""
    entering = asyncio.get_running_loop().run_in_executor(None, context.__enter__)
    try:
        value = await asyncio.shield(entering)
    except asyncio.CancelledError:
        await asyncio.wait([entering])
        if not entering.cancelled() and entering.exception() is None:
            context.__exit__(None, None, None)
        raise
    try:
        yield value
    finally:
        context.__exit__(None, None, None)
