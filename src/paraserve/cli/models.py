"""`paraserve models`: the bundles of this installation and the state of their files."""

from pathlib import Path
from typing import Annotated

import typer

from paraserve.catalog import EMBEDDED, bundle_root, check_bundle

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List and check model bundles.")


@app.command("list")
def list_bundles() -> None:
    """Print name, size and folder of every bundle that --bundle knows by name."""
    for name in EMBEDDED:
        root = bundle_root(name)
        print(f"{name}\t{_megabytes(root):.1f} MB\t{root}")


@app.command()
def path(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Print the folder of a bundle."""
    print(bundle_root(name))


@app.command()
def verify(
    bundle: Annotated[str, typer.Argument(metavar="[DIR]", help="Folder of a bundle, or its name.")] = "demo",
) -> None:
    """Compare every file of a bundle with its manifest; exit code 1 if one is missing or altered."""
    root = bundle_root(bundle)
    checks = list(check_bundle(root))
    for check in checks:
        state = "ok" if check.problem is None else f"PROBLEM: {check.problem}"
        print(f"{check.path.relative_to(root)}: {state}")
    n_bad = sum(check.problem is not None for check in checks)
    typer.echo(f"{root}: {len(checks)} files, {n_bad or 'no'} problem{'' if n_bad == 1 else 's'}", err=True)
    raise typer.Exit(1 if n_bad else 0)


def _megabytes(root: Path) -> float:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) / 1e6
