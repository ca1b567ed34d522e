"""Downloads of bundles by a running server: one at a time, and then it is loaded without a restart."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from paraserve.catalog.choosing.extras import how_to_install, missing_packages
from paraserve.catalog.choosing.recommend import recommend
from paraserve.catalog.entries import MEGABYTE, Catalog
from paraserve.catalog.files import check_room, disk_errors
from paraserve.catalog.store import EMBEDDED, known_bundles, leftovers, pulled_bundles
from paraserve.errors import (
    MissingPackageError,
    ModelNotFoundError,
    NoPullError,
    ParaserveError,
    PullBusyError,
    PullStoppedError,
)
from paraserve.server.pulling.pull_job import PullJob, new_job, run_pull

MAX_NAME_CHARS = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KnownBundle:
    """A bundle that the server may load: what it is, where it is, and the packages that it lacks."""

    name: str
    about: str
    megabytes: float
    languages: tuple[str, ...]
    is_here: bool
    missing_packages: tuple[str, ...]


@dataclass(slots=True)
class PullService:
    """Pulls bundles of the catalog and loads them.

    Args:
        models_dir: the folder of pulled bundles.
        for_gpu: pull the float32 graphs that a GPU needs.
        load: loads a bundle that is here beside what is loaded, or raises and leaves all as it was.
        loaded: returns the names of the bundles that are loaded.
    """

    models_dir: Path
    for_gpu: bool
    load: Callable[[str], Awaitable[None]]
    loaded: Callable[[], Collection[str]]
    job: PullJob | None = None
    _task: "asyncio.Task[None] | None" = field(default=None, init=False)

    def recommended(self) -> str:
        """Return the name of the bundle for speech in any language. Reads files.

        Raises:
            ModelLoadError: a catalog cannot be read.
        """
        return recommend(known_bundles(self.models_dir), (), is_cpu=not self.for_gpu)

    def known(self) -> list[KnownBundle]:
        """Return the bundles with a recognizer that may be loaded by name. Reads files.

        Raises:
            ModelLoadError: a catalog cannot be read.
        """
        catalog = known_bundles(self.models_dir)
        here = pulled_bundles(self.models_dir)
        return [
            KnownBundle(
                name,
                bundle.about,
                catalog.megabytes(name),
                model.languages,
                name in here,
                tuple(missing_packages(catalog.extras(name))),
            )
            for name, bundle in catalog.bundles.items()
            if (model := catalog.recognizer(name)) is not None and name not in EMBEDDED
        ]

    async def start(self, name: str) -> PullJob:
        """Begin to pull a bundle, or only to load it if it is here, and return the job.

        Raises:
            ModelNotFoundError: no bundle of the catalog has this name and a recognizer.
            PullBusyError: another job is not over.
            MissingPackageError: a package that the model needs is not installed.
            DiskFullError: there is no room for it.
        """
        if self.job is not None and not self.job.is_over:
            raise PullBusyError(f"{self.job.name} is in progress ({self.job.state}): wait for its end, or stop it")
        # Until the first await nobody else comes in between.
        catalog = known_bundles(self.models_dir)
        self._check(name, catalog)
        self.job = job = new_job(name, catalog)
        self._task = asyncio.create_task(self._run(job, catalog))
        return job

    def stop(self, name: str) -> PullJob:
        """Stop the download of a bundle. What was fetched is kept. A load that has begun goes on.

        Raises:
            NoPullError: this bundle is not being pulled.
        """
        job = self.job
        if job is None or job.name != name or job.is_over:
            raise NoPullError(f"{name[:MAX_NAME_CHARS]!r} is not being pulled")
        job.stop.set()
        return job

    async def close(self) -> None:
        """Stop a download in progress. The next one goes on from there."""
        if self._task is None:
            return
        if self.job is not None:
            self.job.stop.set()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _check(self, name: str, catalog: Catalog) -> None:
        if name not in catalog.bundles or catalog.recognizer(name) is None:
            there = ", ".join(bundle.name for bundle in self.known())
            raise ModelNotFoundError(
                f"the catalog has no model {name[:MAX_NAME_CHARS]!r}, only: {there}", param="name"
            )
        missing = missing_packages(catalog.extras(name))
        if missing:
            raise MissingPackageError(f"{name} needs a package that is not installed: {how_to_install(missing)}")
        if name not in pulled_bundles(self.models_dir):
            with disk_errors(self.models_dir):
                self.models_dir.mkdir(parents=True, exist_ok=True)
                n_fetched = sum(file.stat().st_size for file in leftovers(name, self.models_dir)[0].rglob("*"))
                check_room(round(catalog.megabytes(name) * MEGABYTE) - n_fetched, self.models_dir)

    async def _run(self, job: PullJob, catalog: Catalog) -> None:
        log.info("pulling a model", model=job.name, megabytes=catalog.megabytes(job.name))
        try:
            await run_pull(job, catalog, self.models_dir, for_gpu=self.for_gpu)
            job.state = "loading"
            await self.load(job.name)
        except PullStoppedError as error:
            job.error, job.state = error, "stopped"
        except ParaserveError as error:
            log.warning("model not pulled", model=job.name, error=error.message)
            job.error, job.state = error, "failed"
        else:
            log.info("model pulled and loaded", model=job.name)
            job.state = "done"
        finally:
            if not job.is_over:
                job.error = ParaserveError("an unexpected failure, which the server's log shows")
                job.state = "failed"
