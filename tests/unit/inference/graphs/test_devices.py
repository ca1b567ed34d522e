"""Devices: names, options, and what is said where one cannot be used."""

import logging
import shutil
from pathlib import Path

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.devices import cuda_index, cuda_options, missing_cuda, refused_cuda
from paraserve.inference.graphs.session import Placement, available_providers, open_session
from paraserve.inference.models.model_files import graph_file
from paraserve.inference.models.recognizers.paraformer import load_paraformer

GPU = Placement("cuda:0")
no_cuda = pytest.mark.skipif("CUDAExecutionProvider" in available_providers(), reason="this onnxruntime has CUDA")


@pytest.mark.parametrize(("name", "index"), [("cuda:0", 0), ("cuda:12", 12), ("cuda", 0)])
def test_names(name, index):
    """cuda:N is the Nth device, cuda the first."""
    assert cuda_index(name) == index


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "rocm:0", ""])
def test_other_names(name):
    """Anything else is refused by its name."""
    with pytest.raises(ModelLoadError, match="expected cpu or cuda:N"):
        cuda_index(name)


def test_options():
    """All values are strings; memory is bounded on demand alone; products are exact on demand alone."""
    options = cuda_options(1, 0, is_exact=False)
    assert (options["device_id"], options["use_tf32"]) == ("1", "1")
    assert "gpu_mem_limit" not in options
    bounded = cuda_options(0, 2**30, is_exact=True)
    assert (bounded["gpu_mem_limit"], bounded["use_tf32"]) == ("1073741824", "0")
    assert {type(value) for value in bounded.values()} == {str}


def test_what_is_missing():
    """An onnxruntime for CPUs and libraries that do not load have different cures."""
    assert missing_cuda("cuda:0", ["CUDAExecutionProvider", "CPUExecutionProvider"], "") is None
    refused = refused_cuda("cuda:1", "Failed to load libcudnn.so.9")
    assert refused.detail == "cuda:1 did not load (Failed to load libcudnn.so.9)"
    assert "CUDA 13 with cuDNN 9" in refused.cure


@no_cuda
def test_a_gpu_that_is_not_there(tiny_models_dir):
    """Asking for one is an error that says what to install, never a run on the CPU."""
    path = tiny_models_dir / "paraformer" / "model.onnx"
    with pytest.raises(ModelLoadError, match=r"^cuda:0 cannot be used, .*for CPUs: .*pip install onnxruntime-gpu"):
        open_session(path, GPU)


def test_int8_graphs_run_on_the_cpu(tiny_models_dir, caplog):
    """Where there is nothing else, they run with a warning that names the file that is missing."""
    path = tiny_models_dir / "paraformer" / "model_quant.onnx"
    with caplog.at_level(logging.WARNING):
        graph = open_session(path, GPU)
    assert graph.is_cpu
    (record,) = caplog.records
    assert record.message == f"{path} is int8 and runs on the CPU, slowly: cuda:0 needs model.onnx beside it"


def test_int8_alone_is_batched_as_on_the_cpu(tiny_models_dir, tmp_path):
    """A batch of the GPU's size would change its text there."""
    folder = tiny_models_dir / "paraformer"
    shutil.copytree(folder, tmp_path / "asr", ignore=shutil.ignore_patterns("model.onnx"))
    assert load_paraformer(tmp_path / "asr", GPU).batch_frames == load_paraformer(folder, quantize=True).batch_frames


def test_which_file_is_taken(tmp_path: Path):
    """int8 first for a CPU, float32 first for a GPU, the other where there is no choice; an order is an order."""
    for name in ("model.onnx", "model_quant.onnx"):
        (tmp_path / name).touch()
    assert graph_file(tmp_path).name == "model_quant.onnx"
    assert graph_file(tmp_path, plain_first=True).name == "model.onnx"
    assert graph_file(tmp_path, quantize=True, plain_first=True).name == "model_quant.onnx"
    (tmp_path / "model.onnx").unlink()
    assert graph_file(tmp_path, plain_first=True).name == "model_quant.onnx"
