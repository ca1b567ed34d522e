"""The detector's knobs, merged segments and forced cuts: the same in uploads, in mode offline and live."""

import io

import numpy as np
import pytest
import soundfile

from paraserve.options import RecognitionOptions, VadOverrides
from paraserve.runtime.recorded_file import FileLimits
from support.api_description import api_description
from support.fakes import FakeEngine
from support.live import live, speech
from support.recordings import pcm

KNOBS = {"vad_tail_sil": 300, "max_single_segment_time": 5000, "speech_noise_thres": 0.7}
OVERRIDES = VadOverrides(300, 5000, 0.7)
NO_KNOBS = {"/v1/jobs", "/detect-language"}
POSTS = [
    path
    for path, one in api_description().paths.items()
    if "multipart/form-data" in one.get("post", {}).get("requestBody", {}).get("content", {}) and path not in NO_KNOBS
]
AS_SPOKEN = {"itn": "false", "punctuate": "false"}


class Noting(FakeEngine):
    """Keeps what its detectors were opened with."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def open_vad(self, lane=None, overrides=None):
        self.noted.append(overrides)
        return super().open_vad()

    def open_stream(self, config):
        self.noted.append(config.vad)
        return super().open_stream(config)


@pytest.fixture(scope="module")
def noted(serve_app):
    """A server that notes what its detectors are opened with."""
    engine = Noting()
    with serve_app(engine) as server:
        yield server, engine.noted


def wav(samples) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize("path", POSTS)
def test_knobs_of_uploads_reach_the_detector(noted, path):
    """Each upload route gives the three knobs to the detector."""
    server, seen = noted
    seen.clear()
    assert server.post(path, wav(np.ones(1600, np.float32) / 2), **KNOBS).status_code == 200
    assert seen == [OVERRIDES]


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_knobs_of_live_clients_reach_the_detector(noted, mode):
    """Each mode gives the three knobs to the detector."""
    server, seen = noted
    seen.clear()
    with live(server.url) as client:
        client.say(mode=mode, **KNOBS)
        client.utterance(speech(700))
    assert seen == [OVERRIDES]


@pytest.mark.parametrize(
    ("limits", "options", "merge_ms"),
    [
        (FileLimits(1), {}, None),
        (FileLimits(1, merge_vad=True), {}, 15_000),
        (FileLimits(1, merge_vad=True, merge_length_ms=9000), {"merge_vad": False}, None),
        (FileLimits(1, merge_length_ms=9000), {"merge_vad": True}, 9000),
        (FileLimits(1), {"merge_vad": True, "merge_length_ms": 5000}, 5000),
    ],
)
def test_merging_by_request_or_by_setting(limits, options, merge_ms):
    """The request's choice counts before the operator's."""
    assert limits.merge_ms(RecognitionOptions(**options)) == merge_ms


@pytest.mark.parametrize("fields", [{"merge_vad": "true"}, {"merge_length_s": "20"}])
def test_merged_segments_are_recognized_as_one(server, samples, fields):
    """The pauses between merged segments are audio of the recognizer: more is recognized than was spoken."""
    plain = server.post("/transcribe", samples["mixed_long"].data).json()
    merged = server.post("/transcribe", samples["mixed_long"].data, **fields).json()
    assert plain["text"] != "" != merged["text"]
    assert merged["sentences"] != plain["sentences"]
    assert "warnings" not in merged


def test_a_length_without_merging_is_told(server, samples):
    """A length of merged segments beside `merge_vad=false` has no effect, which a warning says."""
    answer = server.post("/transcribe", samples["zh_date"].data, merge_vad="false", merge_length_s="5").json()
    assert [warning["param"] for warning in answer["warnings"]] == ["merge_length_s"]


def texts(server, data, samples, max_ms):
    """The text as spoken by an upload, by mode offline and by mode 2pass, where speech is cut at this length."""
    cut = {"max_single_segment_time": max_ms} if max_ms else {}
    yield server.post("/transcribe", data, **AS_SPOKEN, **cut).json()["text"]
    for mode in ("offline", "2pass"):
        with live(server.url) as client:
            client.say(mode=mode, itn=False, punctuate=False, deterministic=True, **cut)
            messages = client.utterance(pcm(samples), frame_bytes=9600)
        yield "".join(one["text"] for one in messages if one["mode"] == "2pass-offline")


@pytest.mark.parametrize("max_ms", [500, 1000, 1500])
@pytest.mark.parametrize("name", ["zh_date", "zh_phone", "zh_home"])
def test_forced_cuts_of_short_speech(server, samples, name, max_ms):
    """Speech that is cut within its words keeps every character, in each way in."""
    heard, _ = soundfile.read(samples[name].path, dtype="float32")
    whole = [*texts(server, samples[name].data, heard, 0)]
    assert [*texts(server, samples[name].data, heard, max_ms)] == whole
    assert whole[0]


@pytest.mark.slow
def test_forced_cuts_of_running_speech(server, held_out_speech):
    """Many cuts in speech of unknown voices change at most two characters in a hundred."""
    heard = held_out_speech[: 30 * 16_000]
    whole = [*texts(server, wav(heard), heard, 0)]
    for one, cut in zip(whole, texts(server, wav(heard), heard, 1500), strict=True):
        assert distance(one.replace(" ", ""), cut.replace(" ", "")) <= 0.02 * len(one)


def distance(one: str, other: str) -> int:
    """Edits between two texts."""
    row = list(range(len(other) + 1))
    for n, character in enumerate(one, 1):
        diagonal, row[0] = row[0], n
        for m, against in enumerate(other, 1):
            diagonal, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, diagonal + (character != against))
    return row[-1]


@pytest.mark.slow
def test_long_speech_is_whole_where_segments_are_merged(server, held_out_speech):
    """Merging loses nothing of speech that the detector alone would end amid a word: it is cut at quiet moments."""
    blocks = held_out_speech[: len(held_out_speech) // 1600 * 1600].reshape(-1, 1600)
    running = np.tile(blocks[np.abs(blocks).max(axis=1) > 0.02].ravel(), 2)[: 70 * 16_000]
    plain = server.post("/transcribe", wav(running), **AS_SPOKEN).json()
    merged = server.post("/transcribe", wav(running), merge_vad="true", **AS_SPOKEN).json()
    assert (merged["text"], merged["recognized_ms"]) == (plain["text"], plain["recognized_ms"])
    assert plain["recognized_ms"] > 65_000


@pytest.mark.parametrize("key", ["merge_vad", "merge_length_s"])
@pytest.mark.parametrize("mode", ["2pass", "online"])
def test_merging_of_live_segments_is_told(server, key, mode):
    """Live segments are not merged, which a warning says."""
    with live(server.url) as client:
        client.say(mode=mode, **{key: True if key == "merge_vad" else 5})
        (final,) = client.utterance(speech(0))[-1:]
    assert [warning["param"] for warning in final["warnings"]] == [key]
