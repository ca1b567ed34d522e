"""One live utterance: audio in, partial texts while it is spoken, each segment's final text soon after its end.

Knows no socket. (The session itself follows.)
"""

from collections.abc import Callable
from types import TracebackType

from paraserve.runtime.engine import Engine
from paraserve.types import DecodeOptions, Samples, StreamConfig, Update


class TwoPassSession:
    """One utterance; `async with` opens and closes it. Times start at 0.

    `emit` gets every update, in order, as soon as it is due; it must not block. `options` may be set at any time and
    counts for the segments that end later.
    """

    def __init__(self, engine: Engine, config: StreamConfig, emit: Callable[[Update], None]) -> None:
        self.options: DecodeOptions = config.options
        raise NotImplementedError

    async def __aenter__(self) -> "TwoPassSession":
        """Open the engine's stream.

        Raises:
            ProtocolError: a VAD knob is out of its range.
        """
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what still runs and release all state.

        Raises:
            ParaserveError: the first thing that went wrong in the background, if something did.
        """
        raise NotImplementedError

    async def feed(self, samples: Samples) -> None:
        """Take any number of samples (float32, mono, 16 kHz). Waits while the second pass is far behind.

        Raises:
            InferenceError: a model failed.
            OverloadedError: the engine is closed.
        """
        raise NotImplementedError

    async def finish(self) -> None:
        """No more audio comes: returns once all has been emitted, the last update with `last=True`."""
        raise NotImplementedError
