"""Speech with exact token times from Kokoro-82M.

    python scripts/train/kokoro.py --minutes 60 --seed 11 --out build/train/speech [--lang zh|en]
                                   [--split train|heldout] [--text domain|other] [--rare-share 0.35]

A new speaker is made of two: the first half of a style vector is the timbre, the second half the prosody, so
Mandarin prosody goes with the timbre of any voice of any language.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.signal import resample_poly

import grammar
from corpus import HELD_OUT_VOICES, ShardWriter
from features import SAMPLE_RATE
from kokoro_graph import DURATIONS_OUTPUT, build_model, load_voices
from other_text import other_sentence
from phonemes import NO_OWNER, Phonemes, phonemize, symbol_ids

MAX_PHONEMES = 480
TIMBRE_SIZE = 128
# A whisper and a comic voice.
UNUSED_VOICES = frozenset({"af_nicole", "am_santa", "em_santa", "pm_santa"})


@dataclass(slots=True)
class Script:
    """What to say: words by sentence, tokens, and phonemes with their owners."""

    lang: str
    tokens: list[str]
    sentences: list[int]
    phonemes: Phonemes


# tokens, style and speed -> audio at 24 kHz, duration of each phoneme
Synthesis = Callable[[dict[str, NDArray]], tuple[NDArray[np.float32], NDArray]]


class Kokoro:
    """One-thread synthesis at 16 kHz; with `bfloat16` 1.7 times as fast, where the processor computes in it."""

    def __init__(self, work: Path, *, bfloat16: bool = False) -> None:
        model = build_model(work / "kokoro.onnx")
        self._run = _bfloat16(model) if bfloat16 else _float32(model)
        self.voices = load_voices(work / "voices")

    def speak(self, script: Script, style: NDArray[np.float32], speed: float) -> tuple[NDArray[np.int16], dict]:
        """(samples, {"start": [...], "end": [...]}) with each token's times in samples; style is [1, 256]."""
        ids = symbol_ids()
        known = [(ids[symbol], owner) for symbol, owner in script.phonemes if symbol in ids]
        inputs = {
            "tokens": np.array([[0, *(i for i, _ in known), 0]]),
            "style": style.astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        audio, durations = self._run(inputs)
        samples = np.clip(resample_poly(np.ravel(audio), 2, 3), -1, 1)
        pcm = (samples * 32767).astype(np.int16)
        edges = np.cumsum(np.ravel(durations)) / np.sum(durations) * len(pcm)
        return pcm, _token_times(known, edges, len(script.tokens))


def _float32(model: Path) -> Synthesis:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["audio", DURATIONS_OUTPUT], inputs)


def _bfloat16(model: Path) -> Synthesis:
    from kokoro_bfloat16 import Bfloat16Kokoro  # noqa: PLC0415 - OpenVINO is needed for this only

    return Bfloat16Kokoro(model).run


def _token_times(known: list[tuple[int, int]], edges: NDArray, count: int) -> dict:
    starts, ends = [-1] * count, [-1] * count
    for index, (_, owner) in enumerate(known):
        if owner != NO_OWNER:
            if starts[owner] < 0:
                starts[owner] = int(edges[index])
            ends[owner] = int(edges[index + 1])
    return {"start": starts, "end": ends}


def write_script(lang: str, sentences: list[list[str]], rng: Random) -> Script | None:
    """Joins sentences with a comma's or a full stop's pause; None if something cannot be read or is too long."""
    script = Script(lang, [], [], [])
    for index, words in enumerate(sentences):
        phonemes = phonemize(lang, words, len(script.tokens), rng)
        if phonemes is None:
            return None
        tokens = grammar.tokens(lang, words)
        script.tokens += tokens
        script.sentences += [index] * len(tokens)
        mark = "." if index == len(sentences) - 1 else rng.choice([", ", ". ", ", "])
        script.phonemes += phonemes + [(symbol, NO_OWNER) for symbol in mark]
    return script if len(script.phonemes) <= MAX_PHONEMES else None


def draw_sentences(lang: str, text: str, rare_share: float, rng: Random) -> list[list[str]]:
    """Sentences for one utterance of about six seconds."""
    target = 22 if lang == "zh" else 14
    sentences: list[list[str]] = []
    while sum(len(grammar.tokens(lang, words)) for words in sentences) < target:
        if text == "other":
            sentences.append(other_sentence(lang, rng))
        else:
            draw = grammar.rare_sentence if rng.random() < rare_share else grammar.sentence
            sentences.append([word for word in draw(lang, rng) if word])
    return sentences


def training_style(voices: dict, lang: str, length: int, rng: Random) -> tuple[NDArray[np.float32], str]:
    """A voice of the language, two mixed, or the timbre of any voice with the prosody of one of the language."""
    usable = sorted(set(voices) - HELD_OUT_VOICES - UNUSED_VOICES)
    native = [name for name in usable if name[0] in ("z" if lang == "zh" else "ab")]
    first, second = rng.choice(native), rng.choice(native)
    style = voices[first][length].copy()
    kind = rng.random()
    if kind < 0.25:
        return style, first
    part = rng.uniform(0.25, 0.75)
    if kind < 0.5:
        return part * style + (1 - part) * voices[second][length], f"{first}*{part:.2f}+{second}"
    other = rng.choice(usable)
    timbre = part * voices[other][length] + (1 - part) * voices[rng.choice(usable)][length]
    style[:, :TIMBRE_SIZE] = (voices[other][length] if kind < 0.75 else timbre)[:, :TIMBRE_SIZE]
    return style, f"{first}*0.50+{other}"


def held_out_style(voices: dict, lang: str, length: int, rng: Random) -> tuple[NDArray[np.float32], str]:
    """One of the held-out voices as it is."""
    names = sorted(name for name in HELD_OUT_VOICES & set(voices) if (name[0] == "z") == (lang == "zh"))
    name = rng.choice(names)
    return voices[name][length], name


def generate(kokoro: Kokoro, arguments: argparse.Namespace) -> None:
    """Fills shards until the wanted minutes are reached."""
    rng = Random(arguments.seed)
    writer = ShardWriter(arguments.out, f"{arguments.split}_{arguments.text}_{arguments.seed}")
    draw_style = held_out_style if arguments.split == "heldout" else training_style
    total = 0
    while total < arguments.minutes * 60 * SAMPLE_RATE:
        lang = arguments.lang or ("zh" if rng.random() < 0.55 else "en")
        script = write_script(lang, draw_sentences(lang, arguments.text, arguments.rare_share, rng), rng)
        if script is None:
            continue
        style, voice = draw_style(kokoro.voices, lang, len(script.phonemes), rng)
        speed = rng.uniform(0.68, 1.5)
        pcm, times = kokoro.speak(script, style, speed)
        if min(times["start"]) < 0:
            continue
        record = {"lang": lang, "tokens": script.tokens, "sentence": script.sentences, **times}
        writer.add(pcm, record | {"voice": voice, "speed": round(speed, 2), "am_spelled": True})
        total += len(pcm)
    writer.flush()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    parser.add_argument("--lang", choices=["zh", "en"])
    parser.add_argument("--rare-share", type=float, default=0.35, help="share of runs of rare words")
    parser.add_argument("--split", choices=["train", "heldout"], default="train")
    parser.add_argument("--text", choices=["domain", "other"], default="domain")
    arguments = parser.parse_args()
    generate(Kokoro(arguments.work), arguments)


if __name__ == "__main__":
    main()
