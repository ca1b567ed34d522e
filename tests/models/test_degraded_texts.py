"""Texts of the embedded bundle while the server is busy: voices that it was not trained on, on every rung."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.quantize.trial_runs import edit_distance
from paraserve.runtime.scheduling.live_load import LADDER
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.settings import Settings
from paraserve.wiring import open_engine
from support.fakes import FixedLoad

HELDOUT = Path(__file__).parents[1] / "data" / "heldout"
FRAME = 4800
QUICK = 16


@pytest.fixture(scope="module")
def engine(demo_dir):
    opened = open_engine(Settings(bundle=(str(demo_dir),)))
    yield opened
    asyncio.run(opened.close())


@pytest.fixture(scope="module")
def utterances(full) -> list[tuple[np.ndarray, list[str]]]:
    """Samples with a second of silence behind them, and their words."""
    rows = [json.loads(line) for line in (HELDOUT / "heldout.jsonl").read_text("utf-8").splitlines()]
    step = 1 if full else max(1, len(rows) // QUICK)
    found = []
    for row in rows[::step]:
        samples, _ = soundfile.read(HELDOUT / row["file"], row["n_samples"], row["offset_samples"], dtype="float32")
        found.append((np.concatenate((samples, np.zeros(16_000, np.float32))), row["tokens"]))
    return found


async def say(engine, samples, level, mode) -> list:
    heard: list = []
    config = StreamConfig(mode=mode, options=RecognitionOptions(itn=False))
    async with TwoPassSession(engine, config, heard.append, FixedLoad(level)) as session:
        for start in range(0, len(samples), FRAME):
            await session.feed(samples[start : start + FRAME])
        await session.finish()
    return heard


async def test_final_texts_are_the_same_on_every_rung(engine, utterances):
    """Whatever partial texts give up."""
    for samples, _ in utterances[:4]:
        finals = []
        for level in range(len(LADDER)):
            heard = await say(engine, samples, level, "2pass")
            finals.append([(u.text, u.start_ms, u.end_ms) for u in heard if u.kind == "offline"])
        assert finals.count(finals[0]) == len(finals)
        assert finals[0][0][0]


async def test_longer_steps_make_no_more_errors(engine, utterances, capsys):
    """Mode online, steps of 10 and 20 rows: the words of the longer ones are as right, within a hundredth."""
    n_words = sum(len(words) for _, words in utterances)
    shares = []
    for level in (0, 1):
        n_wrong = 0
        for samples, words in utterances:
            heard = await say(engine, samples, level, "online")
            n_wrong += edit_distance(words, [token.text.lower() for update in heard for token in update.tokens])
        shares.append(n_wrong / n_words)
    with capsys.disabled():
        print(" errors with steps of 10 and 20 rows:", ", ".join(f"{share:.1%}" for share in shares))
    assert max(shares[1:]) <= shares[0] + 0.01
