"""`paraserve transcribe`: recordings to text, in this process or by a server."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from paraserve.cli.config import check_files, read_settings
from paraserve.cli.inputs import Source, open_sources, output_paths, write_atomically
from paraserve.cli.local import open_local
from paraserve.cli.options import (
    ApiKey,
    Bundles,
    Device,
    EndSilence,
    Hotwords,
    Mask,
    Model,
    NoiseThreshold,
    NoItn,
    Profanity,
    Replacements,
    SegmentTime,
    range_option,
)
from paraserve.cli.progress import Bars, OnProgress
from paraserve.cli.remote import remote_transcriber
from paraserve.cli.setting_texts import setting_option
from paraserve.errors import ParaserveError
from paraserve.formats import FORMATS
from paraserve.options import MERGE_S_RANGE, RecognitionOptions, Redaction, VadOverrides
from paraserve.redaction_lists import read_masks, read_profanity, read_replacements
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.server.protocols.languages import read_language
from paraserve.settings import Settings
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import ChannelChoice, Transcript

MAX_CHANNEL_DIGITS = 5
PARALLEL_FILES = 2
"""While one recording is decoded or ends, the models work on another. More at once would only cost memory."""

Format: TypeAlias = Annotated[
    Literal["text", "json", "srt", "vtt", "tsv", "ass", "ttml", "lrc"],
    typer.Option("--format", help="What to write."),
]
Folder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write DIR/<stem>.<format> instead of stdout.")
]
Channel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N|split", help="Take one channel, counted from 0, or each for itself.  [default: all mixed]"
    ),
]
Track: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, help="Take one audio track, counted from 0.  [default: the default one that has sound]"),
]
SubtitleText: TypeAlias = Annotated[
    Literal["written", "spoken"],
    typer.Option(help="Subtitles with numbers, dates and times as they are written, or as they were said."),
]
Transcriber: TypeAlias = Callable[[Source, RecognitionOptions, OnProgress], Awaitable[Transcript]]
FileError: TypeAlias = ParaserveError | OSError


@dataclass(frozen=True, slots=True)
class Output:
    """Destination of transcripts: the files `paths`, or stdout, with a heading for each if there are several."""

    format: str
    subtitles: SubtitleOptions
    paths: Sequence[Path | None]

    def write(self, index: int, source: Source, transcript: Transcript) -> None:
        """Write one transcript.

        Raises:
            ParaserveError: the file cannot be written.
            OSError: stdout is closed.
        """
        text = FORMATS[self.format].write(transcript, self.subtitles)
        path = self.paths[index]
        if path is not None:
            _write_file(path, text)
            return
        if len(self.paths) > 1 and self.format != "json":
            text = f"==> {source.name} <==\n{text}\n"
        sys.stdout.write(text)
        sys.stdout.flush()


def transcribe(  # noqa: PLR0913, PLR0917 - one parameter a flag
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Recordings of any format; - reads stdin.")],
    format_: Format = "text",
    output: Folder = None,
    bundle: Bundles = None,
    device: Device = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Let a server do it, such as http://127.0.0.1:10095.")
    ] = None,
    api_key: ApiKey = "",
    hotwords: Hotwords = "",
    language: Annotated[str | None, typer.Option(help="Language of the recording, such as zh or English.")] = None,
    model: Model = None,
    channel: Channel = None,
    track: Track = None,
    no_itn: NoItn = False,
    replacements: Replacements = "",
    profanity: Profanity = "",
    mask: Mask = "",
    translate: Annotated[
        bool, typer.Option("--translate", help="Write English, whatever language is spoken (Whisper).")
    ] = False,
    auto_gain: Annotated[bool, typer.Option("--auto-gain", help="Amplify quiet speech.")] = False,
    noise_suppression: Annotated[
        bool, typer.Option("--noise-suppression", help="Take steady noise out first (package webrtc-noise-gain).")
    ] = False,
    audio_quality: Annotated[
        bool, typer.Option("--audio-quality", help="Measure level, noise, clipping and bandwidth, for format json.")
    ] = False,
    no_punctuate: Annotated[bool, typer.Option("--no-punctuate", help="No punctuation marks.")] = False,
    vad_tail_sil: EndSilence = None,
    max_single_segment_time: SegmentTime = None,
    speech_noise_thres: NoiseThreshold = None,
    merge_vad: Annotated[
        bool | None, typer.Option("--merge-vad/--no-merge-vad", help="Merge neighbouring segments, as FunASR does.")
    ] = None,
    merge_length_s: Annotated[
        float | None, range_option(MERGE_S_RANGE, "Longest merged segment in seconds, which asks for merging.")
    ] = None,
    subtitle_cue_s: Annotated[float | None, setting_option("subtitle_cue_s")] = None,
    subtitle_lines: Annotated[int | None, setting_option("subtitle_lines")] = None,
    subtitle_latin_chars: Annotated[int | None, setting_option("subtitle_latin_chars")] = None,
    subtitle_chinese_chars: Annotated[int | None, setting_option("subtitle_chinese_chars")] = None,
    subtitle_text: SubtitleText = "written",
) -> None:
    """Write the text of recordings to stdout, in the order given.

    Several recordings on stdout: each stands under a line "==> FILE <==", as head prints it, except in format json,
    which gives one JSON document after the other. With --output each gets its own file; equal stems get -2, -3.
    A recording that fails costs one line on stderr and exit code 1; the others are still transcribed. A line on
    stderr says how much speech the model did not understand.
    """
    options = RecognitionOptions(
        hotwords=parse_hotwords(hotwords),
        itn=not no_itn,
        punctuate=not no_punctuate,
        language=read_language("language", language or ""),
        model=model,
        channel=_channel_of(channel),
        track=track,
        word_times=format_ != "text",
        task="translate" if translate else "transcribe",
        redaction=Redaction(read_replacements(replacements), read_profanity(profanity), read_masks(mask)),
        vad=VadOverrides(vad_tail_sil, max_single_segment_time, speech_noise_thres),
        merge_vad=True if merge_vad is None and merge_length_s is not None else merge_vad,
        merge_length_ms=None if merge_length_s is None else round(merge_length_s * 1000),
        auto_gain=auto_gain,
        noise_suppression=noise_suppression,
        audio_quality=audio_quality,
    )
    limits = {
        "subtitle_cue_s": subtitle_cue_s,
        "subtitle_lines": subtitle_lines,
        "subtitle_latin_chars": subtitle_latin_chars,
        "subtitle_chinese_chars": subtitle_chinese_chars,
    }
    settings = read_settings({"bundle": bundle or None, "device": device, **limits})
    subtitles = replace(settings.subtitles, is_spoken=subtitle_text == "spoken")
    with open_sources(files) as sources:
        writer = Output(format_, subtitles, _output_paths(sources, output, format_))
        n_failed = asyncio.run(_run(sources, _transcriber(settings, server, api_key), options, writer))
    raise typer.Exit(1 if n_failed else 0)


def _channel_of(text: str | None) -> ChannelChoice:
    if text is None:
        return None
    if text == "split":
        return "split"
    if text.isascii() and text.isdecimal() and len(text) <= MAX_CHANNEL_DIGITS:
        return int(text)
    raise typer.BadParameter("expected 0, 1, ... or split", param_hint="--channel")


def _write_file(path: Path, text: str) -> None:
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ParaserveError(f"cannot write {path}: {error.strerror}") from None


def _output_paths(sources: Sequence[Source], folder: Path | None, suffix: str) -> Sequence[Path | None]:
    if folder is None:
        return [None] * len(sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParaserveError(f"cannot create the folder {folder}: {error.strerror}") from None
    return output_paths(sources, folder, suffix)


@asynccontextmanager
async def _transcriber(settings: Settings, server: str | None, api_key: str) -> AsyncIterator[Transcriber]:
    if server is not None:
        yield remote_transcriber(server, api_key)
        return
    check_files(settings)
    async with open_local(settings) as local:
        yield local


async def _run(
    sources: Sequence[Source],
    opening: AbstractAsyncContextManager[Transcriber],
    options: RecognitionOptions,
    output: Output,
) -> int:
    """Transcribe several at once and report in order; return how many failed."""
    slots = asyncio.Semaphore(PARALLEL_FILES)
    n_failed = 0
    async with opening as transcriber:
        with Bars() as bars:
            tasks = [asyncio.create_task(_outcome(source, transcriber, options, slots, bars)) for source in sources]
            try:
                for index, task in enumerate(tasks):
                    result = await task
                    with bars.hidden():
                        n_failed += not _report(index, sources[index], result, output)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
    return n_failed


async def _outcome(
    source: Source, transcriber: Transcriber, options: RecognitionOptions, slots: asyncio.Semaphore, bars: Bars
) -> Transcript | FileError:
    """Return the transcript, or the error that kept it from being made."""
    async with slots:
        with bars.bar(source.name) as on_progress:
            try:
                return await transcriber(source, options, on_progress)
            except (ParaserveError, OSError) as error:
                return error


def _report(index: int, source: Source, result: Transcript | FileError, output: Output) -> bool:
    """Write a transcript, and to stderr its warnings and notice, or an error. Return True if it was written."""
    if isinstance(result, Transcript):
        try:
            output.write(index, source, result)
        except ParaserveError as error:
            result = error
        else:
            for warning in result.warnings:
                about = f"{warning.param}: " if warning.param else ""
                typer.echo(f"paraserve: {source.name}: {about}{warning.message}", err=True)
            if result.notice is not None:
                typer.echo(f"paraserve: {source.name}: {result.notice.message}", err=True)
            return True
    typer.echo(f"paraserve: {source.name}: {_message(result)}", err=True)
    return False


def _message(error: FileError) -> str:
    if isinstance(error, ParaserveError):
        return error.message
    return error.strerror or str(error)
