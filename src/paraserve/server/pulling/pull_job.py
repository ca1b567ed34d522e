"""One download of a bundle, in a thread beside the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Literal

import structlog

from paraserve.catalog.entries import MEGABYTE, Catalog
from paraserve.errors import ParaserveError

State = Literal["pulling", "loading", "done", "failed", "stopped"]
ENDED: frozenset[State] = frozenset(("done", "failed", "stopped"))

log = structlog.get_logger()


@dataclass(slots=True)
class PullJob:
    """The download of the bundle `name`, and how far it is. `stop` ends it. Bytes are of the whole bundle, about."""

    name: str
    total_bytes: int
    done_bytes: int = 0
    state: State = "pulling"
    error: ParaserveError | None = None
    stop: Event = field(default_factory=Event)

    @property
    def is_over(self) -> bool:
        """True when nothing more happens."""
        return self.state in ENDED

    def progress(self, done: int, total: int | None) -> None:
        """Note bytes that have come. Called in the thread of the download."""
        self.done_bytes = done
        self.total_bytes = max(done, total or self.total_bytes)


def new_job(name: str, catalog: Catalog) -> PullJob:
    """Return a job that has not begun."""
    return PullJob(name, round(catalog.megabytes(name) * MEGABYTE))


async def run_pull(job: PullJob, catalog: Catalog, models_dir: Path, *, for_gpu: bool) -> Path:
    """Download the bundle of a job and return its folder.

    A cancelled call leaves the thread to end by itself, which it does when `job.stop` is set.

    Raises:
        DiskFullError: there is no room for it.
        PullStoppedError: `job.stop` was set.
        ModelPullError: no source has it.
    """

    def pull() -> Path:
        # Most servers never pull, and do without the libraries for it.
        from paraserve.catalog.download import open_client  # noqa: PLC0415
        from paraserve.catalog.download_sources import Fetcher  # noqa: PLC0415
        from paraserve.catalog.hubs import mirrors_of  # noqa: PLC0415
        from paraserve.catalog.pull import Puller  # noqa: PLC0415

        with open_client(job.stop) as client:
            fetcher = Fetcher(client, mirrors_of(), job.progress)
            return Puller(catalog, models_dir, fetcher, log.info, None, for_gpu).pull(job.name)

    return await _in_a_thread(pull, f"pull {job.name}")


async def _in_a_thread(call: Callable[[], Path], name: str) -> Path:
    """Return the result of a call in a thread of its own, which does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Path] = loop.create_future()

    def settle(root: Path | None, error: BaseException | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        elif root is not None:
            result.set_result(root)

    def run() -> None:
        root, error = None, None
        try:
            root = call()
        except BaseException as raised:  # noqa: BLE001 - raised again where the result is awaited
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, root, error)

    Thread(target=run, daemon=True, name=name).start()
    return await result
