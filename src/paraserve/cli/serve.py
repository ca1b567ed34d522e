"""The flags of `paraserve serve`. `serving.start` does what they ask for."""

import inspect
from typing import Annotated, Any, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.serving.serve_help import more_help
from paraserve.cli.setting_options import setting_option, setting_texts
from paraserve.cli.value_completion import bundle_names

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

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def serve(
    ctx: typer.Context,
    no_optimize: Annotated[
        bool,
        typer.Option("--no-optimize", help="Load model files as they are on disk, not rewritten for this machine."),
    ] = False,
    pull: Annotated[
        bool, typer.Option("--pull", help="Pull the bundles that are not on this machine before serving.")
    ] = False,
    self_signed: Annotated[
        bool,
        typer.Option("--self-signed", help="Serve by https with a certificate of this machine, made once."),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open-browser", help="Open the page in this machine's browser when it is there.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the effective settings as JSON and exit.")
    ] = False,
    **common: Any,
) -> None:
    """Serve speech recognition over HTTP and WebSocket.

    A flag wins over the environment (PARASERVE_<SETTING>), the environment over the file, the file over the default.
    """
    with ended_by_interrupt():
        from paraserve.cli.serving.start import ServeSwitches, run

    common["bundle"] = common["bundle"] or None
    if no_optimize:
        common["optimize"] = False
    raise typer.Exit(run(common, ctx.args, ServeSwitches(pull, self_signed, open_browser, print_config)))


def _common_parameter(name: str) -> inspect.Parameter:
    """Return the parameter of a common setting; None = not on the command line."""
    text = setting_texts()[name]
    value: Any = str
    if text.is_choice:
        value = Literal[text.kinds]
    elif text.kinds == ("int",):
        value = int
    elif name == "bundle":
        value = list[str]
    more = {"autocompletion": bundle_names} if name == "bundle" else {}
    option = setting_option(name, *ALIASES.get(name, ()), **more)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[value | None, option]
    )


def _with_common_settings(signature: inspect.Signature) -> inspect.Signature:
    """Return the signature from which typer makes the options: one for each common setting instead of `**common`."""
    ctx, *own, _ = signature.parameters.values()
    options = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    return signature.replace(parameters=[ctx, *map(_common_parameter, COMMON), *options])


serve.__signature__ = _with_common_settings(inspect.signature(serve))  # type: ignore[attr-defined]
app.command(context_settings=CONTEXT, epilog=more_help(COMMON))(serve)
