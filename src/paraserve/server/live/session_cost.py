"""Cost of a live session in places: what its settings take of the machine, beside the default ones."""

from paraserve.options import ChunkSize
from paraserve.server.protocols.requests import LiveSettings
from paraserve.types import ROW_MS

BASE_COST = 8.0
"""Detection, second pass and the wire, in ms of CPU time for a second of speech with the embedded bundle."""
STEP_COST = 2.5
"""One step of the streaming recognizer, however short."""
ROW_COST = 0.2
"""One row of 60 ms that a step computes: past, new or future."""


def session_cost(settings: LiveSettings, n_channels: int | None = None) -> int:
    """Return the places that a session takes, 1 or more. The default settings take one.

    A recording is recognized once, when others leave time for it, so it takes one too. Each channel that is
    recognized for itself costs as much as a session. `n_channels` are those that the audio tells, None = none so far.
    """
    if settings.is_recording:
        return 1
    stream = settings.stream
    n_sessions = (n_channels or stream.audio.channels) if stream.options.channel == "split" else 1
    return n_sessions * max(1, round(_cost(stream.chunk) / _cost(ChunkSize())))


def _cost(chunk: ChunkSize) -> float:
    steps_per_s = 1000 / (chunk.current * ROW_MS)
    rows = chunk.past + chunk.current + chunk.future
    return BASE_COST + steps_per_s * (STEP_COST + ROW_COST * rows)
