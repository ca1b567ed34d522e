"""Training of the voice detector."""

from pathlib import Path

import numpy as np
import onnxruntime

from demo_recipe.vad.fsmn import LAYERS, MEMORY_SIZE, ORDER


def test_detector_keeps_its_state(detector: Path):
    """Both forms of the graph give two classes for each frame and take back the caches that they give."""
    caches = {f"in_cache{index}": np.zeros((1, MEMORY_SIZE, ORDER - 1, 1), np.float32) for index in range(LAYERS)}
    for name in ("model.onnx", "model_quant.onnx"):
        session = onnxruntime.InferenceSession(detector / name)
        logits, *given = session.run(None, {"speech": np.ones((1, 50, 400), np.float32), **caches})
        assert logits.shape == (1, 50, 2)
        session.run(None, {"speech": np.ones((1, 7, 400), np.float32), **dict(zip(caches, given, strict=True))})
