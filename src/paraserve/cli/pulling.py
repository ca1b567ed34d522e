"""Pulls of bundles from a command, with a progress bar on a terminal."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from paraserve.catalog.choosing.extras import how_to_install, missing_packages
from paraserve.catalog.download import RemoteFile, download, open_client
from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.files import disk_errors
from paraserve.catalog.hubs import mirrors_of
from paraserve.catalog.pull import Puller
from paraserve.catalog.signed.installing import install
from paraserve.catalog.signed.keys import PublicKeys
from paraserve.catalog.signed.packed_file import SUFFIX
from paraserve.catalog.store import EMBEDDED, bundle_root, known_bundles, locked, models_folder, part_folder
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


def is_packed(name: str) -> bool:
    """Return whether this is a file, or the URL of a packed bundle."""
    return Path(name).is_file() or (name.startswith(("https://", "http://")) and name.endswith(SUFFIX))


def install_packed(file_or_url: str, models_dir: Path, keys: PublicKeys | None) -> Path:
    """Install a packed bundle, downloaded where it is a URL, and return its folder. Without keys stderr says so.

    Raises:
        BundleSignatureError: no such key has signed it.
        PackedBundleError: it is no packed bundle, or is damaged.
        ModelPullError: it cannot be downloaded, read or written.
    """
    if keys is None:
        how = "--public-key FILE, or the setting bundle_keys"
        typer.echo(f"paraserve: {file_or_url}: nobody checks who has signed it: {how}", err=True)

    if Path(file_or_url).is_file():
        return install(Path(file_or_url), models_dir, keys, _say_waits)
    with fetched(file_or_url, models_dir) as path:
        return install(path, models_dir, keys, _say_waits)


@contextmanager
def fetched(url: str, models_dir: Path) -> Iterator[Path]:
    """Download a packed bundle into a hidden folder, for as long as the context lasts.

    Raises:
        ModelPullError: it cannot be downloaded or written.
    """
    name = f"download-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    folder, file = models_dir / f".{name}", RemoteFile(f"bundle{SUFFIX}", url)
    with disk_errors(models_dir), locked(name, models_dir, lambda _: _say_waits(url)):
        try:
            folder.mkdir(exist_ok=True)
            with open_client() as client, Bars() as bars, bars.bar(url) as on_progress:
                download(client, [file], folder, on_progress)
            yield folder / file.name
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _say_waits(name: str) -> None:
    typer.echo(f"paraserve: {name} is being pulled by another process: waiting for it", err=True)


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
