"""Several models as one engine: what the flows and the server hold, whatever is loaded."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.options import NO_OVERRIDES, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine, EngineStream, VadStream
from paraserve.runtime.routing.automatic import automatic_choice, automatic_engine
from paraserve.runtime.routing.candidates import WrapEngine, unwrapped
from paraserve.runtime.routing.loaded_model import Model, ModelSpec, ModelStatus
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.named_engine import FALLBACK, REQUESTED, NamedEngine
from paraserve.runtime.routing.names import AUTO, ModelNames
from paraserve.runtime.scheduling.batches import Lane, Timed
from paraserve.types import Hypothesis, SegmentAudio, Sentence, Task


class Work(Protocol):
    """The queues of all devices, which all models share. An engine that stands alone has this shape, too."""

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane."""
        ...

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        ...

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        ...

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error."""
        ...

    async def close(self) -> None:
        """Refuse new calls, and answer those that wait with an error."""
        ...


class RoutedEngine:
    """All models of a server; matches `Engine`, with its default model.

    A request or utterance takes the engine that it uses from `for_model`, once, and keeps it to its end: segment
    limits and abilities are those of the model.
    """

    def __init__(self, models: ModelSet, work: Work) -> None:
        self.models = models
        self._work = work

    @classmethod
    def of_one(cls, name: str, bundle: str, engine: Engine) -> "RoutedEngine":
        """Return one engine as a server's only model, which cannot be loaded again."""
        model = Model(ModelSpec(ModelNames(name, () if bundle == name else (bundle,)), bundle))
        model.loaded_as(engine)
        return cls(ModelSet([model], _not_opened), engine)

    @asynccontextmanager
    async def for_model(
        self, asked: str | None, task: Task = "transcribe", wrap: WrapEngine = unwrapped
    ) -> AsyncIterator[Engine]:
        """Yield the engine for a name or alias, None or "auto" for the server's choice. It waits while one is loaded.

        A translation is for the first model that translates: no other one may know better. `wrap` makes what is used
        in place of the engine of each model.

        Raises:
            ModelNotFoundError: there is no such model.
            ModelUnavailableError: it cannot be loaded, and no other answers in its place.
        """
        wanted = self._wanted(asked, task)
        if wanted is None:
            async with automatic_engine(self.models, wrap) as engine:
                yield engine
            return
        async with self.models.use(wanted) as (name, engine):
            if len(self.models.names) == 1:
                yield wrap(name, engine)
                return
            yield NamedEngine(name, wrap(name, engine), REQUESTED if name == wanted else FALLBACK)

    def made_of(self, asked: str | None, task: Task = "transcribe") -> str:
        """Return what the model or models that answer are made of: it changes where their texts may.

        Raises:
            ModelNotFoundError: there is no such model.
            ModelUnavailableError: it cannot be loaded, and no other answers in its place.
        """
        return self.models.made_of(self._wanted(asked, task))

    def choice_of(self, asked: str | None) -> ModelChoice:
        """Return what is known of the model that answers to a name; matches `ChoiceOf`.

        Raises:
            ModelNotFoundError: there is no such model.
        """
        wanted = self.models.find(asked)
        return automatic_choice(self.models) if wanted is None else self.models.choice(wanted)

    def name_of(self, asked: str | None) -> str:
        """Return the own name of the model that answers to a name, "auto" where the server chooses among several.

        Raises:
            ModelNotFoundError: there is no such model.
        """
        return self.models.find(asked) or (AUTO if len(self.models.names) > 1 else self.models.default)

    @property
    def statuses(self) -> list[ModelStatus]:
        """Return the facts about each model."""
        return self.models.statuses

    @property
    def abilities(self) -> Abilities:
        """Those of the default model."""
        return self._default.abilities

    @property
    def max_segment_ms(self) -> int:
        """That of the default model."""
        return self._default.max_segment_ms

    def open_vad(self, lane: Lane = Lane.BULK, overrides: VadOverrides = NO_OVERRIDES) -> VadStream:
        """Open voice activity detection of the default model."""
        return self._default.open_vad(lane, overrides)

    def open_stream(self, config: StreamConfig) -> EngineStream:
        """Open a live utterance of the default model.

        Raises:
            ProtocolError: a VAD override is out of its range.
        """
        return self._default.open_stream(config)

    async def recognize(
        self, audio: SegmentAudio, options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[Hypothesis]:
        """Recognize one segment with the model of the options. Raises what `for_model` and the engine raise."""
        async with self.for_model(options.model, options.task) as engine:
            return await engine.recognize(audio, options, lane)

    async def punctuate(
        self, hypotheses: Sequence[Hypothesis], options: RecognitionOptions, lane: Lane = Lane.BULK
    ) -> Timed[tuple[Sentence, ...]]:
        """Return the sentences of consecutive segments of one model."""
        async with self.for_model(options.model, options.task) as engine:
            return await engine.punctuate(hypotheses, options, lane)

    @property
    def queued(self) -> Mapping[Lane, int]:
        """Number of calls that wait in each lane of all devices, whatever their model."""
        return self._work.queued

    @property
    def waited_s(self) -> Mapping[Lane, float]:
        """Seconds for which the first call in each lane has waited, 0 in an empty one."""
        return self._work.waited_s

    def end_overdue(self, timeout_s: float) -> int:
        """Answer the callers of model runs that take longer; return how many such runs are in progress."""
        return self._work.end_overdue(timeout_s)

    def abandon(self, error: type[ParaserveError], message: str) -> None:
        """Answer every call that waits or runs with this error."""
        self._work.abandon(error, message)

    async def close(self) -> None:
        """Refuse new calls, answer those that wait with an error, and release the models."""
        await self._work.close()
        await self.models.close()

    def _wanted(self, asked: str | None, task: Task) -> str | None:
        wanted = self.models.find(asked)
        return self.models.translator if wanted is None and task == "translate" else wanted

    @property
    def _default(self) -> Engine:
        engine = self.models.loaded_engine(self.models.default)
        assert engine is not None, "a server keeps at least one model"
        return engine


def _not_opened(spec: ModelSpec) -> Engine:
    raise ModelLoadError(f"the model {spec.name!r} cannot be loaded again")
