"""Times of speech that is cut for its length never go back, in any answer."""

import io
import re

import numpy as np
import pytest
import soundfile

from support.live import live
from support.recordings import clips, pcm

CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d\d\d)")


@pytest.fixture(scope="module")
def speech():
    """45 s without a pause, which is cut twice."""
    rng = np.random.default_rng(0)
    chosen = [clip.read(0, len(clip.start_ms) - 1) for clip in rng.choice(np.array(clips(), object), 40)]
    return np.concatenate(chosen)[: 45 * 16_000]


def clock_ms(text: str) -> list[int]:
    """All times of subtitles."""
    return [((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms) for h, m, s, ms in CLOCK.findall(text)]


@pytest.mark.slow
def test_no_answer_goes_back(server, speech):
    """Subtitles, tables, JSON, words and live stamps: each time is that before it, or later."""
    file = io.BytesIO()
    soundfile.write(file, speech, 16_000, "PCM_16", format="WAV")
    answers = {name: server.post("/transcribe", file.getvalue(), format=name).text for name in ("srt", "vtt", "tsv")}
    times = [clock_ms(answers["srt"]), clock_ms(answers["vtt"])]
    times.append([int(ms) for line in answers["tsv"].splitlines()[1:] for ms in line.split("\t")[:2]])
    body = server.post("/transcribe", file.getvalue()).json()
    times.append([t[key] for s in body["sentences"] for t in s["tokens"] for key in ("start_ms", "end_ms")])
    with live(server.url) as client:
        client.say(mode="2pass", is_speaking=True)
        messages = client.utterance(pcm(speech), frame_bytes=64_000)
    stamped = [m["stamp_sents"] for m in messages if "stamp_sents" in m]
    times.append([ms for sentences in stamped for one in sentences for pair in one["ts_list"] for ms in pair])
    assert all(len(one) > 4 and one == sorted(one) for one in times), times
