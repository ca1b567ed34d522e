"""The flags of commands that make models: `paraserve models quantize`, `export` and `lm`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt


def quantize(
    bundle: Annotated[str, typer.Argument(metavar="NAME|DIR", help="Name of a bundle, or a folder of models.")],
    method: Annotated[
        Literal["dynamic", "static"],
        typer.Option(help="dynamic: as FunASR's exporter does. static: signed, with scales from the samples."),
    ] = "dynamic",
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Recordings (.txt files for punctuation) to compare both forms on."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace int8 graphs that are there.")] = False,
) -> None:
    """Make int8 graphs (model_quant.onnx) beside the float32 graphs of a bundle or a model folder.

    Prints the size of each graph, the speed of each model beside its float32 form on this machine, and how many
    tokens change on the samples. The float32 graphs stay. Afterwards serve --quantize true takes the new ones.
    """
    with ended_by_interrupt():
        from paraserve.cli.quantize import quantize_bundle

    quantize_bundle(bundle, method, samples, force=force)


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="ID|CHECKPOINT",
            help="Hub id or bundle of a PyTorch model that is here, a folder with one, or a file of weights.",
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    sample: Annotated[
        Path | None, typer.Option(help="Recording of speech to compare on.  [default: synthetic speech]")
    ] = None,
) -> None:
    """Make the ONNX folder of a PyTorch model with FunASR's exporter, and print it. Needs the extra `funasr`.

    Each graph's outputs are compared with PyTorch's, and the folder is loaded and hears the sample. Where anything
    differs, nothing is left behind.
    """
    with ended_by_interrupt():
        from paraserve.cli.export import export_model

    export_model(source, target, sample)


def make_lm(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE.arpa|TEXT... DIR",
            help="An ARPA file over the recognizer's units, or texts and folders of texts (*.txt) in UTF-8; and the "
            "folder to make.",
        ),
    ],
    bundle: Annotated[
        str | None,
        typer.Option("--for", metavar="NAME|DIR", help="Bundle of the recognizer.  [default: the setting]"),
    ] = None,
    order: Annotated[int, typer.Option(min=2, max=4, help="Units of the longest n-grams of texts.")] = 3,
    max_ngrams: Annotated[
        int | None, typer.Option("--ngrams", min=1, help="Keep about this many n-grams, those that matter most.")
    ] = None,
    weight: Annotated[
        float | None,
        typer.Option(min=0.01, max=10, help="Weight that the folder asks for: 0.3 where it knows what will be said."),
    ] = None,
    arpa: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the model as an ARPA file too.")] = None,
) -> None:
    """Make the language model of a recognizer, for serve --lm-dir DIR or as lm/ of a bundle.

    Of texts it counts the units and estimates by modified Kneser-Ney. Write numbers as they are spoken.
    """
    with ended_by_interrupt():
        from paraserve.cli.language_models import LanguageModelFlags, make_language_model

    make_language_model(paths, LanguageModelFlags(bundle, order, max_ngrams, weight, arpa))
