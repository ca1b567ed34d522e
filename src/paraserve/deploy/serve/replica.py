"""A replica: the application of the plain server in a process of Ray Serve."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI

from paraserve.deploy.serve.private_hooks import check_here, use_transport
from paraserve.deploy.serve.transport import Contract, ServeTransport
from paraserve.errors import ParaserveError
from paraserve.server.app import create_app
from paraserve.server.telemetry.logging import configure_logging
from paraserve.setting_sources import SettingSources


class Replica:
    """What Serve makes an actor of.

    Args:
        flags: settings of all replicas. The environment of the node and the settings file are read beside them.

    Raises:
        ParaserveError: a setting is not valid, or the node's Ray is not set up as it has to be.
    """

    def __init__(self, flags: Mapping[str, Any]) -> None:
        check_here()
        self._sources = SettingSources(flags)
        self._settings = self._sources.read()
        self._draining: asyncio.Task[None] | None = None

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Make the application. Serve runs its lifespan, which loads the models, then begins to listen."""
        configure_logging(self._settings.log_level, self._settings.log_format)
        self._served = create_app(self._settings, sources=self._sources)
        contract = Contract(self._settings, self._served.state.refusals, self._drain)
        use_transport(partial(ServeTransport, contract=contract))
        return self._served

    async def check_health(self) -> None:
        """Tell Serve, which asks every two seconds, whether this replica works. It replaces one that does not.

        Raises:
            ParaserveError: no model answers.
        """
        fault = await self._served.state.readiness.fault()
        if fault is not None:
            raise ParaserveError(fault)

    def _drain(self) -> None:
        """End live sessions with their last results, once, and leave jobs in progress to other replicas."""
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._end_all())

    async def _end_all(self) -> None:
        await asyncio.gather(self._served.state.live.drain(), self._served.state.jobs.drain())
