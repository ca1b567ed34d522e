"""What `paraserve stream` does: send a recording or the microphone to a live server, and show its texts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import BinaryIO, TypeAlias

import typer

from paraserve.cli.config import read_settings
from paraserve.cli.inputs import open_sources
from paraserve.cli.live.caption_screen import CaptionScreen
from paraserve.cli.live.microphone import open_microphone
from paraserve.cli.live.screen import Screen
from paraserve.errors import ParaserveError
from paraserve.types import ROW_MS, SAMPLE_RATE, Samples, ms_to_samples
from paraserve.wiring import open_decode_pool
from paraserve_client import Live, Notice

FRAME_SAMPLES = ms_to_samples(ROW_MS)
"""One row of a Paraformer, which FunASR's clients send as one message."""

Audio: TypeAlias = AsyncIterator[Samples] | AsyncIterator[bytes]


def stream_file(live: Live, name: str, *, is_paced: bool) -> None:
    """Send a recording, as fast as it was spoken if `is_paced`.

    Raises:
        ParaserveError: it cannot be read or decoded, or the server refuses.
    """
    asyncio.run(_run(live, _open_file(name, is_paced=is_paced), Screen()))


def stream_microphone(live: Live) -> None:
    """Send what the microphone hears until Ctrl-C.

    Raises:
        ParaserveError: it cannot be recorded, or the server refuses.
    """
    with CaptionScreen() as screen:
        asyncio.run(_run(live, open_microphone(screen.hear), screen))


async def _run(live: Live, opening: AbstractAsyncContextManager[Audio], screen: Screen | CaptionScreen) -> None:
    async with opening as audio, live:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_send(live, audio))
                await _show(live, screen)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def _send(live: Live, audio: Audio) -> None:
    async for some in audio:
        await live.send(some)
    await live.finish()


async def _show(live: Live, screen: Screen | CaptionScreen) -> None:
    notice: Notice | None = None
    try:
        async for update in live:
            if update.is_partial:
                screen.grow(update.text)
            else:
                screen.finish(update.text)
            if update.is_final:
                notice = update.notice
    finally:
        screen.finish("")
    if notice is not None:
        typer.echo(f"paraserve: {notice.message}", err=True)


@asynccontextmanager
async def _open_file(name: str, *, is_paced: bool) -> AsyncIterator[AsyncIterator[Samples]]:
    """Decode a recording in this process, since a live server takes samples only.

    Raises:
        ParaserveError: it cannot be read or decoded.
    """
    settings = read_settings({})
    pool = open_decode_pool(settings)
    try:
        with _opened(name) as file:
            async with pool.open(file, max_duration_ms=settings.max_duration_s * 1000) as recording:
                yield _paced(recording) if is_paced else recording
    finally:
        await pool.close()


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        try:
            (source,) = stack.enter_context(open_sources([name]))
            file = stack.enter_context(source.open())
        except OSError as error:
            raise ParaserveError(f"{name}: {error.strerror or error}") from None
        yield file


async def _paced(blocks: AsyncIterator[Samples]) -> AsyncIterator[Samples]:
    """Yield frames of 60 ms, each at the time when its end would have been spoken."""
    clock = asyncio.get_running_loop().time
    due_s = clock()
    async for samples in blocks:
        for start in range(0, len(samples), FRAME_SAMPLES):
            frame = samples[start : start + FRAME_SAMPLES]
            due_s += len(frame) / SAMPLE_RATE
            await asyncio.sleep(max(0.0, due_s - clock()))
            yield frame
