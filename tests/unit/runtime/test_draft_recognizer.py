"""Partial texts from drafts: which words are locked, what drafts cost, and what becomes of cancelled ones."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from paraserve.errors import InferenceError
from paraserve.runtime.draft_recognizer import Agreement, DraftBudget, DraftRecognizer
from paraserve.runtime.scheduling.batches import Timed
from paraserve.types import Hypothesis, SegmentAudio, Token

STEP = SegmentAudio(np.zeros(9_600, np.float32))
NOTHING = SegmentAudio(np.zeros(0, np.float32))


def words(text: str) -> list[Token]:
    return [Token(word) for word in text.split()]


def said(tokens: list[Token]) -> str:
    return " ".join(token.text for token in tokens)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Recogniser:
    """Gives one text after the other and notes its calls; while `is_held`, calls wait."""

    texts: list[str]
    run_ms: float = 100.0
    is_held: bool = False
    calls: list[tuple[int, bool]] = field(default_factory=list)
    cancelled: int = 0
    error: Exception | None = None

    async def recognize(self, audio: SegmentAudio, *, is_draft: bool) -> Timed[Hypothesis]:
        self.calls.append((len(audio.samples), is_draft))
        try:
            while self.is_held:  # noqa: ASYNC110 - the test sets it
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        times = (None, None) if is_draft else (100, 200)
        return Timed(Hypothesis(tuple(Token(w, *times) for w in self.texts.pop(0).split())), 0.0, self.run_ms)


def waits() -> bool:
    return True


def draft_recognizer(recogniser, clock=None, *, max_segment_ms=30_000, is_only_pass=False) -> DraftRecognizer:
    budget = DraftBudget(2, lambda: False, clock or Clock())
    return DraftRecognizer(recogniser.recognize, budget, max_segment_ms, is_only_pass=is_only_pass)


async def step(stream, audio=STEP, *, is_last=False):
    done = await stream.step(audio, is_last=is_last)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return done.result


def test_what_two_drafts_agree_on_is_locked():
    """Their common beginning is locked, whatever its case; it neither comes again nor changes."""
    agreement = Agreement()
    assert agreement.update(words("the cat")) == []
    assert said(agreement.update(words("The cat sat"))) == "The cat"
    assert said(agreement.tail) == "sat"
    assert agreement.update(words("the cat sang a song")) == []
    assert said(agreement.update(words("the cat sang a long song"))) == "sang a"
    assert said(agreement.close(words("the cat sang a long song today"))) == "long song today"


@pytest.mark.parametrize(
    ("draft", "told"), [("", ""), ("one", ""), ("one two", "one"), ("one two three", "one"), ("a b c d e", "a b c")]
)
def test_an_early_beginning(draft, told):
    """A first draft gives its words but the last ones at once; from then on two have to agree."""
    agreement = Agreement(begins_early=True)
    assert said(agreement.update(words(draft))) == told
    assert said(agreement.update(words(draft + " more"))) == (draft.removeprefix(told).strip() if told else draft)
    assert said(agreement.update(words(draft + " else"))) == ""


def test_drafts_that_disagree_from_the_first_word_on():
    """Each of them may begin the text early, as long as nothing is told."""
    agreement = Agreement(begins_early=True)
    assert agreement.update(words("one")) == []
    assert said(agreement.update(words("won two three"))) == "won"
    assert said(agreement.tail) == "two three"


@pytest.mark.parametrize(
    ("final", "rest"),
    [
        ("well the cat sat down", "down"),
        ("cat sat down", "down"),
        ("the hat sat down", "down"),
        ("the cat", ""),
        ("", ""),
        ("one two three four", "four"),
    ],
)
def test_a_changed_beginning_repeats_nothing(final, rest):
    """The words that follow the locked ones are found by what still matches, else by their number."""
    agreement = Agreement()
    agreement.update(words("the cat sat"))
    agreement.update(words("the cat sat"))
    assert said(agreement.close(words(final))) == rest


async def test_partials_of_open_speech():
    """New audio is recognized with all before it, as a draft; the end gives the rest, with times."""
    recogniser = Recogniser(["the", "the cat", "the cat sat", "the cat sat down"])
    stream, heard = draft_recognizer(recogniser), []
    for _ in range(4):
        heard.append(await step(stream))
    heard.append(await step(stream, is_last=True))
    assert [partial.text for partial in heard] == ["", "", "", "the", " cat sat down"]
    assert [partial.tail for partial in heard] == ["", "", "the", " cat", ""]
    assert recogniser.calls == [(19_200, True), (28_800, True), (38_400, True), (48_000, False)]
    assert heard[-1].tokens[0] == Token("cat", 100, 200)


async def test_little_new_audio_is_no_draft():
    """The first draft has 1.2 s, another 480 ms that the one before did not have, however short the steps are."""
    recogniser = Recogniser(["x"] * 9)
    stream = draft_recognizer(recogniser)
    for _ in range(19):
        await step(stream, SegmentAudio(np.zeros(1_920, np.float32)))
    assert recogniser.calls == [(19_200, True), (26_880, True), (34_560, True)]


async def test_drafts_take_their_share_and_no_more():
    """While work waits: one draft at a time for all streams, then a rest as long as it took; streams take turns."""
    recogniser, clock = Recogniser(["a b"] * 9, run_ms=3_000), Clock()
    budget = DraftBudget(2, waits, clock)
    streams = [DraftRecognizer(recogniser.recognize, budget, 30_000, is_only_pass=False) for _ in range(2)]
    for _ in range(14):
        for stream in streams:
            await step(stream)
        clock.now_s += 0.5
    assert [n_samples for n_samples, _ in recogniser.calls] == [2 * 9_600, 8 * 9_600, 14 * 9_600]
    clock.now_s += 3
    streams[1].restart()
    assert (budget.take("later"), budget.take("latest")) == (0, None)


def test_places_of_a_budget():
    """Half of the workers, at least one; a place is taken once and free again after its rest."""
    clock = Clock()
    budget = DraftBudget(5, waits, clock)
    assert [budget.take(who) for who in "abcd"] == [0, 1, None, None]
    budget.release(1, 500)
    assert budget.take("c") is None
    clock.now_s = 0.5
    assert budget.take("d") is None  # c was first
    assert budget.take("c") == 1
    assert DraftBudget(1, waits).take("a") == 0


def test_an_idle_engine_gives_all_its_places():
    """Where nothing waits a place needs no rest, but it has one draft at a time."""
    is_waited_for = False
    budget = DraftBudget(2, lambda: is_waited_for, Clock())
    assert (budget.take("a"), budget.take("b")) == (0, None)
    budget.release(0, 500)
    is_waited_for = True
    assert budget.take("b") is None
    is_waited_for = False
    assert budget.take("b") == 0


async def test_a_draft_in_progress_holds_nothing_up():
    """Steps return at once while it runs; the end of the segment cancels it, and its place is free again."""
    recogniser, clock = Recogniser(["x", "y"], is_held=True), Clock()
    stream = draft_recognizer(recogniser, clock)
    for _ in range(4):
        assert (await step(stream)).text == ""
    stream.restart()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (recogniser.cancelled, len(recogniser.calls)) == (1, 1)
    recogniser.is_held = False
    for _ in range(3):
        await step(stream)
    assert recogniser.calls[1:] == [(19_200, True), (28_800, True)]


async def test_a_draft_that_never_began_gives_its_place_back():
    """A draft cancelled in the moment in which it was started frees its place."""
    recogniser, clock = Recogniser(["x"]), Clock()
    stream = draft_recognizer(recogniser, clock)
    await stream.step(STEP, is_last=False)
    await stream.step(STEP, is_last=False)
    stream.restart()
    await asyncio.sleep(0)
    assert recogniser.calls == []
    for _ in range(2):
        await step(stream)
    assert recogniser.calls == [(19_200, True)]


async def test_a_failed_draft_reaches_the_caller():
    """It fails the next step; a failure that nobody waits for is forgotten."""
    recogniser = Recogniser([], error=InferenceError("broken"))
    stream = draft_recognizer(recogniser)
    await step(stream)
    await step(stream)
    with pytest.raises(InferenceError, match="broken"):
        await step(stream)
    await step(stream)
    assert len(recogniser.calls) == 2
    stream.restart()


async def test_the_second_pass_cuts_speech_that_is_too_long():
    """No draft goes beyond the recognizer's window, and no step waits."""
    recogniser, clock = Recogniser(["x"] * 9, run_ms=0), Clock()
    stream = draft_recognizer(recogniser, clock, max_segment_ms=2_000)
    for _ in range(9):
        await step(stream)
    assert recogniser.calls == [(19_200, True), (28_800, True)]


async def test_the_only_pass_goes_on_behind_a_full_window():
    """The audio after it is recognized alone, spaced from the text before, and its word times go on."""
    recogniser = Recogniser(["one", "one two", "three"], run_ms=0)
    stream, heard = draft_recognizer(recogniser, max_segment_ms=1_200, is_only_pass=True), []
    for _ in range(3):
        heard.append(await step(stream))
    heard.append(await step(stream, is_last=True))
    assert [n_samples for n_samples, is_draft in recogniser.calls if not is_draft] == [19_200, 19_200]
    assert "".join(partial.text for partial in heard) == "one two three"
    assert [(t.start_ms, t.end_ms) for p in heard for t in p.tokens][-1] == (1_300, 1_400)


async def test_a_segment_without_audio():
    """It ends without a call of the recognizer."""
    recogniser = Recogniser([])
    assert (await step(draft_recognizer(recogniser), NOTHING, is_last=True)).text == ""
    assert recogniser.calls == []
