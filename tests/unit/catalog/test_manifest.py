"""Manifests: every altered file of a bundle is noticed, at every load."""

import hashlib
import json

import pytest

from paraserve.catalog.manifest import (
    MANIFEST,
    Origin,
    check_bundle,
    read_origins,
    record_files,
    verify_bundle,
    verify_part,
    write_manifest,
)
from paraserve.errors import ModelLoadError

FILES = {"asr/model.onnx": b"weights" * 100, "asr/tokens.json": b'["a"]', "vad/am.mvn": b"numbers"}


def record(root, files):
    entries = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    (root / MANIFEST).write_text(json.dumps({"files": entries}))


@pytest.fixture
def bundle(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    record(tmp_path, FILES)
    return tmp_path


def problems(root):
    return {str(c.path.relative_to(root)): c.problem for c in check_bundle(root) if c.problem}


def test_intact_bundle(bundle):
    """Every file of the manifest is checked and found good."""
    assert [str(c.path.relative_to(bundle)) for c in check_bundle(bundle)] == list(FILES)
    assert problems(bundle) == {}
    verify_bundle(bundle)


@pytest.mark.parametrize("bit", [0, 5599])
def test_one_flipped_bit(bundle, bit):
    """One flipped bit anywhere is noticed, and the file is named."""
    path = bundle / "asr/model.onnx"
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    assert "altered" in problems(bundle)["asr/model.onnx"]
    with pytest.raises(ModelLoadError, match=r"asr/model\.onnx") as caught:
        verify_bundle(bundle)
    assert caught.value.code == "model_file_damaged"


def test_truncated_and_missing_files(bundle):
    """A cut-off file and a missing one are each named with their own problem."""
    path = bundle / "asr/model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    (bundle / "vad/am.mvn").unlink()
    assert problems(bundle) == {
        "asr/model.onnx": "699 bytes instead of 700: truncated or replaced",
        "vad/am.mvn": "missing",
    }


def test_no_manifest(bundle):
    """A user's own bundle without a manifest may be used, but not verified."""
    (bundle / MANIFEST).unlink()
    verify_bundle(bundle)
    with pytest.raises(ModelLoadError, match=r"no manifest\.json"):
        list(check_bundle(bundle))


@pytest.mark.parametrize("content", ["", "[]", '{"files": {"a": {}}}', '{"files": 1}', '{"files": {"a": 1}}'])
def test_damaged_manifest(bundle, content):
    """A manifest that cannot be read is an error, not a pass."""
    (bundle / MANIFEST).write_text(content)
    with pytest.raises(ModelLoadError, match="damaged manifest"):
        list(check_bundle(bundle))
    with pytest.raises(ModelLoadError, match="damaged manifest"):
        verify_bundle(bundle)


def test_one_part(bundle):
    """A part is refused for its own files only; a folder that is in no bundle is taken as it is."""
    (bundle / "vad/am.mvn").write_bytes(b"another")
    verify_part(bundle / "asr")
    with pytest.raises(ModelLoadError, match=r"vad/am\.mvn"):
        verify_part(bundle / "vad")
    (bundle / MANIFEST).unlink()
    verify_part(bundle / "vad")


def test_written_manifest(bundle):
    """A written manifest records each file and the origin of each part."""
    (bundle / MANIFEST).unlink()
    origins = {"asr": Origin("a-model", "url:http://a"), "vad": Origin("b-model", "folder:/b")}
    write_manifest(bundle, "a-bundle", origins)
    assert problems(bundle) == {}
    assert len(list(check_bundle(bundle))) == len(FILES)
    assert read_origins(bundle) == origins


@pytest.mark.parametrize("parts", ["1", '{"asr": 1}', '{"asr": {"model": "a"}}'])
def test_damaged_origins(bundle, parts):
    """Origins that cannot be read are an error; a manifest without any is that of a bundle that was not pulled."""
    assert read_origins(bundle) == {}
    (bundle / MANIFEST).write_text(f'{{"files": {{}}, "parts": {parts}}}')
    with pytest.raises(ModelLoadError, match="damaged manifest"):
        read_origins(bundle)


def test_embedded_bundle_is_complete(demo_dir):
    """The committed bundle matches its manifest, and the manifest leaves out no model file."""
    checks = list(check_bundle(demo_dir))
    assert [c for c in checks if c.problem] == []
    parts = ("asr", "asr-online", "vad", "punc")
    on_disk = {path for part in parts for path in (demo_dir / part).rglob("*") if path.is_file()}
    assert on_disk <= {c.path for c in checks}
    assert on_disk


def test_recorded_files(bundle):
    """New and replaced files enter the manifest; all else that it says stays, so other damage is still noticed."""
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["name"] = "mine"
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    new, replaced = bundle / "asr/model_quant.onnx", bundle / "vad/am.mvn"
    new.write_bytes(b"small")
    replaced.write_bytes(b"other numbers")
    (bundle / "asr/tokens.json").write_bytes(b"damaged")
    record_files(bundle, [new, replaced])
    assert list(problems(bundle)) == ["asr/tokens.json"]
    assert json.loads((bundle / MANIFEST).read_text())["name"] == "mine"
    assert {path.name for path in bundle.iterdir()} == {"asr", "vad", MANIFEST}
    write_manifest(bundle, "mine", {})
    assert set(json.loads((bundle / MANIFEST).read_text())["files"]) == {*FILES, "asr/model_quant.onnx"}
    verify_bundle(bundle)
