"""Packed bundles: installed whole or not at all, whatever is in the file. Else the older bundle of the name stays."""

import errno
import json
import random
import shutil
import tarfile
from pathlib import Path

import pytest

from paraserve.catalog.manifest import MANIFEST, verify_bundle
from paraserve.catalog.signed.installing import install
from paraserve.catalog.signed.packing import pack
from paraserve.catalog.store import locked, pulled_bundles
from paraserve.errors import DiskFullError, ModelLoadError, ModelPullError, PackedBundleError
from support.packed_bundles import FILES, archive, entry, gzipped, manifest_of, member, members, tree, write_bundle

OLD = {"asr/model.onnx": b"old weights"}
LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}


@pytest.fixture
def models(tmp_path):
    """A models folder with an older bundle of the name."""
    write_bundle(tmp_path / "models" / "small", OLD)
    return tmp_path / "models"


def install_bytes(data: bytes, models: Path) -> Path:
    path = models.parent / "small.psb"
    path.write_bytes(data)
    return install(path, models, None, lambda name: None)


def is_as_before(models: Path) -> bool:
    """The older bundle is intact, and nothing else was left anywhere."""
    there = {path.name for path in models.iterdir()} - {".small.lock"}
    kept = {name: content for name, content in tree(models / "small").items() if name != MANIFEST}
    assert {path.name for path in models.parent.iterdir()} <= {"models", "small.psb", "bundle"}
    return there == {"small"} and kept == OLD


def test_packed_and_installed(models, tmp_path):
    """A bundle comes out as it went in, and takes the place of the older one."""
    root = write_bundle(tmp_path / "bundle")
    assert pack(root, tmp_path / "small.psb") is False
    installed = install(tmp_path / "small.psb", models, None, lambda name: None)
    assert installed == models / "small"
    assert tree(installed) == tree(root)
    verify_bundle(installed)
    assert list(pulled_bundles(models)) == ["small"]
    assert {path.name for path in models.iterdir()} == {"small", ".small.lock"}


def test_same_bytes(tmp_path):
    """The same bundle gives the same file, whatever the times, modes and order of its files are on disk."""
    pack(write_bundle(tmp_path / "a"), tmp_path / "a.psb")
    other = write_bundle(tmp_path / "b", dict(reversed(FILES.items())))
    (other / MANIFEST).write_bytes(manifest_of())
    for path in other.rglob("*"):
        path.chmod(0o700)
    pack(other, tmp_path / "b.psb")
    assert (tmp_path / "a.psb").read_bytes() == (tmp_path / "b.psb").read_bytes()
    with tarfile.open(tmp_path / "a.psb") as packed:
        assert packed.getnames() == [MANIFEST, *sorted(FILES)]


def test_another_name(models, tmp_path):
    """A bundle may be packed under another name, and a folder without a manifest under its own."""
    root = write_bundle(tmp_path / "bundle")
    pack(root, tmp_path / "x.psb", "other")
    (root / MANIFEST).unlink()
    pack(root, tmp_path / "y.psb")
    names = [install(tmp_path / name, models, None, print).name for name in ("x.psb", "y.psb")]
    assert names == ["other", "bundle"]
    for name in names:
        verify_bundle(models / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "asr/model.onnx").write_bytes(b"x"), "truncated or replaced"),
        (lambda root: (root / "vad/am.mvn").unlink(), "missing"),
        (lambda root: (root / "vad/evil.onnx").write_bytes(b""), "is not in manifest"),
        (lambda root: (root / "lm").symlink_to("/tmp"), "is not in manifest"),
        (lambda root: (root / MANIFEST).write_text("{}"), "damaged manifest"),
        (lambda root: (root / MANIFEST).write_bytes(manifest_of(name="../x")), "damaged manifest.json: name"),
    ],
)
def test_what_is_not_packed(tmp_path, change, message):
    """A bundle that is not as its manifest says is not packed, and a file that was there stays."""
    root = write_bundle(tmp_path / "bundle")
    change(root)
    (tmp_path / "small.psb").write_text("before")
    with pytest.raises(ModelLoadError, match=message):
        pack(root, tmp_path / "small.psb")
    assert (tmp_path / "small.psb").read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "small.psb"}


