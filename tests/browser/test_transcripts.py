"""The page's modules of transcripts: times of edited words, undo, find and replace, limits of subtitles."""

import random
import re
from dataclasses import replace

import pytest

from paraserve.formats import FORMATS, transcript_json
from paraserve.inference.text.sentences import join_sentences
from paraserve.server.protocols.growing_text import GrowingText
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import Sentence, Token, Transcript

RETIME = """async (cases) => {
    const { withText } = await import('/static/transcripts/alignment.js');
    return cases.map(([sentence, text]) => withText(sentence, text));
}"""
LATIN = [f"{a}{b}" for a in ("ba", "ko", "mi", "tu", "re") for b in ("na", "lo", "sim", "tek", "x3", "'s")]
CHINESE = [chr(0x4E00 + 37 * n) for n in range(60)]


def words_of(rng, count):
    """Different words of both scripts."""
    return rng.sample(LATIN + CHINESE, count)


def written(words, rng):
    """Words as a sentence, with a mark here and there."""
    text = ""
    for word in words:
        joint = " " if text and text[-1].isascii() and word.isascii() else ""
        text += joint + word + (rng.choice("，。") if rng.random() < 0.1 else "")
    return text + "。"


def spoken(words, rng, start_ms=0):
    """Tokens with times and pauses between some of them."""
    at_ms, tokens = start_ms + rng.randrange(1000), []
    for word in words:
        at_ms += rng.choice((0, 0, 300))
        tokens.append(Token(word, at_ms, at_ms + rng.randrange(50, 400), 0.5))
        at_ms = tokens[-1].end_ms
    return tuple(tokens)


def edited(words, rng):
    """The words with some left out, replaced and put in. All are different."""
    fresh = iter(rng.sample([f"w{n}" for n in range(99)], 40))
    kept = [next(fresh) if rng.random() < 0.15 else word for word in words if rng.random() > 0.15]
    for _ in range(rng.randrange(3)):
        kept.insert(rng.randrange(len(kept) + 1), next(fresh))
    return kept


def sentence_json(sentence):
    """As the server writes it."""
    return transcript_json(Transcript("", (sentence,), 60_000))["sentences"][0]


def test_edited_words_have_times(shared_page):
    """Words that stay keep their times, no time goes back or leaves the sentence, and each word has one."""
    rng = random.Random(4)
    cases = []
    for _ in range(300):
        words = words_of(rng, rng.randrange(1, 30))
        tokens = spoken(words, rng)
        sentence = Sentence(written(words, rng), tokens[0].start_ms, tokens[-1].end_ms, tokens)
        cases.append((sentence_json(sentence), written(edited(words, rng), rng)))
    for (before, text), after in zip(cases, shared_page.evaluate(RETIME, cases), strict=True):
        times = [ms for token in after["tokens"] for ms in (token["start_ms"], token["end_ms"])]
        assert times == sorted(times)
        assert all(before["start_ms"] <= ms <= before["end_ms"] for ms in times)
        assert [t["text"] for t in after["tokens"]] == re.findall(r"[a-z0-9']+|[\u4e00-\u9fff]", text)
        assert after["text"] == text
        known = {t["text"]: t for t in before["tokens"]}
        kept = [token for token in after["tokens"] if token["text"] in known]
        assert kept == [known[token["text"]] for token in kept]


def test_written_forms_and_capitals(shared_page):
    """A token of several words stays one, capitals change no time, and a replaced stretch is shared by characters."""
    tokens = (
        Token("11月", 0, 500),
        Token("July", 500, 900),
        Token("nineteen", 900, 1500),
        Token("好", 2000, 2300, 0.5),
    )
    sentence = sentence_json(Sentence("11月 July nineteen好。", 0, 2300, tokens))
    texts = ("11月 july, nineteen好！", "12月 July ninety five好", "好", "")
    got = shared_page.evaluate(RETIME, [[sentence, text] for text in texts])
    words = [[(t["text"], t["start_ms"], t["end_ms"]) for t in one["tokens"]] for one in got]
    assert words[0] == [("11月", 0, 500), ("july", 500, 900), ("nineteen", 900, 1500), ("好", 2000, 2300)]
    assert words[1] == [
        ("12", 0, 333), ("月", 333, 500), ("July", 500, 900), ("ninety", 900, 1260), ("five", 1260, 1500),
        ("好", 2000, 2300),
    ]  # fmt: skip
    assert words[2:] == [[("好", 2000, 2300)], []]
    assert [t.get("confidence") for t in got[1]["tokens"]][-2:] == [1, 0.5]


