"""The models of a server: who uses which, and when one is loaded, unloaded or replaced.

A model is used by requests and utterances, each for as long as it lasts. One that is to go (idle, replaced, or in the
way of another) gets no new users, and is released when the last one has ended.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from paraserve.errors import ModelUnavailableError, ParaserveError
from paraserve.inference.abilities import ModelChoice
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.loaded_model import (
    LoadedModel,
    Model,
    ModelSpec,
    ModelStatus,
    stands_in,
    status_of,
    unknown_abilities,
)
from paraserve.runtime.routing.names import find_model
from paraserve.runtime.routing.released_memory import give_memory_back

log = logging.getLogger(__name__)

RETRY_S = 30.0
"""Time after which a model that could not be loaded on demand is tried again."""


class ModelSet:
    """Several models by name; use it from one event loop.

    Args:
        models: at least one of them loaded. The first loaded one is the default.
        open_model: loads a model and blocks meanwhile; raises a `ModelLoadError`.
        memory_bytes: bound of the memory of all models that are loaded, 0 = none.
    """

    def __init__(
        self, models: Sequence[Model], open_model: Callable[[ModelSpec], Engine], memory_bytes: int = 0
    ) -> None:
        self._models: dict[str, Model] = {model.spec.name: model for model in models}
        self.open_model = open_model
        self._memory_bytes = memory_bytes
        self._loading: dict[str, asyncio.Task[ParaserveError | None]] = {}
        self._lock = asyncio.Lock()  # models are loaded one after the other
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all models, in the operator's order."""
        return tuple(self._models)

    @property
    def statuses(self) -> list[ModelStatus]:
        """Return the facts about each model."""
        return [status_of(model) for model in self._models.values()]

    @property
    def default(self) -> str:
        """Return the name of the first model that is loaded, or the first of all if none is."""
        return next((name for name, model in self._models.items() if model.loaded), self.names[0])

    @property
    def translator(self) -> str | None:
        """Return the name of the first model that translates, or may once it is loaded, None if there is none."""
        return next((name for name in self._models if self.choice(name).abilities.translates), None)

    def made_of(self, name: str | None) -> str:
        """Return what the model that answers for a name is made of: equal where its texts are. None = all models.

        Raises:
            ModelUnavailableError: it cannot be loaded, nor its fallback.
        """
        models = self._models.values() if name is None else [self._answering(name)]
        facts = [[one.spec.name, one.spec.digest, one.spec.languages, status_of(one).state] for one in models]
        return json.dumps(facts)

    def find(self, asked: str | None) -> str | None:
        """Return the own name of the model that a client asks for, None where the server chooses.

        Raises:
            ModelNotFoundError: there is no such model.
        """
        return find_model(asked, [model.spec.names for model in self._models.values()])

    def loaded_engine(self, name: str) -> Engine | None:
        """Return the engine of a model that is loaded, without counting as a user."""
        loaded = self._models[name].loaded
        return loaded.engine if loaded else None

    def choice(self, name: str) -> ModelChoice:
        """Return what is known of the model that answers for this name.

        A model that has not been loaded yet is taken to honour all options, and so is one that cannot be loaded:
        its clients get the error when it is to recognize something.
        """
        try:
            answering = self._answering(name)
        except ModelUnavailableError:
            return ModelChoice(unknown_abilities())
        warnings = () if answering.spec.name == name else (stands_in(answering.spec.name, self._models[name]),)
        return ModelChoice(answering.abilities or unknown_abilities(), warnings)

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[tuple[str, Engine]]:
        """Yield the name and the engine of a model, or of its fallback. It stays loaded in the meantime.

        Raises:
            ModelNotFoundError: a reload has just taken the model away.
            ModelUnavailableError: it cannot be loaded, nor its fallback, or there is no memory while others are used.
        """
        model, loaded = await self._loaded(name)
        loaded.users += 1
        try:
            yield model.spec.name, loaded.engine
        finally:
            loaded.users -= 1
            loaded.used_s = time.monotonic()
            self._after_use(model, loaded)

    async def reload(
        self, specs: Sequence[ModelSpec], open_model: Callable[[ModelSpec], Engine], memory_bytes: int
    ) -> None:
        """Load what is new or changed beside the old models, then let the new ones take over.

        Users of an old model end with it. A model that could not be loaded before may fail again.

        Raises:
            ModelLoadError: a model cannot be loaded. All stays as it was.
        """
        async with self._lock:
            made: dict[str, Model] = {}
            try:
                for spec in specs:
                    made[spec.name] = await self._renewed(spec, open_model)
                _check_any(made.values())
            except BaseException:
                self._retire_all_but(self._models, made)
                raise
            before, self._models = self._models, made
            self.open_model, self._memory_bytes = open_model, memory_bytes
            self._retire_all_but(made, before)

    async def close(self) -> None:
        """Release all models. Their users must have ended, or been given up."""
        if self._loading:
            await asyncio.wait(self._loading.values())
        for model in self._models.values():
            if model.loaded is not None:
                model.loaded.users = 0
        self._retire_all_but({}, self._models)
        if self._closing:
            await asyncio.wait(self._closing)

    def _answering(self, name: str) -> Model:
        """Return the model of this name, or the one that stands in for it."""
        seen: set[str] = set()
        model = self._model(name)
        while model.loaded is None and model.problem is not None and not self._is_to_be_tried(model):
            seen.add(model.spec.name)
            if not model.spec.fallback or model.spec.fallback in seen:
                raise ModelUnavailableError(
                    f"the model {name!r} cannot be loaded: {model.problem.message}", param="model"
                )
            model = self._model(model.spec.fallback)
        return model

    def _model(self, name: str) -> Model:
        found = self._models.get(name)
        if found is None:  # a reload has taken it away, and its name may be another one's alias now
            found = self._models[self.find(name) or self.default]
        return found

    def _is_to_be_tried(self, model: Model) -> bool:
        return model.spec.is_on_demand and time.monotonic() - model.failed_s > RETRY_S

    async def _loaded(self, name: str) -> tuple[Model, LoadedModel]:
        while True:
            model = self._answering(name)
            if model.loaded is not None:
                return model, model.loaded
            loading = self._loading.get(model.spec.name)
            if loading is None:
                loading = asyncio.create_task(self._load(model))
                self._loading[model.spec.name] = loading
                loading.add_done_callback(partial(self._has_loaded, model.spec.name))
            refusal = await asyncio.shield(loading)
            if refusal is not None:
                raise refusal

    def _has_loaded(self, name: str, _task: "asyncio.Task[ParaserveError | None]") -> None:
        del self._loading[name]

    async def _load(self, model: Model) -> ParaserveError | None:
        """Load a model for all who wait for it; return why there is no room for it, None otherwise."""
        async with self._lock:
            if model.loaded is not None or self._models.get(model.spec.name) is not model:
                return None
            if not self._has_room(model):
                return ModelUnavailableError(
                    f"there is no memory for the model {model.spec.name!r} while others are used"
                )
            try:
                model.loaded_as(await asyncio.to_thread(self.open_model, model.spec))
            except ParaserveError as problem:
                model.failed(problem)
                log.error("model %s cannot be loaded: %s", model.spec.name, problem.message)  # noqa: TRY400
            else:
                log.info("model %s loaded", model.spec.name)
                self._after_use(model, model.loaded)
            return None

    def _has_room(self, wanted: Model) -> bool:
        """Unload what nobody uses, the longest unused first, until there is room; tell whether there is."""
        if not self._memory_bytes:
            return True
        idle = [one for one in self._models.values() if one.spec.is_on_demand and one.loaded and not one.loaded.users]
        idle.sort(key=lambda one: one.loaded.used_s if one.loaded else 0.0)
        while self._loaded_bytes() + wanted.spec.file_bytes > self._memory_bytes:
            if not idle:
                return False
            self._unload(idle.pop(0))
        return True

    def _loaded_bytes(self) -> int:
        return sum(model.spec.file_bytes for model in self._models.values() if model.loaded)

    async def _renewed(self, spec: ModelSpec, open_model: Callable[[ModelSpec], Engine]) -> Model:
        """Return the model of a spec: with the engine of the present one if it is the same, else with a new one."""
        old = self._models.get(spec.name)
        if old is not None and old.loaded is not None and old.spec.stamp == spec.stamp:
            return Model(spec, old.loaded, abilities=old.abilities)
        model = Model(spec)
        if spec.is_on_demand and (old is None or old.loaded is None):
            return model
        try:
            model.loaded_as(await asyncio.to_thread(open_model, spec))
        except ParaserveError as problem:
            if old is None or old.loaded is not None:
                raise
            model.failed(problem)
        return model

    def _retire_all_but(self, kept: Mapping[str, Model], models: Mapping[str, Model]) -> None:
        staying = {id(model.loaded) for model in kept.values()}
        for model in models.values():
            if model.loaded is not None and id(model.loaded) not in staying:
                self._retire(model.loaded)

    def _after_use(self, model: Model, loaded: LoadedModel | None) -> None:
        if loaded is None or loaded.users:
            return
        if loaded.is_retired:
            self._release(loaded)
        elif model.spec.is_on_demand and model.spec.idle_unload_s and loaded.timer is None:
            self._look_again(model, loaded, model.spec.idle_unload_s)

    def _look_again(self, model: Model, loaded: LoadedModel, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        loaded.timer = loop.call_later(after_s, self._unload_idle, model.spec.name, loaded)

    def _unload_idle(self, name: str, loaded: LoadedModel) -> None:
        """Unload a model that has been idle for its time. One that is used gets a new timer after its last use."""
        loaded.timer = None
        model = self._models.get(name)
        if model is None or model.loaded is not loaded or loaded.users:
            return
        left_s = loaded.used_s + model.spec.idle_unload_s - time.monotonic()
        if left_s > 0:
            self._look_again(model, loaded, left_s)
            return
        log.info("model %s unloaded: nobody uses it", name)
        self._unload(model)

    def _unload(self, model: Model) -> None:
        loaded, model.loaded = model.loaded, None
        if loaded is not None:
            self._retire(loaded)

    def _retire(self, loaded: LoadedModel) -> None:
        loaded.is_retired = True
        if not loaded.users:
            self._release(loaded)

    def _release(self, loaded: LoadedModel) -> None:
        if loaded.timer is not None:
            loaded.timer.cancel()
        closing = asyncio.get_running_loop().create_task(_let_go(loaded.engine))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _let_go(engine: Engine) -> None:
    await engine.close()
    del engine
    await asyncio.to_thread(give_memory_back)


def _check_any(models: Iterable[Model]) -> None:
    if not any(model.loaded for model in models):
        raise next(model.problem for model in models if model.problem)
