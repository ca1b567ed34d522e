"""Which models a bundle's folders become."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.language_model import language_model
from paraserve.inference.models import load
from paraserve.inference.models.load import bundle_parts, load_bundle, load_parts
from paraserve.inference.models.punctuation.ct_punc import CtPunc
from paraserve.inference.models.punctuation.ct_punc_online import CtPuncOnline
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline

Build = Callable[..., Path]


@pytest.fixture
def build(tiny_models_dir: Path, tmp_path: Path) -> Build:
    """Make a bundle of links to tiny models: `build(**{"asr": "paraformer"})`."""

    def build(**folders: str) -> Path:
        for name, model in folders.items():
            (tmp_path / name.replace("_", "-")).symlink_to(tiny_models_dir / model)
        return tmp_path

    return build


def test_only_a_recognizer(build: Build) -> None:
    """Everything but asr/ may be missing."""
    bundle = load_bundle(build(asr="paraformer"))
    assert (bundle.vad, bundle.streaming, bundle.punctuator, bundle.punctuator_online) == (None,) * 4


def test_streaming_parts(build: Build) -> None:
    """asr-online/ and punc-online/ are the streaming twins of asr/ and punc/."""
    root = build(
        asr="paraformer",
        asr_online="paraformer-online",
        punc="ct-punc",
        punc_online="ct-punc-realtime",
    )
    bundle = load_bundle(root)
    assert isinstance(bundle.streaming, ParaformerOnline)
    assert isinstance(bundle.punctuator, CtPunc)
    assert isinstance(bundle.punctuator_online, CtPuncOnline)


@pytest.mark.parametrize("folder", ["punc", "punc_online"])
def test_a_realtime_punctuation_model_alone(folder: str, build: Build) -> None:
    """It serves for whole texts too."""
    bundle = load_bundle(build(asr="paraformer", **{folder: "ct-punc-realtime"}))
    assert isinstance(bundle.punctuator, CtPuncOnline)
    assert bundle.punctuator_online is bundle.punctuator
    assert bundle.punctuator.punctuate(["好"])[-1] in "。？"


def test_an_offline_punctuation_model_alone(build: Build) -> None:
    """It is no realtime model, and is not taken for one."""
    root = build(asr="paraformer", punc="ct-punc")
    assert load_bundle(root).punctuator_online is None
    (root / "punc").rename(root / "punc-online")
    with pytest.raises(ModelLoadError, match="not a realtime CT-punc model"):
        load_bundle(root)


def test_the_quantize_switch_holds_for_both_recognizers(build: Build, tmp_path: Path, tiny_models_dir: Path) -> None:
    """int8 insisted on, and the streaming model has none: refused by name."""
    root = build(asr="paraformer")
    (root / "asr-online").mkdir()
    for name in ("model.onnx", "decoder.onnx", "config.yaml", "am.mvn", "tokens.json"):
        (root / "asr-online" / name).symlink_to(tiny_models_dir / "paraformer-online" / name)
    assert load_bundle(root).streaming is not None
    with pytest.raises(ModelLoadError, match=r"asr-online/model_quant\.onnx"):
        load_parts(replace(bundle_parts(root), asr_quantize=True))


def test_no_bundle(tmp_path: Path) -> None:
    """A folder without asr/ is refused."""
    with pytest.raises(ModelLoadError, match="no folder asr/"):
        bundle_parts(tmp_path)


@pytest.mark.parametrize(
    ("model", "has_drafts"),
    [("sensevoice", True), ("paraformer", False), ("paraformer-contextual", False)],
)
def test_the_family_is_read_from_the_files(build: Build, model: str, has_drafts: bool) -> None:
    """A family without a streaming form decodes open speech again, unless that is switched off."""
    root = build(asr=model)
    bundle = load_bundle(root)
    assert (bundle.recognizer.max_segment_ms == 30_000) is has_drafts
    assert bundle.has_drafts is has_drafts
    assert not load_parts(replace(bundle_parts(root), has_partials=False)).has_drafts


def test_a_streaming_model_beside_another_family(build: Build) -> None:
    """Then partial texts are its."""
    assert not load_bundle(build(asr="sensevoice", asr_online="paraformer-online")).has_drafts


def test_a_model_of_another_kind(build: Build) -> None:
    """Refused with what it is and what is expected."""
    with pytest.raises(
        ModelLoadError, match="holds a CTTransformer: expected a Paraformer, a SenseVoiceSmall, a FunASR Py"
    ):
        load_bundle(build(asr="ct-punc"))


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    """Refused with what is there, and what would make it a model."""
    (tmp_path / "asr").mkdir()
    (tmp_path / "asr" / "model.safetensors").touch()
    with pytest.raises(
        ModelLoadError, match=r"config.yaml \(FunASR\) or model.bin \(Whisper.*only: model.safetensors"
    ):
        load_bundle(tmp_path)


def test_a_language_model_without_its_packages(monkeypatch, caplog, demo_dir: Path) -> None:
    """Without its packages a bundle leaves its language model out and says so. One that was named is an error."""
    for module in (load, language_model):
        monkeypatch.setattr(module, "missing_packages", lambda: ["kaldi-decoder"])
    parts = replace(bundle_parts(demo_dir), vad=None, punc=None, asr_online=None, punc_online=None)
    assert not load_parts(parts).abilities.language_model
    assert "pip install kaldi-decoder" in caplog.text
    with pytest.raises(ModelLoadError, match="kaldi-decoder"):
        load_parts(replace(parts, needs_lm=True))


def test_a_language_model_beside_another_family(caplog, build: Build, demo_dir: Path) -> None:
    """Models that do not choose unit by unit go without a language model, with a line in the log."""
    assert not load_parts(replace(bundle_parts(build(asr="sensevoice")), lm=demo_dir / "lm")).abilities.language_model
    assert "has no effect: only Paraformers" in caplog.text