EDIT = """async ([transcript, edits]) => {
    const { Editing } = await import('/static/transcripts/editing.js');
    const { findIn, replaced } = await import('/static/transcripts/finding.js');
    const recording = { transcript, original: null, isEdited: false };
    const editing = new Editing(recording, () => {});
    const states = [];
    const note = () => states.push(structuredClone([transcript.text, transcript.sentences, recording.isEdited]));
    note();
    for (const [name, share, text] of edits) {
        const { sentences } = transcript;
        const at = Math.floor(share * sentences.length);
        if (!sentences.length) break;
        if (name === 'text') editing.setText(at, text);
        if (name === 'split') editing.split(at, sentences[at].text, Math.floor(share * sentences[at].text.length));
        const next = sentences[at + 1]?.text + text;
        if (name === 'join' && editing.canJoin(at)) editing.join(at, [sentences[at].text, next]);
        if (name === 'all') editing.setTexts(replaced(sentences, findIn(sentences, sentences[at].text[0]), text));
        if (name === 'restore') editing.restore();
        note();
    }
    let undone = 0;
    for (; editing.canUndo; undone += 1) editing.undo();
    const first = structuredClone([transcript.text, transcript.sentences, recording.isEdited]);
    while (editing.canRedo) editing.redo();
    const last = structuredClone([transcript.text, transcript.sentences, recording.isEdited]);
    return { states, first, last, undone };
}"""


def test_edits_can_be_undone(shared_page):
    """After any edits the text is that of the sentences; undone, all is as it was; redone, as it was left."""
    rng = random.Random(7)
    for n in range(12):
        sentences, at_ms = [], 0
        for _ in range(rng.randrange(1, 12)):
            words = words_of(rng, rng.randrange(1, 9))
            tokens = tuple(
                replace(t, start_ms=t.start_ms + at_ms, end_ms=t.end_ms + at_ms) for t in spoken(words, rng)
            )
            at_ms = tokens[-1].end_ms
            channel = rng.randrange(2) if n % 3 == 2 else None
            text = written(words, rng)
            sentences.append(Sentence(text, tokens[0].start_ms, at_ms, tokens, channel=channel))
        text = GrowingText()
        whole = Transcript("".join(text.add(one) for one in sentences), tuple(sentences), at_ms)
        names = ("text", "text", "split", "split", "join", "all", "restore")
        edits = [
            [rng.choice(names), rng.random() * 0.999, rng.choice(("", "new", "，好", "a b。"))] for _ in range(30)
        ]
        got = shared_page.evaluate(EDIT, [transcript_json(whole), edits])
        assert got["first"] == got["states"][0]
        assert got["last"] == got["states"][-1]
        assert got["undone"] > 0
        for shown, parts, _ in got["states"]:
            growing = GrowingText()
            own = [Sentence(p["text"], p["start_ms"], p["end_ms"], (), channel=p.get("channel")) for p in parts]
            assert shown == "".join(growing.add(one) for one in own)
            if n % 3 != 2:
                times = [
                    ms for part in parts for token in part["tokens"] for ms in (token["start_ms"], token["end_ms"])
                ]
                assert times == sorted(times)


FIND = """async ([texts, query, options, replacement]) => {
    const { findIn, replaced } = await import('/static/transcripts/finding.js');
    const sentences = texts.map((text) => ({ text }));
    const matches = findIn(sentences, query, options);
    const found = matches.map(({ at, start, end }) => texts[at].slice(start, end));
    return [found, replaced(sentences, matches, replacement)];
}"""
TEXTS = ["Cat, scatter cat.", "今天天气好，今天", "100% (sure)  of it", "the GPT模型 model"]


