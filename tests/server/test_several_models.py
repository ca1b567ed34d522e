"""Several models in one server: the one that is named answers, and nothing of another one."""

import asyncio
import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile

from paraserve.options import RecognitionOptions
from paraserve.runtime.offline import transcribe
from paraserve.settings import Settings
from paraserve.wiring import open_engine
from support.bundles import tiny_bundle
from support.live import eventually, live

NAMES = ("demo", "tiny", "sense")
SPOKEN = ("zh_phone", "zh_date", "en_weather")
UPLOADS = ("/transcribe", "/recognize", "/v1/audio/transcriptions", "/recognition", "/asr", "/")
CLIENTS = 6
OPTIONS = RecognitionOptions(deterministic=True)
"""Float graphs give other texts in other batches."""


@pytest.fixture(scope="module")
def bundles(demo_dir, tiny_models_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    tiny = {"tiny": "paraformer-timestamp", "sense": "sensevoice"}
    made = {name: tiny_bundle(tiny_models_dir / kind, demo_dir, folder / name) for name, kind in tiny.items()}
    return {"demo": demo_dir, **made}


def settings_file(path, bundles, **tables):
    """A settings file with these models after the embedded one."""
    lines = [f'bundle = "{bundles["demo"]}"']
    for name, fields in tables.items():
        lines.append(f"[models.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def several(process_factory, bundles, tmp_path_factory):
    """A server with three models and two that are not there."""
    folder = tmp_path_factory.mktemp("several")
    config = settings_file(
        folder / "paraserve.toml",
        bundles,
        tiny={"bundle": str(bundles["tiny"]), "aliases": ["little"], "languages": ["zh"]},
        sense={"bundle": str(bundles["sense"]), "load": "on_demand", "idle_unload_s": 1},
        gone={"bundle": str(folder / "gone"), "fallback": "demo"},
        lost={"bundle": str(folder / "lost")},
    )
    with process_factory(folder, "--config", config) as running:
        yield running


async def texts_alone(bundle, recordings):
    engine = open_engine(Settings(bundle=(str(bundle),)))

    async def blocks(samples):
        yield samples

    try:
        return {name: (await transcribe(engine, blocks(one), OPTIONS)).text for name, one in recordings.items()}
    finally:
        await engine.close()


@pytest.fixture(scope="module")
def alone(bundles, samples):
    """Texts by model and recording, of each model in an engine of its own."""
    recordings = {name: soundfile.read(samples[name].path, dtype="float32")[0] for name in SPOKEN}
    texts = {name: asyncio.run(texts_alone(bundle, recordings)) for name, bundle in bundles.items()}
    assert len({text for of_model in texts.values() for text in of_model.values()}) == len(NAMES) * len(SPOKEN)
    return texts


def models_of(answer):
    return {sentence["model"] for sentence in answer["sentences"]}


@pytest.mark.slow
def test_interleaved(several, samples, alone, full):
    """Requests that name three models in turn get the text of each model alone, whichever way in they take."""
    turns = itertools.product(NAMES, SPOKEN, ("/transcribe", "/v1/audio/transcriptions", "/recognition"))
    requests = list(itertools.islice(itertools.cycle(turns), 200 if full else 27))
    random.Random(0).shuffle(requests)

    def ask(request):
        name, spoken, path = request
        return several.post(path, samples[spoken].data, model=name, deterministic="true").json()

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, requests))
    expected = [alone[name][spoken] for name, spoken, _ in requests]
    assert [answer["text"] for answer in answers] == expected
    named = [
        (models_of(answer), name)
        for answer, (name, _, path) in zip(answers, requests, strict=True)
        if path == "/transcribe"
    ]
    assert all(found == {name} for found, name in named)


@pytest.mark.parametrize(
    "asked", [None, "auto", "default", "whisper-1", "gpt-4o-transcribe", "paraformer-zh", "demo"]
)
def test_names_of_the_default(several, samples, alone, asked):
    """No name, and a name that clients cannot change, is answered by the first model."""
    fields = {} if asked is None else {"model": asked}
    answer = several.post("/v1/audio/transcriptions", samples["zh_phone"].data, **fields).json()
    assert answer["text"] == alone["demo"]["zh_phone"]
    assert "warnings" not in answer


@pytest.mark.parametrize(
    ("asked", "name"), [("little", "tiny"), ("sensevoice", "sense"), ("SenseVoiceSmall", "sense")]
)
def test_aliases(several, samples, asked, name):
    """An alias means its model, and a well-known name one of its kind."""
    answer = several.post("/transcribe", samples["zh_phone"].data, model=asked).json()
    assert models_of(answer) == {name}
    assert several.get(f"/v1/models/{asked}").json()["id"] == name


@pytest.mark.parametrize("path", UPLOADS)
def test_unknown_names(several, samples, is_error, path):
    """A name that means nothing here is 404 with the names that do, on every upload route and in every place."""
    data = samples["zh_phone"].data
    for answer in (several.post(path, data, model="nova-2"), several.post_raw(path, data, model="nova-2")):
        error = is_error(answer, 404, "model_not_found", param="model")
        assert "demo, tiny, sense, gone, lost" in error["message"]


def utterance(client, recording, **first):
    client.say(**first)
    pcm = soundfile.read(recording.path, dtype="int16")[0].tobytes()
    return client.utterance(pcm, frame_bytes=19_200)


