"""The default microphone, as frames of 16-bit samples. Needs the extra `mic`."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from paraserve.errors import ParaserveError
from paraserve.types import SAMPLE_RATE, ms_to_samples

FRAME_SAMPLES = ms_to_samples(60)


@asynccontextmanager
async def open_microphone() -> AsyncIterator[AsyncIterator[bytes]]:
    """Record until Ctrl-C is pressed, which ends the frames. A second Ctrl-C interrupts the program.

    Raises:
        ParaserveError: the extra is not installed, or there is no microphone.
    """
    sounddevice = _sounddevice()
    loop = asyncio.get_running_loop()
    frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    def record(data: Any, *_: object) -> None:  # called on a thread of the sound library
        loop.call_soon_threadsafe(frames.put_nowait, bytes(data))

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        frames.put_nowait(None)

    try:
        stream = sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE, channels=1, dtype="int16", blocksize=FRAME_SAMPLES, callback=record
        )
    except sounddevice.PortAudioError as error:
        raise ParaserveError(f"cannot record from the microphone: {error}") from None
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        with stream:
            yield _until_none(frames)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _until_none(frames: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (frame := await frames.get()) is not None:
        yield frame


def _sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415 - an extra
    except ImportError:
        raise ParaserveError("a microphone needs sounddevice: pip install sounddevice") from None
    except OSError as error:
        raise ParaserveError(f"a microphone needs the system's PortAudio library: {error}") from None
    return sounddevice
