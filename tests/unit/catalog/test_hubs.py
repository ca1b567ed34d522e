"""Pulls from model hubs: lists, cut connections, wrong content, servers in trouble."""

import hashlib
import random
import shutil
import socket
import threading
import time
from dataclasses import replace

import pytest

from paraserve.catalog.download import HASTY
from paraserve.catalog.hubs import Mirrors, mirrors_of
from paraserve.catalog.manifest import MANIFEST, Origin, check_bundle, read_origins
from paraserve.errors import ModelPullError, PullStoppedError
from support.fake_hub import Answer, catalog_of, files_in, hub_source

KINDS = ("modelscope", "huggingface")
GRAPH = "model.onnx"


def taken(contents):
    """Content of a bundle's files by name, without its manifest."""
    return {f"asr/{name}": contents[name] for name in (GRAPH, "config.yaml")}


def pulled(root):
    return {name: content for name, content in files_in(root).items() if name != MANIFEST}


@pytest.mark.parametrize("kind", KINDS)
def test_pull(pull, hub, contents, kind, tmp_path):
    """The wanted files and no others are there and recorded, with where they came from, all under one name."""
    root = pull(catalog_of(hub_source(kind)))
    assert root == tmp_path / "models" / "bundle"
    assert pulled(root) == taken(contents)
    assert {str(check.path.relative_to(root)) for check in check_bundle(root) if not check.problem} == set(
        pulled(root)
    )
    assert read_origins(root) == {"asr": Origin("model", f"{kind}:owner/a-model@v1.0")}
    assert sorted(path.name for path in root.parent.iterdir()) == [".bundle.lock", "bundle"]
    assert hub.sent == {GRAPH: len(contents[GRAPH]), "config.yaml": len(contents["config.yaml"])}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_that_is_here_costs_no_request(pull, hub, kind):
    """The second pull asks nobody."""
    first = pull(catalog_of(hub_source(kind)))
    hub.requests.clear()
    assert pull(catalog_of(hub_source(kind))) == first
    assert hub.requests == []


def test_progress(pull):
    """Progress grows to the size of the bundle in the catalog, which is known from the first call on."""
    calls = []
    pull(catalog_of(hub_source()), on_progress=lambda done, total: calls.append((done, total)))
    total = 1_000_000
    assert {call[1] for call in calls} == {total}
    assert len(calls) > 5
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert done[-1] == total


@pytest.mark.parametrize("kind", KINDS)
def test_cut_connections(pull, hub, contents, kind, full):
    """However often and wherever a connection is cut, the pull goes on there, and no byte is sent twice."""
    seeded = random.Random(0)
    size = len(contents[GRAPH])
    cuts = [seeded.randint(1, size // 50) for _ in range(200 if full else 20)]
    hub.answers[GRAPH] = [Answer(cut_after=cut) for cut in cuts]
    root = pull(catalog_of(hub_source(kind)))
    assert pulled(root) == taken(contents)
    assert hub.sent[GRAPH] == size
    assert hub.asked(GRAPH)[0] is None
    assert hub.asked(GRAPH)[1] == f"bytes={cuts[0]}-"


def test_a_server_without_ranges(pull, hub, contents):
    """If the server sends everything again, the part received before is dropped."""
    hub.answers[GRAPH] = [Answer(cut_after=5000), Answer(ignore_range=True)]
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)
    assert hub.sent[GRAPH] == 5000 + len(contents[GRAPH])


def test_a_beginning_of_something_else(pull, hub, contents, tmp_path):
    """A beginning that does not fit to the rest is noticed by the SHA-256, and the file fetched once again."""
    hub.answers[GRAPH] = [Answer(cut_after=5000), Answer(status=404)]
    with pytest.raises(ModelPullError):
        pull(catalog_of(hub_source()))
    (begun,) = (tmp_path / "models").rglob(f"{GRAPH}.part")
    begun.write_bytes(bytes(5000))
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)
    assert hub.asked(GRAPH)[-2:] == ["bytes=5000-", None]


def test_a_beginning_longer_than_the_file(pull, hub, contents, tmp_path):
    """A download that cannot be resumed starts again."""
    hub.answers[GRAPH] = [Answer(cut_after=5000), Answer(status=404)]
    with pytest.raises(ModelPullError):
        pull(catalog_of(hub_source()))
    (begun,) = (tmp_path / "models").rglob(f"{GRAPH}.part")
    begun.write_bytes(bytes(len(contents[GRAPH]) + 1))
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)


