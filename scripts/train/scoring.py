"""Edit distance and the other figures of the evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz.distance import Levenshtein

BOUNDARY_MS = 80


def edit_distance(reference: Sequence[str], found: Sequence[str]) -> int:
    """Levenshtein distance in tokens."""
    return Levenshtein.distance(reference, found)


def matches(reference: Sequence[str], found: Sequence[str]) -> list[tuple[int, int]]:
    """Indices of the tokens that are right, in a shortest alignment of the two."""
    blocks = Levenshtein.opcodes(reference, found).as_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


@dataclass(frozen=True, slots=True)
class Timed:
    """Tokens, and (start, end) of each in ms, or no times at all."""

    texts: Sequence[str]
    spans_ms: Sequence[tuple[float, float]] = ()


@dataclass(slots=True)
class Score:
    """Sums over the utterances of one set; times are compared for every token that is right."""

    utterances: int = 0
    tokens: int = 0
    errors: int = 0
    exact: int = 0
    count_errors: int = 0
    boundary_errors_ms: list[float] = field(default_factory=list)

    def add(self, reference: Timed, found: Timed) -> bool:
        """Counts one utterance; True if it has no error."""
        errors = edit_distance(reference.texts, found.texts)
        self.utterances += 1
        self.tokens += len(reference.texts)
        self.errors += errors
        self.exact += errors == 0
        self.count_errors += abs(len(found.texts) - len(reference.texts))
        if reference.spans_ms and found.spans_ms:
            for i, j in matches(reference.texts, found.texts):
                pairs = zip(reference.spans_ms[i], found.spans_ms[j], strict=True)
                self.boundary_errors_ms += [abs(wanted - got) for wanted, got in pairs]
        return errors == 0

    @property
    def error_rate(self) -> float:
        """Percent of the reference tokens."""
        return 100 * self.errors / max(1, self.tokens)

    @staticmethod
    def head() -> list[str]:
        """The first lines of a table of `row`s."""
        times = f"boundaries within {BOUNDARY_MS} ms % | boundary error ms (median / p90)"
        return [
            f"| set | utterances | tokens | error % | exact % | count error % | {times} |",
            "| --- " + "| --: " * 7 + "|",
        ]

    def row(self, name: str) -> str:
        """A line of the table. A boundary is the start or the end of a token."""
        times = np.array(self.boundary_errors_ms)
        within = f"{100 * np.mean(times <= BOUNDARY_MS):.1f}" if len(times) else "-"
        timing = f"{np.median(times):.0f} / {np.percentile(times, 90):.0f}" if len(times) else "-"
        exact, count = 100 * self.exact / max(1, self.utterances), 100 * self.count_errors / max(1, self.tokens)
        return (
            f"| {name} | {self.utterances} | {self.tokens} | {self.error_rate:.1f} | {exact:.0f} | {count:.1f} "
            f"| {within} | {timing} |"
        )


def mark_f1(wanted: Sequence[str], found: Sequence[str], mark: str) -> float:
    """F1 of one punctuation mark over aligned words, in percent."""
    pairs = list(zip(wanted, found, strict=True))
    hits = sum(a == b == mark for a, b in pairs)
    return 100 * 2 * hits / max(1, sum(a == mark for a, _ in pairs) + sum(b == mark for _, b in pairs))
