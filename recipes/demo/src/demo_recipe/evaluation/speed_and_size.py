"""Sizes of the bundle, how long it takes to load and to run, and whether int8 writes what float32 writes."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from demo_recipe.audio.features import SAMPLE_RATE, Array
from demo_recipe.evaluation.hallucinations import serve
from demo_recipe.evaluation.speech_sets import CHUNKS, load_set, recognize, recognize_live
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.load import load_bundle
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio

RUNS = 7
SPEECH_S = 10
COMPARED_SETS = ("heldout_zh", "heldout_en", "heldout_mix")
QUANTIZED = "_quant"


def load_timed(root: Path) -> tuple[ModelBundle, str]:
    """The bundle, and a line on how long this took: the first time in this process, all parts."""
    start = time.perf_counter()
    bundle = load_bundle(root)
    return bundle, f"- loading the whole bundle: {time.perf_counter() - start:.2f} s"


def size_line(root: Path) -> str:
    """Size of each part's files and of all."""
    parts = {part.name: _size_mb(part) for part in sorted(root.iterdir()) if part.is_dir()}
    sizes = ", ".join(f"{name} {size:.1f} MB" for name, size in parts.items())
    return f"- sizes: {sizes}, all files {_size_mb(root):.1f} MB"


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def speed_lines(bundle: ModelBundle, folder: Path) -> list[str]:
    """Milliseconds for 10 s of speech on one thread: of some runs the one that was disturbed least."""
    vad, punctuator, samples = bundle.vad, bundle.punctuator, _ten_seconds(folder)
    assert vad is not None
    assert punctuator is not None
    segments = [samples[segment.start_ms * 16 : segment.end_ms * 16] for segment in vad.segment(samples)]
    words = [token.text for segment in segments for token in _tokens(bundle, segment)]
    runs: dict[str, Callable[[], object]] = {
        "whole pipeline": lambda: serve(bundle, samples),
        "voice detector": lambda: vad.segment(samples),
        "recogniser": lambda: [recognize(bundle, segment) for segment in segments],
        "punctuation": lambda: punctuator.punctuate(words),
        f"streaming recogniser, [{CHUNKS[0].past}, {CHUNKS[0].current}, {CHUNKS[0].future}]": lambda: recognize_live(
            bundle, CHUNKS[0], samples
        ),
    }
    lines = []
    for name, run in runs.items():
        spent_ms = _least_ms(run)
        lines.append(
            f"- {name}: {spent_ms:.0f} ms for {SPEECH_S} s on one thread, "
            f"real-time factor {spent_ms / SPEECH_S / 1000:.4f}"
        )
    return lines


def _tokens(bundle: ModelBundle, samples: Array) -> tuple:
    return bundle.recognizer.recognize([SegmentAudio(samples)], RecognitionOptions())[0].tokens


def _ten_seconds(folder: Path) -> Array:
    clips = load_set(folder / COMPARED_SETS[0])
    return np.concatenate([clip.samples for clip in clips])[: SPEECH_S * SAMPLE_RATE]


def _least_ms(run: Callable[[], object]) -> float:
    spent = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        spent.append(1000 * (time.perf_counter() - start))
    return min(spent)


def make_float_bundle(root: Path, work: Path, target: Path) -> bool:
    """The bundle with the float32 graphs that the training left in `work`.

    False if the bundle is float32 itself, or if one is missing.
    """
    graphs = [path.relative_to(root) for path in root.glob(f"*/*{QUANTIZED}.onnx")]
    sources = {graph: work / graph.with_name(graph.name.replace(QUANTIZED, "")) for graph in graphs}
    if not graphs or not all(path.exists() for path in sources.values()):
        return False
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(f"*{QUANTIZED}.onnx"), dirs_exist_ok=True)
    for source, graph in zip(sources.values(), graphs, strict=True):
        shutil.copyfile(source, target / graph.parent / source.name)
    return True


def agreement_lines(bundle: ModelBundle, float_bundle: ModelBundle, folder: Path) -> list[str]:
    """Share of the float32 recognisers' tokens that the int8 ones write, too."""
    lines = []
    runs: dict[str, Callable[[ModelBundle, Array], list[str]]] = {
        "recogniser": lambda one, samples: list(recognize(one, samples).texts),
        "streaming recogniser": lambda one, samples: list(recognize_live(one, CHUNKS[0], samples).texts),
    }
    clips = [clip for name in COMPARED_SETS for clip in load_set(folder / name)]
    for name, run in runs.items():
        pairs = [(run(float_bundle, clip.samples), run(bundle, clip.samples)) for clip in clips]
        tokens = sum(len(wanted) for wanted, _ in pairs)
        changed = sum(Levenshtein.distance(wanted, found) for wanted, found in pairs)
        share = 100 * (1 - changed / max(1, tokens))
        lines.append(f"- {name}: int8 writes {share:.1f} % of the {tokens} tokens that float32 writes")
    return lines