def test_a_stopped_pull_keeps_whole_files(pull, hub, contents):
    """Files that a failed pull has fetched and checked are not fetched again."""
    config_is_here = threading.Event()
    hub.answers[GRAPH] = [Answer(status=404, wait=config_is_here)]
    with pytest.raises(ModelPullError):
        pull(catalog_of(hub_source()), on_progress=lambda done, total: done and config_is_here.set())
    hub.requests.clear()
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)
    assert hub.asked("config.yaml") == []


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_content(pull, hub, contents, kind, tmp_path):
    """Content with another SHA-256 than the list says never becomes a model; the file is named."""
    wrong = bytearray(contents[GRAPH])
    wrong[350_000] ^= 1
    hub.always[GRAPH] = Answer(content=bytes(wrong))
    with pytest.raises(ModelPullError, match=r"model\.onnx is not what the source says that it is: SHA-256"):
        pull(catalog_of(hub_source(kind)))
    assert not (tmp_path / "models" / "bundle").exists()
    assert list((tmp_path / "models").rglob("model.onnx*")) == []
    hub.always.clear()
    assert pulled(pull(catalog_of(hub_source(kind)))) == taken(contents)


@pytest.mark.parametrize("difference", [-1, 1])
def test_wrong_size(pull, hub, contents, difference):
    """A file of another size than the list says is refused before its content is fetched."""
    hub.listed[GRAPH] = {"size": len(contents[GRAPH]) + difference}
    with pytest.raises(ModelPullError, match=r"model\.onnx: the server sends 700001 bytes instead of"):
        pull(catalog_of(hub_source()))


def test_no_sha256_in_the_list(pull, hub, contents):
    """Without one the size is what is checked; a cut transfer is continued if the server says it is the same file."""
    hub.listed[GRAPH] = {"sha256": None}
    hub.answers[GRAPH] = [Answer(cut_after=5000)]
    assert pulled(pull(catalog_of(hub_source("huggingface")))) == taken(contents)
    assert hub.asked(GRAPH) == [None, "bytes=5000-"]
    assert hub.sent[GRAPH] == len(contents[GRAPH])


def test_a_file_that_changes_between_two_requests(pull, hub, contents):
    """Without a SHA-256 in the list, the halves of two versions are never put together."""
    old = bytes(len(contents[GRAPH]))
    hub.listed[GRAPH] = {"sha256": None}
    hub.answers[GRAPH] = [Answer(cut_after=5000, content=old)]
    assert pulled(pull(catalog_of(hub_source("huggingface")))) == taken(contents)


def test_expected_sha256(pull, hub, contents):
    """A file of which the hub itself says that it is not the catalog's is refused before it is fetched."""
    with pytest.raises(ModelPullError, match=r"config\.yaml is not the file that the catalog expects"):
        pull(catalog_of(hub_source(sha256={"config.yaml": "0" * 64})))
    assert hub.sent == {}


@pytest.mark.parametrize("kind", KINDS)
def test_expected_sha256_that_the_hub_does_not_state(pull, hub, kind, tmp_path):
    """A file that is not the catalog's never becomes a model, also where the hub states no SHA-256."""
    hub.listed[GRAPH] = {"sha256": None}
    with pytest.raises(ModelPullError, match=r"model\.onnx is not what the source says"):
        pull(catalog_of(hub_source(kind, sha256={GRAPH: "0" * 64})))
    assert list((tmp_path / "models").rglob("model.onnx*")) == []


def test_one_list_of_digests(pull, hub, contents):
    """Digests of the model hold for all of its sources. Of several, a file may have any."""
    right = hashlib.sha256(contents[GRAPH]).hexdigest()
    web = {"kind": "url", "url": f"{hub.url}/content/"}
    for source in (hub_source(), hub_source("huggingface"), web):
        root = pull(catalog_of(source, files=[GRAPH], sha256={GRAPH: ["0" * 64, right]}))
        assert pulled(root) == {f"asr/{GRAPH}": contents[GRAPH]}
        shutil.rmtree(root)
        with pytest.raises(ModelPullError, match=r"model\.onnx is not (the file that the catalog|what the source)"):
            pull(catalog_of(source, files=[GRAPH], sha256={GRAPH: ["0" * 64, "1" * 64]}))


