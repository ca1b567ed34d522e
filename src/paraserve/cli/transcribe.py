"""`paraserve transcribe`: recordings to text, in this process or by a server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from paraserve.cli.batch.finding import Found, find_recordings
from paraserve.cli.batch.running import Transcriber, Work, Writing, message_of, transcribe_all
from paraserve.cli.batch.tally import Tally
from paraserve.cli.config import check_files, read_settings
from paraserve.cli.flag_groups import with_flag_groups
from paraserve.cli.inputs import Source, open_sources
from paraserve.cli.local import open_local
from paraserve.cli.options import ApiKey, Bundles, Device
from paraserve.cli.output_files import beside, is_done, lasting_paths, make_folder, output_paths
from paraserve.cli.recognition_flags import Format, RecognitionFlags, SubtitleFlags
from paraserve.cli.remote import remote_transcriber
from paraserve.settings import Settings

Folder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write DIR/<stem>.<format> instead of stdout.")
]
Recursive: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--recursive", "-r", help="Take folders, with those in them, and patterns such as 'calls/**/*.wav'."
    ),
]
Resume: TypeAlias = Annotated[
    bool, typer.Option("--resume", help="Skip recordings whose transcript is there and newer than the recording.")
]


@with_flag_groups
def transcribe(  # noqa: PLR0913 - one parameter a flag
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Recordings of any format; - reads stdin.")],
    *,
    format_: Format = "text",
    output: Folder = None,
    recursive: Recursive = False,
    resume: Resume = False,
    bundle: Bundles = None,
    device: Device = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Let a server do it, such as http://127.0.0.1:10095.")
    ] = None,
    api_key: ApiKey = "",
    flags: RecognitionFlags,
    subtitle_flags: SubtitleFlags,
) -> None:
    """Write the text of recordings to stdout, in the order given.

    Several recordings on stdout: each stands under a line "==> FILE <==", as head prints it, except in format json,
    which gives one JSON document after the other. With --output each gets its own file; equal stems get -2, -3.
    A recording that fails costs one line on stderr and exit code 1; the others are still transcribed. A line on
    stderr says how much speech the model did not understand.

    With --recursive or --resume each transcript is a file: beside its recording, or with --output in DIR, which gets
    the folders of the folder named. Recordings of equal stems get their whole name: talk.wav.text, talk.mp3.text. In
    folders, files are taken whose name or first bytes are those of a recording, and nothing whose name begins with a
    dot. A summary on stderr ends the run.

    A transcript is written as a whole or not at all. So after Ctrl-C, or a crash, the same command with --resume goes
    on: what is done, a transcript of this format that is newer than its recording, is skipped, whatever the other
    flags are.
    """
    options = flags.options(word_times=format_ != "text")
    settings = read_settings({"bundle": bundle or None, "device": device, **subtitle_flags.limits})
    subtitles = replace(settings.subtitles, is_spoken=subtitle_flags.subtitle_text == "spoken")
    is_batch = recursive or resume
    tally = Tally()
    found = _found(files, tally) if recursive else [Found(name) for name in files]
    with open_sources([one.name for one in found]) as sources:
        paths = _paths(sources, found, output, format_, is_batch=is_batch)
        works = [Work(*one) for one in zip(sources, paths, strict=True) if not (resume and is_done(*one))]
        tally.skipped = len(sources) - len(works)
        writing = Writing(format_, subtitles, has_heading=len(sources) > 1 and format_ != "json")
        opening = _transcriber(settings, server, api_key)
        try:
            # Without work the models are not loaded.
            if works:
                asyncio.run(transcribe_all(works, opening, options, writing, tally))
        finally:
            if is_batch:
                typer.echo(f"paraserve: {tally}", err=True)
    raise typer.Exit(1 if tally.failed else 0)


def _found(names: Sequence[str], tally: Tally) -> list[Found]:
    """Return the recordings of folders; a folder that cannot be read costs a line on stderr."""

    def report(error: OSError) -> None:
        tally.failed += 1
        typer.echo(f"paraserve: {error.filename}: {message_of(error)}", err=True)

    return find_recordings(names, report)


def _paths(
    sources: Sequence[Source], found: Sequence[Found], output: Path | None, suffix: str, *, is_batch: bool
) -> Sequence[Path | None]:
    """Return the file of each transcript, None for stdout."""
    if output is not None:
        make_folder(output)
    if is_batch:
        folders = [
            beside(source) if output is None else output / one.below
            for source, one in zip(sources, found, strict=True)
        ]
        return lasting_paths(sources, folders, suffix)
    return [None] * len(sources) if output is None else output_paths(sources, output, suffix)


@asynccontextmanager
async def _transcriber(settings: Settings, server: str | None, api_key: str) -> AsyncIterator[Transcriber]:
    if server is not None:
        yield remote_transcriber(server, api_key)
        return
    check_files(settings)
    async with open_local(settings) as local:
        yield local
