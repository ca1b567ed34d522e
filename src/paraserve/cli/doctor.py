"""`paraserve doctor`: check this machine and installation, with a cure for each problem."""

from typing import TYPE_CHECKING, Annotated

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import Bundles, Device

if TYPE_CHECKING:
    from paraserve.cli.findings import Finding
    from paraserve.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    bundle: Bundles = None,
    device: Device = None,
    host: Annotated[str | None, typer.Option("--host", "--listen-ip", help="Address of the port to check.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to check.")] = None,
) -> None:
    """Check this machine and installation: one line each, ok, warn or fail, with the cure.

    The exit code is 1 if a line says fail, 0 otherwise.
    """
    with ended_by_interrupt():
        import asyncio

        from paraserve.cli.config import read_settings
        from paraserve.cli.findings import State

    settings = read_settings({"bundle": bundle or None, "device": device, "host": host, "port": port})
    findings = asyncio.run(_examine(settings))
    raise typer.Exit(1 if any(finding.state is State.FAIL for finding in findings) else 0)


async def _examine(settings: "Settings") -> "list[Finding]":
    """Print each finding at once; return all of them."""
    with ended_by_interrupt():
        from paraserve.cli.machine_checks import check_machine
        from paraserve.cli.pipeline_checks import check_pipeline

    findings = []
    for finding in check_machine(settings):
        print(finding, flush=True)
        findings.append(finding)
    async for finding in check_pipeline(settings):
        print(finding, flush=True)
        findings.append(finding)
    return findings
