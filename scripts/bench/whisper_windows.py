"""How much silence Whisper needs behind a segment: error rates and time by the length of its windows.

    python scripts/bench/whisper_windows.py --model DIR --people DIR --utterances DIR --recording FILE.wav

`--people` is a folder of recordings with `transcription` (Debian's pocketsphinx-testdata: test/data/librivox),
`--utterances` one with `utterances.jsonl` (file, offset_samples, n_samples, lang, tokens), `--recording` a file
without a reference: what is written of it is compared with the first row. Utterances with numbers are left out,
because Whisper writes digits. All runs have one thread, and take turns segment by segment, so that times compare.
"""

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from rapidfuzz.distance import Levenshtein

from paraserve.inference.graphs.session import Placement
from paraserve.inference.models.recognizers import whisper_windows
from paraserve.inference.models.recognizers.whisper import Whisper, load_whisper
from paraserve.options import RecognitionOptions
from paraserve.types import FRAME_MS, SAMPLE_RATE, Samples, SegmentAudio
from recordings import Wave
from report import add_output_options, publish, table

LINE = re.compile(r"<s> (.*) </s> \((.*)\)")
NUMBERS = re.compile(
    r"[零一二三四五六七八九十百千万亿点两几\d]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|\w+teen|\w+ty|hundred|thousand|million|point|half|quarter|first|second|third|\w+th|percent|plus|minus|equals"
    r"|divided|pm|am|o'clock)\b"
)
MARKS = re.compile(r"[^\w' ]+")
PIECE_S = 8


@dataclass(frozen=True)
class Said:
    """A segment, its kind, and what is said in it (None: nobody knows)."""

    kind: str
    wave: Wave
    language: str
    text: str | None


@dataclass
class Row:
    """A length of windows: its errors and units of reference by kind of segment, and its time."""

    padding_s: float
    is_draft: bool
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    units: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: float = 0.0

    def recognize(self, model: Whisper, said: Said) -> str:
        """Return the text of one segment, and note the time."""
        whisper_windows.PADDING_FRAMES = round(self.padding_s * 1000 / FRAME_MS)
        options = RecognitionOptions(language=said.language, word_times=False, draft=self.is_draft)
        samples: Samples = said.wave
        began_s = time.perf_counter()
        (found,) = model.recognize([SegmentAudio(samples)], options)
        self.seconds += time.perf_counter() - began_s
        return found.text

    def compare(self, said: Said, text: str, reference: str) -> None:
        """Count characters of Chinese, and words of the rest."""
        wanted, given = (_units(one, said.language) for one in (reference, text))
        self.errors[said.kind] += Levenshtein.distance(wanted, given)
        self.units[said.kind] += len(wanted)


def _units(text: str, language: str) -> list[str]:
    bare = MARKS.sub(" ", text.lower().replace("-", " ").replace("mr.", "mister"))
    return list("".join(bare.split())) if language == "zh" else bare.split()


def people(folder: Path) -> Iterator[Said]:
    """Sentences that people read."""
    for match in map(LINE.fullmatch, (folder / "transcription").read_text("utf-8").splitlines()):
        if match:
            yield Said("people, en", soundfile.read(folder / f"{match[2]}.wav", dtype="float32")[0], "en", match[1])


def utterances(folder: Path, n_each: int) -> Iterator[Said]:
    """Synthetic utterances without numbers, `n_each` of each language, always the same."""
    rows = [json.loads(line) for line in (folder / "utterances.jsonl").read_text("utf-8").splitlines()]
    waves: dict[str, Wave] = {}
    left = {"zh": n_each, "en": n_each}
    for n in np.random.default_rng(5).permutation(len(rows)):
        row = rows[n]
        text = ("" if row["lang"] == "zh" else " ").join(row["tokens"])
        if left.get(row["lang"], 0) == 0 or NUMBERS.search(text) or row["n_samples"] < SAMPLE_RATE:
            continue
        if row["file"] not in waves:
            waves[row["file"]] = soundfile.read(folder / row["file"], dtype="float32")[0]
        start = row["offset_samples"]
        left[row["lang"]] -= 1
        wave = waves[row["file"]][start : start + row["n_samples"]]
        yield Said(f"synthetic, {row['lang']}", wave, row["lang"], text)


def pieces(path: Path, language: str) -> Iterator[Said]:
    """Pieces of a recording."""
    wave, _ = soundfile.read(path, dtype="float32")
    for start in range(0, len(wave), PIECE_S * SAMPLE_RATE):
        yield Said(path.stem, wave[start : start + PIECE_S * SAMPLE_RATE], language, None)


def run(model: Whisper, spoken: list[Said], rows: list[Row]) -> None:
    """Recognize every segment with every row, in turn."""
    for said in spoken:
        reference = said.text
        for row in rows:
            text = row.recognize(model, said)
            reference = text if reference is None else reference
            row.compare(said, text, reference)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a Whisper folder in CTranslate2's format")
    parser.add_argument("--people", type=Path)
    parser.add_argument("--utterances", type=Path)
    parser.add_argument("--each", type=int, default=40, help="utterances of each language")
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--language", default="zh", help="of the recording")
    parser.add_argument("--padding", type=float, nargs="+", default=[30, 16, 12, 8, 4, 2], metavar="S")
    add_output_options(parser)
    arguments = parser.parse_args()
    spoken = [
        *(people(arguments.people) if arguments.people else ()),
        *(utterances(arguments.utterances, arguments.each) if arguments.utterances else ()),
        *(pieces(arguments.recording, arguments.language) if arguments.recording else ()),
    ]
    rows = [Row(padding_s, is_draft) for padding_s in arguments.padding for is_draft in (False, True)]
    run(load_whisper(arguments.model, Placement("cpu", 1)), spoken, rows)
    kinds = list(dict.fromkeys(said.kind for said in spoken))
    body = [
        [
            f"{row.padding_s:g} s", 1 if row.is_draft else 5,
            *(f"{row.errors[kind] / max(1, row.units[kind]):.1%}" for kind in kinds),
            f"{row.seconds:.1f}", f"{row.seconds / rows[0].seconds:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    facts = {"rows": [vars(row) for row in rows]}
    header = ["silence", "beam", *kinds, "seconds", "ratio"]
    publish(f"Windows of {arguments.model}", facts, [table(header, body)], arguments.json)


if __name__ == "__main__":
    main()
