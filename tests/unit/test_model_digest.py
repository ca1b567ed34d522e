"""The digest of a model: of what is in its files and how they are loaded, and of nothing else."""

import shutil
from dataclasses import replace

import pytest

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.models.load import BundleParts, bundle_parts
from paraserve.model_digest import parts_digest
from paraserve.model_specs import model_specs
from paraserve.settings import Settings

NO_WORDS = OperatorHotwords()


@pytest.fixture
def parts(tmp_path):
    """A model without a manifest."""
    for part in ("asr", "vad"):
        folder = tmp_path / "bundle" / part / "deep"
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(part.encode())
        (folder.parent / "config.yaml").write_text("a: 1")
    return bundle_parts(tmp_path / "bundle")


def digest(parts: BundleParts, hotwords=NO_WORDS, **settings):
    return parts_digest(parts, hotwords, Settings(**settings))


def test_a_copy(parts, tmp_path):
    """It is the same on another machine, under another name."""
    shutil.copytree(tmp_path / "bundle", tmp_path / "copy")
    assert digest(bundle_parts(tmp_path / "copy")) == digest(parts)


def test_files(parts):
    """Another content, another name, one file more or another part is another model."""
    found = {digest(parts)}
    file = parts.asr / "config.yaml"
    file.write_text("a: 22")
    found.add(digest(parts))
    file.rename(parts.asr / "other.yaml")
    found.add(digest(parts))
    (parts.asr / "more").touch()
    found.add(digest(parts))
    found.add(digest(replace(parts, vad=None)))
    assert len(found) == 5


def test_ways_of_loading(parts):
    """So is whatever the operator chooses for it."""
    words = OperatorHotwords((Hotword("a", 20.0),))
    found = {
        digest(parts),
        digest(replace(parts, asr_quantize=True)),
        digest(replace(parts, has_itn=False)),
        digest(replace(parts, lm_weight=0.3)),
        digest(parts, words),
        digest(parts, replace(words, rule=HotwordRule(bonus=9.0))),
        digest(parts, device="cuda:0"),
        digest(parts, optimize=False),
    }
    assert len(found) == 8


def test_the_embedded_bundle(demo_dir, tmp_path):
    """Its manifest is believed, and without a result cache nothing is read."""
    shutil.copytree(demo_dir, tmp_path / "demo")
    with_cache = {"result_cache": "memory"}
    (one,) = model_specs(Settings(bundle=[str(demo_dir)], **with_cache))
    (copy,) = model_specs(Settings(bundle=[str(tmp_path / "demo")], **with_cache))
    next((tmp_path / "demo" / "asr").iterdir()).write_bytes(b"damaged, which the load finds")
    (damaged,) = model_specs(Settings(bundle=[str(tmp_path / "demo")], **with_cache))
    assert one.digest == copy.digest == damaged.digest != ""
    assert model_specs(Settings(bundle=[str(demo_dir)]))[0].digest == ""
