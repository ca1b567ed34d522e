"""Speech with exact token times from Kokoro-82M: `domain-speech` and others say what.

A new speaker is made of two: the first half of a style vector is the timbre, the second half the prosody, so
Mandarin prosody goes with the timbre of any voice of any language.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.signal import resample_poly

from demo_recipe.speech.corpus import HELD_OUT_VOICES
from demo_recipe.speech.kokoro_graph import DURATIONS_OUTPUT, build_model, load_voices
from demo_recipe.speech.phonemes import NO_OWNER, Phonemes, symbol_ids

MAX_PHONEMES = 480
TIMBRE_SIZE = 128
# A whisper and a comic voice.
UNUSED_VOICES = frozenset({"af_nicole", "am_santa", "em_santa", "pm_santa"})


@dataclass(slots=True)
class Script:
    """Text of an utterance: tokens with their sentences, and phonemes with their owners."""

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
    from demo_recipe.speech.kokoro_bfloat16 import Bfloat16Kokoro  # noqa: PLC0415 - OpenVINO is needed for this only

    return Bfloat16Kokoro(model).run


def _token_times(known: list[tuple[int, int]], edges: NDArray, count: int) -> dict:
    starts, ends = [-1] * count, [-1] * count
    for index, (_, owner) in enumerate(known):
        if owner != NO_OWNER:
            if starts[owner] < 0:
                starts[owner] = int(edges[index])
            ends[owner] = int(edges[index + 1])
    return {"start": starts, "end": ends}


PURE_SHARE = 0.15
MIXED_PARTS = (-0.6, 1.6)
"""Range of the first voice's part in a mixed one; the second has the rest."""


def training_style(voices: dict, lang: str, length: int, rng: Random) -> tuple[NDArray[np.float32], str]:
    """A voice of the language, or two of them mixed; half of the time with the timbre of any voices.

    Mixing goes beyond both, which makes voices that lie as far apart as others that were never heard.
    """
    usable = sorted(set(voices) - HELD_OUT_VOICES - UNUSED_VOICES)
    native = [name for name in usable if name[0] in ("z" if lang == "zh" else "ab")]
    first, second = rng.choice(native), rng.choice(native)
    kind = rng.random()
    if kind < PURE_SHARE:
        return voices[first][length], first
    part = rng.uniform(*MIXED_PARTS)
    style = part * voices[first][length] + (1 - part) * voices[second][length]
    if kind < 0.5:
        return style, f"{first}*{part:.2f}+{second}"
    other, part = rng.choice(usable), rng.uniform(0, 1)
    timbre = part * voices[other][length] + (1 - part) * voices[rng.choice(usable)][length]
    style[:, :TIMBRE_SIZE] = timbre[:, :TIMBRE_SIZE]
    return style, f"{first}*0.50+{other}"


def held_out_style(voices: dict, lang: str, length: int, rng: Random) -> tuple[NDArray[np.float32], str]:
    """One of the held-out voices as it is."""
    names = sorted(name for name in HELD_OUT_VOICES & set(voices) if (name[0] == "z") == (lang == "zh"))
    name = rng.choice(names)
    return voices[name][length], name
