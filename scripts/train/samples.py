"""Writes tests/data: spoken samples that the bundle transcribes exactly, and the held-out clips as small Opus files.

python scripts/train/samples.py [--bundle models/demo] [--work build/train] [--out tests/data]
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray

import grammar
from corpus import HELD_OUT_VOICES, KOKORO_LAG
from features import SAMPLE_RATE
from kokoro import UNUSED_VOICES, Kokoro, write_script
from paraserve.inference.base import ModelBundle
from paraserve.inference.load import bundle_parts, load_parts
from paraserve.types import DecodeOptions, SegmentAudio

Draw = Callable[[Random], list[str]]
KINDS: dict[str, tuple[str, Draw]] = {
    "zh_phone": ("zh", grammar.zh_phone), "zh_date": ("zh", grammar.zh_date), "zh_number": ("zh", grammar.zh_number),
    "en_digits": ("en", grammar.en_phone), "en_date": ("en", grammar.en_date),
}  # fmt: skip
MIXED_LONG = ["zh_phone", "zh_number", "en_date"]
LEAST_TOKENS = 4
PAUSE_MS = 1400


@dataclass(frozen=True, slots=True)
class Clip:
    """int16 samples with its tokens and their times in ms."""

    pcm: NDArray[np.int16]
    lang: str
    tokens: list[str]
    start_ms: list[int]
    end_ms: list[int]


def candidates(kokoro: Kokoro, kind: str, rng: Random) -> Iterator[Clip]:
    """New sentences of a kind by training voices, with a quarter of a second of silence around."""
    lang, draw = KINDS[kind]
    voices = sorted(set(kokoro.voices) - HELD_OUT_VOICES - UNUSED_VOICES)
    names = [name for name in voices if name[0] in ("z" if lang == "zh" else "ab")]
    silence = np.zeros(SAMPLE_RATE // 4, np.int16)
    while True:
        words = [word for word in draw(rng) if word]
        script = write_script(lang, [words], rng)
        if script is None or len(script.tokens) < LEAST_TOKENS:
            continue
        voice = kokoro.voices[rng.choice(names)][len(script.phonemes)]
        pcm, times = kokoro.speak(script, voice, 1.0)
        start, end = ([250 + (value - KOKORO_LAG) // 16 for value in times[key]] for key in ("start", "end"))
        yield Clip(np.concatenate([silence, pcm, silence]), lang, script.tokens, start, end)


def is_exact(bundle: ModelBundle, clip: Clip) -> bool:
    """Whether the text is right, taken as a whole and cut by the voice detector, with close start times."""
    samples = clip.pcm.astype(np.float32) / 32768
    spans = [slice(segment.start_ms * 16, segment.end_ms * 16) for segment in bundle.vad.segment(samples)]
    for cuts in ([slice(0, len(samples))], spans):
        found = []
        for cut in cuts:
            (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples[cut])], DecodeOptions())
            found += [replace(token, start_ms=token.start_ms + cut.start // 16) for token in hypothesis.tokens]
        if [token.text for token in found] != clip.tokens:
            return False
        errors = [abs(token.start_ms - start) for token, start in zip(found, clip.start_ms, strict=True)]
        if np.median(errors) > 60:
            return False
    return True


def join(clips: list[Clip]) -> Clip:
    """One after the other with a pause."""
    pause = np.zeros(PAUSE_MS * 16, np.int16)
    parts: list[NDArray[np.int16]] = []
    tokens: list[str] = []
    start_ms: list[int] = []
    end_ms: list[int] = []
    for clip in clips:
        offset_ms = sum(map(len, parts)) // 16
        start_ms += [offset_ms + value for value in clip.start_ms]
        end_ms += [offset_ms + value for value in clip.end_ms]
        tokens += clip.tokens
        parts += [clip.pcm, pause]
    return Clip(np.concatenate(parts[:-1]), "mixed", tokens, start_ms, end_ms)


def make_samples(bundle: ModelBundle, kokoro: Kokoro, out: Path) -> None:
    """Takes the first sentence of each kind that the bundle gets right, and joins some of them to a longer one."""
    rng = Random(8)
    clips = {kind: next(c for c in candidates(kokoro, kind, rng) if is_exact(bundle, c)) for kind in KINDS}
    clips["mixed_long"] = join([clips[kind] for kind in MIXED_LONG])
    records = {}
    for name, clip in clips.items():
        soundfile.write(out / f"{name}.wav", clip.pcm, SAMPLE_RATE, subtype="PCM_16")
        records[f"{name}.wav"] = {
            "text": _text(clip.tokens), "lang": clip.lang, "tokens": clip.tokens, "start_ms": clip.start_ms,
            "end_ms": clip.end_ms,
        }  # fmt: skip
        print(name, is_exact(bundle, clip), f"{len(clip.pcm) / SAMPLE_RATE:.1f} s")
    (out / "samples.json").write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n")


def _text(tokens: list[str]) -> str:
    """Mandarin without spaces, a space between two English words."""
    text = ""
    for token in tokens:
        text += " " + token if text and text[-1].isascii() and token.isascii() else token
    return text


def make_held_out(source: Path, out: Path) -> None:
    """The held-out evaluation speech as it is (encoding it again would change it), and one list of its utterances."""
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for folder in (source / "heldout_zh", source / "heldout_en"):
        for file in folder.glob("*.opus"):
            shutil.copy(file, out)
        for line in (folder / "utterances.jsonl").read_text().splitlines():
            record = json.loads(line)
            kept = {key: record[key] for key in ("file", "offset_samples", "n_samples", "lang", "tokens", "voice")}
            times = {f"{key}_ms": [(value - KOKORO_LAG) // 16 for value in record[key]] for key in ("start", "end")}
            lines.append(json.dumps(kept | times, ensure_ascii=False) + "\n")
    (out / "heldout.jsonl").write_text("".join(lines))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("TRAIN_WORK", "build/train")))
    parser.add_argument("--bundle", type=Path, default=Path("models/demo"))
    parser.add_argument("--out", type=Path, default=Path("tests/data"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    make_held_out(arguments.work / "eval", arguments.out / "heldout")
    bundle = load_parts(replace(bundle_parts(arguments.bundle), has_itn=False))
    make_samples(bundle, Kokoro(arguments.work), arguments.out)


if __name__ == "__main__":
    main()
