"""What `paraserve serve` does: settings, checks before anything is loaded, and the server itself."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import typer

from paraserve.cli.config import check_files, read_settings
from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.serving.browser import WILDCARDS, open_page
from paraserve.cli.serving.extra_flags import parse_extra_flags
from paraserve.cli.serving.machine_addresses import LOOPBACK, machine_addresses
from paraserve.errors import ParaserveError
from paraserve.option_values import REMOVED
from paraserve.server.access.api_keys import exposure
from paraserve.server.access.client_addresses import is_loopback
from paraserve.server.processes.listening import OnListening, say_no_more
from paraserve.server.processes.supervisor import Supervisor
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings
from paraserve.user_folders import expanded


@dataclass(frozen=True, slots=True)
class ServeSwitches:
    """What is asked for beside the settings.

    `pull`: pull bundles that are missing. `self_signed`: make a certificate and serve by https. `open_browser`: open
    the page when it is there. `print_config`: print the settings, and do no more.
    """

    pull: bool = False
    self_signed: bool = False
    open_browser: bool = False
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
    settings, sources = _read(common, args, is_self_signed=switches.self_signed)
    if switches.print_config:
        print(settings.model_dump_json(indent=2))
        return 0
    if switches.pull:
        _pull_missing(settings)
    check_files(settings)
    _warn_of_risks(settings)
    if switches.self_signed:
        _say_where_phones_go(settings)
    if sys.stderr.isatty():
        _say(f"loading {', '.join(settings.model_entries)}")
    on_listening = partial(open_page, host=settings.host) if switches.open_browser else say_no_more
    if settings.is_supervised:
        return Supervisor(settings, sources=sources, on_listening=on_listening).run()
    return _serve_alone(settings, sources, on_listening)


def _read(
    common: Mapping[str, object], args: Sequence[str], *, is_self_signed: bool
) -> tuple[Settings, SettingSources]:
    """Return the settings and where they come from, and warn of flags that change nothing."""
    extra = parse_extra_flags(args)
    flags = {name: value for name, value in {**extra.settings, **common}.items() if value is not None}
    if flags.get("certfile") in REMOVED:
        flags |= {"certfile": "", "keyfile": ""}
    if is_self_signed:
        flags |= _self_signed(flags)
    settings = read_settings(flags)
    for warning in extra.warnings:
        _warn(warning)
    return settings, SettingSources(flags)


def _warn_of_risks(settings: Settings) -> None:
    if settings.api_keys_file and (risk := exposure(expanded(settings.api_keys_file))):
        _warn(risk)
    if not (is_loopback(settings.host) or settings.api_keys_file):
        _warn(f"listening on {settings.host} without API keys: whoever reaches the port may use the server")


def _self_signed(flags: Mapping[str, object]) -> dict[str, str]:
    """Return the flags of the certificate of this machine, and tell its fingerprint.

    Raises:
        ParaserveError: another certificate is given, or it cannot be written.
    """
    if flags.get("certfile"):
        raise ParaserveError(
            "--self-signed makes a certificate, so it goes without --certfile", code="invalid_option"
        )
    # A server without it does without the library, which takes memory.
    from paraserve.cli.serving.self_signed import self_signed

    made = self_signed()
    if made.news:
        _say(made.news)
    _say(f"the SHA-256 fingerprint of the certificate is {made.fingerprint}")
    return {"certfile": str(made.certfile), "keyfile": str(made.keyfile)}


def _say_where_phones_go(settings: Settings) -> None:
    if settings.host not in WILDCARDS:
        others = "" if not is_loopback(settings.host) else " (--host 0.0.0.0 lets phones and other machines in)"
        _say(f"the certificate is vouched for by nobody: browsers ask whether to go on{others}")
        return
    pages = [
        f"https://{f'[{address}]' if ':' in address else address}:{settings.port}/"
        for address in machine_addresses()
        if address not in LOOPBACK
    ]
    where = " or ".join(pages) or "the address of this machine"
    _say(f"on a phone in this network open {where}: nobody vouches for the certificate, so compare its fingerprint")


def _serve_alone(settings: Settings, sources: SettingSources, on_listening: OnListening) -> int:
    # The supervisor does without the server and the models' libraries, which take memory.
    with ended_by_interrupt():
        from paraserve.server.processes.server import serve as run_server

    return run_server(settings, sources, on_listening)


def _pull_missing(settings: Settings) -> None:
    # A server that pulls nothing does without the libraries for downloads and progress bars.
    from paraserve.cli.pulling import pull_missing

    pull_missing(settings)


def _warn(message: str) -> None:
    _say(f"warning: {message}")


def _say(line: str) -> None:
    typer.echo(f"paraserve: {line}", err=True)
