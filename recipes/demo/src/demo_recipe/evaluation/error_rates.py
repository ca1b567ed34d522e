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
    start_errors_ms: list[float] = field(default_factory=list)
    end_errors_ms: list[float] = field(default_factory=list)

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
                start_error_ms, end_error_ms = np.abs(np.subtract(reference.spans_ms[i], found.spans_ms[j])).tolist()
                self.start_errors_ms.append(start_error_ms)
                self.end_errors_ms.append(end_error_ms)
        return errors == 0

    @property
    def error_rate(self) -> float:
        """Percent of the reference tokens."""
        return 100 * self.errors / max(1, self.tokens)

    @staticmethod
    def head() -> list[str]:
        """The first lines of a table of `row`s."""
        times = f"starts within {BOUNDARY_MS} ms % | ends % | start error ms (median / p90)"
        return [
            f"| set | utterances | tokens | error % | exact % | count error % | {times} |",
            "| --- " + "| --: " * 8 + "|",
        ]

    def row(self, name: str) -> str:
        """A line of the table."""
        exact, count = 100 * self.exact / max(1, self.utterances), 100 * self.count_errors / max(1, self.tokens)
        timing = (
            f"{np.median(times):.0f} / {np.percentile(times, 90):.0f}" if (times := self.start_errors_ms) else "-"
        )
        return (
            f"| {name} | {self.utterances} | {self.tokens} | {self.error_rate:.1f} | {exact:.0f} | {count:.1f} "
            f"| {_share_within(self.start_errors_ms)} | {_share_within(self.end_errors_ms)} | {timing} |"
        )


def _share_within(errors_ms: Sequence[float]) -> str:
    return f"{100 * np.mean(np.array(errors_ms) <= BOUNDARY_MS):.1f}" if errors_ms else "-"


def mark_f1(wanted: Sequence[str], found: Sequence[str], mark: str) -> float:
    """F1 of one punctuation mark over aligned words, in percent."""
    pairs = list(zip(wanted, found, strict=True))
    hits = sum(a == b == mark for a, b in pairs)
    return 100 * 2 * hits / max(1, sum(a == mark for a, _ in pairs) + sum(b == mark for _, b in pairs))
