"""One model from float32 to int8, and a comparison of both on samples."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from paraserve.errors import ParaserveError
from paraserve.inference.graphs.quantizer import quantize_dynamic_graph, quantize_static_graph
from paraserve.inference.graphs.session import Placement, Tensor
from paraserve.inference.models.load import load_part
from paraserve.quantize.samples import SampleSet, synthetic_samples
from paraserve.quantize.targets import Target
from paraserve.quantize.trial_runs import Results, amount, best_times_s, edit_distance, run_model

Method: TypeAlias = Literal["dynamic", "static"]
MAX_KEPT_BYTES = 256 * 2**20
"""Memory for the inputs of one graph that its scales are measured on: two hours of speech for an offline recognizer,
seven minutes for the decoder of a streaming one of the published size. Later inputs are not used."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of one graph, as float32 and as int8, and the name that the int8 graph gets."""

    result: Path
    float_bytes: int
    int8_bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """An int8 model beside its float32 form.

    Args:
        target: the model.
        sizes: of each graph.
        float_s: least CPU time of the float32 form for the timed samples, in seconds.
        int8_s: least CPU time of the int8 form.
        timed: amount of the timed samples, in words.
        n_rounds: number of times that each form was timed.
        n_samples: number of samples on which results were compared; 0 if there was none.
        n_results: results of the float32 form on them.
        n_changed: edit distance to those of the int8 form.
    """

    target: Target
    sizes: tuple[Size, ...]
    float_s: float
    int8_s: float
    timed: str
    n_rounds: int
    n_samples: int
    n_results: int
    n_changed: int


@dataclass(slots=True)
class RunKeeper:
    """Keeps the inputs of each graph by its file, up to `MAX_KEPT_BYTES` a graph."""

    runs: dict[str, list[Mapping[str, Tensor]]]
    n_bytes: dict[str, int]

    def __call__(self, path: Path, feeds: Mapping[str, Tensor]) -> None:
        """Keep the inputs of one run."""
        self.n_bytes[path.name] += sum(value.nbytes for value in feeds.values())
        if self.n_bytes[path.name] <= MAX_KEPT_BYTES:
            self.runs[path.name].append(feeds)


def quantize_model(
    target: Target, staging: Path, method: Method, samples: SampleSet, placement: Placement
) -> Comparison:
    """Make the int8 graphs of one model in its staging folder, load them, and compare them with the float32 ones.

    Args:
        target: the model.
        staging: folder with its files, in which the int8 graphs are made.
        method: dynamic or static.
        samples: what to compare on, and what static scales are measured on. None of the target's kind measures speed
            on synthetic input.
        placement: of the runs.

    Raises:
        ModelLoadError: a file is missing or damaged, or a graph cannot be quantized.
        InferenceError: a model failed.
        ParaserveError: there are no samples for static scales.
    """
    keeper = RunKeeper(defaultdict(list), defaultdict(int)) if method == "static" else None
    expected = _float_results(target, staging, samples, replace(placement, on_run=keeper))
    if keeper is not None and not expected:
        raise ParaserveError(f"{target.folder}: {missing_samples(target)}")
    for graph, result in zip(target.graphs, target.results, strict=True):
        if keeper is None:
            quantize_dynamic_graph(staging / graph.name, staging / result.name)
        else:
            quantize_static_graph(staging / graph.name, staging / result.name, keeper.runs.pop(graph.name, []))
    return _compare(target, staging, samples, expected, placement)


def _float_results(target: Target, staging: Path, samples: SampleSet, placement: Placement) -> Results:
    """Return the results of the float32 form, which does not stay in memory."""
    return run_model(target.kind, load_part(target.kind, staging, placement, quantize=False), samples)


def _compare(
    target: Target, staging: Path, samples: SampleSet, expected: Results, placement: Placement
) -> Comparison:
    plain, quantized = (load_part(target.kind, staging, placement, is_int8) for is_int8 in (False, True))
    found = run_model(target.kind, quantized, samples)
    timed = samples.beginning() if expected else synthetic_samples()
    (float_s, int8_s), n_rounds = best_times_s(target.kind, (plain, quantized), timed)
    graphs = zip(target.graphs, target.results, strict=True)
    return Comparison(
        target,
        tuple(Size(result, _bytes(graph), _bytes(staging / result.name)) for graph, result in graphs),
        float_s,
        int8_s,
        amount(target.kind, timed),
        n_rounds,
        n_samples=len(expected),
        n_results=sum(map(len, expected)),
        n_changed=sum(map(edit_distance, expected, found)),
    )


def missing_samples(target: Target) -> str:
    """Return the reason why there is nothing to compare a model on, and what would be."""
    if target.kind == "punc":
        return "punctuation is measured on texts: put .txt files into the folder of --samples, a text a line"
    if target.kind == "vad":
        return "--samples FOLDER with recordings is needed to measure it"
    return "no speech was found to measure it on: --samples FOLDER takes recordings of speech"


def _bytes(graph: Path) -> int:
    """Return the size of a graph with the file of its weights, which has the graph's name and an ending."""
    return sum(path.stat().st_size for path in graph.parent.glob(f"{graph.name}*"))
