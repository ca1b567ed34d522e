"""The bundle `whisper-base` on recordings of people: Whisper's real weights from the package index behind FSMN-VAD.

Uploads give the same sentences as the command, and they are those of the plain library, given the same weights and
the whole recording, apart from what a cut at another place changes. Live clients get each segment for itself.
"""

import asyncio
import json
import re

import numpy as np
import pytest
import soundfile
from rapidfuzz.distance import Levenshtein

from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Capabilities
from paraserve.inference.models.recognizers.whisper import load_whisper
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.settings import Settings
from paraserve.types import SegmentAudio
from paraserve.wiring import open_engine
from support.commands import paraserve, server
from support.live import live

QUICK_MS, SPOKEN_MS = 12_000, (6_400, 12_000)
MAX_ERROR, MAX_ERROR_OF_ALL = 0.15, 0.05
"""Of the beginning, where a cut weighs more, and of the whole recording."""
PATIENCE_S = 300
BARE = re.compile(r"[\W_]+")


def error_rate(text: str, reference: str) -> float:
    """Character error without regard to marks, spaces and case."""
    bare, wanted = BARE.sub("", text).lower(), BARE.sub("", reference).lower()
    return Levenshtein.distance(bare, wanted) / len(wanted)


@pytest.fixture(scope="module")
def bundle_dir(real_models_dir):
    return real_models_dir / "whisper-base"


@pytest.fixture(scope="module")
def samples(shared_dir, full):
    """Mandarin as it was spoken on a stage: 70 s, or in the quick tier the beginning."""
    samples, rate = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    assert rate == 16_000
    return samples if full else samples[: QUICK_MS * 16]


