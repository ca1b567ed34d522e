"""Redaction in the flows: live utterances in both modes, and recordings."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from paraserve.options import RecognitionOptions, Redaction, StreamConfig
from paraserve.redaction_types import Redactions
from paraserve.runtime.offline import transcribe
from paraserve.runtime.scheduling.batches import Timed
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.types import Hypothesis, Partial, Token
from support.fakes import FakeEngine, FakeStream
from support.redaction import ALL_MASKS, digits_read

PHONE = "电话一三八零零一三八零零零好的"
STEP_MS = 600


def tokens_of(text):
    return tuple(Token(char, n * 10, n * 10 + 10) for n, char in enumerate(text))


@dataclass
class Scripted(FakeEngine):
    """Hears the next of these texts in each segment, and a part of it in each of its chunks."""

    texts: list[str] = field(default_factory=list)
    n_heard: int = 0

    def __post_init__(self):
        self.hears = self._next

    def _next(self, _samples):
        self.n_heard += 1
        text = self.texts[self.n_heard - 1]
        return Hypothesis(tokens_of(text), (), text)

    def open_stream(self, config):
        self.open_streams += 1
        return ScriptedStream(self)


@dataclass
class ScriptedStream(FakeStream):
    n_segments: int = 0
    n_told: int = 0

    async def step(self, audio, *, is_last):
        text = self.engine.texts[self.n_segments]
        new = text[self.n_told :] if is_last else text[self.n_told : self.n_told + 4]
        self.n_told += len(new)
        if is_last:
            self.restart()
        return Timed(Partial(new, tokens=tokens_of(new)), 0.0, 0.0)

    def restart(self):
        self.n_segments, self.n_told = self.n_segments + 1, 0


def audio(n_segments, seconds=3.0):
    one = [np.full(round(seconds * 16_000), 0.5, np.float32), np.zeros(16_000, np.float32)]
    return np.concatenate(one * n_segments)


async def say(texts, redaction, mode="2pass", **config):
    heard = []
    options = RecognitionOptions(redaction=redaction)
    engine = Scripted(texts=texts)
    async with TwoPassSession(engine, StreamConfig(mode=mode, options=options, **config), heard.append) as session:
        await session.feed(audio(len(texts)))
        await session.finish()
    return heard


@pytest.mark.parametrize("mode", ["2pass", "online"])
async def test_no_update_shows_a_number(mode):
    """Neither a partial nor a final text, nor a word of them, has a digit of the phone number."""
    heard = await say([PHONE, "好"], ALL_MASKS, mode)
    for update in heard:
        words = [*update.tokens, *(token for one in update.sentences for token in one.tokens)]
        assert digits_read(update.text + update.tail + "".join(token.text for token in words)) == ""
    kind = "offline" if mode == "2pass" else "online"
    assert "".join(update.text for update in heard if update.kind == kind) == "电话***********好的好"
    counts = [update.redactions for update in heard if update.redactions is not None]
    assert sum(counts, Redactions()) == Redactions(phone=1, id_number=0, card=0, email=0)
    assert all(update.kind == kind for update in heard if update.redactions is not None)


async def test_times_are_those_without_masks():
    """Words have the times that they have without redaction, in partial texts and in final ones."""
    for mode in ("2pass", "online"):
        spans = []
        for redaction in (Redaction(), ALL_MASKS):
            heard = await say([PHONE, "好"], redaction, mode)
            kept = [u for u in heard if u.kind == ("offline" if mode == "2pass" else "online")]
            words = [t for u in kept for t in (u.tokens or [t for s in u.sentences for t in s.tokens])]
            spans.append([(word.start_ms, word.end_ms) for word in words])
        if mode == "2pass":
            assert spans[0] == spans[1]
        assert len(spans[0]) == len(spans[1])


async def test_a_number_in_two_segments():
    """What the next segment has of it is masked, and the front that tells most of it in the first one."""
    heard = await say(["电话一三八零零一三", "八零零零好"], ALL_MASKS)
    assert [update.text for update in heard if update.kind == "offline" and update.text] == ["电话*******", " ****好"]


async def test_a_number_in_the_partial_texts_of_two_segments():
    """Digits that waited when their segment ended count as the front of what the next partial text has."""
    heard = await say(["电话一三八零零一三", "八零零零好的呢吧"], ALL_MASKS)
    partials = "".join(update.text for update in heard if update.kind == "online")
    assert partials == "电话 ****好的呢吧"


async def test_an_empty_redaction_changes_nothing():
    """Updates are equal to those without one, and count nothing."""
    plain = await say([PHONE, "好"], Redaction())
    assert all(update.redactions is None for update in plain)
    assert "".join(update.text for update in plain if update.kind == "offline") == PHONE + "好"
    other = await say([PHONE, "好"], Redaction((("没有", "x"),)))
    finals = [replace(update, redactions=None) for update in other if update.kind == "offline"]
    assert [(one.text, one.sentences) for one in finals] == [
        (one.text, one.sentences) for one in plain if one.kind == "offline"
    ]


async def test_a_segment_whose_words_are_all_taken_away():
    """Its final text is empty, and the utterance still has its last update."""
    heard = await say(["呃", "好"], Redaction((("呃", ""),)))
    assert [update.text for update in heard if update.kind == "offline" and update.text] == ["好"]
    assert sum(update.last for update in heard) == 1


async def blocks():
    yield audio(1)


async def test_recordings():
    """Text, sentences and their words are changed alike, and the transcript counts it."""
    redaction = Redaction((("好的", "OK"),), ("电话",), frozenset(("phone",)))
    transcript = await transcribe(Scripted(texts=[PHONE]), blocks(), RecognitionOptions(redaction=redaction))
    assert transcript.text == "*" * 14 + "OK"
    assert digits_read(transcript.text) == ""
    assert [token.text for token in transcript.sentences[0].tokens] == ["***", *"*" * 11, "OK"]
    assert transcript.redactions == Redactions(replacements=1, profanity=1, phone=1)
