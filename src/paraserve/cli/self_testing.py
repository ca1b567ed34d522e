"""What `paraserve selftest` does: its plan, its lines and its report."""

from collections.abc import Sequence
from pathlib import Path

from paraserve.catalog.store import bundle_root, models_folder
from paraserve.cli.config import check_files, read_settings
from paraserve.cli.server_address import server_address
from paraserve.selftest.own_server import Target
from paraserve.selftest.recording import DEMO_TEXT
from paraserve.selftest.report import totals, write_report
from paraserve.selftest.running import PYTHON, Plan, run
from paraserve.selftest.verdicts import State, Verdict

DEMO = "demo"


def own_plan(
    bundles: Sequence[str] | None, device: str | None, *, has_faults: bool, only: Sequence[str], hours: float
) -> Plan:
    """Return the plan for servers that are started here.

    Raises:
        ParaserveError: a bundle is not on this machine, or a value is wrong.
    """
    settings = read_settings({"bundle": bundles or (DEMO,), "device": device})
    check_files(settings)
    chosen = [entry.bundle for entry in settings.model_entries.values()]
    flags = [*(word for one in chosen for word in ("--bundle", one)), "--device", settings.device]
    # Pulled bundles and prepared graphs are the user's: they are large.
    flags += ["--models-dir", settings.models_dir, "--cache-dir", settings.cache_dir]
    return Plan(
        flags=flags,
        bundle_root=bundle_root(chosen[0], models_folder(settings.models_dir)),
        expected_text=DEMO_TEXT if chosen == [DEMO] else None,
        has_faults=has_faults,
        only=only,
        hours=hours,
    )


def server_plan(address: str, api_key: str, only: Sequence[str]) -> Plan:
    """Return the plan for a server that runs already.

    Raises:
        ParaserveError: this is no address of a server.
    """
    return Plan(server=Target(server_address(address), api_key), only=only)


def print_verdicts(plan: Plan, report: Path | None, tested: str, python: Sequence[str] = PYTHON) -> bool:
    """Print a line for each check and a total, and write the report after each. Return whether none has failed.

    Raises:
        ParaserveError: there is no check of a name in the plan, or the report cannot be written.
    """
    verdicts: list[Verdict] = []
    if report is not None:
        write_report(report, tested, verdicts)  # or it would be known after hours that it cannot be
    for verdict in run(plan, python):
        print(verdict, flush=True)
        verdicts.append(verdict)
        if report is not None:
            write_report(report, tested, verdicts)
    print(totals(verdicts))
    return all(verdict.state is not State.FAILED for verdict in verdicts)