@pytest.fixture(scope="module")
def recording(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("whisper") / "recording.wav"
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def plain_text(bundle_dir, samples):
    """What the library alone says of the whole recording."""
    faster_whisper = pytest.importorskip("faster_whisper")
    model = faster_whisper.WhisperModel(str(bundle_dir / "asr"), compute_type="int8", local_files_only=True)
    segments, _ = model.transcribe(samples, language="zh", temperature=0, condition_on_previous_text=False)
    return "".join(segment.text for segment in segments)


@pytest.fixture(scope="module")
def transcript(bundle_dir, recording):
    """Of the command line, without a server."""
    done = paraserve("transcribe", recording, "--bundle", bundle_dir, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def url(bundle_dir):
    with server("--bundle", bundle_dir) as url:
        yield url


def test_the_text_is_the_plain_librarys(transcript, plain_text, samples, full):
    """At most 5 % of the characters of all of it differ, and the language is heard."""
    assert error_rate(transcript["text"], plain_text) <= (MAX_ERROR_OF_ALL if full else MAX_ERROR)
    assert transcript["language"] == "zh"
    assert {sentence["language"] for sentence in transcript["sentences"]} == {"zh"}
    assert transcript["audio_processed_ms"] == len(samples) // 16


def test_words_have_times(transcript):
    """Each word in order, inside its sentence and the recording; the sentence's text is made of its words."""
    tokens = [token for sentence in transcript["sentences"] for token in sentence["tokens"]]
    times = [at_ms for token in tokens for at_ms in (token["start_ms"], token["end_ms"])]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= transcript["duration_ms"]
    assert all(0 < token["confidence"] <= 1 for token in tokens)
    for sentence in transcript["sentences"]:
        assert BARE.sub("", sentence["text"]) == BARE.sub("", "".join(t["text"] for t in sentence["tokens"]))


@pytest.mark.slow
def test_every_way_in_gives_the_same_text(transcript, url, recording, samples):
    """An upload, and, but for what is cut elsewhere, a live client in mode 2pass, with times in order."""
    done = paraserve("transcribe", recording, "--server", url, "--format", "json")
    assert json.loads(done.stdout)["sentences"] == transcript["sentences"]
    with live(url) as client:
        client.say(mode="2pass", wav_format="pcm", audio_fs=16_000)
        client.send((samples * 32_768).astype("<i2").tobytes(), 32_000)
        client.end()
        messages = [client.receive(PATIENCE_S)]
        while not messages[-1]["is_final"]:
            messages.append(client.receive(PATIENCE_S))
    finals = [message for message in messages if message["mode"] == "2pass-offline"]
    assert error_rate("".join(message["text"] for message in finals), transcript["text"]) <= MAX_ERROR
    stamps = [at_ms for m in finals for pair in json.loads(m.get("timestamp", "[]")) for at_ms in pair]
    assert stamps
    assert stamps == sorted(stamps)
    assert {message["language"] for message in finals if message["text"]} == {"zh"}


@pytest.mark.full
async def test_partials_alone(bundle_dir, shared_dir):
    """Mode online, as fast as it is spoken: the partials put together are the whole text, nothing twice."""
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    spoken = samples[SPOKEN_MS[0] * 16 : SPOKEN_MS[1] * 16]
    engine = await asyncio.to_thread(open_engine, Settings(bundle=str(bundle_dir), vad_dir=""))
    options, heard = RecognitionOptions(language="zh"), []
    try:
        async with TwoPassSession(engine, StreamConfig(mode="online", options=options), heard.append) as session:
            for start in range(0, len(spoken), 9_600):
                await session.feed(spoken[start : start + 9_600])
                await asyncio.sleep(0.6)
            await session.finish()
        whole = await engine.recognize(SegmentAudio(spoken), options)
    finally:
        await engine.close()
    assert [update.last for update in heard] == [False] * (len(heard) - 1) + [True]
    assert {update.kind for update in heard} == {"online"}
    assert error_rate("".join(update.text for update in heard), whole.result.text) <= MAX_ERROR


@pytest.mark.full
def test_english_read_aloud(bundle_dir, read_aloud, full):
    """Sentences of a novel: words as printed, English heard without being asked for."""
    chosen = dict(list(read_aloud.items())[: None if full else 2])
    done = paraserve("transcribe", *chosen, "--bundle", bundle_dir, "--format", "json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(part) for part in re.split(r"(?<=^\})\n", done.stdout, flags=re.M) if part.strip()]
    assert [answer["language"] for answer in answers] == ["en"] * len(chosen)
    errors = [error_rate(a["text"], text) for a, text in zip(answers, chosen.values(), strict=True)]
    assert np.mean(errors) <= MAX_ERROR / 3, answers


@pytest.mark.slow
def test_silence_is_no_text(bundle_dir, tmp_path):
    """Neither is faint noise, of which Whisper alone would make words."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 3 * 16_000).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    done = paraserve("transcribe", tmp_path / "noise.wav", "--bundle", bundle_dir)
    assert (done.stdout, done.returncode) == ("\n", 0)


@pytest.mark.slow
def test_a_language_that_the_model_does_not_have(bundle_dir, read_aloud):
    """Cantonese is not among Whisper base's: it finds out by itself, as for any word that is no language."""
    pytest.importorskip("faster_whisper")
    samples, _ = soundfile.read(min(read_aloud), dtype="float32", frames=5 * 16_000)
    model = load_whisper(bundle_dir / "asr")
    audio = [SegmentAudio(samples)]
    heard = [model.recognize(audio, RecognitionOptions(language=name))[0] for name in ("yue", "klingon", "en")]
    assert {(hypothesis.language, hypothesis.text) for hypothesis in heard} == {("en", heard[0].text)}
    assert heard[0].text


@pytest.mark.slow
def test_capabilities(bundle_dir, read_aloud):
    """The model does what it states: languages, word times, hotwords, and a text in its final form."""
    pytest.importorskip("faster_whisper")
    samples, _ = soundfile.read(min(read_aloud), dtype="float32", frames=5 * 16_000)
    model = load_whisper(bundle_dir / "asr")

    def heard(**options):
        return model.recognize([SegmentAudio(samples)], RecognitionOptions(**options))[0]

    languages = model.capabilities.languages
    assert model.capabilities == Capabilities(
        partials=True,
        punctuates=True,
        languages=languages,
        word_times=True,
        hotwords=True,
        prompt=True,
        translates=True,
        keeps_language=True,
        join_ms=22_000,
    )
    assert "yue" not in languages
    assert [heard(language=code, draft=True).language for code in ("de", "en", "zh")] == ["de", "en", "zh"]
    plain = heard()
    assert plain.is_punctuated
    assert all(token.start_ms is not None and token.end_ms is not None for token in plain.tokens)
    assert heard(hotwords=(Hotword("Sebastian"),)).score != plain.score
