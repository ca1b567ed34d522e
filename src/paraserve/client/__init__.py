"""The clients of `paraserve_client`, which the distribution paraserve-client has without the server.

`Client` and `AsyncClient` send recordings, `Live` sends live audio, `Jobs` and `AsyncJobs` hand recordings over that
the server keeps.
"""

from typing import TYPE_CHECKING

import paraserve_client

if TYPE_CHECKING:
    from paraserve_client import (
        AsyncClient,
        AsyncJobs,
        ChunkSize,
        Client,
        FieldWarning,
        Heard,
        Jobs,
        Live,
        LiveOptions,
        LiveUpdate,
        Mode,
        Model,
        Notice,
        Reconnect,
        Retries,
        Sentence,
        Transcript,
        Word,
    )

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


def __getattr__(name: str) -> object:
    """Import a class when it is asked for, as the other package does."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(paraserve_client, name)
