"""Hotwords of the embedded bundle on held-out voices, of many clients at once, and beside FunASR's rules."""

import asyncio
import json
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rapidfuzz.distance import Levenshtein

from paraserve.hotword_types import Hotword, HotwordRule
from paraserve.inference.base import StreamingItem
from paraserve.inference.hotword_lists import OperatorHotwords
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.options import ChunkSize, RecognitionOptions, StreamConfig
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.types import SegmentAudio

ROOT = Path(__file__).parents[2]
HELD_OUT = ROOT / "tests" / "data" / "heldout"
LISTS = tomllib.loads((ROOT / "scripts" / "bench" / "hotword_words.toml").read_text("utf-8"))
ALL = tuple(map(Hotword, LISTS["words"] + LISTS["distractors"]))
STEP = 9_600
"""Samples of a chunk of the streaming recognizer."""
MANY, FEW = 1_000, 100


@pytest.fixture(scope="module")
def bundle():
    """The embedded bundle without its language model, which hears some of the words right by itself."""
    return load_parts(replace(bundle_parts(ROOT / "models" / "demo"), lm=None))


@pytest.fixture(scope="module")
def clips(full):
    """(samples, units) of held-out recordings: those with a word of the list, with --full all."""
    found = []
    for line in map(json.loads, (HELD_OUT / "heldout.jsonl").read_text("utf-8").splitlines()):
        said = " ".join(line["tokens"])
        if full or any(has(said, word) for word in LISTS["words"]):
            at, n = line["offset_samples"], line["n_samples"]
            samples, _ = soundfile.read(HELD_OUT / line["file"], n, at, dtype="float32")
            found.append((samples, line["tokens"]))
    return found


def spaced(word):
    return f" {word if word.isascii() else ' '.join(word)} "


def has(said, word):
    return spaced(word) in f" {said} "


def times_said(units, word):
    """How often a word is in a text."""
    parts = [word] if word.isascii() else list(word)
    return sum(units[at : at + len(parts)] == parts for at in range(len(units)))


def offline(bundle, samples, words):
    (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples, hotwords=words)], RecognitionOptions())
    return [token.text.lower() for token in hypothesis.tokens]


def streaming(bundle, samples, words):
    state, heard = bundle.streaming.new_state(ChunkSize()), []
    chunks = [samples[at : at + STEP] for at in range(0, len(samples), STEP)]
    for n, chunk in enumerate(chunks):
        item = StreamingItem(state, SegmentAudio(chunk, hotwords=words), n == len(chunks) - 1)
        ((state, partial),) = bundle.streaming.step([item])
        heard += [token.text.lower() for token in partial.tokens]
    return heard


def counted(bundle, clips, recognize, words):
    """Occurrences that are right, wanted and false, distractors, and errors."""
    counts = Counter()
    for samples, said in clips:
        heard = recognize(bundle, samples, words)
        counts["errors"] += Levenshtein.distance(said, heard)
        for word in LISTS["words"]:
            wanted, found = times_said(said, word), times_said(heard, word)
            counts += Counter(wanted=wanted, right=min(wanted, found), false=max(0, found - wanted))
        counts["distractors"] += sum(times_said(heard, word) for word in LISTS["distractors"])
    return counts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recognize", "share", "distractors"),
    [(offline, 0.75, 2), pytest.param(streaming, 0.6, 4, marks=pytest.mark.full)],
)
def test_words_that_are_often_wrong(bundle, clips, recognize, share, distractors):
    """30 hotwords and 100 that nobody says: most are right, few are false, and no more is wrong than without."""
    greedy = counted(bundle, clips, recognize, ())
    boosted = counted(bundle, clips, recognize, ALL)
    assert boosted["right"] >= max(share * boosted["wanted"], greedy["right"])
    assert boosted["false"] <= 8
    assert boosted["distractors"] <= distractors
    assert boosted["errors"] <= greedy["errors"]


