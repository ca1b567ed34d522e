"""Hotwords of clients by every way in: what they change, what answers tell of them, and lists that are refused."""

import json
import tomllib

import numpy as np
import pytest
import soundfile

from paraserve.inference.abilities import Abilities
from paraserve.types import SAMPLE_RATE
from support.audio_files import speech_wav
from support.commands import paraserve
from support.fakes import FakeEngine
from support.live import live

OPENAI = "/v1/audio/transcriptions"
WORD, MISHEARD = "提前", "提现"
FORMS = ['{"提前": "20"}', "提前:20,䶮", "提前 䶮", '["提前", "䶮"]', "提前 20\n䶮 5", "词，提前：20"]
SPOKEN = {"itn": "false", "punctuate": "false"}
CLIPS = (53, 145, 45)
"""Held-out recordings in which a word of the list is heard wrongly without hotwords."""


@pytest.fixture(scope="module")
def server(process_factory, tmp_path_factory, demo_dir):
    """The embedded bundle without its language model, which hears some of these words right by itself."""
    with process_factory(tmp_path_factory.mktemp("server"), "--bundle", demo_dir, "--lm-weight", "0") as running:
        yield running


@pytest.fixture(scope="module")
def clip(data_dir):
    """Return a held-out recording by its number, as float32 with half a second of silence on both sides."""
    folder = data_dir / "heldout"
    lines = [json.loads(line) for line in (folder / "heldout.jsonl").read_text("utf-8").splitlines()]

    def read(n):
        line = lines[n]
        samples, _ = soundfile.read(folder / line["file"], line["n_samples"], line["offset_samples"], dtype="float32")
        return np.pad(samples, SAMPLE_RATE // 2)

    return read


@pytest.fixture(scope="module")
def meeting(clip):
    """`会议提前到星期四`, of which `提前` is heard as `提现`."""
    return speech_wav(clip(53))


@pytest.fixture(scope="module")
def bench_words(data_dir):
    """30 words that are said, and 100 that are not."""
    lists = tomllib.loads((data_dir.parents[1] / "scripts" / "bench" / "hotword_words.toml").read_text("utf-8"))
    return lists["words"] + lists["distractors"]


def raw(wav: bytes) -> bytes:
    return wav[44:]


def test_without_hotwords(server, meeting):
    """Without hotwords, or with an empty list, the answer is the greedy one and says nothing of them."""
    plain = server.post("/transcribe", meeting, **SPOKEN).json()
    assert MISHEARD in plain["text"]
    for empty in ("", "  ", "{}", "[]", "null", '{"提前": 0.0}'):
        answer = server.post("/transcribe", meeting, hotwords=empty, **SPOKEN).json()
        assert (answer["text"], answer["sentences"]) == (plain["text"], plain["sentences"])
        assert ("hotwords" in answer) == ("0.0" in empty)


@pytest.mark.parametrize("form", FORMS)
def test_forms(server, meeting, form):
    """Every form of a list changes the text, over HTTP and over a WebSocket, and the answers tell it alike."""
    answer = server.post("/transcribe", meeting, hotwords=form, **SPOKEN).json()
    assert WORD in answer["text"]
    (hit,) = answer["hotwords"]
    tokens = [token for sentence in answer["sentences"] for token in sentence["tokens"]]
    at = [token["text"] for token in tokens].index(WORD[0])
    times = {"start_ms": tokens[at]["start_ms"], "end_ms": tokens[at + 1]["end_ms"]}
    assert hit == {"text": WORD, "changed": True} | times
    ignored = [{"text": "䶮", "reason": "unknown unit 䶮"}] if "䶮" in form else []
    assert answer.get("hotwords_ignored", [])[: len(ignored)] == ignored
    with live(server.url) as client:
        client.say(hotwords=form, itn=False, punctuate=False)
        *_, segment, last = client.utterance(raw(meeting))
    assert (segment["text"], segment["mode"]) == (answer["text"], "2pass-offline")
    assert [(one["text"], one["changed"]) for one in segment["hotwords"]] == [(WORD, True)]
    assert segment.get("hotwords_ignored", []) == answer.get("hotwords_ignored", [])
    assert not last["text"]


def test_answers_of_other_routes(server, meeting):
    """OpenAI's verbose answer and FunASR's carry the same report; the short one has the text alone."""
    asked = {"hotwords": WORD, "response_format": "verbose_json"} | SPOKEN
    hits = server.post("/transcribe", meeting, hotwords=WORD, **SPOKEN).json()["hotwords"]
    assert server.post(OPENAI, meeting, **asked).json()["hotwords"] == hits
    assert server.post("/", meeting, hotwords=WORD, **SPOKEN).json()["hotwords"] == hits
    short = server.post(OPENAI, meeting, hotwords=WORD, **SPOKEN).json()
    assert WORD in short["text"]
    assert "hotwords" not in short


def test_a_word_that_was_heard_anyway(server, meeting):
    """A hotword that the model writes by itself is told as not changed."""
    answer = server.post("/transcribe", meeting, hotwords="会议", **SPOKEN).json()
    assert [(one["text"], one["changed"]) for one in answer["hotwords"]] == [("会议", False)]


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_live_modes(server, clip, mode):
    """Hotwords count in each mode, in partial texts too, and words without effect are told once an utterance."""
    with live(server.url) as client:
        client.say(mode=mode, hotwords={"会议": 20, "䶮": 20}, itn=False, punctuate=False)
        messages = client.utterance(raw(speech_wav(clip(53))))
        again = client.utterance(raw(speech_wav(clip(53))))
    for of_utterance in (messages, again):
        assert "会议" in "".join(message["text"] for message in of_utterance)
        assert [one["text"] for message in of_utterance for one in message.get("hotwords", [])][-1] == "会议"
        ignored = [one for message in of_utterance for one in message.get("hotwords_ignored", [])]
        assert ignored == [{"text": "䶮", "reason": "unknown unit 䶮"}]


def test_words_that_change_in_the_middle(server, clip):
    """A new list counts from the next segment on, an empty one too."""
    sound = raw(speech_wav(np.pad(clip(53), (0, SAMPLE_RATE))))
    with live(server.url) as client:
        client.say(hotwords=WORD, itn=False, punctuate=False)
        client.send(sound, 19_200)
        while client.receive()["mode"] != "2pass-offline":
            pass
        client.say(hotwords={})
        *_, segment, last = client.utterance(sound)
    text = segment["text"] or last["text"]
    assert MISHEARD in text


def test_contextual_list_of_the_bench(server, clip, bench_words, tmp_path):
    """The same 130 words give the same text over HTTP, a WebSocket and the command line, with no word never said."""
    sound = speech_wav(np.concatenate([np.pad(clip(n), SAMPLE_RATE // 2) for n in CLIPS]))
    (tmp_path / "speech.wav").write_bytes(sound)
    words = ",".join(bench_words)
    upload = server.post("/transcribe", sound, hotwords=words, **SPOKEN).json()
    changed = {hit["text"] for hit in upload["hotwords"] if hit["changed"]}
    assert {"提前", "今晚", "十点"} <= changed <= set(bench_words[:30])
    with live(server.url) as client:
        client.say(mode="offline", hotwords=bench_words, itn=False, punctuate=False)
        assert client.utterance(raw(sound))[-1]["text"] == upload["text"]
    command = ("transcribe", tmp_path / "speech.wav", "--format", "json", "--no-itn", "--no-punctuate")
    done = paraserve(*command, "--hotwords", words)
    local = json.loads(done.stdout)
    assert (local["text"], local["hotwords"]) == (upload["text"], upload["hotwords"])


HOSTILE = {
    "a list that is too long": json.dumps([f"词{n}" for n in range(1001)]),
    "a word that is too long": "词" * 101,
    "too much text": "词 " * 33_000,
    "a weight that is no number": '{"词": "many"}',
    "a weight that is not finite": '{"词": NaN}',
    "a weight beyond all meetings": '{"词": 1e999}',
    "a weight that is a list": '{"词": [20]}',
    "no words at all": "[1, 2]",
    "half an object": '{"词": 20',
    "a deep list": "[" * 30_000 + "1" + "]" * 30_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_lists(server, meeting, case):
    """A list that cannot be used is an error that names the field, over HTTP and in a connection that goes on."""
    answer = server.post("/transcribe", meeting, hotwords=HOSTILE[case])
    if case == "a deep list":
        assert answer.status_code in (200, 400)
        return
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")
    assert answer.json()["error"]["param"] == "hotwords"
    with live(server.url) as client:
        client.say(hotwords=HOSTILE[case])
        error = client.receive()["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "hotwords")
        client.say(itn=False, punctuate=False, hotwords=WORD)
        assert any(WORD in message["text"] for message in client.utterance(raw(meeting)))


def test_figures(server, meeting):
    """Figures count hotwords in final texts and those without effect, and hold no words."""
    names = ('paraserve_hotword_hits_total{changed="yes"}', "paraserve_hotwords_ignored_total")
    before = [server.metric(name) for name in names]
    server.post("/transcribe", meeting, hotwords="提前 䶮")
    after = [server.metric(name) for name in names]
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert WORD not in server.get("/metrics").text


def test_models_that_tell_nothing(serve_app, meeting):
    """An engine that takes no hotwords warns, and the report of the answer is empty."""
    with serve_app(FakeEngine(abilities=Abilities())) as plain:
        answer = plain.post("/transcribe", meeting, hotwords=WORD).json()
    assert answer["hotwords"] == []
    assert [warning["param"] for warning in answer["warnings"]] == ["hotwords"]
