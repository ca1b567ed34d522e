"""What `paraserve doctor --fix` mends. It destroys nothing that cannot be made again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from paraserve.catalog.choosing.extras import how_to_install, missing_packages
from paraserve.catalog.manifest import verify_bundle
from paraserve.catalog.store import EMBEDDED, bundle_root, known_bundles, models_folder
from paraserve.cli.checks.findings import Finding, fail, fixed, warn
from paraserve.cli.pulling import pull_bundle
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.inference.graphs.cache import cache_folder, remove_useless
from paraserve.server.access.api_keys import exposure
from paraserve.settings import Settings
from paraserve.user_folders import expanded

OTHERS = 0o077
"""Rights of a file's group and of everybody."""


def fix_machine(settings: Settings, *, is_agreed: bool) -> Iterator[Finding]:
    """Mend what can be mended, and yield what was done, or why it was not.

    Args:
        settings: those of a server, whose folders, bundles and files are looked at.
        is_agreed: download and install without asking.
    """
    yield from _folders(settings)
    yield from _prepared_graphs(settings)
    yield from _secret_files(settings)
    yield from _packages(settings, is_agreed=is_agreed)
    yield from _bundles(settings, is_agreed=is_agreed)


def _folders(settings: Settings) -> Iterator[Finding]:
    # Those of no setting are made when they are needed.
    for folder in map(expanded, filter(None, (settings.models_dir, settings.cache_dir, settings.data_dir))):
        if folder.is_dir():
            continue
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            yield fail("folder", f"{folder}: {error.strerror}", "make it for the user who runs the server")
        else:
            yield fixed("folder", f"made {folder}")


def _prepared_graphs(settings: Settings) -> Iterator[Finding]:
    cache = cache_folder(settings.cache_dir)
    try:
        for name, reason in remove_useless(cache):
            yield fixed("prepared graph", f"removed {name} ({reason}): the next start makes it again")
    except OSError as error:
        yield warn("prepared graphs", f"{cache}: {error.strerror}", "let the user who runs the server write there")


def _secret_files(settings: Settings) -> Iterator[Finding]:
    for name in filter(None, (settings.api_keys_file, settings.keyfile)):
        path = expanded(name)
        if not path.is_file() or not _is_exposed(path, is_list=name == settings.api_keys_file):
            continue
        try:
            path.chmod(path.stat().st_mode & ~OTHERS)
        except OSError as error:
            yield warn("rights", f"{path}: {error.strerror}", f"as its owner: chmod go= {path}")
        else:
            yield fixed("rights", f"{path} is for its owner alone now")


def _is_exposed(path: Path, *, is_list: bool) -> bool:
    """Tell whether others may read a file. The group of a TLS key may be there for that."""
    return exposure(path) is not None if is_list else bool(path.stat().st_mode & 0o007)


def _packages(settings: Settings, *, is_agreed: bool) -> Iterator[Finding]:
    catalog = known_bundles(models_folder(settings.models_dir))
    names = [entry.bundle for entry in settings.model_entries.values() if entry.bundle in catalog.bundles]
    missing = list(dict.fromkeys(package for name in names for package in missing_packages(catalog.extras(name))))
    if not missing:
        return
    command = how_to_install(missing)
    if not _agrees(f"Run {command}?", is_agreed=is_agreed):
        yield warn("packages", f"{', '.join(missing)} missing", f"{command}, or --fix --yes")
        return
    done = subprocess.run([sys.executable, "-m", "pip", "install", *missing], stdout=sys.stderr, check=False)  # noqa: S603
    yield fixed("packages", command) if done.returncode == 0 else fail("packages", f"{command} failed", "see above")


def _bundles(settings: Settings, *, is_agreed: bool) -> Iterator[Finding]:
    models_dir = models_folder(settings.models_dir)
    catalog = known_bundles(models_dir)
    for entry in settings.model_entries.values():
        name = entry.bundle
        problem = _bundle_problem(name, models_dir)
        if problem is None or name in EMBEDDED or name not in catalog.bundles:
            continue  # paraserve has no other copy of the user's own folder
        question = f"{problem}. Pull {name} ({catalog.megabytes(name):.0f} MB at most)?"
        if not _agrees(question, is_agreed=is_agreed):
            yield warn("bundle", problem, f"paraserve models pull {name}, or --fix --yes")
            continue
        try:
            yield fixed("bundle", f"pulled {pull_bundle(name, models_dir, for_gpu=not settings.is_cpu)}")
        except ParaserveError as error:
            yield fail("bundle", error.message, f"paraserve models pull {name}")


def _bundle_problem(name: str, models_dir: Path) -> str | None:
    try:
        verify_bundle(bundle_root(name, models_dir))
    except ModelLoadError as error:
        return error.message
    return None


def _agrees(question: str, *, is_agreed: bool) -> bool:
    """Ask in a terminal. Elsewhere nobody would answer."""
    if is_agreed:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt from None
