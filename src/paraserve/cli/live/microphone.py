"""The default microphone, as frames of 16-bit samples. Needs the extra `mic`."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from paraserve.errors import ParaserveError
from paraserve.types import SAMPLE_RATE, ms_to_samples

FRAME_SAMPLES = ms_to_samples(60)
SOUND_DEVICES = Path("/dev/snd")
BUSY = ("PaErrorCode -9985", "unavailable", "busy")
"""What PortAudio says of a device that another program has."""
CURES = {
    "busy": "another program uses it: close that one, or choose another microphone in the system's settings",
    "forbidden": "this user may not use sound devices: sudo usermod -aG audio $USER, then log in again",
    "none": "no microphone is found: plug one in and choose it in the system's settings. A container needs "
    "--device /dev/snd. paraserve stream FILE needs none",
}


@asynccontextmanager
async def open_microphone(on_frame: Callable[[bytes], None]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Record until Ctrl-C is pressed, which ends the frames. A second Ctrl-C interrupts the program.

    `on_frame` is called with each frame.

    Raises:
        ParaserveError: the extra is not installed, or there is no microphone; says what to do.
    """
    sounddevice = _sounddevice()
    loop = asyncio.get_running_loop()
    frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    def take(frame: bytes) -> None:
        on_frame(frame)
        frames.put_nowait(frame)

    def record(data: Any, *_: object) -> None:  # called on a thread of the sound library
        loop.call_soon_threadsafe(take, bytes(data))

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        frames.put_nowait(None)

    try:
        stream = sounddevice.RawInputStream(
            samplerate=SAMPLE_RATE, channels=1, dtype="int16", blocksize=FRAME_SAMPLES, callback=record
        )
    except sounddevice.PortAudioError as error:
        raise _no_recording(error) from None
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        with ExitStack() as recording:
            try:
                recording.enter_context(stream)
            except sounddevice.PortAudioError as error:
                raise _no_recording(error) from None
            yield _until_none(frames)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _until_none(frames: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (frame := await frames.get()) is not None:
        yield frame


def _no_recording(error: Exception) -> ParaserveError:
    """Return the error of a microphone that cannot be recorded, with its cure."""
    cure = "none"
    if any(word in str(error) for word in BUSY):
        cure = "busy"
    elif any(not os.access(device, os.R_OK) for device in SOUND_DEVICES.glob("pcm*c")):
        cure = "forbidden"
    return ParaserveError(f"cannot record from the microphone: {error} ({CURES[cure]})")


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise ParaserveError("a microphone needs sounddevice: pip install sounddevice") from None
    except OSError as error:
        raise ParaserveError(
            f"a microphone needs the system's PortAudio library: {error} (Debian: apt install libportaudio2)"
        ) from None
    return sounddevice
