"""A SenseVoice (tiny, random weights) behind the embedded bundle's detector: what it hears reaches every wire."""

import json
import re

import numpy as np
import pytest
import soundfile

from support.commands import paraserve, server
from support.live import LiveClient, live

SPOKEN_MS = 14_000
TAGS = re.compile(r"<\|[^|]*\|>")


@pytest.fixture(scope="module")
def flags(tiny_models_dir):
    return ("--model-dir", tiny_models_dir / "sensevoice", "--punc-dir", "0")


@pytest.fixture(scope="module")
def pcm(held_out_speech):
    return np.round(held_out_speech[: SPOKEN_MS * 16] * 32_768).astype(np.int16)


@pytest.fixture(scope="module")
def recording(pcm, tmp_path_factory):
    path = tmp_path_factory.mktemp("sensevoice") / "recording.wav"
    soundfile.write(path, pcm, 16_000)
    return path


@pytest.fixture(scope="module")
def url(flags):
    with server(*flags) as url:
        yield url


@pytest.fixture(scope="module")
def transcript(url, recording):
    return json.loads(paraserve("transcribe", recording, "--server", url, "--format", "json").stdout)


def utterance(client: LiveClient, pcm, **request) -> list[dict[str, object]]:
    client.say(mode="2pass", wav_format="pcm", audio_fs=16_000, **request)
    return client.utterance(pcm.tobytes(), frame_bytes=19_200)


def test_fields_of_each_sentence(transcript):
    """Language, emotion and events, and no tag in the text."""
    assert len(transcript["sentences"]) >= 3
    for sentence in transcript["sentences"]:
        assert sentence["language"] in {"zh", "en", "yue", "ja", "ko"}
        assert sentence["emotion"] == sentence["emotion"].upper()
        assert sentence["events"] == ["Speech"]
    assert not TAGS.search(transcript["text"])


def test_live_text_is_the_files(url, transcript, pcm):
    """The second pass says what an upload says, with the same fields; partials carry no tags."""
    with live(url) as client:
        messages = utterance(client, pcm)
    finals = [message for message in messages if message["mode"] == "2pass-offline"]
    assert "".join(message["text"] for message in finals) == transcript["text"]
    heard = {(m["language"], m["emotion"], *m["events"]) for m in finals if m["text"]}
    assert heard == {(s["language"], s["emotion"], *s["events"]) for s in transcript["sentences"]}
    assert not any(TAGS.search(message["text"]) for message in messages)


def test_a_live_client_chooses_the_language(url, pcm):
    """`svs_lang` reaches the model, and counts from the next segment on."""
    with live(url) as client:
        messages = utterance(client, pcm, svs_lang="ko")
    assert {message["language"] for message in messages if "language" in message} == {"ko"}


@pytest.mark.slow
def test_strict_has_tags(flags, pcm):
    """FunASR's own form, language, emotion and event first."""
    with server(*flags, "--protocol", "strict") as url, live(url) as client:
        messages = utterance(client, pcm)
    texts = [message["text"] for message in messages if message.get("mode") == "2pass-offline" and message["text"]]
    assert len(texts) >= 3
    assert all(re.match(r"<\|(zh|en|yue|ja|ko)\|><\|[A-Z_]+\|><\|Speech\|>[^<]", text) for text in texts)
