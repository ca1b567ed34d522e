"""Bundles and models by name: found without any request, and never what is unfinished."""

import json
from pathlib import Path

import pytest

from paraserve.catalog.manifest import Origin, write_manifest
from paraserve.catalog.store import (
    bundle_root,
    known_bundles,
    locked,
    models_folder,
    part_folder,
    pulled_bundles,
    remove,
)
from paraserve.errors import ModelLoadError

VAD_ID = "damo/speech_fsmn_vad_zh-cn-16k-common-onnx"


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def put(models):
    """Put a bundle into the models folder as a pull leaves it."""

    def put(name, **origins):
        for part in origins:
            (models / name / part).mkdir(parents=True)
            (models / name / part / "model.onnx").write_text(part)
        write_manifest(models / name, name, {part: Origin(model, "a:b") for part, model in origins.items()})
        return models / name

    return put


def test_bundle_by_name_and_folder(demo_dir, models, put, tmp_path):
    """`demo` is the embedded bundle, a name is a pulled one, a path is that folder."""
    root = put("whisper-base", asr="whisper-base", vad="fsmn-vad")
    assert bundle_root("demo", models).samefile(demo_dir)
    assert bundle_root("whisper-base", models) == root
    assert bundle_root(str(tmp_path), models) == tmp_path


def test_a_users_own_bundle(models):
    """A folder that a user puts into the models folder has a name too, with or without a manifest."""
    (models / "mine" / "asr").mkdir(parents=True)
    assert bundle_root("mine", models) == models / "mine"
    assert pulled_bundles(models) == {"mine": models / "mine"}


@pytest.mark.parametrize("name", ["no-such-bundle", "", "../models", "a/../..", ".whisper-base.partial"])
def test_unknown_bundle(models, name, put, tmp_path_factory, monkeypatch):
    """Any other name is refused with the list of known names; an unfinished pull is not a bundle."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))  # what lies beside the checkout has no say
    put(".whisper-base.partial", asr="whisper-base")
    with pytest.raises(ModelLoadError, match=r"neither a folder nor one of: demo, paraformer-zh, .*whisper-base"):
        bundle_root(name, models)
    assert pulled_bundles(models) == {}


@pytest.mark.parametrize("name", ["2pass-zh", "whisper-base"])
def test_a_bundle_that_is_not_here(models, name):
    """The message is the command that helps."""
    with pytest.raises(ModelLoadError, match=f"{name} is not on this machine yet: paraserve models pull {name}$"):
        bundle_root(name, models)


def test_part_by_folder_and_name(demo_dir, models, put, tmp_path):
    """A folder is taken as it is; a pulled bundle gives the part that is asked for."""
    root = put("paraformer-zh", asr="paraformer-large-zh", vad="fsmn-vad")
    assert part_folder(str(tmp_path), "asr", models) == tmp_path
    assert part_folder("demo", "vad", models).samefile(demo_dir / "vad")
    assert part_folder("paraformer-zh", "asr", models) == root / "asr"
    assert part_folder("paraformer-zh", "vad", models) == root / "vad"
    with pytest.raises(ModelLoadError, match="bundle paraformer-zh has no punc/, only: asr, vad"):
        part_folder("paraformer-zh", "punc", models)


@pytest.mark.parametrize("owner", ["damo", "iic"])
def test_part_by_hub_id(models, put, owner):
    """A hub id finds the model in whatever bundle it was pulled with, under the owner's old or new name."""
    hub_id = VAD_ID.replace("damo", owner)
    with pytest.raises(ModelLoadError, match=f"model {hub_id} is not on this machine yet: paraserve models pull"):
        part_folder(hub_id, "vad", models)
    root = put("2pass-zh", asr="paraformer-large-zh", vad="fsmn-vad")
    assert part_folder(hub_id, "vad", models) == root / "vad"


def test_what_funasr_has_downloaded(models):
    """FunASR's own download folder serves as models folder: there a hub id is a path."""
    (models / VAD_ID).mkdir(parents=True)
    assert part_folder(VAD_ID, "vad", models) == models / VAD_ID


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("owner/none", "there is no folder owner/none, and the catalog has no such model"),
        ("ct-punc", "model ct-punc is not on this machine yet: paraserve models pull ct-punc"),
        ("no-such-model", "model folder not found: no-such-model"),
        ("/no/such/folder", "model folder not found: /no/such/folder"),
    ],
)
def test_unknown_part(models, value, message):
    """A model that is not here is refused, with the command that pulls it if there is one."""
    with pytest.raises(ModelLoadError, match=message):
        part_folder(value, "punc", models)


