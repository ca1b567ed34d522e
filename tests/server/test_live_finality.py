"""`is_final` is true on exactly one result of an utterance, whatever goes wrong in it."""

import json
import random

import pytest

from support.fakes import FakeEngine
from support.live import heard, live, silence, speech

GOOD_MESSAGES = ({"itn": False}, {"hotwords": "a b"}, {"wav_name": "x"}, {"chunk_size": [5, 10, 5]}, {})
BAD_MESSAGES = (
    "ping",
    "",
    "[]",
    "null",
    '{"mode":"fast"}',
    '{"audio_fs":"x"}',
    '{"is_end":1}',
    '{"is_speaking":"no"}',
)
ENDS = (
    {"is_speaking": False},
    {"is_finished": True},
    {"is_speaking": False, "mode": "fast"},
    {"is_speaking": False, "chunk_size": 5},
    {"is_speaking": False, "is_end": True},
)
AUDIO = (speech(60), speech(300) + silence(400), silence(100), b"", b"\1")
FILE = b"OggS" + bytes(100)


@pytest.fixture(scope="module", params=["compat", "strict"])
def url(request, serve_app):
    with serve_app(FakeEngine(), protocol=request.param) as client:
        yield client.url


def random_utterance(rng, client):
    """Audio, messages and mistakes in any order, then an end."""
    if rng.random() < 0.5:
        client.say(mode=rng.choice(["2pass", "online", "offline"]), wav_format=rng.choice(["pcm", "pcm", "mp3"]))
    for _ in range(rng.randrange(6)):
        kind = rng.random()
        if kind < 0.4:
            client.ws.send(rng.choice(AUDIO))
        elif kind < 0.6:
            client.ws.send(rng.choice(BAD_MESSAGES))
        elif kind < 0.8:
            client.say(**rng.choice(GOOD_MESSAGES))
        elif kind < 0.9:
            client.ws.send(FILE)
    client.say(**rng.choice(ENDS))


def test_once_an_utterance(url, full):
    """In random sessions there are as many final results as utterances; acknowledgements do not count."""
    for seed in range(400 if full else 40):
        rng = random.Random(seed)
        n_utterances = rng.randrange(1, 5)
        with live(url) as client:
            for _ in range(n_utterances):
                random_utterance(rng, client)
            client.say(mode="2pass", wav_format="pcm", wav_name="last")
            client.send(speech(200))
            client.end(is_end=True)
            messages = until_acknowledged(client)
        results = [m for m in messages if "is_end" not in m]
        assert [m["is_final"] for m in results].count(True) == n_utterances + 1, (seed, results)
        assert results[-1]["is_final"] or "error" in results[-1]


def until_acknowledged(client):
    """Messages up to the acknowledgement of the utterance named "last"."""
    messages = [json.loads(client.ws.recv(20))]
    while not (messages[-1].get("is_end") and messages[-1]["wav_name"] == "last"):
        messages.append(json.loads(client.ws.recv(20)))
    return messages


@pytest.mark.parametrize("text", BAD_MESSAGES)
def test_a_mistake_in_mid_utterance(url, text):
    """A client that stops at the first final result gets the whole text."""
    with live(url) as client:
        client.send(speech(300))
        client.ws.send(text)
        client.send(speech(400))
        client.end()
        messages = [json.loads(client.ws.recv(20))]
        while not messages[-1]["is_final"]:
            messages.append(json.loads(client.ws.recv(20)))
    assert messages[-1]["text"] == heard(700)
    assert sum("error" in m for m in messages) == 1
