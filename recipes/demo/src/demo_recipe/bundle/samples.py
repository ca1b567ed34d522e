"""Writes tests/data: spoken samples that the bundle transcribes exactly, and some held-out clips as small Opus files.

python -m demo_recipe samples [--bundle models/demo] [--work build/train] [--eval build/train/eval]
"""

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from numpy.typing import NDArray

from demo_recipe.audio.features import SAMPLE_RATE, from_pcm
from demo_recipe.options import add_work_option
from demo_recipe.speech.corpus import HELD_OUT_VOICES, KOKORO_LAG, Utterance, audible_ends, load_folder
from demo_recipe.speech.domain_speech import write_script
from demo_recipe.speech.kokoro import UNUSED_VOICES, Kokoro
from demo_recipe.text.subjects.home import HOME
from demo_recipe.text.subjects.mixed_language import MIXED
from demo_recipe.text.subjects.slots import SLOTS
from demo_recipe.text.subjects.weather import WEATHER
from demo_recipe.text.templates import Words, fill, tokens_of
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio

Draw = Callable[[Random], Words]
KINDS: dict[str, tuple[str, Draw]] = {
    "zh_phone": ("zh", lambda rng: fill("{号码}", SLOTS, rng)),
    "zh_date": ("zh", lambda rng: fill("{日期}", SLOTS, rng)),
    "zh_number": ("zh", lambda rng: fill("{百分}", SLOTS, rng)),
    "zh_home": ("zh", lambda rng: HOME.sentence("zh", rng)),
    "en_digits": ("en", lambda rng: fill("{digits}", SLOTS, rng)),
    "en_date": ("en", lambda rng: fill("{date}", SLOTS, rng)),
    "en_weather": ("en", lambda rng: WEATHER.sentence("en", rng)),
    "zh_en": ("mix", lambda rng: MIXED.sentence("mix", rng)),
}
MIXED_LONG = ["zh_phone", "zh_number", "en_date"]
LEAST_TOKENS = {"zh_phone": 11, "en_digits": 7, "zh_home": 6, "en_weather": 5, "zh_en": 6}
MOST_TOKENS = {"zh_phone": 11, "en_digits": 7}
MOST_TRIES = 60
PAUSE_MS = 1400
EDGE = SAMPLE_RATE // 4
HELD_OUT_SHARDS = {"heldout_zh": 2, "heldout_en": 2, "heldout_mix": 1}
"""Of a minute and a half each, about 0.25 MB."""


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
    names = [name for name in voices if name[0] in ("ab" if lang == "en" else "z")]
    while True:
        words = draw(rng)
        script = write_script([words], rng)
        is_fit = LEAST_TOKENS.get(kind, 4) <= len(tokens_of(words)) <= MOST_TOKENS.get(kind, 16)
        # A transcript writes "I" as a capital letter.
        if script is None or not is_fit or "i" in words:
            continue
        voice = rng.choice(names)
        pcm, times = kokoro.speak(script, kokoro.voices[voice][len(script.phonemes)], 1.0)
        starts, ends = ([max(0, time - KOKORO_LAG) for time in times[key]] for key in ("start", "end"))
        spoken = Utterance(pcm, lang, script.tokens, script.sentences, starts, ends, voice)
        yield _clip(replace(spoken, ends=audible_ends(spoken)))


def _clip(spoken: Utterance) -> Clip:
    silence = np.zeros(EDGE, np.int16)
    start_ms, end_ms = (
        [(EDGE + time) * 1000 // SAMPLE_RATE for time in times] for times in (spoken.starts, spoken.ends)
    )
    return Clip(np.concatenate([silence, spoken.pcm, silence]), spoken.lang, spoken.tokens, start_ms, end_ms)


def is_exact(bundle: ModelBundle, clip: Clip) -> bool:
    """Tell whether text and start times are right, of the whole clip and of the clip cut by the voice detector."""
    assert bundle.vad is not None
    samples = from_pcm(clip.pcm)
    spans = [slice(segment.start_ms * 16, segment.end_ms * 16) for segment in bundle.vad.segment(samples)]
    for cuts in ([slice(0, len(samples))], spans):
        found: list[tuple[str, int]] = []
        for cut in cuts:
            (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples[cut])], RecognitionOptions())
            found += [(token.text, (token.start_ms or 0) + cut.start // 16) for token in hypothesis.tokens]
        if [text for text, _ in found] != clip.tokens:
            return False
        errors = [abs(start_ms - start) for (_, start_ms), start in zip(found, clip.start_ms, strict=True)]
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


def exact_clip(bundle: ModelBundle, kokoro: Kokoro, kind: str, rng: Random) -> Clip:
    """The first candidate that the bundle gets right; ValueError if it gets none of many."""
    for clip in islice(candidates(kokoro, kind, rng), MOST_TRIES):
        if is_exact(bundle, clip):
            return clip
    raise ValueError(f"{kind}: none of {MOST_TRIES} is recognised without an error")


def make_samples(bundle: ModelBundle, kokoro: Kokoro, out: Path) -> None:
    """Takes the first sentence of each kind that the bundle gets right, and joins some of them to a longer one."""
    rng = Random(8)
    clips = {kind: exact_clip(bundle, kokoro, kind, rng) for kind in KINDS}
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
    """Some shards of the held-out speech as they are, for encoding them again would change them; and their list."""
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, shards in HELD_OUT_SHARDS.items():
        files = sorted((source / name).glob("*.opus"))[:shards]
        for file in files:
            shutil.copy(file, out)
        lines += _held_out_records(source / name, {file.name for file in files})
    (out / "heldout.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _held_out_records(folder: Path, files: set[str]) -> list[dict]:
    records = [json.loads(line) for line in (folder / "utterances.jsonl").read_text().splitlines()]
    words = sorted({token for record in records for token in record["tokens"]})
    spoken = load_folder(folder, words, held_out=True)
    per_ms = SAMPLE_RATE // 1000
    return [
        {key: record[key] for key in ("file", "offset_samples", "n_samples", "lang", "tokens", "voice")}
        | {"start_ms": [time // per_ms for time in item.starts], "end_ms": [time // per_ms for time in item.ends]}
        for record, item in zip(records, spoken, strict=True)
        if record["file"] in files
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)
    parser.add_argument("--bundle", type=Path, default=Path("models/demo"))
    parser.add_argument("--eval", type=Path, help="held-out speech, WORK/eval by default")
    parser.add_argument("--out", type=Path, default=Path("tests/data"))


def run(arguments: argparse.Namespace) -> None:
    """Write the held-out clips and the samples."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    make_held_out(arguments.eval or arguments.work / "eval", arguments.out / "heldout")
    bundle = load_parts(replace(bundle_parts(arguments.bundle), has_itn=False))
    make_samples(bundle, Kokoro(arguments.work), arguments.out)