@pytest.mark.parametrize("way", ["silent", "refused"])
def test_a_hub_that_cannot_be_reached(pull, hub, contents, way, monkeypatch):
    """It costs a bounded time if there is another source: whoever takes connections and says nothing, as well."""
    monkeypatch.setattr("paraserve.catalog.pull.HASTY", replace(HASTY, first_answer_s=0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if way == "silent" else 9
        mirrors = Mirrors(f"http://127.0.0.1:{port}", hub.url)
        began_s = time.monotonic()
        root = pull(catalog_of(hub_source(), hub_source("huggingface")), mirrors=mirrors)
        assert time.monotonic() - began_s < 5
    assert pulled(root) == taken(contents)
    assert read_origins(root)["asr"].source.startswith("huggingface:")


def test_a_pull_that_is_stopped(pull, hub, contents):
    """It ends at once, keeps what has come, and the next one goes on from there."""
    stop = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000)]
    hub.always[GRAPH] = Answer(status=503)

    def stop_in_the_middle(done, total):
        if done > 50_000:
            stop.set()

    with pytest.raises(PullStoppedError):
        pull(catalog_of(hub_source()), on_progress=stop_in_the_middle, stop=stop)
    hub.always.clear()
    hub.answers.clear()
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)
    start = int(hub.asked(GRAPH)[-1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 100_000
    assert hub.sent[GRAPH] == 100_000 + len(contents[GRAPH]) - start


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble(pull, hub, contents, status):
    """A server that is busy is asked again."""
    hub.answers[GRAPH] = [Answer(status=status)]
    assert pulled(pull(catalog_of(hub_source()))) == taken(contents)


@pytest.mark.slow
def test_lasting_trouble(pull, hub):
    """A server that stays busy is given up, with its name and answer."""
    hub.always[GRAPH] = Answer(status=503)
    with pytest.raises(ModelPullError, match=r"127\.0\.0\.1 .*it answers 503 Service Unavailable"):
        pull(catalog_of(hub_source()))
    assert len(hub.asked(GRAPH)) == 4


def test_the_next_source(pull, hub, contents):
    """If one source fails the next is tried, and no file of the first is mixed in."""
    hub.answers["config.yaml"] = [Answer(content=b"b: 1\n"), Answer()]
    hub.listed[GRAPH] = {"sha256": None}
    first = hub_source("huggingface", sha256={GRAPH: "0" * 64})
    root = pull(catalog_of(first, hub_source()))
    assert pulled(root) == taken(contents)
    assert read_origins(root)["asr"].source.startswith("modelscope:")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refused(pull, hub, status):
    """A refusal is not asked about again."""
    hub.always[GRAPH] = Answer(status=status)
    with pytest.raises(ModelPullError, match=f"the server answers {status}"):
        pull(catalog_of(hub_source()))
    assert len(hub.asked(GRAPH)) == 1


@pytest.mark.slow
def test_nobody_there(pull, hub):
    """A hub that cannot be reached is named; the reasons of all sources are given if none works."""
    nowhere = {"kind": "url", "url": "http://127.0.0.1:9/a/"}
    missing = hub_source("huggingface", revision="v9")
    with pytest.raises(ModelPullError, match=r"127\.0\.0\.1 cannot be reached.*; huggingface:.*@v9: .*404 Not Found"):
        pull(catalog_of(nowhere, missing))


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"Data": 1}'])
def test_something_that_is_no_hub(pull, hub, answer):
    """A server that answers something else than a list of files is no source, and no crash."""
    hub.lists.append(answer)
    with pytest.raises(ModelPullError, match=r"does not answer as a model hub does|list of files is not understood"):
        pull(catalog_of(hub_source()))


def test_a_model_that_lacks_a_file(pull, hub):
    """A hub without a needed file is no source."""
    with pytest.raises(ModelPullError, match=r"it has no tokens\.json or tokens\.txt"):
        pull(catalog_of(hub_source(), files=["model.onnx", "tokens.json|tokens.txt"]))
    assert hub.asked(GRAPH) == []


def test_quantized_first(pull, hub):
    """Of alternatives the first that the source has is taken, of files that may be missing those that are there."""
    hub.files |= {"model_quant.onnx": b"int8", "seg_dict": b"a a"}
    root = pull(catalog_of(hub_source()))
    assert set(pulled(root)) == {"asr/model_quant.onnx", "asr/config.yaml", "asr/seg_dict"}


def test_a_folder_of_the_repository(pull, hub):
    """Only files of the given folder count."""
    hub.files |= {"int8/model.onnx": b"int8", "int8/config.yaml": b"b: 2"}
    root = pull(catalog_of(hub_source("huggingface", folder="int8")))
    assert pulled(root) == {"asr/model.onnx": b"int8", "asr/config.yaml": b"b: 2"}


@pytest.mark.parametrize("kind", KINDS)
def test_files_in_folders(pull, hub, kind):
    """A model may have parts in folders of its own."""
    hub.files["llm/config.json"] = b"{}"
    root = pull(catalog_of(hub_source(kind), files=[GRAPH, "llm/config.json", "llm/merges.txt?"]))
    assert pulled(root) == {"asr/model.onnx": hub.files[GRAPH], "asr/llm/config.json": b"{}"}
    assert all(check.problem is None for check in check_bundle(root))


def test_one_kind_of_source(pull):
    """A kind that is asked for is the only one tried."""
    catalog = catalog_of(hub_source("huggingface", revision="v9"), hub_source())
    with pytest.raises(ModelPullError, match="404"):
        pull(catalog, kind="huggingface")
    with pytest.raises(ModelPullError, match="no source of kind npm, only: huggingface, modelscope"):
        pull(catalog, kind="npm")
    assert read_origins(pull(catalog, kind="modelscope"))["asr"].source.startswith("modelscope:")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Mirrors("https://www.modelscope.cn", "https://huggingface.co")),
        ({"MODELSCOPE_DOMAIN": "a.b", "HF_ENDPOINT": "https://c.d/"}, Mirrors("https://a.b", "https://c.d")),
        (
            {"MODELSCOPE_DOMAIN": "http://a.b:8/", "HF_ENDPOINT": ""},
            Mirrors("http://a.b:8", "https://huggingface.co"),
        ),
    ],
)
def test_mirrors(environment, expected):
    """The variables of the hubs' own clients say where the hubs are."""
    assert mirrors_of(environment) == expected
