"""With several models and no name, a segment goes to another model where the first is unsure, and answers say so."""

import io

import numpy as np
import pytest
import soundfile

from support.bundles import tiny_bundle
from support.live import live

UNSURE = {"unknown_units", "low_score", "few_tokens"}


@pytest.fixture(scope="module")
def both(process_factory, demo_dir, tiny_models_dir, tmp_path_factory):
    """A server with the embedded bundle and a tiny model, which writes something whatever it hears."""
    folder = tmp_path_factory.mktemp("both")
    tiny = tiny_bundle(tiny_models_dir / "paraformer-timestamp", demo_dir, folder / "tiny")
    with process_factory(folder, "--bundle", demo_dir, "--bundle", tiny) as running:
        yield running


@pytest.fixture(scope="module")
def two_kinds(samples):
    """Speech that the embedded bundle knows, a pause, and the same speech from its end to its start."""
    known, rate = soundfile.read(samples["zh_phone"].path, dtype="int16")
    assert rate == 16_000
    return np.concatenate([known, np.zeros(2 * rate, np.int16), known[::-1], np.zeros(rate, np.int16)])


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


def written_by(parts):
    return [(part.get("model"), part.get("model_reason")) for part in parts]


def check(parts):
    """The first part is the embedded bundle's, and all behind it the tiny model's."""
    (first, *others) = written_by(parts)
    assert first == ("demo", "sure")
    assert others
    assert {name for name, _ in others} == {"tiny"}
    assert {reason for _, reason in others} <= UNSURE


def test_sentences_of_an_upload(both, two_kinds):
    """Each sentence of our JSON and each segment of verbose_json names its model and the reason."""
    check(both.post("/transcribe", wav(two_kinds)).json()["sentences"])
    check(both.post("/v1/audio/transcriptions", wav(two_kinds), response_format="verbose_json").json()["segments"])


def test_finals_of_a_live_client(both, two_kinds):
    """So does each final text of the WebSocket, and the text of known speech is what it was."""
    with live(both.url) as client:
        client.say(mode="2pass")
        results = client.utterance(two_kinds.tobytes(), frame_bytes=19_200)
    finals = [one for one in results if one["mode"] == "2pass-offline" and one["text"]]
    check(finals)
    with live(both.url) as client:
        client.say(mode="2pass", model="demo")
        alone = client.utterance(two_kinds.tobytes(), frame_bytes=19_200)
    assert [one["text"] for one in alone if one["text"] and one["mode"] == "2pass-offline"] == [finals[0]["text"]]


def test_a_name_switches_it_off(both, two_kinds):
    """A model that is named writes all there is, and its sentences say that it was asked for."""
    sentences = both.post("/transcribe", wav(two_kinds), model="demo").json()["sentences"]
    assert set(written_by(sentences)) == {("demo", "requested")}


def test_a_language_chooses_the_model(both, two_kinds):
    """A language that the embedded bundle is not for goes to the next model at once."""
    answer = both.post("/transcribe", wav(two_kinds), language="de").json()
    assert set(written_by(answer["sentences"])) == {("tiny", "unknown_language")}
