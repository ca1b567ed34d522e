"""The family of docs/adding-a-model-family.md, added exactly as the page says: one file and one line."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.session import CPU
from paraserve.inference.models import load
from paraserve.inference.models.load import RECOGNIZERS, BundleParts, Family, load_parts
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "adding-a-model-family.md").read_text("utf-8")
UNITS = ["<blank>", "好", "hi"]


def block(language: str) -> str:
    """The page's code in one language."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return code


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    """The page's file, imported."""
    path = tmp_path / "ctc.py"
    path.write_text(block("python"), "utf-8")
    spec = importlib.util.spec_from_file_location("ctc", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def parts(tmp_path: Path) -> BundleParts:
    """A model that hears 好 in rows of positive samples, "hi" in negative ones, and the blank in silence."""
    nodes = [
        helper.make_node("Reshape", ["samples", "shape"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
    ]
    weights = np.repeat(np.array([[0, 1, -1]], np.float32), 320, axis=0)
    constants = [
        numpy_helper.from_array(np.array([1, -1, 320], np.int64), "shape"),
        numpy_helper.from_array(weights, "weights"),
    ]
    samples = helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "n_samples"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "n_rows", len(UNITS)])
    graph = helper.make_graph(nodes, "ctc", [samples], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "ctc.onnx")
    (tmp_path / "tokens.json").write_text(json.dumps(UNITS), "utf-8")
    return BundleParts("new", tmp_path, vad=None, punc=None, has_itn=False)


def with_line(module: ModuleType) -> tuple[Family, ...]:
    """The tuple with the line that the page adds."""
    (line,) = re.findall(r"^\+ +(.*),$", block("diff"), re.M)
    return (eval(line, {"Family": Family, **vars(module)}), *RECOGNIZERS)


def test_the_family_is_loaded_and_recognizes(module: ModuleType, parts: BundleParts) -> None:
    """The folder is found to be its, and its text comes out; what a segment holds of less than a row is nothing."""
    recognizer = load_parts(parts, CPU, with_line(module)).recognizer
    speech = np.repeat(np.array([0.5, 0.0, 0.5, -0.5], np.float32), 320)
    heard, nothing = recognizer.recognize(
        [SegmentAudio(speech), SegmentAudio(np.zeros(100, np.float32))], RecognitionOptions()
    )
    assert [token.text for token in heard.tokens] == ["好", "好", "hi"]
    assert heard.text == "好好hi"
    assert nothing.tokens == ()


def test_without_the_line_the_folder_is_unknown(parts: BundleParts) -> None:
    """No family takes it by chance."""
    with pytest.raises(ModelLoadError, match="model file not found"):
        load_parts(parts)


def test_the_error_for_another_folder_names_the_family(module: ModuleType, parts: BundleParts) -> None:
    """What was expected lists it beside the others."""
    (parts.asr / "ctc.onnx").unlink()
    (parts.asr / "config.yaml").write_text("model: Other", "utf-8")
    with pytest.raises(ModelLoadError, match=r"holds a Other: expected a Paraformer, .* or a CTC model"):
        load_parts(parts, CPU, with_line(module))


def test_the_page_shows_the_tuple_as_it_is() -> None:
    """Apart from the added line the diff is the source of load.py."""
    shown = "".join(line[1:] + "\n" for line in block("diff").splitlines() if not line.startswith("+"))
    assert shown in Path(load.__file__).read_text("utf-8")
