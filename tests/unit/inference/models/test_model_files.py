"""Files of a model directory, and errors that name them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.models.model_files import graph_file, read_config, read_units


@pytest.mark.parametrize(
    ("there", "quantize", "chosen"),
    [
        (["model.onnx", "model_quant.onnx"], None, "model_quant.onnx"),
        (["model.onnx", "model_quant.onnx"], True, "model_quant.onnx"),
        (["model.onnx", "model_quant.onnx"], False, "model.onnx"),
        (["model.onnx"], None, "model.onnx"),
        (["model_quant.onnx"], None, "model_quant.onnx"),
    ],
)
def test_graph_file(there: list[str], quantize: bool | None, chosen: str, tmp_path: Path) -> None:
    """None takes what is there, the int8 graph first; True and False insist."""
    for name in there:
        (tmp_path / name).touch()
    assert graph_file(tmp_path, quantize=quantize) == tmp_path / chosen


@pytest.mark.parametrize(
    ("there", "quantize", "named"),
    [
        (["model.onnx"], True, r"model_quant\.onnx"),
        (["model_quant.onnx"], False, r"model\.onnx"),
        (["model.onnx"], None, r"decoder_quant\.onnx or decoder\.onnx"),
    ],
)
def test_missing_graph_is_named(there: list[str], quantize: bool | None, named: str, tmp_path: Path) -> None:
    """The wanted file is not replaced by another one."""
    for name in there:
        (tmp_path / name).touch()
    with pytest.raises(ModelLoadError, match=named):
        graph_file(tmp_path, "decoder" if "decoder" in named else "model", quantize)


def test_good_files(tmp_path: Path) -> None:
    """Contents come back as plain data."""
    (tmp_path / "config.yaml").write_text("model: Paraformer\nmodel_conf: {predictor_bias: 1}\n", encoding="utf-8")
    (tmp_path / "tokens.json").write_text('["<blank>", "你"]', encoding="utf-8")
    assert read_config(tmp_path) == {"model": "Paraformer", "model_conf": {"predictor_bias": 1}}
    assert read_units(tmp_path) == ["<blank>", "你"]


@pytest.mark.parametrize(
    "content", [None, b"", b"[1, 2]", b"{", b"\xff\xfe\x00", b'"text"', b"!!python/object:os.x {}"]
)
@pytest.mark.parametrize(("name", "read"), [("config.yaml", read_config), ("tokens.json", read_units)])
def test_bad_files_are_named(
    name: str, read: Callable[[Path], object], content: bytes | None, tmp_path: Path
) -> None:
    """Missing, empty, of another shape, not text or not safe: ModelLoadError with the file's name."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelLoadError, match=name):
        read(tmp_path)
