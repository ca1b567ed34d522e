"""The operator's hotwords and the rule for all of them, and how they are joined with a client's."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from paraserve.hotword_types import Hotword, HotwordHit, HotwordReport, HotwordRule, IgnoredHotword
from paraserve.inference.spelling import plain
from paraserve.types import FieldWarning, Hypothesis, Partial

MAX_NAMED = 5
"""Hotwords that a warning names."""
JOINED_LISTS = 64
"""Joined lists that are kept, since a client sends its list with every recording."""


@dataclass(frozen=True, slots=True)
class OperatorHotwords:
    """Hotwords of every request, and the operator's choices for those of clients.

    `in_partials`: partial texts of a streaming recognizer follow hotwords, too.
    """

    words: tuple[Hotword, ...] = ()
    rule: HotwordRule = field(default_factory=HotwordRule)
    in_partials: bool = True

    def joined(self, words: tuple[Hotword, ...]) -> tuple[Hotword, ...]:
        """Return a client's words and the operator's. The client's come first, and win over the same word."""
        return _joined(words, self.words) if words and self.words else words or self.words


@lru_cache(JOINED_LISTS)
def _joined(words: tuple[Hotword, ...], others: tuple[Hotword, ...]) -> tuple[Hotword, ...]:
    given = {plain(word.text) for word in words}
    return (*words, *(word for word in others if plain(word.text) not in given))


def report(
    asked: tuple[Hotword, ...], hits: tuple[HotwordHit, ...], ignored: tuple[IgnoredHotword, ...] = ()
) -> HotwordReport | None:
    """Return the report to a client that asked for hotwords, None to others. The operator's words are no part of it.

    Each word that has no effect is named once.
    """
    if not asked:
        return None
    given = {word.text for word in asked}
    return HotwordReport(
        tuple(hit for hit in hits if hit.text in given),
        tuple(dict.fromkeys(item for item in ignored if item.text in given)),
    )


def still_shown(found: HotwordReport | None, *texts: str) -> HotwordReport | None:
    """Return the report about redacted texts without the words that stand in none of them any more."""
    if found is None:
        return None
    shown = [_bare(text) for text in texts]
    return replace(found, hits=tuple(hit for hit in found.hits if any(_bare(hit.text) in text for text in shown)))


def _bare(word: str) -> str:
    return "".join(plain(word).split())


def ignored_warnings(found: HotwordReport | None, param: str = "hotwords") -> tuple[FieldWarning, ...]:
    """Return the warning about a client's hotwords without effect, for answers that have no place for the report."""
    if found is None or not found.ignored:
        return ()
    named = [f"{item.text} ({item.reason})" for item in found.ignored[:MAX_NAMED]]
    more = len(found.ignored) - len(named)
    message = "no effect of " + ", ".join(named) + (f" and {more} more" if more else "")
    return (FieldWarning("not_honoured", param, message),)


class HotwordReports:
    """Reports of the texts of one utterance. Each word without effect is named once, with the first text that can.

    In mode "2pass" that is a final text, whose model may spell other words than the streaming one.
    """

    def __init__(self, *, has_second_pass: bool) -> None:
        self._has_second_pass = has_second_pass
        self._told: set[IgnoredHotword] = set()
        self._waiting: tuple[HotwordHit, ...] = ()

    def of_partial(self, asked: tuple[Hotword, ...], partial: Partial) -> HotwordReport | None:
        """Return the report about the next partial text. Hotwords wait for a step that gives text."""
        hits, self._waiting = (*self._waiting, *partial.hotwords), ()
        if not partial.text:
            self._waiting = hits
            return report(asked, ())
        return report(asked, hits, () if self._has_second_pass else self._new(partial.hotwords_ignored))

    def of_segment(self, asked: tuple[Hotword, ...], hypothesis: Hypothesis) -> HotwordReport | None:
        """Return the report about the next final text."""
        self._waiting = ()
        return report(asked, hypothesis.hotwords, self._new(hypothesis.hotwords_ignored) if hypothesis.tokens else ())

    def _new(self, ignored: tuple[IgnoredHotword, ...]) -> tuple[IgnoredHotword, ...]:
        new = tuple(item for item in ignored if item not in self._told)
        self._told.update(new)
        return new
