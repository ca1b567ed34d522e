"""The page's modules by themselves, in the browser that runs them."""

import base64
import math
import re
from importlib.resources import files

import numpy as np
import pytest

from paraserve.formats import FORMATS, transcript_json
from paraserve.server.protocols.events import SegmentText
from paraserve.server.protocols.funasr.live_messages import FunasrDialect, SentencePlace, live_result
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Sentence, Token, Transcript
from support.tiers import first_quick

STATIC = files("paraserve") / "web" / "static"
RESAMPLE = """async ([fromHz, samples, block]) => {
    const { Resampler } = await import('/static/client/resampler.js');
    const resampler = new Resampler(fromHz, 16000);
    const output = [];
    for (let at = 0; at < samples.length; at += block) {
        output.push(...resampler.push(Float32Array.from(samples.slice(at, at + block))));
    }
    output.push(...resampler.flush());
    return output;
}"""


def tone(rate_hz, frequency_hz, seconds=0.5):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(rate_hz * seconds)) / rate_hz)


def resampled(page, rate_hz, samples, block=128):
    return np.array(page.evaluate(RESAMPLE, [rate_hz, samples.tolist(), block]))


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", first_quick([44100, 8000, 16000, 48000, 96000]))
def test_resampling_keeps_speech(visit, server_url, rate_hz):
    """A tone of speech comes out in time and as loud as it went in, to -60 dB, from any rate and block size."""
    page = visit(server_url).page
    frequency_hz = 3000
    got = resampled(page, rate_hz, tone(rate_hz, frequency_hz))
    assert abs(len(got) - 8000) <= 2
    inner = slice(500, 7500)
    assert np.abs(got[inner] - tone(16000, frequency_hz)[: len(got)][inner]).max() < 1e-3
    other = resampled(page, rate_hz, tone(rate_hz, frequency_hz), block=1000)
    np.testing.assert_allclose(got, other, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", first_quick([44100, 48000]))
def test_resampling_folds_nothing_back(visit, server_url, rate_hz):
    """Tones above half the new rate are gone, to -60 dB."""
    page = visit(server_url).page
    for frequency_hz in (8500, 12000, 20000):
        got = resampled(page, rate_hz, tone(rate_hz, frequency_hz))
        assert np.abs(got[500:7500]).max() < 1e-3, frequency_hz


def text_of(*sentences):
    return SegmentText("".join(s.text for s in sentences), sentences)


HOTWORDS = {
    "阿里巴巴 20\r\nhello  world 40": {"阿里巴巴": 20, "hello world": 40},
    "通义，实验室、paraserve": {"通义": 20, "实验室": 20, "paraserve": 20},
    "one two name:40 姓名：1.5": {"one": 20, "two": 20, "name": 40, "姓名": 1.5},
    "apple 5, pear\n\nfig: 7\n2024": {"apple": 5, "pear": 20, "fig": 7, "2024": 20},
    " \n,": {},
}
"""What somebody writes into the field, and the words with their weights. The first is from FunASR's page."""


@pytest.mark.slow
def test_hotwords_as_people_write_them(shared_page):
    """Words stand between spaces, commas or lines. A line that ends in a number is one word, as on FunASR's page."""
    read = "async (texts) => { const m = await import('/static/hotwords.js'); return texts.map(m.readHotwords); }"
    assert shared_page.evaluate(read, list(HOTWORDS)) == list(HOTWORDS.values())


TEXTS = {
    "Chinese": text_of(
        Sentence("今天，好。", 100, 900, (Token("今", 100, 300), Token("天", 300, 500), Token("好", 700, 900)))
    ),
    "English behind another": text_of(
        Sentence(
            " it's five o'clock.",
            10,
            900,
            tuple(Token(word, 10 + 300 * n, 300 + 300 * n) for n, word in enumerate(("it's", "five", "o'clock"))),
        )
    ),
    "digits": text_of(Sentence("11月，96%。", 0, 1300, (Token("11月", 0, 600), Token("96%", 600, 1300)))),
    "several sentences": text_of(
        Sentence("好。", 0, 300, (Token("好", 0, 300),)), Sentence("好？", 900, 1200, (Token("好", 900, 1200),))
    ),
    "no times": text_of(Sentence("好。", None, None, (Token("好", None, None),))),
    "without a mark": text_of(Sentence("好", 0, 300, (Token("好", 0, 300),))),
}


@pytest.mark.slow
@pytest.mark.parametrize("segment", TEXTS.values(), ids=TEXTS.keys())
def test_sentences_of_live_results(visit, server_url, segment):
    """A live result's sentences are those that the server had: the same texts and times, each word inside."""
    message = live_result(segment, "page", FunasrDialect(), SentencePlace(0, is_first=True))
    got = visit(server_url).page.evaluate(
        "async (message) => (await import('/static/client/live_sentences.js')).liveSentences(message, 5000)", message
    )
    assert [one["text"] for one in got] == [s.text.strip() for s in segment.sentences]
    for one, sentence in zip(got, segment.sentences, strict=True):
        expected = (None, None) if sentence.start_ms is None else (5000 + sentence.start_ms, 5000 + sentence.end_ms)
        assert (one["start_ms"], one["end_ms"]) == expected
        letters = "".join(token.text for token in sentence.tokens if token.start_ms is not None)
        assert "".join(t["text"] for t in one["tokens"]) == letters.replace("%", "")


SAID = (
    "今天我们来讲语音识别系统的历史，从二十世纪五十年代开始，人们就尝试让机器听懂人说的话，后来它就慢慢变得很好了。",
    "So the first thing is that it's a well-known fact, which nobody disputes: 3.5 million people (in 2019) said no.",
    'And "they" say <b>it</b> {\\an8} over & over again, as long as they live.',
    "他说：“用GPT 3.5做的”，一共一千二百三十四块五，占百分之二十五（25%），supercalifragilisticexpialidociousness"
    * 2,
    "x" * 99 + "，" + "一二三四五六七八九" * 5,
    "[la] \U0001f600 ちょっとラーメンを食べよう １２．５％ です 안녕하세요 여러분 e\u0301",
    "\x00 \n",
)
WORDS = re.compile(r"[a-zA-Z0-9.']+|[\u4e00-\u9fff]")


def said(text, start_ms, step_ms, *, has_times=True):
    """A sentence with the times of its words, every seventh of which comes after a pause, or with its own alone."""
    words, at_ms, tokens = WORDS.findall(text), start_ms, []
    for n, word in enumerate(words):
        at_ms += 300 * (n % 7 == 6)
        tokens.append(Token(word, at_ms, at_ms + step_ms))
        at_ms += step_ms
    return Sentence(text, start_ms, at_ms, tuple(tokens) if has_times else ())


@pytest.mark.slow
def test_subtitles_are_the_servers(visit, server_url):
    """What the page saves is what the server writes, for sentences of all kinds."""
    page = visit(server_url).page
    for step_ms, has_times in ((0, True), (170, True), (170, False), (900, True)):
        sentences = [said(text, 20_000 * n, step_ms, has_times=has_times) for n, text in enumerate(SAID)]
        sentences += [Sentence("without times", None, None, ()), Sentence("at all", None, None, ())]
        transcript = Transcript("", tuple(sentences), 400_123, language="zh")
        for name in ("srt", "vtt", "ass", "ttml", "lrc"):
            got = page.evaluate(
                "async ([name, one]) => (await import('/static/transcripts/transcript.js')).FORMATS[name].write(one)",
                [name, transcript_json(transcript)],
            )
            assert got == FORMATS[name].write(transcript, SubtitleOptions()), (name, step_ms, has_times)


@pytest.mark.slow
def test_recording_is_a_wav_file(visit, server_url):
    """What is played of the microphone is its samples, over the edges of the memory's blocks."""
    n_samples = 16000 * 21
    data = visit(server_url).page.evaluate(
        """async (n) => {
            const { Recording } = await import('/static/client/recording.js');
            const recording = new Recording();
            const ramp = Int16Array.from({length: n}, (_, i) => i % 30000);
            for (let at = 0; at < n; at += 960) recording.append(ramp.subarray(at, at + 960));
            const bytes = new Uint8Array(await recording.wav().arrayBuffer());
            const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
            return [btoa(text), [...recording.slice(159990, 160010)], recording.peaks.length];
        }""",
        n_samples,
    )
    wav, middle, n_peaks = base64.b64decode(data[0]), data[1], data[2]
    assert (wav[:4], wav[8:16], len(wav)) == (b"RIFF", b"WAVEfmt ", 44 + 2 * n_samples)
    ramp = np.arange(n_samples) % 30000
    np.testing.assert_array_equal(np.frombuffer(wav[44:], "<i2"), ramp)
    assert middle == ramp[159990:160010].tolist()
    assert n_peaks == math.floor(n_samples / 320)


def test_both_languages_say_everything():
    """Each text exists in English and in Chinese with the same figures in it, and each text asked for exists."""
    parts = [path.read_text("utf-8").split("  zh: {") for path in (STATIC / "words").glob("*.js")]
    parts = [part for part in parts if len(part) == 2]  # words.js joins them
    entry = re.compile(r'^    "?([\w.]+)"?: "(.*)",$', re.M)
    texts = [dict(entry.findall("".join(part[n] for part in parts))) for n in range(2)]
    assert len(texts[0]) > 60
    figures = [{key: sorted(re.findall(r"\{\w+\}", text)) for key, text in one.items()} for one in texts]
    assert figures[0] == figures[1]
    html = (STATIC.parent / "index.html").read_text("utf-8")
    asked = set(re.findall(r'data-say(?:-label)?="([\w.]+)"', html))
    assert asked
    assert asked <= set(texts[0])
    fallbacks = dict(re.findall(r'data-say="([\w.]+)">([^<]+)<', html))
    assert {key: texts[0][key] for key in fallbacks} == fallbacks
