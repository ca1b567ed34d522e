"""Inputs for a graph of any kind."""

import numpy as np

from paraserve.inference.graphs.session import OnnxModel


def random_feeds(model: OnnxModel) -> dict[str, np.ndarray]:
    """One item of 20 rows or words for each input; a dimension without a size is the batch where it comes first."""
    rng = np.random.default_rng(7)
    feeds = {}
    for name, spec in model.inputs.items():
        shape = [size if isinstance(size, int) else 1 if axis == 0 else 20 for axis, size in enumerate(spec.shape)]
        if name in ("vad_masks", "sub_masks"):
            feeds[name] = np.ones((1, 1, 20, 20), np.float32)
        elif spec.type == "tensor(float)":
            feeds[name] = rng.normal(size=shape).astype(np.float32)
        else:
            feeds[name] = (
                np.full(shape, 20) if len(shape) == 1 and name.endswith(("len", "lengths")) else np.ones(shape)
            )
    return feeds
