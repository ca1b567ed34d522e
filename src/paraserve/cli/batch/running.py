"""Transcription of recordings side by side, and the writing of their transcripts."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import typer

from paraserve.cli.batch.tally import FileError, Tally
from paraserve.cli.batch.written import WrittenTranscripts
from paraserve.cli.inputs import Source
from paraserve.cli.output_files import write_file
from paraserve.cli.progress import Bars, OnProgress
from paraserve.errors import ParaserveError
from paraserve.formats import FORMATS
from paraserve.options import RecognitionOptions
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Transcript

PARALLEL_FILES = 2
"""While one recording is decoded or ends, the models work on another. More at once would only cost memory."""

Transcriber: TypeAlias = Callable[[Source, RecognitionOptions, OnProgress], Awaitable[Transcript]]


@dataclass(frozen=True, slots=True)
class Work:
    """A recording, and the file of its transcript: None is stdout."""

    source: Source
    path: Path | None


@dataclass(frozen=True, slots=True)
class Writing:
    """How transcripts are written. On stdout each `has_heading` where there are several.

    `written` keeps in mind what was written to an output folder.
    """

    format: str
    subtitles: SubtitleOptions
    has_heading: bool
    written: WrittenTranscripts | None = None

    def write(self, work: Work, transcript: Transcript) -> None:
        """Write one transcript.

        Raises:
            ParaserveError: the file cannot be written.
            OSError: stdout is closed.
        """
        text = FORMATS[self.format].write(transcript, self.subtitles)
        if work.path is not None:
            write_file(work.path, text)
            if self.written is not None:
                self.written.add(work.source, work.path)
            return
        if self.has_heading:
            text = f"==> {work.source.name} <==\n{text}\n"
        sys.stdout.write(text)
        sys.stdout.flush()


class Reports:
    """Results on their way out: to a file at once, to stdout in the order of the recordings."""

    def __init__(self, works: Sequence[Work], writing: Writing, tally: Tally, bars: Bars) -> None:
        self._works = works
        self._writing = writing
        self._tally = tally
        self._bars = bars
        self._waiting: dict[int, Transcript | FileError] = {}
        self._next = 0

    def add(self, index: int, result: Transcript | FileError) -> None:
        """Take the result of a recording."""
        if self._works[index].path is not None:
            self._report(index, result)
            return
        self._waiting[index] = result
        while self._next in self._waiting:
            self._report(self._next, self._waiting.pop(self._next))
            self._next += 1

    def _report(self, index: int, result: Transcript | FileError) -> None:
        with self._bars.hidden():
            error = result if not isinstance(result, Transcript) else self._write(index, result)
            if error is not None:
                self._tally.fail(self._works[index].source.name, error)

    def _write(self, index: int, transcript: Transcript) -> FileError | None:
        """Write a transcript, and to stderr its warnings and notice; return the error that hindered it."""
        work = self._works[index]
        try:
            self._writing.write(work, transcript)
        except ParaserveError as error:
            return error
        self._tally.add(transcript.duration_ms)
        self._bars.show_speed(self._tally.speed)
        if work.path is not None and self._bars.is_shown:
            typer.echo(f"paraserve: wrote {work.path}", err=True)
        for warning in transcript.warnings:
            about = f"{warning.param}: " if warning.param else ""
            typer.echo(f"paraserve: {work.source.name}: {about}{warning.message}", err=True)
        if transcript.notice is not None:
            typer.echo(f"paraserve: {work.source.name}: {transcript.notice.message}", err=True)
        return None


async def transcribe_all(
    works: Sequence[Work],
    opening: AbstractAsyncContextManager[Transcriber],
    options: RecognitionOptions,
    writing: Writing,
    tally: Tally,
) -> None:
    """Transcribe recordings, some at once, and report each. `tally` counts them."""
    total_bytes = sum(work.source.size_bytes for work in works) if len(works) > 1 else 0
    with Bars(total_bytes) as bars:
        async with AsyncExitStack() as stack:
            with bars.bar("loading"):
                transcriber = await stack.enter_async_context(opening)
            tally.begin()
            reports = Reports(works, writing, tally, bars)
            queue = iter(list(enumerate(works)))
            workers = [
                asyncio.create_task(_work(queue, transcriber, options, bars, reports)) for _ in range(PARALLEL_FILES)
            ]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.wait(workers)


async def _work(
    queue: Iterable[tuple[int, Work]],
    transcriber: Transcriber,
    options: RecognitionOptions,
    bars: Bars,
    reports: Reports,
) -> None:
    for index, work in queue:
        with bars.bar(work.source.name, work.source.size_bytes) as on_progress:
            try:
                result: Transcript | FileError = await transcriber(work.source, options, on_progress)
            except (ParaserveError, OSError) as error:
                result = error
        reports.add(index, result)
