"""The flags of `paraserve transcribe`. `batch.transcribing` does what they ask for."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from paraserve.cli.flag_groups import with_flag_groups
from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import ApiKey, Bundles, Device, OptionalServer
from paraserve.cli.recognition_flags import Format, RecognitionFlags, SubtitleFlags

Folder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write DIR/<stem>.<format> instead of stdout.")
]
Recursive: TypeAlias = Annotated[
    bool, typer.Option("--recursive", "-r", help="Take the folders in a folder, too, and write files.")
]
Resume: TypeAlias = Annotated[
    bool, typer.Option("--resume", help="Skip recordings whose transcript is there and newer than the recording.")
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Make transcripts in --output DIR again that are there already.")
]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@with_flag_groups
def transcribe(  # noqa: PLR0913 - one parameter a flag
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Recordings of any format, folders, or patterns such as 'calls/**/*.wav'; - is stdin.",
        ),
    ],
    *,
    format_: Format = "text",
    output: Folder = None,
    recursive: Recursive = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    bundle: Bundles = None,
    device: Device = None,
    server: OptionalServer = None,
    api_key: ApiKey = "",
    flags: RecognitionFlags,
    subtitle_flags: SubtitleFlags,
) -> None:
    """Write the text of recordings to stdout, in the order given.

    Several recordings on stdout: each stands under a line "==> FILE <==", as head prints it, except in format json,
    which gives one JSON document after the other. With --output each gets its own file; equal stems get -2, -3. A
    second run leaves alone what the first has written from the same recordings with the same flags.
    A recording that fails costs one line on stderr and exit code 1; the others are still transcribed. A line on
    stderr says how much speech the model did not understand.

    Of a folder, files are taken whose name or first bytes are those of a recording, and nothing whose name begins
    with a dot. With --recursive or --resume each transcript is a file: beside its recording, or with --output in DIR,
    which gets the folders of the folder named. Recordings of equal stems get their whole name: talk.wav.text,
    talk.mp3.text. A summary on stderr ends the run.

    A transcript is written as a whole or not at all. So after Ctrl-C, or a crash, the same command with --resume goes
    on: what is done, a transcript of this format that is newer than its recording, is skipped, whatever the other
    flags are.
    """
    with ended_by_interrupt():
        from paraserve.cli.batch.transcribing import Batch, Place, transcribe_batch

    options = flags.options(word_times=format_ != "text")
    batch = Batch(format_, output, is_recursive=recursive, is_resumed=resume, is_overwriting=overwrite)
    place = Place({"bundle": bundle or None, "device": device, **subtitle_flags.limits}, server, api_key)
    is_spoken = subtitle_flags.subtitle_text == "spoken"
    raise typer.Exit(transcribe_batch(files, batch, place, options, is_spoken=is_spoken))
