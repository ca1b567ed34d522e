"""Models that a running server pulls for its administrators: progress, faults, and who may ask for it."""

import shutil
import threading
import time
from dataclasses import replace

import pytest

from paraserve.catalog.choosing.extras import MODULES
from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.fake_hub import Answer, fake_hub, files_of_parts, write_catalog
from support.fakes import FakeEngine

GRAPH = "vad/model_quant.onnx"
MODELS = "/v1/admin/models"
PULL = f"{MODELS}/small/pull"
TIMEOUT_S = 30
ENDED = ("done", "failed", "stopped")


@pytest.fixture(scope="module")
def shared_hub(demo_dir):
    """A hub with two parts of the embedded bundle."""
    with fake_hub(files_of_parts(demo_dir, "asr", "vad")) as hub:
        yield hub


@pytest.fixture(scope="module")
def shared_server(serve_app, shared_hub, tmp_path_factory):
    """An application that loads no real model, and its models folder."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch, serve_app(FakeEngine(), models_dir=str(folder)) as client:
        patch.setenv("MODELSCOPE_DOMAIN", shared_hub.url)
        yield client, folder


@pytest.fixture
def models_dir(shared_server, shared_hub):
    """A models folder with nothing but a catalog, which has the bundle `small` of the hub."""
    _, folder = shared_server
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_catalog(folder, shared_hub, "small", more="languages = ['zh']")
    return folder


@pytest.fixture
def hub(shared_hub):
    """The hub as it was at first."""
    for faults in (shared_hub.answers, shared_hub.always, shared_hub.listed, shared_hub.requests, shared_hub.sent):
        faults.clear()
    return shared_hub


@pytest.fixture
def server(shared_server, models_dir, hub):
    """The application, which pulls nothing when a test begins or ends."""
    client, folder = shared_server
    yield client
    write_catalog(folder, hub, "small")
    if state(client) is not None:
        wait_for(client, *ENDED)


def state(server):
    return server.get(MODELS).json()["pull"]


def wait_for(server, *states):
    deadline = time.monotonic() + TIMEOUT_S
    while (pull := state(server))["state"] not in states:
        assert time.monotonic() < deadline, pull
        time.sleep(0.02)
    return pull


def test_the_list(server, models_dir):
    """It has what the catalog knows of each model, and whether it is here; one is recommended."""
    body = server.get(MODELS).json()
    known = {model["name"]: model for model in body["data"]}
    assert known["small"] == {
        "name": "small",
        "about": "for tests",
        "megabytes": 10.0,
        "languages": ["zh"],
        "is_here": False,
        "is_loaded": False,
        "missing_packages": [],
    }
    assert len(known["whisper-base"]["languages"]) == 99
    assert {"fsmn-vad", "ct-punc", "demo"}.isdisjoint(known)
    assert body["recommended"] == "whisper-base"


def test_progress(server, hub, models_dir):
    """The answer comes at once, the bytes grow, and at the end the bundle is in the models folder, whole."""
    goes_on = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=goes_on)]
    answer = server.get(PULL, "POST")
    assert answer.status_code == 202
    assert answer.json() == {
        "name": "small",
        "state": "pulling",
        "done_bytes": 0,
        "total_bytes": 10**7,
        "error": None,
    }
    deadline = time.monotonic() + TIMEOUT_S
    while (held := state(server))["done_bytes"] < 5_000_000:
        assert time.monotonic() < deadline
    assert held["state"] == "pulling"
    assert not (models_dir / "small").exists()
    goes_on.set()
    ended = wait_for(server, "done", "failed")
    assert ended["done_bytes"] == ended["total_bytes"] == 10**7
    assert {path.name for path in (models_dir / "small").iterdir()} == {"asr", "vad", "manifest.json"}
    assert {model["name"]: model["is_here"] for model in server.get(MODELS).json()["data"]}["small"]


def test_one_at_a_time_and_stopped(server, hub, is_error):
    """While one is pulled another is refused. A stopped one keeps what has come, and the next one goes on."""
    goes_on = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=goes_on)]
    is_error(server.get(PULL, "DELETE"), 404, "no_pull")
    assert server.get(PULL, "POST").status_code == 202
    is_error(server.get(PULL, "POST"), 409, "pull_in_progress")
    is_error(server.get(f"{MODELS}/other/pull", "DELETE"), 404, "no_pull")
    deadline = time.monotonic() + TIMEOUT_S
    while state(server)["done_bytes"] < 6_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert server.get(PULL, "DELETE").json()["name"] == "small"
    goes_on.set()
    stopped = wait_for(server, "stopped")
    assert stopped["error"]["code"] == "pull_stopped"
    is_error(server.get(PULL, "DELETE"), 404, "no_pull")
    hub.requests.clear()
    assert server.get(PULL, "POST").status_code == 202
    wait_for(server, "done", "failed")
    (asked,) = hub.asked(GRAPH)
    assert asked is not None


def test_a_wrong_file(server, hub, models_dir):
    """A file that is not what the hub says that it is fails the pull: it is never here, and never loaded."""
    wrong = bytearray(hub.files[GRAPH])
    wrong[1000] ^= 1
    hub.always[GRAPH] = Answer(content=bytes(wrong))
    server.get(PULL, "POST")
    failed = wait_for(server, "failed")
    assert failed["error"]["code"] == "model_pull_failed"
    assert "SHA-256" in failed["error"]["message"]
    assert not (models_dir / "small").exists()
    assert not {model["name"]: model["is_here"] for model in server.get(MODELS).json()["data"]}["small"]


def test_a_hub_without_the_model(server, hub):
    """The reason that the source gives is passed on."""
    hub.always[GRAPH] = Answer(status=404)
    server.get(PULL, "POST")
    assert "404 Not Found" in wait_for(server, "failed")["error"]["message"]


def test_a_full_disk(server, hub, models_dir, is_error):
    """What cannot fit is refused at once, with the code for it, whether the catalog tells the size or the hub."""
    hub.listed[GRAPH] = {"size": 10**15}
    server.get(PULL, "POST")
    assert wait_for(server, "failed")["error"]["code"] == "disk_full"
    catalog = models_dir / "catalog.toml"
    catalog.write_text(catalog.read_text().replace("megabytes = 5", "megabytes = 5e9"))
    assert "MB are needed" in is_error(server.get(PULL, "POST"), 507, "disk_full")["message"]


@pytest.mark.parametrize("name", ["none", "demo", "fsmn-vad", "..demo", "x" * 5000])
def test_models_that_are_not_in_the_catalog(server, is_error, name):
    """Only recognizers of the catalog may be pulled, by their names."""
    error = is_error(server.get(f"{MODELS}/{name}/pull", "POST"), 404, "model_not_found", param="name")
    assert len(error["message"]) < 500
    is_error(server.get(f"{MODELS}/{name}/pull", "DELETE"), 404, "no_pull")


def test_a_package_that_is_missing(server, hub, models_dir, is_error, monkeypatch):
    """The list names it, and a pull is refused before anything is fetched."""
    write_catalog(models_dir, hub, "small", more="languages = ['zh']\nextra = 'whisper'")
    monkeypatch.setattr("paraserve.catalog.choosing.extras.MODULES", {**MODULES, "whisper": "no_such_module"})
    known = {model["name"]: model for model in server.get(MODELS).json()["data"]}
    assert known["small"]["missing_packages"] == ["faster-whisper"]
    error = is_error(server.get(PULL, "POST"), 409, "missing_package")
    assert "pip install faster-whisper" in error["message"]
    assert hub.requests == []


def test_a_models_folder_that_cannot_be_used(server, models_dir, serve_app, tmp_path, is_error):
    """A damaged catalog is named, and so is a folder that is none. The server serves on."""
    (models_dir / "catalog.toml").write_text("[bundles")
    for answer in (server.get(MODELS), server.get(PULL, "POST")):
        assert "damaged catalog" in is_error(answer, 500, "model_load_failed")["message"]
    (tmp_path / "file").write_text("no folder")
    with serve_app(FakeEngine(), models_dir=str(tmp_path / "file")) as other:
        is_error(other.get(f"{MODELS}/paraformer-zh/pull", "POST"), 500, "model_pull_failed")
        assert other.get("/livez").status_code == 200


@pytest.mark.slow
def test_a_server_that_stops(serve_app, hub, models_dir):
    """It does not wait for a pull in progress, and the next server goes on from there."""
    goes_on = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=goes_on)]
    began_s = time.monotonic()
    with serve_app(FakeEngine(), models_dir=str(models_dir)) as server:
        server.get(PULL, "POST")
        while hub.sent[GRAPH] < 100_000:
            time.sleep(0.01)
    assert time.monotonic() - began_s < TIMEOUT_S
    goes_on.set()
    with serve_app(FakeEngine(), models_dir=str(models_dir)) as server:
        server.get(PULL, "POST")
        wait_for(server, "done", "failed")
    assert (models_dir / "small").is_dir()


FOREIGN = {
    "another site": ({"origin": "https://evil.example"}, 403, "origin_not_allowed"),
    "another port of this machine": ({"origin": "http://127.0.0.1:1"}, 403, "origin_not_allowed"),
    "a file": ({"origin": "null"}, 403, "origin_not_allowed"),
    "a browser's word": ({"sec-fetch-site": "cross-site"}, 403, "origin_not_allowed"),
    "a browser's word of a neighbour": ({"sec-fetch-site": "same-site"}, 403, "origin_not_allowed"),
}
AWAY = {
    "another name": ({"host": "evil.example"}, 421, "host_not_allowed"),
    "another machine": ({"x-forwarded-for": "192.0.2.7"}, 403, "local_only"),
    "a proxy that says loopback": ({"x-forwarded-for": "127.0.0.1"}, 403, "local_only"),
    "a proxy of the standard": ({"forwarded": "for=127.0.0.1"}, 403, "local_only"),
}


def requests(server, headers):
    for method, path in (("POST", PULL), ("DELETE", PULL), ("GET", MODELS)):
        yield server.get(path, method, headers=headers)


@pytest.mark.parametrize("case", [*FOREIGN, *AWAY])
def test_who_may_not(server, hub, is_error, case):
    """Without keys only programs of this machine, called by its names, and the server's own page."""
    headers, status, code = (FOREIGN | AWAY)[case]
    for answer in requests(server, headers):
        is_error(answer, status, code)
    if "host" not in headers:
        asked = server.get("/v1/admin", headers=headers).json()
        assert asked["is_allowed"] is False
        assert asked["reason"]
    assert hub.requests == []


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_server_that_others_reach(serve_app, models_dir, hub, is_error, host):
    """The same holds where the server listens to the whole network, which other routes let in."""
    with serve_app(FakeEngine(), models_dir=str(models_dir), host=host, allowed_hosts=("evil.example",)) as server:
        assert server.get("/v1/models", headers={"host": "evil.example"}).status_code == 200
        for answer in requests(server, {"host": "evil.example"}):
            is_error(answer, 421, "host_not_allowed")
    assert hub.requests == []


