"""Text that comes out where nothing of the domain is said: other speech, noise, music, keys, silence."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from demo_recipe.audio.features import SAMPLE_RATE, Array
from demo_recipe.audio.noises import HELD_OUT_KINDS, KINDS
from demo_recipe.audio.sound_draws import Draws
from demo_recipe.evaluation.error_rates import matches
from demo_recipe.evaluation.speech_sets import Clip, load_set, recognize
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.vad.whole_recording_vad import WholeRecordingVad
from paraserve.options import RecognitionOptions
from paraserve.runtime.engine import LocalEngine
from paraserve.runtime.offline import transcribe
from paraserve.runtime.scheduling.scheduler import Scheduler
from paraserve.types import Transcript

OTHER_SETS = {"other": "held-out voices", "people_other": "a person reading a novel"}
SILENCE = "silence"
# Minutes of each kind of sound in the whole half hour.
MINUTES = {
    SILENCE: 3, "noise": 5, "music": 8, "keyboard": 4, "traffic": 2, "fan": 1, "knocks": 1, "beeps": 1, "clicks": 1,
    "rustle": 1, "siren": 1, "rain": 1, "bells": 1,
}  # fmt: skip
LOUDEST_DB, QUIETEST_DB = -10.0, -50.0
FLOOR_DB = -80.0


def serve(bundle: ModelBundle, samples: Array) -> Transcript:
    """The transcript that the server gives of a file: detector, recogniser, punctuation, numbers as digits."""
    return asyncio.run(_serve(bundle, samples))


async def _serve(bundle: ModelBundle, samples: Array) -> Transcript:
    engine = LocalEngine(bundle, Scheduler(1), bundle.vad or WholeRecordingVad())
    try:
        return await transcribe(engine, _blocks(samples), RecognitionOptions())
    finally:
        await engine.close()


async def _blocks(samples: Array) -> AsyncIterator[Array]:
    for start in range(0, len(samples), SAMPLE_RATE):
        yield samples[start : start + SAMPLE_RATE].astype(np.float32)


def other_speech_lines(bundle: ModelBundle, folder: Path) -> list[str]:
    """Tokens that nobody said, in speech outside the domain, by the recogniser alone."""
    lines = []
    for name, title in OTHER_SETS.items():
        clips = load_set(folder / name)
        for lang in sorted({clip.lang for clip in clips}):
            chosen = [clip for clip in clips if clip.lang == lang]
            lines.append(f"- speech outside the domain, {title}, {lang}: {_invented(bundle, chosen)}")
    return lines


def _invented(bundle: ModelBundle, clips: list[Clip]) -> str:
    said = wrote = right = 0
    for clip in clips:
        found = recognize(bundle, clip.samples).texts
        said += len(clip.spoken.texts)
        wrote += len(found)
        right += len(matches(clip.spoken.texts, found))
    tens = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE / 10
    return (
        f"{wrote - right} of {wrote} written tokens were not said, {(wrote - right) / tens:.2f} in 10 s "
        f"({tens / 6:.1f} minutes, {said} tokens said)"
    )


def sound(name: str, rng: np.random.Generator) -> Array:
    """A minute of a kind of sound at a random level, over a faint floor."""
    count = 60 * SAMPLE_RATE
    floor = rng.standard_normal(count).astype(np.float32) * np.float32(10 ** (FLOOR_DB / 20))
    if name == SILENCE:
        return floor
    make, _ = (KINDS | HELD_OUT_KINDS)[name]
    level = np.float32(10 ** (rng.uniform(QUIETEST_DB, LOUDEST_DB) / 20))
    return np.clip(make(count, Draws(rng, is_held_out=True)) * level + floor, -1, 1)


def noise_lines(bundle: ModelBundle, minutes: int) -> list[str]:
    """Count the characters that the server writes for `minutes` (1 to 30) without any speech."""
    rng = np.random.default_rng(2)
    whole = [name for name, count in MINUTES.items() for _ in range(count)]
    heard = Counter(whole[index * len(whole) // minutes] for index in range(minutes))
    written: dict[str, int] = {}
    for name, count in heard.items():
        texts = [serve(bundle, sound(name, rng)).text for _ in range(count)]
        written[name] = sum(len(text) for text in texts)
    parts = ", ".join(f"{name} {count}" for name, count in written.items() if count) or "none of any kind"
    kinds = ", ".join(f"{name} {count}" for name, count in heard.items())
    return [f"- {minutes} minutes without speech ({kinds}): {sum(written.values())} characters ({parts})"]
