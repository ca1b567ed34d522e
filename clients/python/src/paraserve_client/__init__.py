"""Clients of a speech recognition server that speaks paraserve's protocols.

`Client` and `AsyncClient` send recordings and read their texts. `Live` sends live audio and reads its texts. It also
talks to FunASR's own servers. `Jobs` and `AsyncJobs` hand recordings over, which the server keeps and transcribes.

    with Client("http://127.0.0.1:10095") as client:
        print(client.transcribe("talk.mp3").text)

    async with Live("ws://127.0.0.1:10095") as live:
        await live.send(samples)  # as often as there is audio
        await live.finish()
        async for update in live:
            print(update.text)

Sending and iterating may also run side by side, as a microphone needs it. When the connection breaks, `Live` returns
to the session that the server has kept. If that is gone, audio that no final text covers yet is sent again. So no
text is lost and no final text comes twice.

Errors are those of `paraserve_client.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paraserve_client.facts import FieldWarning, Heard, Notice
    from paraserve_client.http.resending import Retries
    from paraserve_client.jobs.async_jobs import AsyncJobs
    from paraserve_client.jobs.sync_jobs import Jobs
    from paraserve_client.live.live import Live
    from paraserve_client.live.live_socket import Reconnect
    from paraserve_client.live.messages import ChunkSize, LiveOptions, LiveUpdate, Mode
    from paraserve_client.recordings.async_client import AsyncClient
    from paraserve_client.recordings.client import Client
    from paraserve_client.recordings.transcripts import Model, Sentence, Transcript, Word

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "AsyncJobs",
    "ChunkSize",
    "Client",
    "FieldWarning",
    "Heard",
    "Jobs",
    "Live",
    "LiveOptions",
    "LiveUpdate",
    "Mode",
    "Model",
    "Notice",
    "Reconnect",
    "Retries",
    "Sentence",
    "Transcript",
    "Word",
]

_MODULES = {
    "AsyncClient": "recordings.async_client",
    "AsyncJobs": "jobs.async_jobs",
    "ChunkSize": "live.messages",
    "Client": "recordings.client",
    "FieldWarning": "facts",
    "Heard": "facts",
    "Jobs": "jobs.sync_jobs",
    "Live": "live.live",
    "LiveOptions": "live.messages",
    "LiveUpdate": "live.messages",
    "Mode": "live.messages",
    "Model": "recordings.transcripts",
    "Notice": "facts",
    "Reconnect": "live.live_socket",
    "Retries": "http.resending",
    "Sentence": "recordings.transcripts",
    "Transcript": "recordings.transcripts",
    "Word": "recordings.transcripts",
}


def __getattr__(name: str) -> object:
    """Import a class when it is asked for: live clients need no HTTP library, and others no WebSockets."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"paraserve_client.{_MODULES[name]}"), name)