@pytest.mark.parametrize(
    ("query", "options", "found", "texts"),
    [
        ("cat", {}, ["Cat", "cat", "cat"], {0: "$&, s$&ter $&."}),
        ("cat", {"isExact": True}, ["cat", "cat"], {0: "Cat, s$&ter $&."}),
        ("cat", {"isWhole": True}, ["Cat", "cat"], {0: "$&, scatter $&."}),
        ("今天", {"isWhole": True}, ["今天", "今天"], {1: "$&天气好，$&"}),
        ("gpt", {"isWhole": True}, ["GPT"], {3: "the $&模型 model"}),
        ("% (sure) of", {}, ["% (sure)  of"], {2: "100$& it"}),
        (" ", {}, [], {}),
        (".*", {}, [], {}),
    ],
)
def test_find_and_replace(shared_page, query, options, found, texts):
    """Signs stand for themselves, also in what is put in; words are whole only where there are spaces."""
    got = shared_page.evaluate(FIND, [TEXTS, query, options, "$&"])
    assert got[0] == found
    assert {one["at"]: one["text"] for one in got[1]} == texts


LIMITS = ((7, 2, 42, 20), (2, 1, 42, 20), (3600, 10, 20, 40), (5, 3, 10, 5), (1, 1, 500, 7))
"""Seconds, lines, letters and Chinese characters."""


def test_limits_of_subtitles_are_the_servers(shared_page):
    """The page breaks cues as the server does with the same limits, and names split channels as it does."""
    rng = random.Random(1)
    sentences = []
    for n in range(14):
        words = words_of(rng, rng.randrange(1, 40))
        tokens = tuple(
            replace(t, start_ms=t.start_ms + 9000 * n, end_ms=t.end_ms + 9000 * n) for t in spoken(words, rng)
        )
        sentences.append(Sentence(written(words, rng), tokens[0].start_ms, tokens[-1].end_ms, tokens))
    whole = Transcript(join_sentences(sentences), tuple(sentences), 200_000)
    split = [replace(one, channel=n % 2) for n, one in enumerate(sentences)]
    channels = tuple(Transcript("", tuple(one for one in split if one.channel == n), 200_000) for n in range(2))
    both = replace(whole, sentences=tuple(split), channels=channels)
    write = """async ([name, one, limits]) =>
        (await import('/static/transcripts/transcript.js')).FORMATS[name].write(one, limits)"""
    for cue_s, lines, latin, chinese in (
        (7, 2, 42, 20),
        (2, 1, 42, 20),
        (3600, 10, 20, 40),
        (5, 3, 10, 5),
        (1, 1, 500, 7),
    ):
        limits = {"cue_s": cue_s, "lines": lines, "latin_chars": latin, "chinese_chars": chinese}
        options = SubtitleOptions(cue_s * 1000, lines, latin, chinese)
        for name in ("srt", "vtt"):
            for transcript in (whole, both):
                got = shared_page.evaluate(write, [name, transcript_json(transcript), limits])
                assert got == FORMATS[name].write(transcript, options), limits


def test_channels_have_names(shared_page):
    """A name that somebody gave to a channel stands in the text, the text with times and the subtitles."""
    tokens = Token("好", 0, 300), Token("好", 61_000, 61_300)
    sentences = [
        Sentence("好。", 0, 300, tokens[:1], channel=0),
        Sentence("好！", 61_000, 61_300, tokens[1:], channel=1),
    ]
    one = transcript_json(Transcript("", tuple(sentences), 70_000)) | {"channel_names": {"1": "Ann"}}
    got = shared_page.evaluate(
        """async (one) => {
            const { FORMATS } = await import('/static/transcripts/transcript.js');
            const { rewrite } = await import('/static/transcripts/editing.js');
            rewrite(one);
            return ['txt', 'times', 'lrc'].map((name) => FORMATS[name].write(one));
        }""",
        one,
    )
    assert got[0] == "[0] 好。\n[Ann] 好！\n"
    assert got[1] == "00:00:00 [0] 好。\n00:01:01 [Ann] 好！\n"
    assert got[2] == "[00:00.00] [0] 好。\n[01:01.00] [Ann] 好！\n"
