"""The models that may answer one request or utterance, where the server chooses."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeAlias

from paraserve.errors import ModelUnavailableError
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.named_engine import NamedEngine

WrapEngine: TypeAlias = Callable[[str, Engine], Engine]
"""Makes what is used in place of a model's engine, given the model's name."""


def unwrapped(_name: str, engine: Engine) -> Engine:
    """Return an engine as it is; matches `WrapEngine`."""
    return engine


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is ready to answer. `languages` are the codes that it is for, empty where nobody says."""

    name: str
    engine: NamedEngine
    languages: frozenset[str] = frozenset()

    def knows(self, language: str | None) -> bool:
        """Tell whether it may know a language. None stands for one that nobody has named."""
        return language is None or not self.languages or language in self.languages


class Candidates:
    """Models in the operator's order. Each is held from its first use until `held` is closed.

    Args:
        models: all models of the server.
        first: the model that is asked first.
        held: takes the holds on the others.
        wrap: makes what is used of the others' engines.
    """

    def __init__(
        self, models: ModelSet, first: Candidate, held: AsyncExitStack, wrap: WrapEngine = unwrapped
    ) -> None:
        self.first = first
        self._models = models
        self._held = held
        self._wrap = wrap
        self._opening = asyncio.Lock()
        self._opened: dict[str, Candidate] = {first.name: first}

    def opened(self, name: str) -> Candidate | None:
        """Return a model that this request has used."""
        return self._opened.get(name)

    @property
    def others_max_segment_ms(self) -> int:
        """Longest segment that every other model takes, of those that are loaded; that of the first if none is."""
        names = [name for name in self._models.names if name != self.first.name]
        engines = [engine for name in names if (engine := self._models.loaded_engine(name)) is not None]
        return min((engine.max_segment_ms for engine in engines), default=self.first.engine.max_segment_ms)

    async def other(self, language: str | None, duration_ms: int) -> Candidate | None:
        """Return the next model that may know better than the first, None if there is none that can be used now.

        Args:
            language: the one that was heard or asked for, None where nobody says.
            duration_ms: length of the segment, which the model has to take in one piece.
        """
        for status in self._models.statuses:
            if status.name == self.first.name or status.state == "failed":
                continue
            if language and status.languages and language not in status.languages:
                continue
            candidate = await self._open(status.name, frozenset(status.languages))
            if candidate is not None and candidate.knows(language) and duration_ms <= candidate.engine.max_segment_ms:
                return candidate
        return None

    async def _open(self, name: str, languages: frozenset[str]) -> Candidate | None:
        """Hold a model, which loads it if need be. None if it cannot be loaded, or another one stands in for it."""
        async with self._opening:
            if name not in self._opened:
                try:
                    answering, engine = await self._held.enter_async_context(self._models.use(name))
                except ModelUnavailableError:
                    return None
                if answering != name:
                    return None
                known = languages or engine.abilities.languages
                self._opened[name] = Candidate(name, NamedEngine(name, self._wrap(name, engine)), known)
            return self._opened[name]
