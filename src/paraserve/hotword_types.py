"""Hotwords of a request, the rule for them, and what became of them. Like `types.py`, it imports nothing of ours."""

from dataclasses import dataclass
from typing import NamedTuple


class Hotword(NamedTuple):
    """A word that a client or the operator expects, and how much: 20 is the usual weight, 100 the highest.

    A tuple, because lists of a thousand words are looked up in a cache with every segment.
    """

    text: str
    weight: float = 20.0


@dataclass(frozen=True, slots=True)
class HotwordHit:
    """A hotword that stands in the text.

    `changed`: without hotwords something else would stand there. None: the model does not tell. Times are None where
    the model gives none.
    """

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    changed: bool | None = None


@dataclass(frozen=True, slots=True)
class IgnoredHotword:
    """A hotword that has no effect, and the reason in words."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class HotwordReport:
    """Hotwords in a text, and those of the client that have no effect.

    An answer has one where the client sent hotwords.
    """

    hits: tuple[HotwordHit, ...] = ()
    ignored: tuple[IgnoredHotword, ...] = ()


@dataclass(frozen=True, slots=True)
class HotwordRule:
    """The operator's rule for hotwords, in nats (natural logarithm).

    A hotword of weight 20 may be less probable than the model's own text by `bonus` a unit, two thirds of it where it
    is one unit. Weights scale that. No unit more than `cap` less probable than the best one is written. `in_graph`:
    contextual models take hotwords into their graph, too.
    """

    bonus: float = 3.0
    cap: float = 4.0
    in_graph: bool = True


def joined_reports(first: HotwordReport | None, second: HotwordReport | None) -> HotwordReport | None:
    """Return the report on two texts that follow each other, None without any."""
    if first is None or second is None:
        return first or second
    return HotwordReport(first.hits + second.hits, first.ignored + second.ignored)