@pytest.mark.parametrize("name", ["x" * 200, "dir/" * 40 + "x" * 120])
def test_paths_that_a_tar_cannot_hold(tmp_path, name):
    """They are refused, with their names."""
    root = write_bundle(tmp_path / "bundle")
    (root / MANIFEST).unlink()
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(b"")
    with pytest.raises(PackedBundleError):
        pack(root, tmp_path / "small.psb")


@pytest.mark.parametrize(
    "name",
    ["../x", "/tmp/x", "asr/../../x", "asr//x", "./x", "x/", ".", "..", "", "a\\b", "a\nb", "a\0b", MANIFEST,
     "manifest.json.minisig", "y" * 256, "asr/model.onnx/x"],
)  # fmt: skip
def test_paths_of_a_hostile_manifest(models, name):
    """A manifest that lists what is not below the bundle is refused, whatever the archive has."""
    files = {**FILES, name: b"x"}
    with pytest.raises(PackedBundleError, match="which no bundle can have"):
        install_bytes(archive(members(manifest_of(files), files)) if "\0" not in name else archive(
            members(manifest_of(files))), models)  # fmt: skip
    assert is_as_before(models)


HOSTILE = {
    "traversal": [*members()[:2], member("../../x", b"x"), *members()[2:]],
    "absolute": [*members()[:2], member("/tmp/x", b"x"), *members()[2:]],
    "unlisted": [*members(), member("z", b"x")],
    "twice": [*members()[:2], *members()[1:]],
    "twice at the end": [*members(), members()[-1]],
    "missing": members()[:-1],
    "nothing but a manifest": members()[:1],
    "other order": [members()[0], *members()[:0:-1]],
    "no manifest": members()[1:],
    "empty": [],
    "link": [members()[0], member("asr/model.onnx", **LINK), *members()[2:]],
    "hard link": [members()[0], member("asr/model.onnx", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
    "link in the way": [members()[0], member("asr", **LINK), *members()[1:]],
    "link as manifest": [member(MANIFEST, **LINK), *members()[1:]],
    "folder": [members()[0], member("asr", type=tarfile.DIRTYPE), *members()[1:]],
    "device": [members()[0], member("asr/model.onnx", type=tarfile.CHRTYPE)],
    "block device": [members()[0], member("asr/model.onnx", type=tarfile.BLKTYPE)],
    "pipe": [members()[0], member("asr/model.onnx", type=tarfile.FIFOTYPE)],
    "sparse": [members()[0], member("asr/model.onnx", type=tarfile.GNUTYPE_SPARSE)],
    "long name": [members()[0], member("x", b"y" * 600, type=tarfile.GNUTYPE_LONGNAME), *members()[1:]],
    "pax bomb": [members()[0], member("x", type=tarfile.XHDTYPE, size=8 << 40), *members()[1:]],
    "pax bomb first": [member("x", type=tarfile.XGLTYPE, size=8 << 40), *members()],
    "too large": [members()[0], member("asr/model.onnx", size=8 << 40), *members()[2:]],
    "too small": [members()[0], member("asr/model.onnx", b"w"), *members()[2:]],
    "too large a manifest": [member(MANIFEST, size=8 << 40), *members()[1:]],
    "too large a signature": [members()[0], member("manifest.json.minisig", size=8 << 40), *members()[1:]],
    "two signatures": [members()[0], *[member("manifest.json.minisig", b"x")] * 2, *members()[1:]],
    "another content": [members()[0], member("asr/model.onnx", b"Weights" * 100), *members()[2:]],
}


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives(models, parts):
    """Whatever is not exactly the bundle of the manifest is refused, and nothing of it is left."""
    with pytest.raises(PackedBundleError):
        install_bytes(archive(parts), models)
    assert is_as_before(models)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"\xff", b"[" * 100_000, b'{"name": "small"}', b'{"name": "small", "files": []}',
     manifest_of(name=""), manifest_of(name=".hidden"), manifest_of(name="a/b"), manifest_of(name="x" * 101),
     manifest_of(z={"sha256": "0" * 64}), manifest_of(z={"sha256": "0" * 64, "bytes": -1}),
     manifest_of(z={"sha256": "0" * 64, "bytes": 10**400}), manifest_of(z={"sha256": "0" * 64, "bytes": 1.5}),
     manifest_of(z={"sha256": "xyz", "bytes": 1}), manifest_of(z=7)],
)  # fmt: skip
def test_damaged_manifests(models, manifest):
    """A manifest that is none is refused."""
    with pytest.raises(PackedBundleError, match=r"damaged manifest\.json"):
        install_bytes(archive(members(manifest)), models)
    assert is_as_before(models)


