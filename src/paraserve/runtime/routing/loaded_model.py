"""One model of a server: what the operator wants of it, and its engine while it is loaded."""

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

from paraserve.errors import ParaserveError
from paraserve.inference.abilities import Abilities
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.names import ModelNames
from paraserve.types import FieldWarning

FALLBACK_CODE = "model_fallback"
"""Code of the warning that another model answers in place of the one that was asked for."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the settings have it.

    Args:
        names: its name, aliases and kind.
        bundle: its bundle, as the settings name it.
        languages: codes that the operator states; empty for those that the model names.
        is_on_demand: it is loaded when somebody first asks for it.
        idle_unload_s: seconds without use after which one that was loaded on demand is unloaded, 0 = never.
        fallback: name of the model that answers while this one cannot be loaded, "" for none.
        file_bytes: size of the files that are loaded, which stands for its memory.
        stamp: equal for two specs whose files and ways of loading are equal.
        knows: speech that it understands, in words for people. Empty where its bundle does not tell.
        is_embedded: its recognizer is that of the bundle that is part of the installation.
        digest: of the content of its files and the ways of loading, equal on all machines. Empty where nobody asks.
    """

    names: ModelNames
    bundle: str = ""
    languages: tuple[str, ...] = ()
    is_on_demand: bool = False
    idle_unload_s: float = 0.0
    fallback: str = ""
    file_bytes: int = 0
    stamp: Hashable = None
    digest: str = ""
    knows: str = ""
    is_embedded: bool = False

    @property
    def name(self) -> str:
        """Its own name."""
        return self.names.name


@dataclass(eq=False, slots=True)
class LoadedModel:
    """An engine and the number of requests and utterances that use it. A retired one gets no new users.

    `used_s` is when the last one ended (`time.monotonic()`), `timer` looks whether it has been idle for long enough.
    """

    engine: Engine
    users: int = 0
    is_retired: bool = False
    used_s: float = field(default_factory=time.monotonic)
    timer: asyncio.TimerHandle | None = None


@dataclass(eq=False, slots=True)
class Model:
    """A model, loaded or not.

    `problem` is why it could not be loaded at `failed_s` (`time.monotonic()`). `abilities` are those that it had when
    it was last loaded.
    """

    spec: ModelSpec
    loaded: LoadedModel | None = None
    problem: ParaserveError | None = None
    failed_s: float = 0.0
    abilities: Abilities | None = None

    def loaded_as(self, engine: Engine) -> None:
        """Take the engine that has been opened for it."""
        self.loaded, self.problem, self.abilities = LoadedModel(engine), None, engine.abilities

    def failed(self, problem: ParaserveError) -> None:
        """Note why it cannot be loaded. Frames of the failed load would keep the memory of what it had loaded."""
        problem.__cause__ = problem.__context__ = None
        self.problem, self.failed_s = problem.with_traceback(None), time.monotonic()


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Facts about a model, for people. `memory_bytes` is 0 while it is not loaded, `problem` "" unless it failed."""

    name: str
    bundle: str
    kind: str
    aliases: tuple[str, ...]
    languages: tuple[str, ...]
    state: Literal["loaded", "unloaded", "failed"]
    memory_bytes: int
    users: int
    problem: str
    knows: str = ""
    is_embedded: bool = False


def status_of(model: Model) -> ModelStatus:
    """Return the facts about a model."""
    spec, loaded = model.spec, model.loaded
    languages = spec.languages or tuple(sorted(model.abilities.languages if model.abilities else ()))
    return ModelStatus(
        name=spec.name,
        bundle=spec.bundle,
        kind=spec.names.kind,
        aliases=spec.names.aliases,
        languages=languages,
        state="loaded" if loaded else "failed" if model.problem else "unloaded",
        memory_bytes=spec.file_bytes if loaded else 0,
        users=loaded.users if loaded else 0,
        problem=model.problem.message if model.problem else "",
        knows=spec.knows,
        is_embedded=spec.is_embedded,
    )


def stands_in(name: str, asked: Model) -> FieldWarning:
    """Return the warning that the model `name` answers in place of the one that was asked for."""
    return FieldWarning(FALLBACK_CODE, "model", f"{name} answers: {asked.spec.name} cannot be loaded")


def unknown_abilities() -> Abilities:
    """Return what a model that has not been loaded yet is taken to honour: all options."""
    return Abilities(
        hotwords=True,
        language_model=True,
        prompt=True,
        model_itn=True,
        any_language=True,
        translates=True,
        partial_punctuation=True,
        semantic_endpoint=True,
    )