def test_the_own_page_may(server):
    """Requests of the server's own page bring its origin."""
    own = {"origin": server.url, "sec-fetch-site": "same-origin"}
    assert server.get("/v1/admin", headers=own).json() == {"is_allowed": True, "reason": None}
    assert server.get(MODELS, headers=own).status_code == 200
    assert server.get(PULL, "DELETE", headers=own).status_code == 404


@pytest.fixture
def keys(tmp_path):
    """A file with a key of each kind: {"admin": KEY, "other": KEY}."""
    found = {"admin": new_key(), "other": new_key()}
    lines = [
        replace(hashed("admin", found["admin"]), scopes=frozenset({KeyScope.ADMIN})),
        hashed("other", found["other"]),
    ]
    write_keys(tmp_path / "keys", lines)
    return found


def test_keys(serve_app, models_dir, keys, tmp_path, hub, is_error):
    """Where there are keys, one with the scope `admin` may from anywhere, and nobody else; pages of others never."""
    with serve_app(FakeEngine(), models_dir=str(models_dir), api_keys_file=str(tmp_path / "keys")) as server:
        admin, other = ({"authorization": f"Bearer {keys[name]}"} for name in ("admin", "other"))
        for answer in requests(server, {}):
            is_error(answer, 401, "missing_api_key")
        for answer in requests(server, other):
            is_error(answer, 403, "missing_scope")
        for headers, status, code in FOREIGN.values():
            for answer in requests(server, {**admin, **headers}):
                is_error(answer, status, code)
        is_error(server.get("/v1/admin"), 401, "missing_api_key")
        assert server.get("/v1/admin", headers=other).json()["is_allowed"] is False
        assert hub.requests == []
        away = {**admin, "x-forwarded-for": "192.0.2.7"}
        assert server.get("/v1/admin", headers=away).json()["is_allowed"] is True
        assert server.get(PULL, "POST", headers=away).status_code == 202