@pytest.mark.parametrize("mode", ["2pass", "offline"])
@pytest.mark.parametrize("name", NAMES)
def test_live(several, samples, alone, name, mode):
    """A first message chooses the model of its utterance, and the next message that of the next one."""
    spoken = samples["zh_phone"]
    with live(several.url) as client:
        chosen = utterance(client, spoken, mode=mode, model=name)
        default = utterance(client, spoken, model="auto")
    finals = [one for one in chosen if one["mode"] == "2pass-offline"]
    assert {one["model"] for one in finals if one["text"]} == {name}
    if name == "demo":
        assert "".join(one["text"] for one in finals) == alone["demo"]["zh_phone"]
    assert "".join(one["text"] for one in default if one["mode"] == "2pass-offline") == alone["demo"]["zh_phone"]


def test_unknown_name_live(several, samples):
    """It is a typed error that names the models, and the rest of the message counts."""
    with live(several.url) as client:
        client.say(mode="2pass", model="nova-2", wav_name="kept")
        refused = client.receive()
        assert (refused["error"]["code"], refused["error"]["param"]) == ("model_not_found", "model")
        assert "demo, tiny" in refused["error"]["message"]
        results = utterance(client, samples["zh_phone"])
    assert {one["wav_name"] for one in results} == {"kept"}
    assert results[-1]["is_final"]


def test_vosk(several, samples):
    """A configuration of vosk chooses the model, and an unknown name is an error."""
    pcm = soundfile.read(samples["zh_phone"].path, dtype="int16")[0].tobytes()

    def text(**config):
        with live(several.url, "/vosk") as client:
            client.say(config={"sample_rate": 16_000, **config})
            client.ws.send(pcm)
            client.ws.send('{"eof":1}')
            replies = [json.loads(client.ws.recv(20)) for _ in range(2)]
        return replies[-1].get("text"), replies[0].get("error", {}).get("code")

    assert text(model="demo") == text() != text(model="tiny")
    with live(several.url, "/vosk") as client:
        client.say(config={"model": "nova-2"})
        assert json.loads(client.ws.recv(20))["error"]["code"] == "model_not_found"


def test_lists(several, bundles):
    """`/v1/models` and `/health` list all models with their languages, states and sizes, and metrics show them."""
    listed = {one["id"]: one for one in several.get("/v1/models").json()["data"]}
    assert list(listed) == [*NAMES, "gone", "lost"]
    assert (listed["tiny"]["aliases"], listed["tiny"]["languages"]) == (["little", str(bundles["tiny"])], ["zh"])
    assert [listed[name]["state"] for name in ("demo", "gone")] == ["loaded", "failed"]
    assert [listed[name]["is_embedded"] for name in NAMES] == [True, False, False]
    assert "everyday Mandarin and English" in listed["demo"]["knows"]
    assert listed["gone"]["knows"] == ""
    health = several.get("/health").json()
    assert [one["name"] for one in health["models"]] == list(listed)
    on_disk = sum(path.stat().st_size for path in bundles["demo"].rglob("*") if path.is_file())
    assert 0.5 * on_disk < listed["demo"]["memory_bytes"] <= on_disk
    assert several.metric('paraserve_model_bytes{model="demo"}') == listed["demo"]["memory_bytes"]
    assert several.metric('paraserve_model_loaded{model="gone"}') == 0


def test_degraded(several, samples, alone, is_error):
    """A model that is not there leaves the others serving: ready, degraded, with the reason. Its fallback answers."""
    ready = several.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "gone: bundle not found" in ready.json()["reason"]
    answer = several.post("/transcribe", samples["zh_phone"].data, model="gone").json()
    assert answer["text"] == alone["demo"]["zh_phone"]
    assert models_of(answer) == {"demo"}
    assert [(one["code"], one["param"]) for one in answer["warnings"]] == [("model_fallback", "model")]
    refused = several.post("/transcribe", samples["zh_phone"].data, model="lost")
    assert "bundle not found" in is_error(refused, 503, "model_unavailable", param="model")["message"]


def test_degraded_live(several, samples, alone):
    """Live clients are told of a fallback, and get a typed error where there is none."""
    with live(several.url) as client:
        results = utterance(client, samples["zh_phone"], model="gone")
        assert [one["code"] for one in results[0]["warnings"]] == ["model_fallback"]
        assert "".join(one["text"] for one in results if one["mode"] == "2pass-offline") == alone["demo"]["zh_phone"]
        lost = utterance(client, samples["zh_phone"], model="lost")
        assert lost[-1]["error"]["code"] == "model_unavailable"
        assert utterance(client, samples["zh_phone"], model="demo")[-1]["is_final"]


@pytest.mark.slow
def test_on_demand(several, samples):
    """A model is loaded when it is first named, once for all who ask for it, and goes when nobody has used it."""

    def state():
        return several.get("/v1/models/sense").json()["state"]

    eventually(lambda: state() == "unloaded")
    loads = several.log.count("model sense loaded")
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = [
            pool.submit(several.post, "/transcribe", samples["zh_phone"].data, model="sense") for _ in range(CLIENTS)
        ]
        answers = [one.result().json() for one in asked]
    assert all(models_of(answer) == {"sense"} for answer in answers)
    assert several.log.count("model sense loaded") == loads + 1
    eventually(lambda: state() == "unloaded")


@pytest.mark.slow
def test_flags_of_bundles(process_factory, bundles, tmp_path, samples):
    """`--bundle` several times is several models by their folders' names."""
    flags = [word for name in NAMES[:2] for word in ("--bundle", bundles[name])]
    with process_factory(tmp_path / "flags", *flags) as server:
        assert [one["id"] for one in server.get("/v1/models").json()["data"]] == list(NAMES[:2])
        assert models_of(server.post("/transcribe", samples["zh_phone"].data, model="tiny").json()) == {"tiny"}
