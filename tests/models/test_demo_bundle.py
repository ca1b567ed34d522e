"""The embedded bundle: files, error rates on held-out voices, silence, samples, token times."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
from rapidfuzz.distance import Levenshtein

from paraserve.catalog.manifest import read_knows
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio
from support.recordings import strange_speech

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "models" / "demo"
DATA = ROOT / "tests" / "data"
SAMPLES = json.loads((DATA / "samples.json").read_text(encoding="utf-8"))
# Some points over what the model card says of these voices (a part of whose clips is here).
MAX_ERROR_RATES = {"zh": 0.12, "en": 0.06, "mix": 0.17}
START_MS, MIN_START_SHARE = 80, 0.9
MAX_BYTES = 31_000_000


@pytest.fixture(scope="module")
def bundle():
    # The texts are compared as spoken.
    return load_parts(replace(bundle_parts(BUNDLE), has_itn=False))


def read(path, start=0, n_samples=-1):
    samples, rate = soundfile.read(path, n_samples, start, dtype="float32")
    assert rate == 16_000
    return samples


def recognize(bundle, samples):
    (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples.astype(np.float32))], RecognitionOptions())
    return hypothesis.tokens


def recognize_segments(bundle, samples):
    """(text, start_ms) of all tokens, cut by the voice detector."""
    found = []
    for segment in bundle.vad.segment(samples):
        tokens = recognize(bundle, samples[segment.start_ms * 16 : segment.end_ms * 16])
        found += [(token.text, token.start_ms + segment.start_ms) for token in tokens]
    return found


def test_manifest_lists_every_file_with_its_hash_and_size():
    """Nothing is missing from the manifest, nothing is in it that is not there, and the bundle stays small."""
    manifest = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))
    paths = {p.relative_to(BUNDLE).as_posix(): p for p in BUNDLE.rglob("*") if p.is_file()}
    del paths["manifest.json"]
    assert manifest["files"].keys() == paths.keys()
    for name, entry in manifest["files"].items():
        content = paths[name].read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}, name
    assert sum(entry["bytes"] for entry in manifest["files"].values()) < MAX_BYTES


def held_out(lang):
    """(clip, tokens found) of the held-out clips of one language."""
    clips = map(json.loads, (DATA / "heldout" / "heldout.jsonl").read_text(encoding="utf-8").splitlines())
    return [clip for clip in clips if clip["lang"] == lang]


def found_in(bundle, clip):
    """What the recognizer writes, `I` as it was trained."""
    samples = read(DATA / "heldout" / clip["file"], clip["offset_samples"], clip["n_samples"])
    return [replace(token, text=token.text.lower()) for token in recognize(bundle, samples)]


@pytest.mark.slow
@pytest.mark.parametrize("lang", MAX_ERROR_RATES)
def test_held_out_voices_stay_under_the_error_ceiling(bundle, lang):
    """New sentences in voices never trained on: characters and words, numbers as they are spoken."""
    pairs = [(clip["tokens"], [token.text for token in found_in(bundle, clip)]) for clip in held_out(lang)]
    tokens = sum(len(wanted) for wanted, _ in pairs)
    assert tokens > 80
    assert sum(Levenshtein.distance(wanted, found) for wanted, found in pairs) <= MAX_ERROR_RATES[lang] * tokens


@pytest.mark.slow
def test_tokens_begin_where_they_are_spoken(bundle):
    """Nine in ten starts of right tokens are within 80 ms of the true ones (ends are bound by FunASR's rule)."""
    errors = []
    for clip in [*held_out("zh"), *held_out("en")]:
        found = found_in(bundle, clip)
        blocks = Levenshtein.opcodes(clip["tokens"], [token.text for token in found]).as_matching_blocks()
        for wanted, got in ((block.a + i, found[block.b + i]) for block in blocks for i in range(block.size)):
            errors.append(abs(clip["start_ms"][wanted] - got.start_ms))
    assert np.mean(np.array(errors) <= START_MS) >= MIN_START_SHARE


def test_silence_and_noise_give_next_to_nothing(bundle):
    """No words from silence, next to none from noise, with and without the detector."""
    rng = np.random.default_rng(0)
    assert not recognize(bundle, np.zeros(32_000, np.float32))
    assert not bundle.vad.segment(np.zeros(64_000, np.float32))
    clips = [rng.normal(0, 10 ** (level / 20), 48_000).astype(np.float32) for level in range(-70, -10, 3)]
    assert sum(len(recognize(bundle, clip)) for clip in clips) <= 2
    assert sum(bool(bundle.vad.segment(clip)) for clip in clips) <= 1


def test_the_detector_is_never_certain():
    """FunASR's package takes logarithms of its probabilities: none is 0 or 1, whatever the rows hold."""
    session = onnxruntime.InferenceSession(BUNDLE / "vad" / "model_quant.onnx", providers=["CPUExecutionProvider"])
    caches = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs() if i.name != "speech"}
    for level in (-100, -10, 0, 10, 100):
        (chances, *_) = session.run(None, {"speech": np.full((1, 50, 400), level, np.float32)} | caches)
        assert 0 < chances.min() <= chances.max() < 1


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_transcribed_exactly_at_the_right_times(bundle, name):
    """The committed recordings come out word for word, each token where it is spoken."""
    sample = SAMPLES[name]
    found = recognize_segments(bundle, read(DATA / name))
    assert [text for text, _ in found] == sample["tokens"]
    errors = [abs(start - wanted) for (_, start), wanted in zip(found, sample["start_ms"], strict=True)]
    assert np.median(errors) <= 120


