"""Warm-up: what is run before the first request."""

from collections import Counter
from dataclasses import dataclass, field

import pytest

from paraserve.inference.base import ModelBundle
from paraserve.inference.models.load import BundleParts, load_parts
from paraserve.types import Hypothesis, Partial
from paraserve.warm_up import warm_up


@dataclass
class Recorder:
    """A recogniser of both kinds that counts what it is given: segments by number and length, steps by number."""

    max_segment_ms: int = 20_000
    batch_frames: int = 60_000
    batch_size: int = 64
    batches: Counter = field(default_factory=Counter)
    steps: Counter = field(default_factory=Counter)

    def recognize(self, batch, options):
        (length,) = {len(audio.samples) // 16 for audio in batch}
        self.batches[len(batch), length] += 1
        return [Hypothesis() for _ in batch]

    def new_state(self, chunk):
        return None

    def step(self, batch):
        self.steps[len(batch), batch[0].is_last] += 1
        return [(None, Partial("")) for _ in batch]


def test_a_gpu_sees_every_kind_of_batch():
    """Alone and in a full batch at each length, within the recogniser's budget; streams up to the largest batch."""
    recorder = Recorder()
    warm_up(ModelBundle("test", None, recorder, recorder), is_cpu=False)
    full = {(30, 20_000), (60, 10_000), (64, 5000), (64, 2500), (64, 1000)}
    assert set(recorder.batches) == full | {(1, length) for _, length in full}
    assert set(recorder.steps) == {(2**n, is_last) for n in range(7) for is_last in (False, True)}


def test_a_recogniser_of_short_segments_without_batches():
    """Nothing longer than it takes, and one at a time."""
    recorder = Recorder(max_segment_ms=5000, batch_frames=0)
    warm_up(ModelBundle("test", None, recorder), is_cpu=False)
    assert set(recorder.batches) == {(1, 5000), (1, 2500), (1, 1000)}


def test_a_cpu_runs_each_model_once():
    """Cores have nothing to learn from other shapes."""
    recorder = Recorder()
    warm_up(ModelBundle("test", None, recorder, recorder), is_cpu=True)
    assert recorder.batches == {(1, 1000): 1}
    assert recorder.steps == {(1, False): 1, (1, True): 1}


@pytest.mark.slow
@pytest.mark.parametrize("is_cpu", [True, False])
def test_real_models(demo_dir, is_cpu):
    """The embedded bundle goes through both forms."""
    folders = {name: demo_dir / name for name in ("asr", "vad", "punc")}
    warm_up(load_parts(BundleParts("demo", **folders, asr_online=demo_dir / "asr-online")), is_cpu=is_cpu)
