"""Questions and the answer of `paraserve models recommend`."""

import sys

import typer

from paraserve.catalog.choosing.extras import how_to_install, missing_packages
from paraserve.catalog.choosing.recommend import recommend
from paraserve.catalog.store import known_bundles, models_folder, pulled_bundles
from paraserve.cli.config import read_settings
from paraserve.errors import ParaserveError
from paraserve.server.protocols.languages import language_code

ANY = "any"
SPEEDS = {
    "fast": "many speakers on two cores",
    "medium": "one or two speakers on two cores",
    "slow": "recordings rather than live speech on two cores",
}


def recommended(language: str | None, device: str | None) -> str:
    """Return the command that serves the bundle which suits, and say on stderr which it is and why.

    Args:
        language: codes or names with commas between, or "any". None: ask in a terminal, else any.
        device: "cpu" or "cuda:N". None: ask in a terminal, else the setting.

    Raises:
        ParaserveError: a language or a device is not known.
    """
    is_asked = sys.stdin.isatty() and sys.stderr.isatty()
    if language is None:
        language = _ask("Language (zh, English, ... or any)", ANY) if is_asked else ANY
    if device is None and is_asked:
        device = {"gpu": "cuda:0"}.get(answer := _ask("cpu or gpu", "cpu"), answer)
    settings = read_settings({"device": device})
    models_dir = models_folder(settings.models_dir)
    catalog = known_bundles(models_dir)
    name = recommend(catalog, _codes(language), is_cpu=settings.is_cpu)
    model = catalog.recognizer(name)
    assert model is not None
    speed = f", {SPEEDS[model.speed]}" if settings.is_cpu else ""
    typer.echo(f"{name}: {catalog.bundles[name].about} ({catalog.megabytes(name):.0f} MB{speed})", err=True)
    missing = missing_packages(catalog.extras(name))
    install = f"{how_to_install(missing)} && " if missing else ""
    pull = "" if name in pulled_bundles(models_dir) else " --pull"
    on_device = "" if settings.is_cpu else f" --device {settings.device}"
    return f"{install}paraserve serve --bundle {name}{on_device}{pull}"


def _ask(question: str, default: str) -> str:
    """Return the answer of the terminal. typer.prompt would write a space to stdout, which has the command alone."""
    typer.echo(f"{question} [{default}]: ", nl=False, err=True)
    return sys.stdin.readline().strip() or default


def _codes(names: str) -> list[str]:
    """Return the codes of languages by codes or names with commas between; none for any language."""
    codes = []
    for name in filter(None, map(str.strip, names.split(","))):
        if name.lower() == ANY:
            return []
        code = language_code(name)
        if code is None:
            raise ParaserveError(f"{name!r} is no language: expected a code or a name such as zh, Chinese or any")
        codes.append(code)
    return codes