def test_units_that_are_not_understood_are_counted(bundle):
    """Speech in unknown words is given up whole with all its units counted; a sample of the domain has none."""
    strange = strange_speech()
    for segment in bundle.vad.segment(strange):
        audio = SegmentAudio(strange[segment.start_ms * 16 : segment.end_ms * 16])
        (given_up,) = bundle.recognizer.recognize([audio], RecognitionOptions())
        assert (given_up.tokens, given_up.unsure) == ((), "unknown_units")
        assert given_up.unknown_units == len(given_up.token_ids) > 0
    (known,) = bundle.recognizer.recognize([SegmentAudio(read(DATA / "zh_date.wav"))], RecognitionOptions())
    assert (known.unknown_units, known.unsure) == (0, None)


def test_the_manifest_says_what_it_knows():
    """The words that the server tells people name the size of the vocabulary: all units but four special ones."""
    n_units = len(json.loads((BUNDLE / "asr" / "tokens.json").read_text("utf-8")))
    assert f"{n_units - 4:,} words and characters" in read_knows(BUNDLE)


@pytest.mark.slow
def test_a_batch_gives_what_single_runs_give(bundle):
    """Padding changes nothing: our graph masks it everywhere."""
    clips = [SegmentAudio(read(DATA / name)) for name in SAMPLES]
    clips.insert(1, SegmentAudio(np.zeros(16_000, np.float32)))
    together = bundle.recognizer.recognize(clips, RecognitionOptions())
    alone = [bundle.recognizer.recognize([clip], RecognitionOptions())[0] for clip in clips]
    assert [h.text for h in together] == [h.text for h in alone]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("我的电话号码是一三八零零二五六七九四", "我的电话号码是一三八零零二五六七九四。"),
        ("今天是二零二六年五月十八号星期一", "今天是二零二六年五月十八号星期一。"),
        ("现在几点了", "现在几点了？"),
        ("一万两千三百四十五点六七", "一万两千三百四十五点六七。"),
    ],
)
def test_punctuation_of_the_domain(bundle, words, text):
    """Dates, numbers and questions of the domain get the marks that a person would write."""
    marks = bundle.punctuator.punctuate(list(words))
    assert "".join(word + mark for word, mark in zip(words, marks, strict=True)) == text


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("my phone number is five five oh one seven three two", "。"),
        ("friday october third at half past seven in the evening", "。"),
        ("what time is it", "？"),
    ],
)
def test_english_punctuation_of_the_domain(bundle, text, mark):
    """The same for English."""
    words = text.split()
    assert bundle.punctuator.punctuate(words) == [""] * (len(words) - 1) + [mark]