def test_remove(models, put):
    """A removed bundle is gone with all that an unfinished pull left; other bundles stay."""
    put("whisper-base", asr="whisper-base")
    put(".whisper-base.partial", asr="whisper-base")
    other = put("fsmn-vad", vad="fsmn-vad")
    assert remove("whisper-base", models)
    assert not remove("whisper-base", models)
    assert not remove("../models", models)
    assert pulled_bundles(models) == {"fsmn-vad": other}
    assert not (models / ".whisper-base.partial").exists()


def test_what_cannot_be_removed(models, put):
    """The embedded bundle, and one that is being pulled, stay."""
    with pytest.raises(ModelLoadError, match="demo is part of the installation"):
        remove("demo", models)
    root = put("fsmn-vad", vad="fsmn-vad")
    with locked("fsmn-vad", models, pytest.fail), pytest.raises(ModelLoadError, match="is being pulled by another"):
        remove("fsmn-vad", models)
    assert root.is_dir()


def test_models_folder(monkeypatch, tmp_path):
    """The chosen folder, or the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/a/cache")
    assert str(models_folder()) == "/a/cache/paraserve/models"
    assert models_folder(str(tmp_path)) == tmp_path
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/a")
    assert str(models_folder()) == "/home/a/.cache/paraserve/models"
    assert str(models_folder("~/m")) == "/home/a/m"


def test_catalog_of_the_models_folder(models):
    """A catalog there adds entries and replaces those of the same name."""
    models.mkdir()
    model = {"megabytes": 1, "files": ["a"], "sources": [{"kind": "folder", "path": "/a"}]}
    bundles = {name: {"about": "mine", "parts": {"asr": "mine"}} for name in ("mine", "whisper-base")}
    lines = [f"models.mine = {_toml(model)}", *(f"bundles.{name} = {_toml(b)}" for name, b in bundles.items())]
    (models / "catalog.toml").write_text("\n".join(lines))
    catalog = known_bundles(models)
    assert {"mine", "whisper-base", "2pass-zh"} <= catalog.bundles.keys()
    assert catalog.bundles["whisper-base"].about == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a =", "Expected|Invalid"),
        ("models = 1", "damaged catalog"),
        ("[bundles.a]\nabout = 'a'\nparts = { asr = 'none-such' }", "bundle a: no such model: none-such"),
        ("[bundles.a]\nabout = 'a'\nparts = { ears = 'fsmn-vad' }", "ears"),
        ("[bundles.'../a']\nabout = 'a'\nparts = { asr = 'fsmn-vad' }", r"bundles\.\.\./a"),
        ("[models.a]\nmegabytes = 1\nfiles = ['a']\nsources = [{ kind = 'ftp' }]", "ftp"),
        ("[models.a]\nmegabytes = 1\nfiles = ['a']\nsources = [{ kind = 'folder', path = '/a', x = 1 }]", "x"),
    ],
)
def test_damaged_catalog(models, content, message):
    """A catalog that says something else than the form allows is named, with the place."""
    models.mkdir()
    (models / "catalog.toml").write_text(content)
    with pytest.raises(ModelLoadError, match=f"damaged catalog: {models}/catalog.toml: .*({message})|{message}"):
        known_bundles(models)


def test_the_projects_catalog(models):
    """Every promised bundle is there, with recogniser and detector where it is to be served alone."""
    bundles = known_bundles(models).bundles
    whole = {
        "paraformer-zh",
        "paraformer-zh-hotword",
        "paraformer-en",
        "2pass-zh",
        "sensevoice-small",
        "whisper-tiny",
        "whisper-base",
        "whisper-small",
        "fun-asr-nano",
        "fun-asr-mlt-nano",
        "sensevoice-small-pytorch",
        "paraformer-zh-pytorch",
        "paraformer-zh-hotword-pytorch",
    }
    single = {
        "paraformer-zh-streaming": {"asr-online"},
        "fsmn-vad": {"vad"},
        "ct-punc": {"punc"},
        "ct-punc-realtime": {"punc"},
    }
    assert bundles.keys() == whole | single.keys()
    assert [name for name in whole if not {"asr", "vad"} <= bundles[name].parts.keys()] == []
    assert {name: set(bundles[name].parts) for name in single} == single
    assert set(bundles["2pass-zh"].parts) == {"asr", "asr-online", "vad", "punc"}


def test_the_projects_catalog_is_documented(models):
    """docs/models.md names every bundle."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text("utf-8")
    assert [name for name in known_bundles(models).bundles if f"`{name}`" not in page] == []


def _toml(value):
    """JSON is close enough to TOML for flat tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
