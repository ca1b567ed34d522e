"""Checks around FunASR's exporter, whose part a stand-in plays. `tests/zoo` runs the real one."""

import sys

import pytest

from paraserve.errors import ModelExportError, ModelLoadError
from paraserve.inference.models.recognizers.pytorch import onnx_export
from paraserve.inference.models.recognizers.pytorch.onnx_export import export_onnx
from support import fake_torch_export


@pytest.fixture
def source(tmp_path):
    """What looks like a checkpoint."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.yaml").write_text("model: Paraformer\n")
    (folder / "model.pt").touch()
    return folder


@pytest.fixture
def export(source, tmp_path, tiny_models_dir, monkeypatch, held_out_speech):
    """Export with the stand-in, in one of its modes."""
    monkeypatch.setattr(onnx_export, "require_funasr", lambda _: None)
    model = tiny_models_dir / "paraformer"

    def export(mode: str):
        def command(_source, folder, check):
            return [sys.executable, fake_torch_export.__file__, mode, str(model), str(folder), str(check)]

        monkeypatch.setattr(onnx_export, "export_command", command)
        return export_onnx(source, tmp_path / "made", held_out_speech[:48_000])

    return export


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checked_folder(export, tmp_path):
    """It has its name when all is compared, and nothing stands beside it."""
    made = export("equal")
    (graph,) = made.graphs
    assert (graph.name, graph.max_difference) == ("model.onnx", 0.0)
    assert graph.n_units > 0
    assert made.text
    assert names_in(tmp_path) == ["made", "source"]
    assert names_in(tmp_path / "made") == ["am.mvn", "config.yaml", "model.onnx", "tokens.json"]


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("far", r"model.onnx differs from PyTorch by up to 0\.5"),
        ("size", "outputs of other sizes"),
        ("units", r"hears the units \[.*\] where PyTorch hears \["),
        ("dies", "cannot export .*source: it ended with exit status 3"),
        ("refuses", "cannot export .*source: RuntimeError: odd operator"),
    ],
)
def test_what_differs_or_fails(export, tmp_path, mode, message):
    """The error says how, and nothing is left behind, also of an export that was killed before."""
    (tmp_path / ".made.export" / "made").mkdir(parents=True)
    with pytest.raises(ModelExportError, match=message):
        export(mode)
    assert names_in(tmp_path) == ["source"]


def test_an_export_that_takes_too_long(export, tmp_path, monkeypatch):
    """It is ended."""
    monkeypatch.setattr(onnx_export, "TIMEOUT_S", 1.0)
    with pytest.raises(ModelExportError, match="it takes too long"):
        export("late")
    assert names_in(tmp_path) == ["source"]


@pytest.mark.parametrize(
    ("config", "files", "message"),
    [
        ("model: FunASRNano", ["model.pt"], "holds a FunASRNano, and only these can be exported: Paraformer, "),
        ("model: ParaformerStreaming", ["model.pt"], "holds a ParaformerStreaming"),
        ("model: Paraformer", [], "no checkpoint of FunASR"),
        (None, ["model.pt"], "no checkpoint of FunASR"),
        ("model: Paraformer", ["model.pt", "made"], "made exists already"),
    ],
)
def test_what_is_refused(tmp_path, held_out_speech, config, files, message):
    """What has no such form, and what would overwrite something, before anything is written."""
    if config:
        (tmp_path / "config.yaml").write_text(config)
    for name in files:
        (tmp_path / name).touch()
    before = names_in(tmp_path)
    with pytest.raises(ModelExportError, match=message):
        export_onnx(tmp_path, tmp_path / "made", held_out_speech[:1600])
    assert names_in(tmp_path) == before


def test_without_the_extra(source, tmp_path, monkeypatch, held_out_speech):
    """The error says how to install it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelLoadError, match=r"pip install 'paraserve\[funasr\]'"):
        export_onnx(source, tmp_path / "made", held_out_speech[:1600])
    assert names_in(tmp_path) == ["source"]
