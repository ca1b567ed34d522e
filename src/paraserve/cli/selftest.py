"""`paraserve selftest`: try every protocol and, if asked to, faults on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import ApiKey, Bundles, Device, OptionalServer

if TYPE_CHECKING:
    from paraserve.selftest.running import Plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def selftest(  # noqa: PLR0913, PLR0917 - one parameter a flag
    faults: Annotated[
        bool, typer.Option("--faults", help="Then bring about faults, each on a server of its own: some 4 minutes.")
    ] = False,
    hours: Annotated[float, typer.Option(min=0, help="Repeat everything for so long, and watch for growth.")] = 0.0,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Run this check alone. May be given several times.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report: Markdown if it ends in .md, else JSON.")
    ] = None,
    bundle: Bundles = None,
    device: Device = None,
    server: OptionalServer = None,
    api_key: ApiKey = "",
) -> None:
    """Recognize a recording over every protocol and compare the texts: a verdict a line.

    It starts servers of its own on free ports of this machine, with folders of their own. Jobs, keys and settings of
    the user are left alone. --server tests the protocols of a server that runs already.

    The exit code is 1 if a line says FAILED, 0 otherwise.
    """
    with ended_by_interrupt():
        from paraserve.cli.self_testing import own_plan, print_verdicts, server_plan
        from paraserve.errors import ParaserveError

    if server is None:
        plan: Plan = own_plan(bundle, device, has_faults=faults, only=only or (), hours=hours)
        tested = ", ".join(bundle or ["demo"])
    elif faults or hours or bundle or device:
        raise ParaserveError(
            "--server tests protocols alone: it goes without --faults, --hours, --bundle and --device",
            code="invalid_option",
        )
    else:
        plan, tested = server_plan(server, api_key, only or ()), server
    raise typer.Exit(0 if print_verdicts(plan, report, tested) else 1)
