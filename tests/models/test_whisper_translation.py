"""Whisper's translations: English text of Mandarin as it was spoken on a stage, over every way in."""

import json
import re

import openai
import pytest
import soundfile

from support.commands import paraserve, server
from support.live import live

SPOKEN_MS = (6_400, 12_000)
CHINESE = re.compile("[\u4e00-\u9fff]")
PATIENCE_S = 120


@pytest.fixture(scope="module")
def recording(shared_dir, tmp_path_factory):
    """5.6 s of it."""
    samples, rate = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="int16")
    path = tmp_path_factory.mktemp("translation") / "recording.wav"
    soundfile.write(path, samples[SPOKEN_MS[0] * 16 : SPOKEN_MS[1] * 16], rate)
    return path


@pytest.fixture(scope="module")
def url(real_models_dir):
    with server("--bundle", real_models_dir / "whisper-base") as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def is_english(text):
    return len(text.split()) >= 3 and not CHINESE.search(text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own word about its call
def test_openai_client(client, recording, full):
    """Each response format is English; without the task the words are those that were said."""
    spoken = client.audio.transcriptions.create(model="whisper-1", file=recording).text
    assert CHINESE.search(spoken)

    def ask(**options):
        return client.audio.translations.create(model="whisper-1", file=recording, **options)

    text = ask().text
    assert is_english(text)
    verbose = ask(response_format="verbose_json")
    assert (verbose.text, verbose.language) == (text, "english")
    assert all(0 <= one.start <= one.end <= verbose.duration for one in verbose.segments)
    if full:
        assert ask(response_format="text").strip() == text
    for name in ("srt", "vtt") if full else ():
        subtitles = ask(response_format=name)
        assert is_english(subtitles)
        assert "-->" in subtitles


@pytest.mark.full
def test_other_ways(url, recording, real_models_dir):
    """The command, our own route and the WebSocket give the same English, and say which language was spoken."""
    bundle = real_models_dir / "whisper-base"
    done = paraserve("transcribe", recording, "--bundle", bundle, "--translate", "--format", "json")
    assert done.returncode == 0, done.stderr
    local = json.loads(done.stdout)
    assert is_english(local["text"])
    assert (local["task"], local["language"]) == ("translate", "zh")
    sent = paraserve("transcribe", recording, "--server", url, "--translate", "--format", "json")
    assert json.loads(sent.stdout)["text"] == local["text"]
    for mode in ("2pass", "offline"):
        with live(url) as socket:
            socket.say(mode=mode, wav_format="pcm", audio_fs=16_000, task="translate")
            socket.send(recording.read_bytes(), 32_000)
            socket.end()
            messages = [socket.receive(PATIENCE_S)]
            while not messages[-1]["is_final"]:
                messages.append(socket.receive(PATIENCE_S))
        text = "".join(one["text"] for one in messages if one["mode"] == "2pass-offline")
        assert text == local["text"]
