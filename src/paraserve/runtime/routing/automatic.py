"""The engine for requests that name no model: at present the first model that is loaded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paraserve.runtime.engine import Engine
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.named_engine import NamedEngine


@asynccontextmanager
async def automatic_engine(models: ModelSet) -> AsyncIterator[Engine]:
    """Yield the engine of a request or utterance that leaves the choice to the server.

    `models.use(name)` holds a model for as long as its context is open.

    Raises:
        ModelUnavailableError: no model can be loaded.
    """
    async with models.use(models.default) as (name, engine):
        yield engine if len(models.names) == 1 else NamedEngine(name, engine)
