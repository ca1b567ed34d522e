"""Clients of a server. `Live` sends live audio and reads its texts, over FunASR's WebSocket protocol.

    async with Live("ws://127.0.0.1:10095") as live:
        await live.send(samples)  # as often as there is audio
        await live.finish()
        async for update in live:
            print(update.text)

Sending and iterating may also run side by side, as a microphone needs it. When the connection breaks, the client
returns to the session that the server has kept. If that is gone, audio that no final text covers yet is sent again.
So no text is lost and no final text comes twice.

Where the model did not understand enough of the speech, an update has a `notice`. `update.heard` has the figures.

`Jobs` and `AsyncJobs` hand recordings over, which the server keeps and transcribes: see `paraserve.client.jobs`.
"""

from typing import TYPE_CHECKING

from paraserve.client.live import Live
from paraserve.client.live_socket import Reconnect
from paraserve.client.messages import LiveOptions, LiveUpdate, Mode
from paraserve.types import Heard, Notice

if TYPE_CHECKING:
    from paraserve.client.jobs import AsyncJobs, Jobs

__all__ = ["AsyncJobs", "Heard", "Jobs", "Live", "LiveOptions", "LiveUpdate", "Mode", "Notice", "Reconnect"]


def __getattr__(name: str) -> object:
    """Import the clients of jobs when they are asked for, since live clients need no HTTP library."""
    if name not in {"AsyncJobs", "Jobs"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from paraserve.client import jobs  # noqa: PLC0415 - see above

    return getattr(jobs, name)
