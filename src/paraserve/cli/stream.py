"""`paraserve stream`: send a recording or the microphone to a live server, and show its texts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Annotated, BinaryIO, Literal, TypeAlias

import typer

from paraserve.cli.config import read_settings
from paraserve.cli.inputs import open_sources
from paraserve.cli.microphone import open_microphone
from paraserve.cli.options import (
    ApiKey,
    EndSilence,
    Hotwords,
    Mask,
    Model,
    NoiseThreshold,
    NoItn,
    Profanity,
    Replacements,
    SegmentTime,
)
from paraserve.cli.screen import Screen
from paraserve.errors import ParaserveError
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.types import ROW_MS, SAMPLE_RATE, Samples, ms_to_samples
from paraserve.wiring import open_decode_pool
from paraserve_client import ChunkSize, Live, LiveOptions, Notice

MICROPHONE = "mic"
FRAME_SAMPLES = ms_to_samples(ROW_MS)
"""One row of a Paraformer, which FunASR's clients send as one message."""

Audio: TypeAlias = AsyncIterator[Samples] | AsyncIterator[bytes]


def _chunk_size(text: str) -> ChunkSize:
    try:
        past, current, future = map(int, text.split(","))
        return ChunkSize(past, current, future)
    except ValueError:
        raise typer.BadParameter("expected three numbers, such as 5,10,5") from None


def stream(  # noqa: PLR0913, PLR0917 - one parameter a flag
    source: Annotated[
        str, typer.Argument(metavar="FILE|mic", help="A recording of any format, - for stdin, or the microphone.")
    ],
    server: Annotated[str, typer.Option(metavar="URL", help="ws:// or wss://")] = "ws://127.0.0.1:10095",
    mode: Annotated[
        Literal["2pass", "online", "offline"],
        typer.Option(
            help="2pass: growing texts, then final ones; online: growing ones only; offline: one at the end."
        ),
    ] = "2pass",
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Send a recording as fast as it was spoken instead of at once.")
    ] = False,
    hotwords: Hotwords = "",
    model: Model = None,
    no_itn: NoItn = False,
    replacements: Replacements = "",
    profanity: Profanity = "",
    mask: Mask = "",
    vad_tail_sil: EndSilence = None,
    max_single_segment_time: SegmentTime = None,
    speech_noise_thres: NoiseThreshold = None,
    semantic_endpoint: Annotated[
        bool, typer.Option("--semantic-endpoint", help="Let what was said decide how much silence ends a segment.")
    ] = False,
    chunk_size: Annotated[
        ChunkSize,
        typer.Option(parser=_chunk_size, metavar="N,N,N", help="Past, step and future in units of 60 ms."),
    ] = "5,10,5",  # type: ignore[assignment]  # the parser takes text
    api_key: ApiKey = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Accept any certificate of a wss:// server.")] = False,
) -> None:
    """Write the texts of live speech to stdout, one segment a line.

    In a terminal the text of the present segment is shown while it grows. A broken connection is made again, without
    losing anything. Ctrl-C ends a recording by microphone; what was said until then is still written. A line on
    stderr says how much speech the model did not understand.
    """
    given = {"model": model, "replacements": replacements, "profanity": profanity, "mask": mask}
    knobs = {
        "vad_tail_sil": vad_tail_sil,
        "max_single_segment_time": max_single_segment_time,
        "speech_noise_thres": speech_noise_thres,
        "semantic_endpoint": semantic_endpoint or None,
    }
    extra: dict[str, object] = {key: value for key, value in given.items() if value}
    extra |= {key: value for key, value in knobs.items() if value is not None}
    options = LiveOptions(chunk_size, dict(parse_hotwords(hotwords)), not no_itn, extra=extra)
    live = Live(server, mode, options=options, verify=not insecure, api_key=api_key)
    if source == MICROPHONE:
        asyncio.run(_run(live, open_microphone()))
    else:
        asyncio.run(_run(live, _open_file(source, is_paced=realtime)))


async def _run(live: Live, opening: AbstractAsyncContextManager[Audio]) -> None:
    async with opening as audio, live:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_send(live, audio))
                await _show(live)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def _send(live: Live, audio: Audio) -> None:
    async for some in audio:
        await live.send(some)
    await live.finish()


async def _show(live: Live) -> None:
    screen = Screen()
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
