"""`paraserve serve`: the server."""

import textwrap
from collections.abc import Iterable
from typing import Annotated, Literal

import typer

from paraserve.cli.config import check_files, is_loopback, read_settings
from paraserve.cli.funasr_flags import OWN, SETTING_OF, SWITCHES, WITHOUT_EFFECT, parse_funasr_flags
from paraserve.server.processes.server import serve as run_server
from paraserve.server.processes.supervisor import Supervisor
from paraserve.wiring import REMOVED


def _listed(names: Iterable[str]) -> str:
    """Flags as lines of help that are not wrapped again, which would break them at their dashes."""
    flags = " ".join(f"--{name}" for name in names)
    return "\b\n" + textwrap.fill(flags, 72, break_on_hyphens=False, initial_indent="  ", subsequent_indent="  ")


SHOWN = frozenset(
    (
        *("config", "host", "port", "bundle", "device", "mode", "protocol", "certfile", "keyfile"),
        *("api-keys-file", "workers", "max-live", "optimize"),
    )
)
"""Settings that have an option of their own below."""
MORE_HELP = "\n\n".join(
    (
        "Every other setting is a flag as well (docs/configuration.md says what they mean):",
        _listed(sorted(OWN.keys() - SHOWN - SETTING_OF.keys())),
        "FunASR's flags work too, with dashes or underscores:",
        _listed(SETTING_OF),
        'A --*-dir replaces that part of the bundle; "" or 0 removes it. Accepted with a warning, without effect:',
        _listed((*WITHOUT_EFFECT, *SWITCHES)),
    )
)
CONTEXT = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "token_normalize_func": lambda name: name.replace("_", "-"),
}
"""Unknown options reach `ctx.args`, where FunASR's are looked up; `--listen_ip` equals `--listen-ip`."""


def serve(  # noqa: PLR0913, PLR0917 - one parameter a flag
    ctx: typer.Context,
    config: Annotated[str | None, typer.Option(metavar="FILE", help="TOML file with settings.")] = None,
    host: Annotated[
        str | None, typer.Option("--host", "--listen-ip", help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(help="TCP port, 0 for a free one.  [default: 10095]")] = None,
    bundle: Annotated[
        str | None, typer.Option(help="Name of a bundle (see models list), or a folder.  [default: demo]")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda:N or cuda:N,cuda:M.  [default: cpu]")] = None,
    mode: Annotated[
        Literal["2pass", "offline"] | None, typer.Option(help="Which FunASR server to be.  [default: 2pass]")
    ] = None,
    protocol: Annotated[
        Literal["compat", "strict"] | None,
        typer.Option(help="strict repeats the quirks of FunASR's servers.  [default: compat]"),
    ] = None,
    certfile: Annotated[
        str | None, typer.Option(help='TLS certificate (PEM); "" or 0 for plain connections.  [default: plain]')
    ] = None,
    keyfile: Annotated[str | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
    api_keys_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="API keys that clients must have (paraserve keys add).")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes on the port.  [default: 1]")] = None,
    max_live: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Live connections at once; auto measures.  [default: 8 per CPU]"),
    ] = None,
    no_optimize: Annotated[
        bool,
        typer.Option("--no-optimize", help="Load model files as they are on disk, not rewritten for this machine."),
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the effective settings as JSON and exit.")
    ] = False,
) -> None:
    """Serve speech recognition over HTTP and WebSocket.

    A flag wins over the environment (PARASERVE_<SETTING>), the environment over the file, the file over the default.
    """
    funasr = parse_funasr_flags(ctx.args)
    plain = certfile in REMOVED
    settings = read_settings(
        {
            **funasr.settings,
            "config": config,
            "host": host,
            "port": port,
            "bundle": bundle,
            "device": device,
            "mode": mode,
            "protocol": protocol,
            "workers": workers,
            "max_live": max_live,
            "certfile": "" if plain else certfile,
            "keyfile": "" if plain else keyfile,
            "api_keys_file": api_keys_file,
            **({"optimize": False} if no_optimize else {}),
        }
    )
    for warning in funasr.warnings:
        _warn(warning)
    if print_config:
        print(settings.model_dump_json(indent=2))
        return
    check_files(settings)
    if not (is_loopback(settings.host) or settings.api_keys_file):
        _warn(f"listening on {settings.host} without API keys: whoever reaches the port may use the server")
    raise typer.Exit(Supervisor(settings).run() if settings.is_supervised else run_server(settings))


def _warn(message: str) -> None:
    typer.echo(f"paraserve: warning: {message}", err=True)
