"""`paraserve serve`: the server."""

import inspect
from typing import Annotated, Any, Literal, get_origin

import typer

from paraserve.cli.config import check_files, read_settings
from paraserve.cli.extra_flags import parse_extra_flags
from paraserve.cli.setting_texts import setting_option
from paraserve.server.access.api_keys import exposure
from paraserve.server.access.client_addresses import is_loopback
from paraserve.server.processes.supervisor import Supervisor
from paraserve.setting_fields import REMOVED
from paraserve.setting_sources import SettingSources
from paraserve.settings import Settings
from paraserve.user_folders import expanded

COMMON = (
    "config",
    "host",
    "port",
    "bundle",
    "device",
    "mode",
    "protocol",
    "certfile",
    "keyfile",
    "api_keys_file",
    "workers",
    "max_live",
)
"""Settings that `--help` shows first. Typer reads these flags, `extra_flags` those of all other settings."""
ALIASES = {"host": ["--listen-ip"]}
"""FunASR's names of flags that typer reads."""
CONTEXT = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "token_normalize_func": lambda name: name.replace("_", "-"),
}
"""Flags that typer does not know reach `ctx.args`; `--listen_ip` equals `--listen-ip`."""


def serve(
    ctx: typer.Context,
    no_optimize: Annotated[
        bool,
        typer.Option("--no-optimize", help="Load model files as they are on disk, not rewritten for this machine."),
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the effective settings as JSON and exit.")
    ] = False,
    **common: Any,
) -> None:
    """Serve speech recognition over HTTP and WebSocket.

    A flag wins over the environment (PARASERVE_<SETTING>), the environment over the file, the file over the default.
    """
    extra = parse_extra_flags(ctx.args)
    if common["certfile"] in REMOVED:
        common |= {"certfile": "", "keyfile": ""}
    common["bundle"] = common["bundle"] or None
    optimize = {"optimize": False} if no_optimize else {}
    flags = {name: value for name, value in {**extra.settings, **common, **optimize}.items() if value is not None}
    settings, sources = read_settings(flags), SettingSources(flags)
    for warning in extra.warnings:
        _warn(warning)
    if print_config:
        print(settings.model_dump_json(indent=2))
        return
    check_files(settings)
    if settings.api_keys_file and (risk := exposure(expanded(settings.api_keys_file))):
        _warn(risk)
    if not (is_loopback(settings.host) or settings.api_keys_file):
        _warn(f"listening on {settings.host} without API keys: whoever reaches the port may use the server")
    raise typer.Exit(
        Supervisor(settings, sources=sources).run() if settings.is_supervised else _serve_alone(settings, sources)
    )


def _serve_alone(settings: Settings, sources: SettingSources) -> int:
    # The supervisor does without the server and the models' libraries, which take memory.
    from paraserve.server.processes.server import serve as run_server  # noqa: PLC0415

    return run_server(settings, sources)


def _common_parameter(name: str) -> inspect.Parameter:
    """Return the parameter of a common setting; None = not on the command line."""
    annotation = Settings.model_fields[name].annotation
    is_plain = annotation is int or get_origin(annotation) is Literal
    value: Any = annotation if is_plain else list[str] if name == "bundle" else str
    option = setting_option(name, *ALIASES.get(name, ()))
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[value | None, option]
    )


def _with_common_settings(signature: inspect.Signature) -> inspect.Signature:
    """Return the signature from which typer makes the options: one for each common setting instead of `**common`."""
    ctx, *own, _ = signature.parameters.values()
    options = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    return signature.replace(parameters=[ctx, *map(_common_parameter, COMMON), *options])


serve.__signature__ = _with_common_settings(inspect.signature(serve))  # type: ignore[attr-defined]


def _warn(message: str) -> None:
    typer.echo(f"paraserve: warning: {message}", err=True)
