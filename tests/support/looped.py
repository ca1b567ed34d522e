"""Clients of event loops, called like those of threads, so that one test is for both."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any


def looped(kind: Callable[..., Any]) -> "Callable[..., Looped]":
    """A kind of client whose methods run on a loop of their own."""
    return lambda *args, **options: Looped(kind(*args, **options))


class Looped:
    """Runs the methods of a client on a loop."""

    def __init__(self, client: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = client

    def __enter__(self) -> "Looped":
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            result = getattr(self._client, name)(*args, **options)
            return self._runner.run(result if inspect.isawaitable(result) else _all_of(result))

        return call


async def _all_of(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
