"""Which folders are SenseVoice models. What they say is tested in tests/golden."""

import shutil

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.models.recognizers.sensevoice import UNITS_FILE, load_sensevoice


@pytest.fixture
def model_dir(tiny_models_dir, tmp_path):
    """A copy of the tiny model that may be damaged."""
    source = tiny_models_dir / "sensevoice"
    for name in ("config.yaml", "am.mvn", UNITS_FILE, "model_quant.onnx"):
        shutil.copyfile(source / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["config.yaml", "am.mvn", UNITS_FILE, "model_quant.onnx"])
def test_a_missing_file_is_named(model_dir, name):
    """Each of those that the model needs."""
    (model_dir / name).unlink()
    with pytest.raises(ModelLoadError, match=f"model file not found: .*{name}"):
        load_sensevoice(model_dir)


def test_a_vocabulary_that_cannot_be_read(model_dir):
    """Refused by name."""
    (model_dir / UNITS_FILE).write_bytes(b"no units")
    with pytest.raises(ModelLoadError, match=f"cannot read .*{UNITS_FILE}"):
        load_sensevoice(model_dir)


def test_a_graph_of_another_kind(model_dir, tiny_models_dir):
    """Refused with what it takes and gives."""
    other = tiny_models_dir / "paraformer" / "model_quant.onnx"
    shutil.copyfile(other, model_dir / "model_quant.onnx")
    with pytest.raises(ModelLoadError, match=r"is no SenseVoice model: inputs speech, speech_lengths; outputs"):
        load_sensevoice(model_dir)
