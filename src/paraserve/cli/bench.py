"""`paraserve bench`: measure in a few seconds how much this machine carries."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import Bundles, Device

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    help="Measure what this machine carries, in a few seconds.",
)


@app.command()
def offline(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="Recordings of any format; none: invented audio.")
    ] = None,
    bundle: Bundles = None,
    device: Device = None,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Recordings at once.  [default: enough to keep the device busy]")
    ] = None,
) -> None:
    """Print how fast recordings become text: seconds of audio a second.

    Without FILE the audio is invented syllables, cut into segments of 10 s: the work of speech without a pause,
    without the decoding of files.
    """
    with ended_by_interrupt():
        from paraserve.cli.benching import bench_files, bench_settings

    bench_files(bench_settings(bundle, device), files or (), at_once)


@app.command()
def live(
    bundle: Bundles = None,
    device: Device = None,
    mode: Annotated[Literal["2pass", "online"], typer.Option(help="What the clients ask for.")] = "2pass",
) -> None:
    """Print how many live clients may talk at once, without a pause; with all partial texts.

    Found by letting the models work on invented syllables as fast as they can for a second, with a share kept free.
    """
    with ended_by_interrupt():
        from paraserve.cli.benching import bench_live, bench_settings

    bench_live(bench_settings(bundle, device), mode)


@app.command()
def peers() -> None:
    """Say how to compare with other engines, which takes the source tree."""
    with ended_by_interrupt():
        from importlib.resources import files as package_files

        from paraserve.errors import ParaserveError

    script = Path(str(package_files("paraserve"))).parents[1] / "scripts" / "bench" / "peers.py"
    if not script.is_file():
        raise ParaserveError("comparisons with other engines are in scripts/bench/peers.py of the source tree")
    print(f"python {script} --help")
