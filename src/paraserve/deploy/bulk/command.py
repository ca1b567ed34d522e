"""The flags of `python -m paraserve.deploy.bulk`."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from paraserve.cli.flag_groups import with_flag_groups
from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import Bundles
from paraserve.cli.recognition_flags import RecognitionFlags

Address: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_ADDRESS",
        metavar="HOST:PORT",
        help="Head of a Ray cluster, or auto for one on this machine.  [default: one of its own]",
    ),
]
Workers: TypeAlias = Annotated[
    str, typer.Option("--actors", metavar="auto|N", help="Workers, each with an engine. auto fills the cluster.")
]
Cpus: TypeAlias = Annotated[
    int | None, typer.Option("--actor-cpus", min=1, help="CPUs of a worker.  [default: 1, with a GPU up to 8]")
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="cpu|cuda:0", help="What workers run on.  [default: GPUs where the cluster has some]"),
]
Retry: TypeAlias = Annotated[
    bool, typer.Option("--retry-failed", help="Try recordings again that have failed before.")
]

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


@app.command()
@with_flag_groups
def bulk(  # noqa: PLR0913 - one parameter a flag
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A list of recordings, a folder, or s3://BUCKET/PREFIX.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the rows.")],
    *,
    format_: Annotated[Literal["parquet", "jsonl"], typer.Option("--format", help="Of the rows.")] = "parquet",
    address: Address = None,
    actors: Workers = "auto",
    actor_cpus: Cpus = None,
    retry_failed: Retry = False,
    bundle: Bundles = None,
    device: Device = None,
    flags: RecognitionFlags,
) -> None:
    """Transcribe many recordings on a Ray cluster, or on all of this machine, into rows of Parquet or JSON.

    A list has a path or URL (http, https, s3) in each line, or a JSON object with "path" and maybe "id", "language",
    "hotwords", "model". Paths are taken from the folder of the list, and have to lead to the same files on every
    machine of the cluster.

    Each recording has one row, also if it fails. The same command again goes on where a run was ended, by whatever.
    The exit code is 0 once all rows are there.
    """
    with ended_by_interrupt():
        from paraserve.deploy.bulk.cluster import Place
        from paraserve.deploy.bulk.run_command import Output, run_bulk

    place = Place(address, _count(actors), actor_cpus)
    setting_flags = {"bundle": bundle or None, "device": device}
    run_bulk(source, Output(out, format_, retry_failed), place, setting_flags, flags)


def _count(actors: str) -> int | None:
    if actors == "auto":
        return None
    if actors.isascii() and actors.isdecimal() and 0 < int(actors) < 100_000:
        return int(actors)
    raise typer.BadParameter("expected auto, 1, 2, ...", param_hint="--actors")
