"""Jobs that leave the choice of the model to the server, given back halfway."""

import json

import numpy as np
import pytest

from paraserve.formats import transcript_json
from paraserve.inference.abilities import Abilities
from paraserve.runtime.jobs.working import attempt as attempts
from paraserve.runtime.recorded_file import transcribe_file
from paraserve.runtime.routing.loaded_model import Model, ModelSpec
from paraserve.runtime.routing.model_set import ModelSet
from paraserve.runtime.routing.names import ModelNames
from paraserve.runtime.routing.routed_engine import RoutedEngine
from paraserve.types import SAMPLE_RATE, Hypothesis, Token
from support.jobs import FILE_LIMITS, OPTIONS, jobs_in
from support.loud_engine import LoudEngine, wav_of

KNOWN, OTHER = 0.5, 0.3


def small(samples):
    """Words for what is loud, unknown units for the rest."""
    if np.abs(samples).max() > (KNOWN + OTHER) / 2:
        return Hypothesis((Token("known", 0, 100),), text="known", score=0.9)
    return Hypothesis(unknown_units=3)


def large(samples):
    """The length of the audio, as a word at its end."""
    length_ms = len(samples) // 16
    return Hypothesis((Token(str(length_ms), length_ms - 100, length_ms),), text=str(length_ms), score=0.9)


def routed(*engines):
    models = []
    for engine in engines:
        models.append(Model(ModelSpec(ModelNames(engine.name), engine.name, ("en",))))
        models[-1].loaded_as(engine)
    return RoutedEngine(ModelSet(models, lambda _spec: engines[0]), engines[0])


def recording():
    """Stretches that one model knows and that the other is asked about, in turns, some close enough to be joined."""
    parts = []
    for number in range(24):
        level = KNOWN if number % 3 == 0 else OTHER
        parts += [np.full(SAMPLE_RATE + 160 * number, level), np.zeros(int(SAMPLE_RATE * (0.5 + number % 2)))]
    return wav_of(np.concatenate(parts).astype(np.float32))


@pytest.mark.parametrize("asked", [None, "large"])
async def test_the_text_is_an_uploads(tmp_path, monkeypatch, asked):
    """Second passes over joined segments are kept, too, and the sentences are told in order."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 4_000)
    engines = (
        LoudEngine(hears=small, name="small", abilities=Abilities(), hold_after=10),
        LoudEngine(hears=large, name="large", abilities=Abilities(frozenset(("en",))), hold_after=10),
    )
    file = recording()
    async with jobs_in(tmp_path, routed(*engines), asked=asked) as jobs:
        await jobs.submit(file)
        async with jobs.working():
            await jobs.reached("job", lambda job: job.progress.segments_done >= 8)
        n_before = sum(engine.finished for engine in engines)
        for engine in engines:
            engine.hold_after = None
        async with jobs.working("second"):
            job = await jobs.ended()
        n_calls = sum(engine.finished for engine in engines)
        assert 8 <= job.progress.segments_kept == n_before
        async with routed(*engines).for_model(asked) as engine:
            direct = await transcribe_file(engine, jobs.place.pool, file, OPTIONS, FILE_LIMITS)
        assert sum(engine.finished for engine in engines) - n_calls == n_calls
        stored = json.loads(await jobs.store.transcript("job", None))
        expected = json.loads(json.dumps(transcript_json(direct)))
        assert stored | {"timing": None} == expected | {"timing": None}
        models = {sentence["model"] for sentence in stored["sentences"]}
        assert models == ({"large"} if asked else {"small", "large"})
        assert [one["text"] for one in await jobs.sentences()] == [one["text"] for one in stored["sentences"]]
