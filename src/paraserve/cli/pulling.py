"""Pulls of bundles from a command, with a progress bar on a terminal."""

from collections.abc import Iterator
from pathlib import Path

import typer

from paraserve.catalog.choosing.extras import how_to_install, missing_packages
from paraserve.catalog.download import open_client
from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.hubs import mirrors_of
from paraserve.catalog.pull import Puller
from paraserve.catalog.store import EMBEDDED, bundle_root, known_bundles, models_folder, part_folder
from paraserve.cli.config import PART_OF
from paraserve.cli.progress import Bars
from paraserve.errors import ModelLoadError, ModelPullError
from paraserve.settings import Settings


def pull_bundle(name: str, models_dir: Path, kind: str | None = None, *, for_gpu: bool) -> Path:
    """Pull a bundle of the catalog unless it is here and intact, and return its folder.

    Args:
        name: of the bundle. An embedded one and a folder are here already.
        models_dir: the folder of pulled bundles.
        kind: the only kind of source to try. None: all.
        for_gpu: take the float32 graphs of recognizers where a source has them.

    Raises:
        ModelPullError: it is not in the catalog, or cannot be pulled from any source.
    """
    catalog = known_bundles(models_dir)
    if name in EMBEDDED or (name not in catalog.bundles and Path(name).is_dir()):
        return bundle_root(name, models_dir)
    if name not in catalog.bundles:
        raise ModelPullError(f"there is no bundle {name!r} in the catalog, only: {', '.join(catalog.bundles)}")
    with open_client() as client, Bars() as bars, bars.bar(name) as on_progress:

        def report(line: str) -> None:
            with bars.hidden():
                typer.echo(f"paraserve: {line}", err=True)

        fetcher = Fetcher(client, mirrors_of(), on_progress)
        return Puller(catalog, models_dir, fetcher, report, kind, for_gpu).pull(name)


def pull_missing(settings: Settings) -> None:
    """Pull the bundles that the settings name and that are not here, with a line on stderr for each.

    Raises:
        ModelPullError: one cannot be pulled, or would not load here.
    """
    models_dir = models_folder(settings.models_dir)
    catalog = known_bundles(models_dir)
    for name in dict.fromkeys(_missing(settings, models_dir)):
        missing = missing_packages(catalog.extras(name))
        if missing:
            raise ModelPullError(f"{name} needs a package that is not installed: {how_to_install(missing)}")
        typer.echo(f"paraserve: {name} is not here: pulling {catalog.megabytes(name):.0f} MB", err=True)
        root = pull_bundle(name, models_dir, for_gpu=not settings.is_cpu)
        typer.echo(f"paraserve: {name} is in {root}", err=True)


def _missing(settings: Settings, models_dir: Path) -> Iterator[str]:
    """Yield the names of bundles of the catalog that have to be pulled for these settings."""
    catalog = known_bundles(models_dir)
    for name in (entry.bundle for entry in settings.model_entries.values()):
        if name in catalog.bundles and not _is_here(name, models_dir):
            yield name
    for setting, part in PART_OF.items():
        value = getattr(settings, setting)
        if value and not _has_part(value, part, models_dir):
            yield from [value] if value in catalog.bundles else catalog.bundles_with(value)[:1]


def _is_here(name: str, models_dir: Path) -> bool:
    try:
        bundle_root(name, models_dir)
    except ModelLoadError:
        return False
    return True


def _has_part(value: str, part: str, models_dir: Path) -> bool:
    try:
        part_folder(value, part, models_dir)
    except ModelLoadError:
        return False
    return True
