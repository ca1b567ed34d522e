"""Frames on their way to a client, which has to take them in time."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from fastapi import WebSocket

from paraserve.server.protocols.requests import Frame


class SlowClientError(TimeoutError):
    """The client does not read its results."""


async def send_frames(socket: WebSocket, frames: Sequence[Frame]) -> None:
    """Send text and binary frames."""
    for frame in frames:
        await (socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame))


async def in_time(sending: Coroutine[Any, Any, None], limit_s: float) -> None:
    """Send something that the client has to make room for.

    Raises:
        SlowClientError: the client made no room in time.
    """
    try:
        async with asyncio.timeout(limit_s):
            await sending
    except TimeoutError:
        raise SlowClientError(f"a result was not read for {limit_s:g} s") from None
