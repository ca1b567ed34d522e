"""`paraserve doctor`: check this machine and installation, with a cure for each problem."""

from typing import TYPE_CHECKING, Annotated

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import Bundles, Device

if TYPE_CHECKING:
    from paraserve.cli.checks.findings import Finding
    from paraserve.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    bundle: Bundles = None,
    device: Device = None,
    host: Annotated[str | None, typer.Option("--host", "--listen-ip", help="Address of the port to check.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to check.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend first what can be mended safely.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download and install without asking.")] = False,
) -> None:
    """Check this machine and installation: one line each, ok, warn or fail, with the cure.

    The exit code is 1 if a line says fail, 0 otherwise.

    With --fix, lines before the checks say what was done: folders made, prepared graphs taken away that are damaged
    or old, damaged bundles pulled again, files of keys hidden from other users. Nothing that cannot be made again is
    changed. What it would download or install it asks about.
    """
    with ended_by_interrupt():
        import asyncio

        from paraserve.cli.checks.findings import State
        from paraserve.cli.config import read_settings

    settings = read_settings({"bundle": bundle or None, "device": device, "host": host, "port": port})
    if fix:
        _mend(settings, is_agreed=yes)
    findings = asyncio.run(_examine(settings))
    raise typer.Exit(1 if any(finding.state is State.FAIL for finding in findings) else 0)


def _mend(settings: "Settings", *, is_agreed: bool) -> None:
    with ended_by_interrupt():
        from paraserve.cli.checks.fixes import fix_machine

    n_fixed = 0
    for finding in fix_machine(settings, is_agreed=is_agreed):
        print(finding, flush=True)
        n_fixed += 1
    if not n_fixed:
        print("ok    fix: nothing to mend", flush=True)


async def _examine(settings: "Settings") -> "list[Finding]":
    """Print each finding at once; return all of them."""
    with ended_by_interrupt():
        from paraserve.cli.checks.machine_checks import check_machine
        from paraserve.cli.checks.pipeline_checks import check_pipeline

    findings = []
    for finding in check_machine(settings):
        print(finding, flush=True)
        findings.append(finding)
    async for finding in check_pipeline(settings):
        print(finding, flush=True)
        findings.append(finding)
    return findings
