"""Subtitles over HTTP: limits on an hour of speech, formats and their types, fields of all routes."""

import base64
import io

import numpy as np
import pytest
import soundfile

from paraserve.formats import FORMATS, transcript_from_json
from paraserve.inference.text.sentences import SENTENCE_PAUSE_MS
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Hypothesis, Token
from support.fakes import FakeEngine
from support.live import live
from support.recordings import pcm, recording
from support.subtitles import READABLE, check_subtitles, read_lrc, read_subtitles

CUES = [name for name, one in FORMATS.items() if one.has_cues]
OPENAI = "/v1/audio/transcriptions"
FULL_S, QUICK_S = 3600, 360
ROUTES_WITHOUT_CUES = ("/recognition", "/asr", "/", OPENAI, "/transcribe")


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, "PCM_16", format="WAV")
    return file.getvalue()


def speech(seconds):
    """Recordings with pauses of 0.2 to 3 s, one after the other."""
    parts = []
    while sum(map(len, parts)) < seconds * 16_000:
        parts.append(recording(len(parts)))
    return np.concatenate(parts)[: seconds * 16_000]


@pytest.fixture(scope="module")
def spoken(server, full):
    """The transcript of an hour of speech with pauses, of a tenth in the quick tier, as the command line has it."""
    return transcript_from_json(server.post("/transcribe", wav(speech(FULL_S if full else QUICK_S))).json())


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    [
        SubtitleOptions(),
        SubtitleOptions(is_spoken=True),
        SubtitleOptions(cue_ms=2000, lines=1, latin_chars=16, chinese_chars=8),
        SubtitleOptions(cue_ms=30_000, lines=3, latin_chars=80, chinese_chars=40),
    ],
    ids=str,
)
def test_an_hour_of_speech(spoken, limits):
    """No cue is over the limits, none overlaps another, none is empty, and pysubs2 reads all formats alike."""
    srt = read_subtitles(FORMATS["srt"].write(spoken, limits), "srt")
    assert len(srt) >= len(spoken.sentences) >= spoken.duration_ms / 30_000
    check_subtitles(srt, limits)
    shown = "".join("".join(lines) for _, _, lines in srt).replace(" ", "")
    assert shown == "".join(one.as_spoken if limits.is_spoken else one.text for one in spoken.sentences).replace(
        " ", ""
    )
    for name in READABLE[1:]:
        read = read_subtitles(FORMATS[name].write(spoken, limits), name)
        exact_ms = 10 if name == "ass" else 1
        assert [lines for *_, lines in read] == [lines for *_, lines in srt]
        assert all(abs(a[i] - b[i]) < exact_ms for a, b in zip(read, srt, strict=True) for i in (0, 1)), name
        check_subtitles(read, limits)
    rows = [row.split("\t") for row in FORMATS["tsv"].write(spoken, limits).splitlines()[1:]]
    assert [(int(start), int(end)) for start, end, _ in rows] == [cue[:2] for cue in srt]
    sung = read_lrc(FORMATS["lrc"].write(spoken, limits))
    assert sung == [(int(start) // 10 * 10, text) for start, _, text in rows]


@pytest.mark.slow
def test_no_sentence_goes_on_over_a_pause(spoken):
    """A file's sentences end at long pauses."""
    for one in spoken.sentences:
        gaps = [b.start_ms - a.end_ms for a, b in zip(one.tokens, one.tokens[1:], strict=False)]
        assert max(gaps, default=0) < SENTENCE_PAUSE_MS, one.text


@pytest.mark.slow
@pytest.mark.parametrize("punctuate", [True, False])
def test_sentences_of_a_file_and_live(server, samples, punctuate):
    """A file has the sentences that a live client gets, where each pause is a long one."""
    silence = np.zeros(2 * 16_000, np.float32)
    clips = [soundfile.read(samples[name].path, dtype="float32")[0] for name in ("zh_home", "en_weather", "zh_date")]
    whole = np.concatenate([part for one in clips for part in (one, silence)])
    body = server.post("/transcribe", wav(whole), punctuate=str(punctuate).lower()).json()
    with live(server.url) as client:
        client.say(mode="2pass", is_speaking=True, punctuate=punctuate)
        messages = client.utterance(pcm(whole), frame_bytes=64_000)
    texts = [m["text"].strip() for m in messages if m["mode"] == "2pass-offline" and m["text"].strip()]
    assert [one["text"] for one in body["sentences"]] == texts
    assert len(texts) == len(clips)


@pytest.mark.parametrize("name", CUES)
def test_formats_of_an_answer(server, samples, name):
    """Each format has its media type, and is what the command line writes from the JSON."""
    data = samples["mixed_long"].data
    answer = server.post("/transcribe", data, format=name)
    assert answer.headers["content-type"] == FORMATS[name].media_type
    transcript = transcript_from_json(server.post("/transcribe", data).json())
    assert answer.text == FORMATS[name].write(transcript, SubtitleOptions())


def test_fields(server, samples):
    """Limits and spoken words count on our routes and on OpenAI's, in a form, a query and JSON."""
    data = samples["mixed_long"].data
    fields = {"subtitle_cue_s": "1.5", "subtitle_latin_chars": "12", "subtitle_chinese_chars": "6"}
    fields |= {"subtitle_lines": "1", "subtitle_text": "spoken"}
    limits = SubtitleOptions(1500, 1, 12, 6, is_spoken=True)
    audio = base64.b64encode(data).decode()
    answers = [
        server.post("/transcribe", data, format="srt", **fields),
        server.post_raw("/recognize", data, response_format="srt", **fields),
        server._request("POST", "/transcribe", json={"audio": audio, "format": "srt", **fields}),
        server.post(OPENAI, data, response_format="srt", **fields),
    ]
    expected = FORMATS["srt"].write(transcript_from_json(server.post("/transcribe", data).json()), limits)
    check_subtitles(read_subtitles(expected, "srt"), limits)
    assert "百分之七十" in expected
    assert [answer.text for answer in answers] == [expected] * 4


@pytest.mark.parametrize("route", ROUTES_WITHOUT_CUES)
def test_answers_without_cues(server, samples, route):
    """An answer without subtitles names each field that had no effect, and refuses values that cannot be."""
    fields = {"subtitle_cue_s": "3", "subtitle_text": "spoken"}
    body = server.post(route, samples["zh_date"].data, **fields).json()
    assert {(one["code"], one["param"]) for one in body["warnings"]} == {("not_honoured", name) for name in fields}
    refused = server.post(route, samples["zh_date"].data, subtitle_lines="0")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "subtitle_lines")


BAD = {
    "subtitle_cue_s": ("0.5", "0", "-7", "3601", "nan", "inf", "1e1", "seven", "７", "7 s", "9" * 400),
    "subtitle_lines": ("0", "11", "2.0", "-1", "two", "²"),
    "subtitle_latin_chars": ("9", "501", "42.0"),
    "subtitle_chinese_chars": ("4", "501", "二十"),
    "subtitle_text": ("said", "Spoken", "true"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_values(server, samples, name, value):
    """A value out of range, or no number at all, is an error that names the field."""
    answer = server.post("/transcribe", samples["zh_date"].data, format="srt", **{name: value})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", name)


def test_silence(server):
    """A recording without speech gives each format without a cue."""
    data = wav(np.zeros(16_000, np.float32))
    for name in CUES:
        answer = server.post("/transcribe", data, format=name)
        assert answer.status_code == 200
        if name in READABLE:
            assert read_subtitles(answer.text, name) == []


def test_limits_of_the_server(serve_app):
    """The operator's limits count where the client gives none."""
    words = tuple(Token(f"word{n}", 100 * n, 100 * n + 100) for n in range(8))
    heard = Hypothesis(words, text=" ".join(word.text for word in words))
    limits = SubtitleOptions(3000, 1, 12, 6)
    settings = {"subtitle_cue_s": 3, "subtitle_lines": 1, "subtitle_latin_chars": 12, "subtitle_chinese_chars": 6}
    with serve_app(FakeEngine(hears=lambda _: heard), **settings) as server:
        answers = [server.post("/transcribe", wav(np.ones(16_000, np.float32) / 2), format="srt", **fields).text
                   for fields in ({}, {"subtitle_latin_chars": "30"})]  # fmt: skip
    cues = [read_subtitles(answer, "srt") for answer in answers]
    assert [len(one) for one in cues] == [4, 2]
    check_subtitles(cues[0], limits)
