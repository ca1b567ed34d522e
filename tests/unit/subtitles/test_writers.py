"""Formats of subtitles: what pysubs2 reads is what was written."""

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

from paraserve.formats import FORMATS
from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.cues import cues_of
from paraserve.types import Sentence, Token, Transcript
from support.subtitles import READABLE, read_lrc, read_subtitles

LIMITS = SubtitleOptions()
HOUR_MS = 3_600_000
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def said(*texts, start_ms=0, step_ms=2000):
    """A transcript of sentences that follow each other."""
    sentences = [
        Sentence(text, at, at + step_ms - 370, (Token(text, at, at + step_ms - 370),))
        for n, text in enumerate(texts)
        for at in [start_ms + n * step_ms]
    ]
    return Transcript("".join(texts), tuple(sentences), start_ms + len(texts) * step_ms, language="zh")


TEXTS = ("你好，世界。", "it's " * 15 + "over.", "1", "2024", "say “hi” & go", "1 < 2 > 1")


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("start_ms", [0, 9 * HOUR_MS + 3_599_000, 11 * HOUR_MS])
def test_round_trip(name, start_ms):
    """pysubs2 reads the cues with their times and lines, also behind the tenth hour."""
    transcript = said(*TEXTS, start_ms=start_ms)
    expected = [(cue.start_ms, cue.end_ms, cue.lines) for cue in cues_of(transcript, LIMITS)]
    assert len(expected) == len(TEXTS)
    assert read_subtitles(FORMATS[name].write(transcript, LIMITS), name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("srt", "＜b>x＜/b> ＜script>｛\\an8}y& 1 < 2"),
        ("vtt", "&lt;b&gt;x&lt;/b&gt; &lt;script&gt;{\\an8}y&amp; 1 &lt; 2"),
        ("tsv", "<b>x</b> <script>{\\an8}y& 1 < 2"),
        ("ass", "<b>x</b> <script>｛＼an8｝y& 1 < 2"),
        ("ttml", "&lt;b&gt;x&lt;/b&gt; &lt;script&gt;｛＼an8｝y&amp; 1 &lt; 2"),
        ("lrc", "<b>x</b> <script>{\\an8}y& 1 < 2"),
    ],
)
def test_text_is_no_command(name, expected):
    """What looks like a tag, a command or an entity is shown as it was said, in each format's own way."""
    assert expected in FORMATS[name].write(said("<b>x</b> <script>{\\an8}y& 1 < 2"), LIMITS)


@pytest.mark.parametrize("name", READABLE)
def test_a_line_is_no_time(name):
    """Text with the signs of a format does not end a cue, nor begin one."""
    transcript = said("a --> b", "00:01 --> 00:02\n\n3\n", "[Events] Dialogue: 0,", "WEBVTT NOTE", "</p></div>")
    found = read_subtitles(FORMATS[name].write(transcript, LIMITS), name)
    assert [start_ms for start_ms, _, _ in found] == [0, 2000, 4000, 6000, 8000]


def test_lrc():
    """LRC: starts in hundredths, minutes over 99, one line a cue, and no second bracket behind the first."""
    transcript = said("你好。", "[Music] la", start_ms=2 * HOUR_MS + 1230)
    text = FORMATS["lrc"].write(transcript, LIMITS)
    assert text == "[120:01.23]你好。\n[120:03.23] [Music] la\n"
    assert read_lrc(text) == [(2 * HOUR_MS + 1230, "你好。"), (2 * HOUR_MS + 3230, " [Music] la")]


def test_a_cue_on_one_line():
    """Tables and LRC have a cue on one line, with a space only where a line of words ended."""
    text = FORMATS["tsv"].write(
        said("word " * 12 + "end.", "我们今天要一起去看看新的房子，再回来吃饭然后睡觉。"), LIMITS
    )
    rows = [row.split("\t")[2] for row in text.splitlines()[1:]]
    assert rows == ["word " * 12 + "end.", "我们今天要一起去看看新的房子，再回来吃饭然后睡觉。"]


def test_ttml_names_its_language():
    """TTML is valid XML with the language that was heard, English of a translation, or none."""
    transcript = said("你好 <\x01>")
    for language, task, expected in (("zh", "transcribe", "zh"), ("zh", "translate", "en"), (None, "transcribe", "")):
        spoken = Transcript(transcript.text, transcript.sentences, 2000, language=language, task=task)
        root = ET.fromstring(FORMATS["ttml"].write(spoken, LIMITS))
        assert root.attrib[LANGUAGE] == expected
        assert "".join(root.find(".//{*}p").itertext()) == "你好 <>"


def test_ttml_of_many_at_once():
    """Threads that write TTML at once do not change each other's names."""
    transcript = said(*TEXTS * 20)
    alone = FORMATS["ttml"].write(transcript, LIMITS)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: FORMATS["ttml"].write(transcript, LIMITS), range(40))) == {alone}


@pytest.mark.parametrize(
    ("name", "rest"), [("srt", ""), ("vtt", "WEBVTT\n"), ("tsv", "start\tend\ttext\n"), ("lrc", "")]
)
def test_nothing_said(name, rest):
    """A recording without speech gives an empty file of the format."""
    assert FORMATS[name].write(Transcript("", (), 0), LIMITS) == rest


@pytest.mark.parametrize("name", READABLE)
def test_nothing_said_is_readable(name):
    """A recording without speech gives a file that pysubs2 reads as empty."""
    assert read_subtitles(FORMATS[name].write(Transcript("", (), 1000), LIMITS), name) == []
