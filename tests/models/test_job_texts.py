"""Jobs on the embedded bundle that are given back halfway: their texts are those of uploads, to the last figure."""

import asyncio
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from paraserve.formats import sentence_event, transcript_json
from paraserve.options import RecognitionOptions
from paraserve.runtime.channels.split_recording import transcribe_recording
from paraserve.runtime.jobs.working import attempt as attempts
from paraserve.settings import Settings
from paraserve.types import SAMPLE_RATE
from paraserve.wiring import open_engine
from support.jobs import FILE_LIMITS, jobs_in
from support.redaction import ALL_MASKS

NAMES = ("zh_date", "zh_phone", "en_weather", "zh_number", "en_digits", "zh_home", "zh_en", "en_date")
DETERMINISTIC = RecognitionOptions(deterministic=True, channel=0)
CHOICES = {
    "plain": DETERMINISTIC,
    "masked": replace(DETERMINISTIC, redaction=ALL_MASKS),
    "merged": replace(DETERMINISTIC, merge_vad=True, punctuate=False, itn=False),
    "split": replace(DETERMINISTIC, channel="split"),
}


@pytest.fixture(scope="module")
def engine():
    engine = open_engine(Settings())
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="module")
def recording(data_dir):
    """All clips one after the other with pauses of different length, and the other way round on the right."""
    clips = [soundfile.read(data_dir / f"{name}.wav", dtype="float32")[0] for name in NAMES]
    pauses = [np.zeros(int(SAMPLE_RATE * (0.2 + 0.4 * (n % 4))), np.float32) for n in range(len(clips))]
    left = np.concatenate([part for pair in zip(clips, pauses, strict=True) for part in pair])
    right = np.concatenate([part for pair in zip(clips[::-1], pauses, strict=True) for part in pair])
    file = io.BytesIO()
    soundfile.write(file, np.stack((left, right), axis=1), SAMPLE_RATE, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize("choice", CHOICES)
async def test_a_job_has_the_text_of_an_upload(tmp_path, monkeypatch, engine, recording, choice):
    """Also where a second attempt takes over what the first one had."""
    monkeypatch.setattr(attempts, "REPORT_S", 0.02)
    monkeypatch.setattr("paraserve.runtime.offline.IN_FLIGHT_MS", 4_000)
    options = CHOICES[choice]
    async with jobs_in(tmp_path, engine, options) as jobs:
        job = await _given_back(jobs, recording)
        async with engine.for_model(None) as model:
            direct = await transcribe_recording(model, jobs.place.pool, io.BytesIO(recording), options, FILE_LIMITS)
        expected = json.loads(json.dumps(transcript_json(direct)))
        stored = json.loads(await jobs.store.transcript(job.id, None))
        assert stored | {"timing": None} == expected | {"timing": None}
        told = await jobs.sentences(job.id)
    assert told == [{"index": n, **sentence_event(one)} for n, one in enumerate(direct.sentences)]
    assert len(told) >= 4


async def _given_back(jobs, recording):
    """A job that a second runner has ended. The first one may be too quick to be stopped in the middle."""
    for number in range(10):
        name = f"job{number}"
        await jobs.submit(io.BytesIO(recording), name)
        async with jobs.working():
            await jobs.reached(name, lambda job: job.progress.segments_done >= 2 or job.is_finished)
        async with jobs.working("second"):
            job = await jobs.ended(name)
        assert (job.state, job.attempts) == ("done", 1)
        if job.progress.segments_kept >= 2:
            return job
    raise AssertionError("each job was done before it could be given back")
