"""Committed references of FunASR's own package: which graph they are of, and which samples went in."""

import hashlib
import zlib
from pathlib import Path

import numpy as np
import soundfile

from paraserve.inference.graphs.cache import has_vnni
from paraserve.types import Samples


def may_differ(n_compared: int, *, is_int8: bool) -> int:
    """How many of the compared results may differ from the reference, which a processor with VNNI wrote.

    Processors without it have also other kernels for float sums. A last digit changes the rounding of an int8
    model's activations, and with the random weights of the tiny models that may change a unit.
    """
    return n_compared // 8 if is_int8 and not has_vnni() else 0


def reference_graph(shared_dir: Path, reference: dict) -> Path:
    """The graph file, which must be that of the reference."""
    graph = shared_dir / "tiny_models" / reference["model"] / reference["graph"]
    assert hashlib.sha256(graph.read_bytes()).hexdigest() == reference["sha256"], "not the file of the reference"
    return graph


def read_clip(shared_dir: Path, clip: dict) -> Samples:
    """The clip's samples, which must be those of the reference."""
    with soundfile.SoundFile(shared_dir / clip["file"]) as sound:
        sound.seek(clip["start"])
        samples = sound.read(clip["n"], dtype="float32")
    crc = zlib.crc32(np.round(samples * 32768).astype("<i4").tobytes())
    assert crc == clip["crc"], "the decoder gives other samples than it gave for the reference"
    return samples
