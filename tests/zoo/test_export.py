"""`paraserve models export`: FunASR's exporter, checked; what it refuses; and that nothing half-made stays."""

import shutil

import pytest

from paraserve.inference.models.load import BundleParts, load_parts
from paraserve.inference.text.scripts import is_chinese_character
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio
from support.commands import paraserve

pytestmark = pytest.mark.full

KINDS = ("paraformer", "paraformer-timestamp", "sensevoice")


def text_of(folder, audio):
    recognizer = load_parts(BundleParts("zoo", folder, None, None)).recognizer
    (hypothesis,) = recognizer.recognize([audio], RecognitionOptions())
    # FunASR's text leaves out a part of a word that no other part follows, as random weights write it.
    return "".join(filter(is_chinese_character, hypothesis.text))


@pytest.mark.parametrize("kind", KINDS)
def test_an_export(checkpoint, tmp_path, held_out_speech, kind):
    """The folder has graphs, hears what PyTorch hears, and is named on stdout."""
    target = tmp_path / "made"
    done = paraserve("models", "export", checkpoint(kind), target)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{target}\n"
    assert "model.onnx: " in done.stderr
    assert "units equal" in done.stderr
    assert list(tmp_path.iterdir()) == [target]
    audio = SegmentAudio(held_out_speech[:64_000])
    assert text_of(target, audio) == text_of(checkpoint(kind), audio)


def test_a_tuned_checkpoint(checkpoint, tmp_path, data_dir):
    """A file of weights is exported with the config.yaml beside it, compared on a recording of one's own."""
    source = tmp_path / "tuned"
    shutil.copytree(checkpoint("paraformer-timestamp"), source)
    (source / "model.pt").rename(source / "model.pt.ep3")
    shutil.copy(checkpoint("paraformer-timestamp") / "model.pt", source / "model.pt")
    weights, sample = source / "model.pt.ep3", data_dir / "zh_home.wav"
    done = paraserve("models", "export", weights, tmp_path / "made", "--sample", sample)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["nano", "paraformer-online"])
def test_what_has_no_such_form(checkpoint, tmp_path, kind):
    """It is refused with what it is."""
    done = paraserve("models", "export", checkpoint(kind), tmp_path / "made")
    assert done.returncode == 1
    assert "only these can be exported: Paraformer, " in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint(checkpoint, tmp_path):
    """Nothing is left behind, not even of an export that was killed before."""
    source = tmp_path / "source"
    shutil.copytree(checkpoint("paraformer"), source)
    (source / "model.pt").write_bytes(b"damaged")
    (tmp_path / ".made.export" / "made").mkdir(parents=True)
    done = paraserve("models", "export", source, tmp_path / "made")
    assert done.returncode == 1
    assert done.stderr.startswith(f"paraserve: FunASR cannot export {source}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_model_of_another_width(checkpoint, tmp_path):
    """FunASR's exporter traces SeACo with vectors of 512: a smaller one cannot be exported, and nothing stays."""
    done = paraserve("models", "export", checkpoint("paraformer-contextual"), tmp_path / "made")
    assert done.returncode == 1
    assert "FunASR cannot export" in done.stderr
    assert not list(tmp_path.iterdir())
