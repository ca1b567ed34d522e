"""What `paraserve serve` does: settings, checks before anything is loaded, and the server itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer

from paraserve.cli.config import check_files, read_settings
from paraserve.cli.extra_flags import parse_extra_flags
from paraserve.option_values import REMOVED
from paraserve.server.access.api_keys import exposure
from paraserve.server.access.client_addresses import is_loopback
from paraserve.server.processes.supervisor import Supervisor
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings
from paraserve.user_folders import expanded


@dataclass(frozen=True, slots=True)
class ServeSwitches:
    """What is asked for beside the settings: pull bundles that are missing; print the settings and do no more."""

    pull: bool = False
    print_config: bool = False


def run(common: Mapping[str, object], args: Sequence[str], switches: ServeSwitches) -> int:
    """Serve until a signal ends it, and return the exit code.

    Args:
        common: settings whose flags typer has read; None was not given.
        args: the other flags.
        switches: what is asked for beside the settings.

    Raises:
        ParaserveError: a flag or a setting is wrong, a file is missing, or nothing can listen on the address.
    """
    extra = parse_extra_flags(args)
    flags = {name: value for name, value in {**extra.settings, **common}.items() if value is not None}
    if flags.get("certfile") in REMOVED:
        flags |= {"certfile": "", "keyfile": ""}
    settings, sources = read_settings(flags), SettingSources(flags)
    for warning in extra.warnings:
        _warn(warning)
    if switches.print_config:
        print(settings.model_dump_json(indent=2))
        return 0
    if switches.pull:
        _pull_missing(settings)
    check_files(settings)
    _warn_of_risks(settings)
    return Supervisor(settings, sources=sources).run() if settings.is_supervised else _serve_alone(settings, sources)


def _warn_of_risks(settings: Settings) -> None:
    if settings.api_keys_file and (risk := exposure(expanded(settings.api_keys_file))):
        _warn(risk)
    if not (is_loopback(settings.host) or settings.api_keys_file):
        _warn(f"listening on {settings.host} without API keys: whoever reaches the port may use the server")


def _serve_alone(settings: Settings, sources: SettingSources) -> int:
    # The supervisor does without the server and the models' libraries, which take memory.
    from paraserve.server.processes.server import serve as run_server

    return run_server(settings, sources)


def _pull_missing(settings: Settings) -> None:
    # A server that pulls nothing does without the libraries for downloads and progress bars.
    from paraserve.cli.pulling import pull_missing

    pull_missing(settings)


def _warn(message: str) -> None:
    typer.echo(f"paraserve: warning: {message}", err=True)
