"""What `paraserve transcribe` does: find recordings, name the files of their transcripts, do what is not done."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from paraserve.cli.batch.finding import Found, find_recordings
from paraserve.cli.batch.running import Transcriber, Work, Writing, transcribe_all
from paraserve.cli.batch.tally import Tally
from paraserve.cli.batch.written import WrittenTranscripts
from paraserve.cli.config import check_files, read_settings
from paraserve.cli.inputs import Source, open_sources
from paraserve.cli.local import open_local
from paraserve.cli.output_files import beside, is_done, lasting_paths, make_folder, output_paths
from paraserve.cli.remote import remote_transcriber
from paraserve.options import RecognitionOptions
from paraserve.settings import Settings
from paraserve.subtitle_options import SubtitleOptions


@dataclass(frozen=True, slots=True)
class Batch:
    """Which recordings are taken, and where their transcripts go: to stdout unless there is an `output` folder.

    `is_recursive` and `is_resumed` let every transcript be a file.
    """

    format: str
    output: Path | None
    is_recursive: bool
    is_resumed: bool
    is_overwriting: bool

    @property
    def has_summary(self) -> bool:
        """True if every transcript is a file, whose names last from run to run."""
        return self.is_recursive or self.is_resumed


@dataclass(frozen=True, slots=True)
class Place:
    """Who recognizes: models in this process, by the flags of `Settings`, or a server."""

    flags: Mapping[str, object]
    server: str | None
    api_key: str


def transcribe_batch(
    names: Sequence[str], batch: Batch, place: Place, options: RecognitionOptions, *, is_spoken: bool
) -> int:
    """Transcribe recordings, and return the exit code. Nothing is loaded where nothing is to be done.

    Args:
        names: of recordings and folders, and patterns.
        batch: which of them are taken, and where the transcripts go.
        place: who recognizes.
        options: how.
        is_spoken: subtitles have numbers as they were said.

    Raises:
        ParaserveError: a setting or the server's address is wrong, or the models cannot be loaded.
    """
    settings = read_settings(place.flags)
    subtitles = replace(settings.subtitles, is_spoken=is_spoken)
    opening = _transcriber(settings, place)
    tally = Tally()
    found = find_recordings(names, tally.fail, is_recursive=batch.is_recursive)
    with open_sources([one.name for one in found]) as sources:
        written = _written(batch, place, settings, options, subtitles)
        works = _works(sources, found, batch, written)
        tally.skipped = len(sources) - len(works)
        writing = Writing(batch.format, subtitles, len(sources) > 1 and batch.format != "json", written)
        try:
            if _is_any_there(works):
                asyncio.run(transcribe_all(works, opening, options, writing, tally))
            else:
                for work in works:
                    tally.fail(work.source.name, FileNotFoundError(2, os.strerror(2)))
        finally:
            _sum_up(tally, batch)
    return 1 if tally.failed else 0


def _works(
    sources: Sequence[Source], found: Sequence[Found], batch: Batch, written: WrittenTranscripts | None
) -> list[Work]:
    """Return what is left to do, each recording with the file of its transcript."""
    works = [Work(*one) for one in zip(sources, _paths(sources, found, batch), strict=True)]
    if batch.is_resumed:
        return [work for work in works if not is_done(work.source, work.path)]
    if written is None or batch.is_overwriting:
        return works
    return [work for work in works if work.path is None or not written.has(work.source, work.path)]


def _paths(sources: Sequence[Source], found: Sequence[Found], batch: Batch) -> Sequence[Path | None]:
    """Return the file of each transcript, None for stdout."""
    if batch.output is not None:
        make_folder(batch.output)
    if batch.has_summary:
        folders = [
            beside(source) if batch.output is None else batch.output / one.below
            for source, one in zip(sources, found, strict=True)
        ]
        return lasting_paths(sources, folders, batch.format)
    return [None] * len(sources) if batch.output is None else output_paths(sources, batch.output, batch.format)


def _written(
    batch: Batch, place: Place, settings: Settings, options: RecognitionOptions, subtitles: SubtitleOptions
) -> WrittenTranscripts | None:
    """Return what earlier runs with these flags have written to the output folder."""
    if batch.output is None:
        return None
    flags = f"{batch.format} {place.server} {settings.model_dump_json()} {options} {subtitles}"
    return WrittenTranscripts(batch.output, flags)


def _is_any_there(works: Sequence[Work]) -> bool:
    return any(work.source.copy is not None or os.path.exists(work.source.name) for work in works)  # noqa: PTH110


def _sum_up(tally: Tally, batch: Batch) -> None:
    """Write the summary to stderr. Of recordings that were named one by one only a person wants to read one."""
    if batch.has_summary or (batch.output is not None and sys.stderr.isatty()):
        again = " (--overwrite makes them again)" if tally.skipped and not batch.is_resumed else ""
        typer.echo(f"paraserve: {tally}{again}", err=True)


@asynccontextmanager
async def _transcriber(settings: Settings, place: Place) -> AsyncIterator[Transcriber]:
    if place.server is not None:
        yield remote_transcriber(place.server, place.api_key)
        return
    check_files(settings)
    async with open_local(settings) as local:
        yield local
