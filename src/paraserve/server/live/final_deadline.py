"""Time limit of an utterance's last text, counted from the utterance's end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from paraserve.errors import FinalTimeoutError


@dataclass(frozen=True, slots=True)
class FinalLimits:
    """Seconds from an utterance's end to its last text: of live speech, and of a recording. 0 = no limit."""

    live_s: float = 0.0
    recording_s: float = 0.0

    def seconds(self, *, is_recording: bool) -> float:
        """Return the limit of one kind."""
        return self.recording_s if is_recording else self.live_s


class FinalDeadline:
    """Deadline of one utterance after the other of a connection."""

    def __init__(self) -> None:
        self._limit_s = 0.0
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def within(self, limit_s: float) -> AsyncIterator[None]:
        """Cancel the block `limit_s` seconds after `begin`. 0 = never.

        Raises:
            FinalTimeoutError: the block was cancelled.
        """
        self._limit_s, self._timeout = limit_s, asyncio.timeout(None)
        try:
            async with self._timeout as timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise FinalTimeoutError(f"the last text took longer than {limit_s:g} s: try again") from None
        finally:
            self._timeout = None

    def begin(self) -> None:
        """Note that the utterance has ended. Without a limit, or between two utterances, nothing comes of it."""
        if self._timeout is not None and self._limit_s:
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._limit_s)
