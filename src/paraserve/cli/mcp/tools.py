"""The tools `transcribe` and `list_models` for assistants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from paraserve import __version__
from paraserve.cli.mcp.recognizers import ModelFacts, Recognizer
from paraserve.cli.mcp.recordings import Recordings
from paraserve.errors import ParaserveError
from paraserve.formats import FORMATS
from paraserve.options import RecognitionOptions
from paraserve.server.protocols.funasr.hotwords import parse_hotwords
from paraserve.server.protocols.languages import AUTO, read_language
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Transcript

PROGRESS_S = 1.0
"""Time between two reports of progress. Clients give up on a tool that says nothing for long."""
INSTRUCTIONS = "Speech recognition: transcribe recordings of speech, audio or video, from files and from the web."

ToolContext = Context[None, Any]


class TranscriptAnswer(BaseModel):
    """What `transcribe` returns."""

    text: str = Field(description="The text, in the output format that was asked for.")
    language: str | None = Field(description="Code of the language that was heard, null where the model tells none.")
    duration_s: float = Field(description="Length of the recording in seconds.")
    notes: list[str] = Field(description="What the reader of the text should know. Usually empty.")


class ModelAnswer(BaseModel):
    """A model of `list_models`."""

    name: str = Field(description="Name for the field `model` of `transcribe`.")
    aliases: list[str] = Field(description="Other names of it.")
    languages: list[str] = Field(description="Codes of its languages. Empty where it does not name them.")


class ModelList(BaseModel):
    """What `list_models` returns."""

    models: list[ModelAnswer] = Field(description="The first one answers where no model is named.")


class SpeechTools:
    """The tools, whose docstrings and descriptions of fields assistants read."""

    def __init__(self, recognizer: Recognizer, recordings: Recordings, subtitles: SubtitleOptions) -> None:
        self._recognizer = recognizer
        self._recordings = recordings
        self._subtitles = subtitles

    async def transcribe(  # noqa: PLR0913 - one parameter a field
        self,
        ctx: ToolContext,
        source: Annotated[str, Field(description="The recording: a path, or a URL of http or https.")],
        *,
        output_format: Annotated[
            Literal["text", "json", "srt", "vtt", "tsv"],
            Field(description="Plain text, JSON with the times of words, or subtitles."),
        ] = "text",
        language: Annotated[
            str, Field(description="Code or name of the language. auto: the model finds out.")
        ] = AUTO,
        model: Annotated[str, Field(description="A name of list_models. auto leaves the choice.")] = AUTO,
        hotwords: Annotated[str, Field(description="Names and terms to expect, with commas between them.")] = "",
        translate: Annotated[bool, Field(description="English text, whatever is spoken. Whisper only.")] = False,
    ) -> TranscriptAnswer:
        """Turn a recording of speech into text."""
        with _told():
            options = RecognitionOptions(
                hotwords=parse_hotwords(hotwords),
                language=read_language("language", language),
                model=None if model == AUTO else model,
                task="translate" if translate else "transcribe",
                word_times=output_format != "text",
            )
            progress = _Progress()
            async with self._recordings.open(source) as opened:
                work = self._recognizer.transcribe(opened, options, progress.note)
                transcript = await progress.reported(ctx, work)
        return _answer(transcript, FORMATS[output_format].write(transcript, self._subtitles))

    async def list_models(self) -> ModelList:
        """List the models that recognize speech, with their languages."""
        with _told():
            found = await self._recognizer.models()
        return ModelList(models=list(map(_model_answer, found)))


def tool_server(recognizer: Recognizer, recordings: Recordings, subtitles: SubtitleOptions) -> MCPServer[None]:
    """Make a server of the tools. It closes the recognizer at its end."""

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await recognizer.close()

    server = MCPServer(
        "paraserve", instructions=INSTRUCTIONS, version=__version__, lifespan=lifespan, log_level="WARNING"
    )
    tools = SpeechTools(recognizer, recordings, subtitles)
    server.add_tool(tools.transcribe)
    server.add_tool(tools.list_models)
    return server


@contextmanager
def _told() -> Iterator[None]:
    """Let the assistant read what went wrong. The SDK keeps other errors to itself."""
    try:
        yield
    except ParaserveError as error:
        raise ToolError(f"{error.message} ({error.code})") from error
    except OSError as error:
        raise ToolError(error.strerror or str(error)) from error


class _Progress:
    """The progress of one recording, which may be noted on any thread."""

    def __init__(self) -> None:
        self._done = 0
        self._total: int | None = None

    def note(self, done: int, total: int | None) -> None:
        self._done, self._total = done, total

    async def reported(self, ctx: ToolContext, work: Awaitable[Transcript]) -> Transcript:
        """Wait for the work, and tell the client how far it is."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=PROGRESS_S))[0]:
                await ctx.report_progress(self._done, self._total)
            return await task
        finally:
            task.cancel()


def _answer(transcript: Transcript, text: str) -> TranscriptAnswer:
    notes = [one.message if one.param is None else f"{one.param}: {one.message}" for one in transcript.warnings]
    if transcript.notice is not None:
        notes.append(transcript.notice.message)
    return TranscriptAnswer(
        text=text.strip(), language=transcript.language, duration_s=transcript.duration_ms / 1000, notes=notes
    )


def _model_answer(model: ModelFacts) -> ModelAnswer:
    return ModelAnswer(name=model.name, aliases=list(model.aliases), languages=list(model.languages))
