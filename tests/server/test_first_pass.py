"""The first pass on the wire, for clients that ask: words with times, the tail, events of speech, commits, marks."""

import functools
import json
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from support.live import live, silence
from support.recordings import pcm, strange_speech

ASKED = {"token_times": True, "confidence": True, "tail": True, "speech_events": True}
NEW_KEYS = {"tokens", "confidence", "tail", "event", "at_ms", "commit"}
PLAIN = {"itn": False, "punctuate": False, "deterministic": True}
STEP_BYTES = 1920
NUMBER = "二三零三八三六七七七六"


@pytest.fixture(scope="module")
def speech(data_dir):
    """A recording as a client sends it."""
    return functools.cache(lambda name: soundfile.read(data_dir / f"{name}.wav", dtype="int16")[0].tobytes())


@pytest.fixture(scope="module")
def said(data_dir):
    """The words of each recording, and their times."""
    return json.loads((data_dir / "samples.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def results(server, speech):
    """All messages of an utterance with these keys in its first message."""

    @functools.cache
    def of(name, **keys):
        with live(server.url) as client:
            client.say(wav_name="w", **keys)
            return client.utterance(speech(name), frame_bytes=STEP_BYTES)

    return of


def joined(messages, kind):
    return "".join(one["text"] for one in messages if one["mode"].endswith(kind))


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_clients_that_do_not_ask(results, mode):
    """Nothing new is in the messages of a client that asks for nothing."""
    assert not NEW_KEYS & {key for one in results("mixed_long", mode=mode) for key in one}


@pytest.mark.parametrize("mode", ["2pass", "online"])
def test_words_of_partial_texts(results, mode):
    """Their joined texts are the text, their times go on within the audio, and each has a probability."""
    messages = results("mixed_long", mode=mode, **ASKED, **PLAIN)
    partials = [one for one in messages if one["mode"] == "2pass-online" and one["text"].strip()]
    assert len(partials) >= 5
    for one in partials:
        assert "".join(token["text"] for token in one["tokens"]) == one["text"].replace(" ", "")
        assert 0 < one["confidence"] <= 1
    words = [token for one in partials for token in one["tokens"]]
    edges = [edge for token in words for edge in (token["start_ms"], token["end_ms"])]
    assert edges == sorted(edges)
    assert edges[-1] <= 13_500
    assert all(0 < token["confidence"] <= 1 for token in words)


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_words_of_final_texts(results, said, mode):
    """Final texts have the words of the transcript, near where they were said."""
    messages = results("zh_phone", mode=mode, **ASKED, **PLAIN)
    words = [token for one in messages if one["mode"] == "2pass-offline" for token in one.get("tokens", ())]
    assert [token["text"] for token in words] == said["zh_phone.wav"]["tokens"]
    for token, start_ms in zip(words, said["zh_phone.wav"]["start_ms"], strict=True):
        assert abs(token["start_ms"] - start_ms) < 300


def test_only_what_was_asked_for(results):
    """Times come without probabilities, and probabilities without words."""
    times, sure = results("zh_date", token_times=True), results("zh_date", confidence=True)
    assert {key for one in times for key in one} & NEW_KEYS == {"tokens"}
    assert not any("confidence" in token for one in times for token in one.get("tokens", ()))
    assert {key for one in sure for key in one} & NEW_KEYS == {"confidence"}


def test_the_tail_comes_before_its_words(results):
    """Letters that may become an abbreviation are in the tail at once, and in a text later."""
    messages = results("zh_en", mode="online", tail=True, chunk_size="5,4,2")
    partials = [one for one in messages if "event" not in one]
    assert all("tail" in one for one in partials)
    text = ""
    for one, following in pairwise(partials):
        text += one["text"]
        if one["tail"]:
            assert following["text"] or following["tail"]
    assert partials[-1]["tail"] == ""


def test_events_of_speech(results):
    """Each stretch of speech has a start and an end, in order, each before the final text of that speech."""
    messages = results("mixed_long", speech_events=True, timing=True)
    events = [one for one in messages if "event" in one]
    assert [one["event"] for one in events] == ["speech_started", "speech_ended"] * 3
    times = [one["at_ms"] for one in events]
    assert times == sorted(times)
    assert all(one["at_ms"] <= one["due_ms"] for one in events)
    finals = [place for place, one in enumerate(messages) if one["mode"] == "2pass-offline" and one["text"]]
    ends = [place for place, one in enumerate(messages) if one.get("event") == "speech_ended"]
    assert [end < final for end, final in zip(ends, finals, strict=True)] == [True] * 3


def commit_at(client, data, points_ms, **keys):
    """The messages of an utterance that the client commits at these times."""
    client.say(wav_name="w", **keys, **PLAIN)
    position = 0
    for at_ms in points_ms:
        client.send(data[position : at_ms * 32], STEP_BYTES)
        client.say(commit=True)
        position = at_ms * 32
    client.send(data[position:], STEP_BYTES)
    client.end()
    return client.until_final()


def commits_of(messages):
    return [one for one in messages if one.get("commit")]


@pytest.mark.parametrize("name", ["zh_phone", "zh_date", "zh_number", "zh_home"])
def test_commits_between_words(server, speech, said, name):
    """A segment ends at each commit, and the segments' texts are the whole text: no word is lost or comes twice."""
    words = said[f"{name}.wav"]
    points_ms = words["end_ms"][1:-1:2]
    with live(server.url) as client:
        messages = commit_at(client, speech(name), points_ms)
    assert joined(messages, "offline") == words["text"]
    assert len(commits_of(messages)) == len(points_ms)
    assert len([one for one in messages if one["mode"] == "2pass-offline" and one["text"]]) >= 2


@pytest.mark.parametrize("seed", range(3))
def test_commits_anywhere(server, speech, seed, full):
    """Wherever a commit falls, each has one answer, times go on, and at most a word that it cuts is missed."""
    rng = np.random.default_rng(seed)
    with live(server.url) as client:
        for _ in range(10 if full else 2):
            points_ms = sorted(rng.integers(0, 4000, 3).tolist())
            messages = commit_at(client, speech("zh_phone"), points_ms, token_times=True)
            assert len(commits_of(messages)) == len(points_ms)
            words = [token for one in messages for token in one.get("tokens", ()) if "offline" in one["mode"]]
            edges = [edge for token in words for edge in (token["start_ms"], token["end_ms"])]
            assert edges == sorted(edges)
            same = SequenceMatcher(None, joined(messages, "offline"), NUMBER, autojunk=False).get_matching_blocks()
            assert sum(block.size for block in same) >= len(NUMBER) - 1, points_ms


@pytest.mark.parametrize("mode", ["2pass", "online"])
def test_commits_without_speech(server, speech, mode):
    """A commit before any audio, in silence and twice in a row has an empty answer, and the text is not changed."""
    data = silence(1000) + speech("zh_date")
    with live(server.url) as client:
        plain = commit_at(client, data, [], mode=mode)
        messages = commit_at(client, data, [0, 500, 500], mode=mode)
    kind = "online" if mode == "online" else "offline"
    assert [one["text"] for one in commits_of(messages)] == ["", "", ""]
    assert joined(messages, kind) == joined(plain, kind)


def test_a_commit_in_mode_online(server, speech, said):
    """The rest of the segment's text comes with the answer, and nothing of it comes again."""
    words = said["zh_phone.wav"]
    with live(server.url) as client:
        messages = commit_at(client, speech("zh_phone"), [words["end_ms"][-1] + 300], mode="online")
        plain = commit_at(client, speech("zh_phone"), [], mode="online")
    (answer,) = commits_of(messages)
    assert joined(messages, "online") == joined(plain, "online")
    assert joined(messages[: messages.index(answer) + 1], "online") == joined(plain, "online")


@pytest.mark.parametrize("mode", ["2pass", "online"])
def test_marks_in_partial_texts(server, held_out_speech, mode):
    """Marks stand between the words of partial texts, which are otherwise the same, and none is taken back."""
    data = pcm(held_out_speech[: 20 * 16_000])
    texts = []
    with live(server.url) as client:
        for asked in (False, True):
            client.say(mode=mode, deterministic=True, partial_punctuation=asked)
            texts.append(joined(client.utterance(data, frame_bytes=STEP_BYTES * 5), "online"))
    plain, marked = texts
    assert plain == marked.replace("，", "").replace("。", "").replace("？", "")
    assert len(marked) > len(plain)
    if mode == "online":
        assert marked.endswith("。")


def test_words_that_no_model_knows(server):
    """A text of unknown words has no tokens to show, and the events of its speech all the same."""
    with live(server.url) as client:
        client.say(**ASKED)
        messages = client.utterance(pcm(strange_speech()), frame_bytes=STEP_BYTES * 10)
    assert {one["event"] for one in messages if "event" in one} == {"speech_started", "speech_ended"}
