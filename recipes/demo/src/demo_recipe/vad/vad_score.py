"""Score of a voice detector on held-out mixes: time of speech missed, time without speech passed.

A segment is wider than the speech in it by FunASR's rules: a look-back of 200 ms and a look-ahead of 100 ms beside
the 200 ms of the decision window, and pauses under `max_end_silence_time`. So time without speech is counted twice:
all of it, and what lies outside of the segments that the rules make of the true speech, `EDGE_MS` apart.
"""

from dataclasses import dataclass

import numpy as np

from demo_recipe.audio.features import FRAME_LENGTH, FRAME_SHIFT, SAMPLE_RATE
from demo_recipe.speech.corpus import Utterance
from demo_recipe.vad.scenes import Mix, Scene, SceneMaker
from paraserve.inference.models.vad.fsmn_vad import FsmnVad
from paraserve.inference.models.vad.fsmn_vad_endpoints import EndpointState, find_endpoints
from paraserve.types import Segment

EDGE_MS = 100
HELD_OUT_MIX = Mix(seconds=30.0, silent_share=0.2, snr_db=(10.0, 40.0), is_held_out=True)
"""Peaks of -40 to 0 dBFS, speech at least 10 dB over the other sounds, a fifth of the scenes without speech."""


@dataclass(slots=True)
class VadCount:
    """Sums over scenes, in samples; `far` is time without speech outside of the segments of a perfect detector."""

    speech: int = 0
    missed: int = 0
    silence: int = 0
    passed: int = 0
    far: int = 0
    far_passed: int = 0
    segments: int = 0
    false_segments: int = 0

    def add(self, scene: Scene, vad: FsmnVad) -> None:
        """Counts one scene."""
        found = vad.segment(scene.samples)
        inside = span_mask(found, len(scene.samples))
        wide = [Segment(part.start_ms - EDGE_MS, part.end_ms + EDGE_MS) for part in true_segments(scene, vad)]
        is_far = ~span_mask(wide, len(scene.samples)) & ~scene.is_speech
        self.speech += int(scene.is_speech.sum())
        self.missed += int((scene.is_speech & ~inside).sum())
        self.silence += int((~scene.is_speech).sum())
        self.passed += int((inside & ~scene.is_speech).sum())
        self.far += int(is_far.sum())
        self.far_passed += int((inside & is_far).sum())
        self.segments += len(found)
        self.false_segments += sum(not scene.is_speech[_span(part)].any() for part in found)

    def line(self) -> str:
        """The figures in words."""
        minutes = (self.speech + self.silence) / SAMPLE_RATE / 60
        return (
            f"{minutes:.0f} minutes: {100 * self.missed / max(1, self.speech):.1f} % of the speech time missed, "
            f"{100 * self.far_passed / max(1, self.far):.1f} % of the time without speech passed that the rules for "
            f"segments leave out ({100 * self.passed / max(1, self.silence):.1f} % of all time without speech), "
            f"{self.false_segments} of {self.segments} segments without speech"
        )


def true_segments(scene: Scene, vad: FsmnVad) -> list[Segment]:
    """Segments that the detector's rules make of the true speech."""
    frames = np.arange(FRAME_LENGTH // 2, len(scene.samples) - FRAME_LENGTH // 2, FRAME_SHIFT)
    _, events = find_endpoints(EndpointState(), scene.is_speech[frames], vad.options, is_last=True)
    times_ms = [event.at_ms for event in events]
    return [Segment(start, end) for start, end in zip(times_ms[::2], times_ms[1::2], strict=True)]


def span_mask(segments: list[Segment], count: int) -> np.ndarray:
    """True inside the segments."""
    mask = np.zeros(count, bool)
    for segment in segments:
        mask[_span(segment)] = True
    return mask


def _span(segment: Segment) -> slice:
    return slice(max(0, segment.start_ms) * SAMPLE_RATE // 1000, segment.end_ms * SAMPLE_RATE // 1000)


def held_out_count(vad: FsmnVad, speech: list[Utterance], minutes: int) -> VadCount:
    """Count over `minutes` of seeded mixes of held-out voices with held-out sounds."""
    maker, count = SceneMaker(speech, 9, HELD_OUT_MIX), VadCount()
    for _ in range(round(minutes * 60 / HELD_OUT_MIX.seconds)):
        count.add(maker.draw(), vad)
    return count
