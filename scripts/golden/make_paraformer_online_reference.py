"""Write the token ids that FunASR's own package decodes chunk by chunk, for tests/golden/test_paraformer_online.py.

    python scripts/golden/make_paraformer_online_reference.py ../shared tests/golden/data

Needs an environment of its own: numpy 1.26, onnxruntime, librosa, kaldi-native-fbank, jieba, scipy, pyyaml,
soundfile, and `pip install --no-deps funasr_onnx==0.4.3`. One stream at a time, one thread.

For each graph and chunk size:
  walks  utterances of many chunks: [first sample, [ids of each step]]; the last step has a tail of some length
  tails  for 0 and 2 whole steps before it, a last step of 0, 160, 320, .. samples: its ids, null where the package
         raised instead of answering (no or hardly any audio at all)

With a look-back of 0 rows the package keeps all rows for the second run of the last step (a slice from -0); here it
keeps none, as FunASR's C++ runtime does.
"""

import contextlib
import hashlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from funasr_onnx.paraformer_online_bin import Paraformer

MODEL = "paraformer-online-tiny"
WAV = "golden/vad_example.wav"
GRAPHS = {"fp32": ("model.onnx", "decoder.onnx"), "int8": ("model_quant.onnx", "decoder_quant.onnx")}
CHUNKS = ([5, 10, 5], [4, 8, 4], [0, 10, 5], [0, 8, 4])
ROW_SAMPLES = 960
TAIL_SHIFT = 160
N_WALKS, LONGEST_WALK = 8, 16
TAIL_STARTS = {0: 160_000, 2: 64_000}
"""Whole steps before the last one, and where in the recording the utterance begins."""


class Recorder(Paraformer):
    """Keeps the ids of every run; its text is of no interest (and FunASR's post-processing may refuse it)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ids: list[int] = []

    def decode(self, am_scores: np.ndarray, token_nums: np.ndarray) -> list[list[str]]:
        """Ids of one run."""
        for tokens in super().decode(am_scores, token_nums):
            self.ids += [int(i) for i in self.converter.tokens2ids(tokens)]
        return [["一"]]

    def add_overlap_chunk(self, feats: np.ndarray, cache: dict) -> np.ndarray:
        """As the package, but a look-back of 0 rows keeps none."""
        chunk = super().add_overlap_chunk(feats, cache)
        if self.chunk_size[0] == 0 and cache["is_final"]:
            cache["feats"] = cache["feats"][:, :0]
        return chunk

    def utterance(self, steps: list[np.ndarray]) -> list[list[int]]:
        """Ids of each step, the last one final."""
        self.frontend.cache_reset()
        state: dict[str, Any] = {"cache": {}, "is_final": False}
        found = []
        for number, step in enumerate(steps, start=1):
            self.ids = []
            state["is_final"] = number == len(steps)
            self(step, param_dict=state)
            found.append(self.ids)
        return found


def cut(samples: np.ndarray, start: int, n_steps: int, step: int, n_tail: int) -> list[np.ndarray]:
    """Whole steps and a last one of `n_tail` samples."""
    parts = [samples[start + i * step : start + (i + 1) * step] for i in range(n_steps)]
    return [*parts, samples[start + n_steps * step : start + n_steps * step + n_tail]]


def walks(model: Recorder, samples: np.ndarray, step: int) -> list[list[Any]]:
    """Utterances of 3 to 16 steps from anywhere."""
    rng = random.Random(step)
    found = []
    for _ in range(N_WALKS):
        start, n_steps = rng.randrange(len(samples) - LONGEST_WALK * step), rng.randrange(3, LONGEST_WALK)
        n_tail = rng.randrange(step)
        found.append([start, n_tail, model.utterance(cut(samples, start, n_steps, step, n_tail))])
    return found


def tails(model: Recorder, samples: np.ndarray, step: int) -> dict[str, list[list[int] | None]]:
    """The last step's ids for every length of it."""
    found: dict[str, list[list[int] | None]] = {}
    for n_steps, start in TAIL_STARTS.items():
        found[str(n_steps)] = []
        for n_tail in range(0, step + 1, TAIL_SHIFT):
            try:
                ids = model.utterance(cut(samples, start, n_steps, step, n_tail))[-1]
            except (IndexError, ValueError):
                assert n_steps == 0
                ids = None
            found[str(n_steps)].append(ids)
    return found


def main() -> None:
    """Write both references."""
    shared, out = Path(sys.argv[1]), Path(sys.argv[2])
    samples, _ = soundfile.read(str(shared / WAV), dtype="float32")
    directory = shared / "tiny_models" / MODEL
    for graph, names in GRAPHS.items():
        reference: dict[str, Any] = {"reference": "funasr_onnx 0.4.3", "model": MODEL, "file": WAV}
        reference["sha256"] = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in names}
        lines = []
        for chunk in CHUNKS:
            with contextlib.redirect_stdout(io.StringIO()):
                model = Recorder(str(directory), chunk_size=chunk, quantize=graph == "int8", intra_op_num_threads=1)
            step = chunk[1] * ROW_SAMPLES
            entry = {"chunk": chunk, "walks": walks(model, samples, step), "tails": tails(model, samples, step)}
            lines.append(json.dumps(entry, separators=(",", ":")))
            n_walked = sum(len(ids) for walk in entry["walks"] for ids in walk[2])
            print(
                graph,
                chunk,
                n_walked,
                "tokens in walks",
                sum(len(i or []) for t in entry["tails"].values() for i in t),
            )
        head = json.dumps(reference | {"chunks": []})
        text = head[: -len("]}")] + "\n" + ",\n".join(lines) + "\n]}\n"
        (out / f"paraformer_online_{graph}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
