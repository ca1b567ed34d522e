"""Pulls beside what is already here: shared models, repairs, other pulls, full and read-only disks."""

import os
import shutil
import threading

import pytest

from paraserve.catalog.entries import Catalog
from paraserve.catalog.manifest import MANIFEST, check_bundle, read_knows, read_origins
from paraserve.errors import DiskFullError, ModelLoadError, ModelPullError
from support.fake_hub import WANTED, Answer, catalog_of, files_in, hub_source

GRAPH = "model.onnx"


@pytest.fixture
def catalog(hub):
    """Bundles of two models that share one of them."""
    hub.files |= {"vad/model.onnx": b"vad" * 1000, "vad/config.yaml": b"v: 1"}

    def model(**fields):
        return {"megabytes": 1, "files": WANTED, "sources": [hub_source(**fields)]}

    bundles = {"one": {"asr": "speech", "vad": "detector"}, "two": {"punc": "speech"}, "three": {"vad": "detector"}}
    return Catalog.model_validate(
        {
            "models": {"speech": model(), "detector": model(folder="vad")},
            "bundles": {
                name: {"about": "for tests", "knows": f"the words of {name}", "parts": parts}
                for name, parts in bundles.items()
            },
        }
    )


def problems(root):
    return [check.path.name for check in check_bundle(root) if check.problem]


def test_a_model_of_another_bundle(pull, hub, catalog):
    """A model pulled with another bundle is not fetched again and takes no room; either bundle can be removed."""
    one = pull(catalog, "one")
    hub.requests.clear()
    two = pull(catalog, "two")
    assert hub.requests == []
    assert (two / "punc" / GRAPH).samefile(one / "asr" / GRAPH)
    assert read_origins(two)["punc"] == read_origins(one)["asr"]
    shutil.rmtree(one)
    assert problems(two) == []


def test_what_a_bundle_knows(pull, catalog, tmp_path):
    """The catalog's words are in the manifest of a pulled bundle. A bundle without a manifest does not say."""
    assert read_knows(pull(catalog, "one")) == "the words of one"
    assert read_knows(tmp_path) == ""
    (tmp_path / MANIFEST).write_text('{"knows": 1}')
    with pytest.raises(ModelLoadError, match="knows is no text"):
        read_knows(tmp_path)


def test_a_damaged_model_of_another_bundle(pull, hub, catalog):
    """A damaged file does not spread."""
    one = pull(catalog, "one")
    (one / "asr" / GRAPH).write_bytes(b"damaged")
    assert problems(pull(catalog, "two")) == []
    assert hub.asked(GRAPH) == [None, None]


def graphs(part):
    return sorted(path.name for path in part.glob("*.onnx"))


def test_for_a_gpu(pull, hub, catalog):
    """A GPU gets the float32 graph of a recogniser where a source has both, anything else as a CPU does."""
    hub.files |= {"model_quant.onnx": b"int8" * 1000, "vad/model_quant.onnx": b"int8" * 1000}
    root = pull(catalog, "one", for_gpu=True)
    assert (graphs(root / "asr"), graphs(root / "vad")) == (["model.onnx"], ["model_quant.onnx"])
    assert problems(root) == []
    assert hub.asked("model_quant.onnx") == []


def test_for_a_gpu_beside_a_cpu(pull, hub, catalog):
    """int8 graphs that another bundle has are not what a GPU needs; where a source has no others they are taken."""
    catalog.bundles["two"].parts["asr"] = catalog.bundles["two"].parts.pop("punc")
    hub.files["model_quant.onnx"] = b"int8" * 1000
    pull(catalog, "one")
    assert graphs(pull(catalog, "two", for_gpu=True) / "asr") == ["model.onnx"]
    shutil.rmtree(pull(catalog, "two"))
    del hub.files["model.onnx"]
    assert graphs(pull(catalog, "two", for_gpu=True) / "asr") == ["model_quant.onnx"]


@pytest.mark.parametrize("damage", ["altered", "cut", "missing", "no manifest"])
def test_repair(pull, hub, catalog, contents, damage):
    """Pulling a damaged bundle replaces what is damaged and keeps the rest; it says so."""
    root = pull(catalog, "one")
    hub.requests.clear()
    graph = root / "asr" / GRAPH
    match damage:
        case "altered":
            graph.write_bytes(bytes(len(contents[GRAPH])))
        case "cut":
            os.truncate(graph, 5000)
        case "missing":
            graph.unlink()
        case "no manifest":
            (root / "manifest.json").unlink()
    assert pull(catalog, "one") == root
    assert problems(root) == []
    assert graph.read_bytes() == contents[GRAPH]
    assert hub.asked("vad/model.onnx") == ([None] if damage == "no manifest" else [])
    assert [report for report in pull.reports if "is damaged" in report]
    assert sorted(path.name for path in root.parent.iterdir()) == [".one.lock", "one"]


def test_a_repair_that_fails(pull, hub, catalog):
    """A damaged bundle stays where it is while nothing better is there."""
    root = pull(catalog, "one")
    (root / "asr" / GRAPH).write_bytes(b"damaged")
    before = files_in(root)
    hub.always[GRAPH] = Answer(status=404)
    with pytest.raises(ModelPullError):
        pull(catalog, "one")
    assert files_in(root) == before


def test_two_pulls_at_once(pull, hub, catalog):
    """The second waits for the first, says so, and finds the bundle there; nothing is fetched twice."""
    is_waiting = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=1000, wait=is_waiting)]
    roots = []
    threads = [threading.Thread(target=lambda: roots.append(pull(catalog, "one"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not pull.reports and any(thread.is_alive() for thread in threads):
        threads[0].join(0.01)
    is_waiting.set()
    for thread in threads:
        thread.join()
    assert pull.reports == ["one is being pulled by another process: waiting for it"]
    assert len(roots) == 2
    assert problems(roots[0]) == []
    assert hub.sent[GRAPH] == len(hub.files[GRAPH])


def test_not_enough_room(pull, hub):
    """A model that cannot fit is refused before its content is fetched, with what is needed and free."""
    hub.listed[GRAPH] = {"size": 10**15}
    with pytest.raises(
        DiskFullError, match=r"no room in .*/models: 1000000000\.0 MB are needed, \d+\.\d MB are free"
    ):
        pull(catalog_of(hub_source()))
    assert hub.asked(GRAPH) == []


def test_a_read_only_models_folder(pull, catalog):
    """Pulling a bundle that is here and intact writes nothing: the folder may be mounted read-only."""
    root = pull(catalog, "one")
    (root.parent / ".one.lock").unlink()
    before = files_in(root.parent)
    assert pull(catalog, "one") == root
    assert files_in(root.parent) == before


def test_a_folder_that_cannot_be_made(pull, tmp_path):
    """A models folder that is a file is named."""
    (tmp_path / "models").write_text("no folder")
    with pytest.raises(ModelPullError, match=f"{tmp_path}/models.*: Not a directory"):
        pull(catalog_of(hub_source()))