def test_empty_list(bundle, clips):
    """Without a list, with an empty one and with one that cannot be spelled the result is the greedy one, in all."""
    samples, _ = clips[0]
    (plain,) = bundle.recognizer.recognize([SegmentAudio(samples)], RecognitionOptions())
    for words in ((), (Hotword("䶮"),), (Hotword("提前", 0),)):
        (found,) = bundle.recognizer.recognize([SegmentAudio(samples, hotwords=words)], RecognitionOptions())
        assert replace(found, hotwords_ignored=()) == plain
        assert len(found.hotwords_ignored) == len(words)


def test_scores_are_the_model_s(bundle, clips):
    """A hotword has the probability that the model gives its units, however large the bonus."""
    options = RecognitionOptions(hotword_rule=HotwordRule(bonus=8, cap=8))
    for samples, _ in clips[:8]:
        (found,) = bundle.recognizer.recognize([SegmentAudio(samples, hotwords=ALL)], options)
        for hit in found.hotwords:
            tokens = [t for t in found.tokens if hit.start_ms <= t.start_ms and t.end_ms <= hit.end_ms]
            assert "".join(token.text for token in tokens) == hit.text
            assert not hit.changed or min(token.score for token in tokens) < 0.5


async def test_partial_texts_without_hotwords(bundle, clips):
    """The operator may keep hotwords out of partial texts, and the abilities say so."""
    samples, said = clips[0]
    chunks = [SegmentAudio(samples[at : at + STEP], hotwords=tuple(map(Hotword, said))) for at in (0, STEP, 2 * STEP)]
    found = []
    for is_on in (True, False):
        engine = LocalEngine(bundle, Scheduler(1), bundle.vad, OperatorHotwords(in_partials=is_on))
        stream = engine.open_stream(StreamConfig(mode="online"))
        try:
            partials = [(await stream.step(chunk, is_last=False)).result for chunk in chunks]
        finally:
            await stream.close()
            await engine.close()
        assert engine.abilities.partial_hotwords is is_on
        assert any(partial.text for partial in partials)
        found.append([hit for partial in partials for hit in partial.hotwords])
    assert found[0]
    assert not found[1]


@pytest.mark.slow
async def test_many_clients(tiny_models_dir, held_out_speech, tmp_path, full):
    """Clients with different words share batches, and each gets what it would get alone."""
    (tmp_path / "asr").symlink_to(tiny_models_dir / "paraformer")
    tiny = load_parts(replace(bundle_parts(tmp_path), asr_quantize=False, has_itn=False))
    units = json.loads((tiny_models_dir / "paraformer" / "tokens.json").read_text("utf-8"))
    rng = np.random.default_rng(0)
    lists = [
        tuple(Hotword("".join(rng.choice(units[3:-1], 2)), 100) for _ in range(rng.integers(0, 9)))
        for _ in range(MANY if full else FEW)
    ]
    sizes, rule = [], HotwordRule(bonus=50, cap=50)
    scheduler = Scheduler(2, on_batch=lambda batch: sizes.append(batch.n_items))
    engine = LocalEngine(tiny, scheduler, WholeRecordingVad(), OperatorHotwords(rule=rule))
    audio = SegmentAudio(held_out_speech[:16_000])
    try:
        asked = [engine.recognize(audio, RecognitionOptions(hotwords=words)) for words in lists]
        answers = await asyncio.gather(*asked)
    finally:
        await engine.close()
    assert max(sizes) > 1
    texts = set()
    for words, answer in zip(lists, answers, strict=True):
        (alone,) = tiny.recognizer.recognize([replace(audio, hotwords=words)], RecognitionOptions(hotword_rule=rule))
        assert (answer.result.text, answer.result.hotwords) == (alone.text, alone.hotwords)
        assert {hit.text for hit in answer.result.hotwords} <= {word.text for word in words}
        texts.add(alone.text)
    assert len(texts) > len(lists) / 4
