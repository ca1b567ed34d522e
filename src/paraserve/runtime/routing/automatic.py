"""The engine for requests that leave the choice of the model to the server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from paraserve.inference.abilities import Abilities, ModelChoice
from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.automatic_engine import AutomaticEngine
from paraserve.runtime.routing.candidates import Candidate, Candidates, WrapEngine, unwrapped
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.named_engine import NamedEngine


@asynccontextmanager
async def automatic_engine(models: ModelSet, wrap: WrapEngine = unwrapped) -> AsyncIterator[Engine]:
    """Yield the engine of a request or utterance that leaves the choice to the server.

    It asks the first model that is loaded, and holds another one from the moment that it needs one. `wrap` makes what
    is asked of the engine of each model.

    Raises:
        ModelUnavailableError: no model can be loaded.
    """
    async with AsyncExitStack() as held:
        name, engine = await held.enter_async_context(models.use(models.default))
        if len(models.names) == 1:
            yield wrap(name, engine)
            return
        first = Candidate(name, NamedEngine(name, wrap(name, engine)), _languages(models, name))
        yield AutomaticEngine(Candidates(models, first, held, wrap), automatic_choice(models).abilities)


def automatic_choice(models: ModelSet) -> ModelChoice:
    """Return the options that a request without a model may have: those of the first model, and all languages.

    Another model honours hotwords and prompts for the segments that it writes.
    """
    choices = [models.choice(name) for name in models.names]
    first = models.choice(models.default)
    abilities = [choice.abilities for choice in choices]
    return replace(first, abilities=_together(first.abilities, abilities))


def _together(first: Abilities, abilities: list[Abilities]) -> Abilities:
    return replace(
        first,
        languages=frozenset[str]().union(*(one.languages for one in abilities)),
        any_language=any(one.any_language for one in abilities),
        hotwords=any(one.hotwords for one in abilities),
        language_model=any(one.language_model for one in abilities),
        prompt=any(one.prompt for one in abilities),
        translates=any(one.translates for one in abilities),
        # Each model's own partial texts: only where all of them are drafts do options reach all of them.
        draft_options=all(one.draft_options for one in abilities),
        knows="",  # what one of them knows is not all that is known
    )


def _languages(models: ModelSet, name: str) -> frozenset[str]:
    return next(frozenset(status.languages) for status in models.statuses if status.name == name)
