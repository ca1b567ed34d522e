"""Measures which segments the embedded bundle is sure of, on speech that it knows and speech that it does not.

    python scripts/bench/routing.py [--domain FOLDER ...] [--outside FOLDER ...]

The set is made of what is here: it says what is missing, and how to get it. `--domain` and `--outside` name folders
of the recipe's `eval-speech` and `outside-speech --held-out`. Segments come from the bundle's detector. The limits
of the rule (`runtime/routing/unsure.py`) were chosen on every second recording, the others are reported.

- stay: segments that the bundle keeps with `model=auto`. The others go to another model, for the reasons named.
- error: tokens that are wrong in the text that the bundle writes alone, where it is known what was said.

Exit status 1: less than 95 % of the known speech stays, or of the other speech leaves.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from paraserve.catalog.manifest import read_languages
from paraserve.inference.base import ModelBundle
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.options import RecognitionOptions
from paraserve.runtime.routing.unsure import unsure_reason
from paraserve.types import Hypothesis, SegmentAudio, ms_to_samples
from routing_sets import ROOT, Clip, SpeechSet, all_sets

WANTED = 0.95
DEMO = ROOT / "models" / "demo"


@dataclass
class Result:
    """Counts of one set, of one half of its recordings."""

    segments: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    tokens: int = 0

    @property
    def stay(self) -> int:
        """Segments that the bundle is sure of."""
        return self.segments - self.reasons.total()

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.segments + other.segments,
            self.reasons + other.reasons,
            self.errors + other.errors,
            self.tokens + other.tokens,
        )


def measure(bundle: ModelBundle, clips: Sequence[Clip]) -> Result:
    """Recognize the clips and apply the rule to each segment."""
    languages, result = read_languages(DEMO), Result()
    for clip in clips:
        found: list[str] = []
        for duration_ms, hypothesis in _recognized(bundle, clip):
            result.segments += 1
            if reason := unsure_reason(hypothesis, duration_ms, languages):
                result.reasons[reason] += 1
            found += [token.text.lower() for token in hypothesis.tokens]
        if clip.tokens:
            result.tokens += len(clip.tokens)
            result.errors += Levenshtein.distance([token.lower() for token in clip.tokens], found)
    return result


def _recognized(bundle: ModelBundle, clip: Clip) -> list[tuple[int, Hypothesis]]:
    assert bundle.vad is not None, "the embedded bundle has a voice detector"
    found = []
    for segment in bundle.vad.segment(clip.samples):
        samples = clip.samples[ms_to_samples(segment.start_ms) : ms_to_samples(segment.end_ms)]
        (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples)], RecognitionOptions())
        found.append((segment.end_ms - segment.start_ms, hypothesis))
    return found


def row(name: str, result: Result) -> str:
    """Return a line of the table."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in result.reasons.most_common())
    error = f"{100 * result.errors / result.tokens:.1f}" if result.tokens else ""
    share = 100 * result.stay / max(1, result.segments)
    return f"| {name} | {result.segments} | {result.stay} | {share:.1f} | {reasons} | {error} |"


def report(bundle: ModelBundle, sets: Sequence[SpeechSet], half: int) -> tuple[Result, Result]:
    """Print the table of one half of the recordings; return the sums of known and of other speech."""
    print(
        "| set | segments | stay | stay % | the others leave for | error % |\n| --- | --: | --: | --: | --- | --: |"
    )
    sums = {True: Result(), False: Result()}
    for one in sets:
        # A set of one recording counts in both halves: its segments are what there is.
        clips = one.clips[half::2] if len(one.clips) > 1 else one.clips
        result = measure(bundle, clips)
        sums[one.is_domain] += result
        print(row(one.name, result), flush=True)
    print(row("**known, all**", sums[True]))
    print(row("**not known, all**", sums[False]))
    return sums[True], sums[False]


def main() -> int:
    """Measure both halves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", type=Path, nargs="*", default=[])
    parser.add_argument("--outside", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    bundle = load_parts(replace(bundle_parts(DEMO), has_itn=False))
    sets = list(all_sets(arguments.domain, arguments.outside))
    print("\nthe half that the limits were chosen on\n")
    report(bundle, sets, 0)
    print("\nthe other half\n")
    known, other = report(bundle, sets, 1)
    is_met = known.stay >= WANTED * known.segments and other.stay <= (1 - WANTED) * other.segments
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
