"""A stand-in for the program that exports: `fake_torch_export.py MODE MODEL FOLDER CHECK`.

It copies a tiny model, and "PyTorch's" outputs are the graph's own: all of them ("equal"), or "far", of another
"size", of other "units" (the sample backwards). With "dies" it ends amid its work, with "late" it never ends. Half a
folder is there then.
"""

import os
import shutil
import socket
import sys
import time
from pathlib import Path

import numpy as np

from paraserve.inference.graphs.session import CPU, open_session
from paraserve.inference.models.model_files import read_config
from paraserve.inference.models.recognizers.paraformer_common import read_front_end
from paraserve.inference.models.recognizers.pytorch.torch_export import SAMPLE
from paraserve.inference.models.recognizers.pytorch.torch_messages import ERROR, READY, send
from paraserve.types import SegmentAudio


def main() -> None:
    mode, model, folder, check = sys.argv[1], *map(Path, sys.argv[2:])
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        for name in ("model.onnx", "config.yaml", "am.mvn", "tokens.json"):
            shutil.copy(model / name, folder)
        if mode == "dies":
            os._exit(3)
        if mode == "late":
            time.sleep(600)
        if mode == "refuses":
            send(connection, ERROR, "RuntimeError: odd operator")
            return
        save_outputs(mode, folder, check)
        send(connection, READY, None)


def save_outputs(mode: str, folder: Path, check: Path) -> None:
    graph = open_session(folder / "model.onnx", CPU)
    sample = np.load(check / SAMPLE)
    audio = SegmentAudio(sample[::-1].copy() if mode == "units" else sample)
    rows = read_front_end(folder, read_config(folder)).rows(audio)[None]
    feeds = {"speech": rows, "speech_lengths": np.array([rows.shape[1]], np.int32)}
    outputs = list(graph.run(feeds).values())
    if mode == "far":
        outputs[0] = outputs[0] + 0.5
    if mode == "size":
        outputs[0] = outputs[0][:, 1:]
    inputs = {f"in_{name}": value for name, value in feeds.items()}
    np.savez(check / "model.npz", **inputs, **{f"out_{i}": output for i, output in enumerate(outputs)})


if __name__ == "__main__":
    main()