@pytest.mark.parametrize("form", ["gzip", "text", "trailing", "endless end"])
def test_other_files(models, form):
    """What is no packed bundle at all, or goes on behind it, is refused."""
    good = archive(members())
    data = {"gzip": gzipped(good), "text": b"hello", "trailing": good + b"x", "endless end": good + bytes(1 << 16)}
    with pytest.raises(PackedBundleError):
        install_bytes(data[form], models)
    assert is_as_before(models)


def test_cut_off(models):
    """A file that ends anywhere before the last member's end is refused."""
    good = archive(members())
    end = good.rstrip(b"\0").rfind(b"vad/am.mvn") + tarfile.BLOCKSIZE
    for n_bytes in [*range(0, end, 251), end, end + 511]:
        with pytest.raises(PackedBundleError):
            install_bytes(good[:n_bytes], models)
        assert is_as_before(models)


def test_flipped_bits(models, full):
    """One flipped bit anywhere is noticed, or changes nothing of what is installed."""
    good, rng = archive(members()), random.Random(7)
    for _ in range(2000 if full else 60):
        damaged = bytearray(good)
        damaged[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
        try:
            installed = install_bytes(damaged, models)
        except PackedBundleError:
            assert is_as_before(models)
        else:
            assert tree(installed) == {MANIFEST: manifest_of(), **FILES}
            shutil.rmtree(installed)
            write_bundle(models / "small", OLD)


def test_no_room(models, monkeypatch):
    """Where the disk has no room, now or in the middle, nothing changes."""
    entries = {f"z{n}": {"sha256": "0" * 64, "bytes": (8 << 30) - 1} for n in range(10_000)}  # 86 TB
    huge = json.dumps({"name": "small", "files": entries}).encode()
    with pytest.raises(DiskFullError, match="no room"):
        install_bytes(archive(members(huge)), models)
    assert is_as_before(models)

    def full(*_folders):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("paraserve.catalog.signed.installing.publish_folder", full)
    with pytest.raises(DiskFullError):
        install_bytes(archive(members()), models)
    assert is_as_before(models)


def test_the_name_cannot_be_taken(models, monkeypatch):
    """Where the new folder cannot get the name, the older bundle has it again."""
    real = Path.rename

    def rename(self, target):
        if self.name == "unpacked":
            raise OSError(errno.EIO, "Input/output error", str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(ModelPullError, match="Input/output error"):
        install_bytes(archive(members()), models)
    assert is_as_before(models)


def test_embedded_name(models):
    """Nothing takes the name of a bundle of the installation, which would hide it."""
    with pytest.raises(PackedBundleError, match="pack it with --name"):
        install_bytes(archive(members(manifest_of(name="demo"))), models)
    assert is_as_before(models)


def test_waits_for_another_process(models):
    """An installation beside a pull of the same bundle waits for it."""
    (models.parent / "small.psb").write_bytes(archive(members()))

    class WaitsError(Exception):
        pass

    def on_wait(name):
        raise WaitsError(name)

    with locked("small", models, on_wait), pytest.raises(WaitsError, match="small"):
        install(models.parent / "small.psb", models, None, on_wait)
    assert is_as_before(models)


def test_after_a_killed_installation(models):
    """What a killed one left is gone after the next."""
    (models / ".small.partial" / "unpacked" / "asr").mkdir(parents=True)
    (models / ".small.partial" / "unpacked" / "asr" / "model.onnx").write_text("half")
    root = install_bytes(archive(members()), models)
    assert tree(root) == {MANIFEST: manifest_of(), **FILES}
    assert not (models / ".small.partial").exists()


def test_entry():
    """The helper says what a real manifest says of a file."""
    assert entry(b"") == {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "bytes": 0}
