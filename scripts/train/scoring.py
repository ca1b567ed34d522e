"""Edit distance and the other figures of the evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


def edit_distance(reference: Sequence[str], found: Sequence[str]) -> int:
    """Levenshtein distance in tokens."""
    row = list(range(len(found) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, token in enumerate(found, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != token))
    return row[-1]


@dataclass(slots=True)
class Score:
    """Sums over the utterances of one set; times are collected from utterances without an error."""

    utterances: int = 0
    tokens: int = 0
    errors: int = 0
    exact: int = 0
    count_errors: int = 0
    start_errors_ms: list[float] = field(default_factory=list)

    def add(self, reference: Sequence[str], found: Sequence[str]) -> bool:
        """Counts one utterance; True if it has no error."""
        errors = edit_distance(reference, found)
        self.utterances += 1
        self.tokens += len(reference)
        self.errors += errors
        self.exact += errors == 0
        self.count_errors += abs(len(found) - len(reference))
        return errors == 0

    @property
    def error_rate(self) -> float:
        """Percent of the reference tokens."""
        return 100 * self.errors / max(1, self.tokens)

    def row(self, name: str) -> str:
        """A line of the table."""
        times = np.array(self.start_errors_ms)
        timing = f"{np.median(times):.0f} / {np.percentile(times, 90):.0f}" if len(times) else "-"
        exact, count = 100 * self.exact / max(1, self.utterances), 100 * self.count_errors / max(1, self.tokens)
        return f"| {name} | {self.utterances} | {self.error_rate:.1f} | {exact:.0f} | {count:.1f} | {timing} |"


def mark_f1(wanted: Sequence[str], found: Sequence[str], mark: str) -> float:
    """F1 of one punctuation mark over aligned words, in percent."""
    pairs = list(zip(wanted, found, strict=True))
    hits = sum(a == b == mark for a, b in pairs)
    return 100 * 2 * hits / max(1, sum(a == mark for a, _ in pairs) + sum(b == mark for _, b in pairs))
