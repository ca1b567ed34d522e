"""Transcripts as text, JSON, subtitles and tables."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.formats import FORMATS, transcript_from_json, transcript_json
from paraserve.hotword_types import HotwordHit, HotwordReport, IgnoredHotword
from paraserve.quality_types import AudioQuality, Delivery
from paraserve.redaction_types import Redactions
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import FieldWarning, Heard, Notice, Sentence, Timing, Token, Transcript

HOUR_MS = 3_600_000
TRANSCRIPT = Transcript(
    text="你好，世界。Two words.",
    sentences=(
        Sentence("你好，世界。", 430, 1300, (Token("你", 430, 670, 0.98764), Token("好", 670, 810, 0.5))),
        Sentence(
            "Two words.", HOUR_MS + 61_001, HOUR_MS + 62_999, (Token("Two", None, None, 1.0),), "en", "SAD", ("BGM",)
        ),
    ),
    duration_ms=HOUR_MS + 70_000,
    language="zh",
    audio_received_ms=HOUR_MS + 70_000,
    audio_processed_ms=HOUR_MS + 70_000,
    damaged_packets=2,
    timing=Timing(1, 2, 3),
    heard=Heard(4000, 2500, 5),
    notice=Notice("outside_vocabulary", "load another model"),
)
WRITTEN = Transcript(
    "共20。",
    (
        Sentence(
            "共20。",
            0,
            900,
            (Token("共", 0, 200), Token("20", 300, 900)),
            spoken="共二十。",
            spoken_tokens=(Token("共", 0, 200), Token("二", 300, 500), Token("十", 600, 900)),
        ),
    ),
    duration_ms=1000,
    spoken="共二十。",
)
UNTIMED = Transcript("a b", (Sentence("a\nb", None, None, ()),), duration_ms=1500)
EMPTY = Transcript("", (), duration_ms=0)


def write(name, transcript=TRANSCRIPT):
    return FORMATS[name].write(transcript, SubtitleOptions())


def test_text():
    """Text is the text and a newline, also when there is none."""
    assert write("text") == "你好，世界。Two words.\n"
    assert write("text", EMPTY) == "\n"


def test_json_of_a_number():
    """Beside a written number stand the words that were said, with their own times; clients read them again."""
    body = json.loads(write("json", WRITTEN))
    assert (body["text"], body["spoken"]) == ("共20。", "共二十。")
    (sentence,) = body["sentences"]
    assert sentence["spoken"] == "共二十。"
    assert [(t["text"], t["start_ms"], t["end_ms"]) for t in sentence["spoken_tokens"]] == [
        ("共", 0, 200),
        ("二", 300, 500),
        ("十", 600, 900),
    ]
    assert transcript_from_json(body) == WRITTEN


def test_json_shape():
    """The JSON transcript has the documented keys, times in ms, and confidences to four digits."""
    assert json.loads(write("json")) == {
        "text": "你好，世界。Two words.",
        "language": "zh",
        "duration_ms": HOUR_MS + 70_000,
        "sentences": [
            {
                "text": "你好，世界。",
                "start_ms": 430,
                "end_ms": 1300,
                "tokens": [
                    {"text": "你", "start_ms": 430, "end_ms": 670, "confidence": 0.9876},
                    {"text": "好", "start_ms": 670, "end_ms": 810, "confidence": 0.5},
                ],
            },
            {
                "text": "Two words.",
                "start_ms": HOUR_MS + 61_001,
                "end_ms": HOUR_MS + 62_999,
                "tokens": [{"text": "Two", "start_ms": None, "end_ms": None, "confidence": 1.0}],
                "language": "en",
                "emotion": "SAD",
                "events": ["BGM"],
            },
        ],
        "audio_received_ms": HOUR_MS + 70_000,
        "audio_processed_ms": HOUR_MS + 70_000,
        "damaged_packets": 2,
        "speech_ms": 4000,
        "recognized_ms": 2500,
        "unknown_tokens": 5,
        "timing": {"queue_ms": 1, "decode_ms": 2, "inference_ms": 3},
        "notice": {"code": "outside_vocabulary", "message": "load another model"},
    }
    assert "notice" not in json.loads(write("json", EMPTY))
    assert "你好" in write("json")


@pytest.mark.parametrize("delivery", [None, Delivery(120, 2, None), Delivery(0, 0, -40)])
@pytest.mark.parametrize("gain_db", [None, 4.5])
def test_quality_of_the_audio(gain_db, delivery):
    """The quality is written where it was measured, and a client reads what was written."""
    for quality in (None, AudioQuality(-30.5, -61.0, 0.25, 4000, ("clipped",), gain_db, delivery), AudioQuality()):
        transcript = replace(TRANSCRIPT, quality=quality)
        body = json.loads(write("json", transcript))
        assert ("audio_quality" in body) == (quality is not None)
        assert transcript_from_json(body).quality == quality


def test_srt():
    """SubRip: numbered cues, commas before the milliseconds, an empty line between cues."""
    assert write("srt") == (
        "1\n00:00:00,430 --> 00:00:01,300\n你好，世界。\n\n2\n01:01:01,001 --> 01:01:02,999\nTwo words.\n"
    )
    assert write("srt", EMPTY) == ""


def test_vtt():
    """WebVTT: the header, then cues with points before the milliseconds."""
    assert write("vtt") == (
        "WEBVTT\n\n00:00:00.430 --> 00:00:01.300\n你好，世界。\n\n01:01:01.001 --> 01:01:02.999\nTwo words.\n"
    )
    assert write("vtt", EMPTY) == "WEBVTT\n"


def test_tsv():
    """A header, then one sentence a line."""
    assert (
        write("tsv")
        == f"start\tend\ttext\n430\t1300\t你好，世界。\n{HOUR_MS + 61_001}\t{HOUR_MS + 62_999}\tTwo words.\n"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("srt", "1\n00:00:00,000 --> 00:00:01,500\na b\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na b\n"),
        ("tsv", "start\tend\ttext\n0\t1500\ta b\n"),
    ],
)
def test_sentences_without_times(name, expected):
    """Without times a cue spans the recording; a line break inside would end it and becomes a space."""
    assert write(name, UNTIMED) == expected


times = st.none() | st.integers(0, HOUR_MS)
scores = st.integers(0, 10_000).map(lambda n: n / 10_000)
tokens = st.builds(Token, st.text(), times, times, scores)
sentences = st.builds(Sentence, st.text(), times, times, st.lists(tokens, max_size=3).map(tuple))
counts = st.integers(0, HOUR_MS)
transcripts = st.builds(
    Transcript,
    st.text(),
    st.lists(sentences, max_size=3).map(tuple),
    counts,
    st.none() | st.text(),
    counts,
    counts,
    counts,
    st.builds(Timing, counts, counts, counts),
)


@given(transcripts)
def test_json_round_trip(transcript):
    """A client that reads the JSON has the same transcript (confidences to four digits)."""
    assert transcript_from_json(json.loads(write("json", transcript))) == transcript


LEFT = replace(WRITTEN.sentences[0], channel=0)
RIGHT = replace(TRANSCRIPT.sentences[1], channel=1, model="small", model_reason="sure")
QUALITY = AudioQuality(-20.5, -60.0, 0.0, 8000, ("quiet",))
CHANNELS = Transcript(
    "[0] 共20。\n[1] Two words.",
    (LEFT, RIGHT),
    duration_ms=HOUR_MS + 70_000,
    warnings=(FieldWarning("not_honoured", "language", "no effect"), FieldWarning("padded", None, "of the file")),
    task="translate",
    hotwords=HotwordReport((HotwordHit("Two", 0, 100, changed=True),), (IgnoredHotword("x", "unknown"),)),
    redactions=Redactions(phone=2, email=0),
    channels=(
        replace(WRITTEN, sentences=(LEFT,), heard=Heard(900, 900, 0), quality=QUALITY),
        replace(EMPTY, text="Two words.", sentences=(RIGHT,), language="en", notice=TRANSCRIPT.notice),
    ),
    is_cached=True,
)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("transcript", [TRANSCRIPT, WRITTEN, UNTIMED, EMPTY, CHANNELS])
def test_every_format_of_a_stored_transcript(name, transcript):
    """Jobs keep the JSON, and write all formats from it: none is other than that of the transcript itself."""
    stored = json.dumps(transcript_json(transcript), ensure_ascii=False).encode()
    again = transcript_from_json(json.loads(stored))
    for options in (SubtitleOptions(), SubtitleOptions(is_spoken=True)):
        written = FORMATS[name].write(transcript, options)
        assert FORMATS[name].write(again, options) == written
    assert json.dumps(transcript_json(again), ensure_ascii=False).encode() == stored


@pytest.mark.parametrize("body", [{}, {**transcript_json(EMPTY), "sentences": [{"text": "a"}]}, []])
def test_json_of_something_else(body):
    """What is not a transcript is refused."""
    with pytest.raises((KeyError, TypeError)):
        transcript_from_json(body)
