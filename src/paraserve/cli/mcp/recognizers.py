"""Who recognizes for the tools: models in this process, or a server."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from paraserve.cli.inputs import Source
from paraserve.cli.local import LocalTranscriber, open_local
from paraserve.cli.progress import OnProgress
from paraserve.cli.remote import remote_transcriber
from paraserve.cli.server_address import server_address
from paraserve.client import AsyncClient
from paraserve.options import RecognitionOptions
from paraserve.settings import Settings
from paraserve.types import Transcript


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model: its name, its other names, and the codes of its languages (none where it names none)."""

    name: str
    aliases: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class Recognizer(Protocol):
    """Transcribes recordings."""

    async def transcribe(self, source: Source, options: RecognitionOptions, on_progress: OnProgress) -> Transcript:
        """Transcribe one recording.

        Raises:
            OSError: it cannot be read.
            ParaserveError: it cannot be transcribed.
        """
        ...

    async def models(self) -> list[ModelFacts]:
        """Return the models that a request may name.

        Raises:
            ParaserveError: they cannot be had.
        """
        ...

    async def close(self) -> None:
        """Release everything."""
        ...


class LocalRecognizer:
    """Models in this process. They are loaded when they are needed first, and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._local: LocalTranscriber | None = None
        self._exits = AsyncExitStack()

    async def transcribe(self, source: Source, options: RecognitionOptions, on_progress: OnProgress) -> Transcript:
        """Transcribe one recording."""
        local = await self._loaded()
        return await local(source, options, on_progress)

    async def models(self) -> list[ModelFacts]:
        """Return the models of the settings."""
        local = await self._loaded()
        return [ModelFacts(one.name, one.aliases, one.languages) for one in local.engine.statuses]

    async def close(self) -> None:
        """Release the models."""
        await self._exits.aclose()

    async def _loaded(self) -> LocalTranscriber:
        async with self._opening:
            if self._local is None:
                self._local = await self._exits.enter_async_context(open_local(self._settings))
            return self._local


class ServerRecognizer:
    """A server. It is called anew each time, so it may be away in between."""

    def __init__(self, url: str, api_key: str) -> None:
        self._transcribe = remote_transcriber(url, api_key)
        self._client = AsyncClient(server_address(url), api_key=api_key)

    async def transcribe(self, source: Source, options: RecognitionOptions, on_progress: OnProgress) -> Transcript:
        """Let the server transcribe one recording."""
        return await self._transcribe(source, options, on_progress)

    async def models(self) -> list[ModelFacts]:
        """Return the models of the server."""
        return [ModelFacts(one.id, tuple(one.aliases), tuple(one.languages)) for one in await self._client.models()]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
