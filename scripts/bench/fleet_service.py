"""What a replica of the fleet model is: how long its runs take, and the rules by which it serves.

The times of a bundle on a machine are measured by `fleet_times.py`, and kept in `fleet_times.json`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

TIMES = Path(__file__).with_name("fleet_times.json")
CHUNK_S = 0.6
END_SILENCE_S = 0.8
"""Silence after which the detector says that a segment has ended."""
LIVE_SHARE = 0.8
"""Share of the measured speed that live talkers may use, as in `runtime/capacity.py`."""

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Times:
    """Times of one machine's runs, in ms of one thread while all of them run.

    Args:
        name: of the bundle.
        cpus: of the machine. There is a worker for each.
        rating: live talkers that `paraserve bench live` finds; 0 = what the times come to.
        vad_ms: the detector's run that a chunk or the end of a segment waits for.
        step_ms, row_ms: a step of `n` streams, each with `c` chunks, takes step_ms + row_ms * n * (1 + c).
        final_ms, final_ms_per_s: a second pass, and what each second of its segment adds.
        punctuate_ms: of a segment.
        other_ms_per_s: all other work for a second of one live client: sockets, JSON, the detector's other runs.
        turn_ms: what a text waits for beside runs and workers: turns of the event loop.
        spread: standard deviation of the logarithm of a run's time.
    """

    name: str
    cpus: int
    rating: int
    vad_ms: float
    step_ms: float
    row_ms: float
    final_ms: float
    final_ms_per_s: float
    punctuate_ms: float
    other_ms_per_s: float
    turn_ms: float
    spread: float

    def step_s(self, streams: int, chunks: int) -> float:
        """Seconds of one run of the streaming recognizer."""
        return (self.step_ms + self.row_ms * streams * (1 + chunks)) / 1000

    def final_s(self, audio_s: float) -> float:
        """Seconds of one run of the recognizer."""
        return (self.final_ms + self.final_ms_per_s * audio_s) / 1000

    @property
    def rated(self) -> int:
        """Talkers without a pause that it carries."""
        return self.rating or max(1, int(self.speed * LIVE_SHARE))

    @property
    def speed(self) -> float:
        """Seconds of speech that the workers do in a second, each step alone."""
        own_ms = (self.vad_ms + self.step_s(1, 1) * 1000) / CHUNK_S + self.final_ms_per_s + self.other_ms_per_s
        return self.cpus * 1000 / own_ms


PUBLISHED = Times("published", 2, 18, 0.0, 14.4, 11.8, 0.0, 25.0, 0.0, 0.0, 0.0, 0.25)
"""What docs/speed.md has of full-size models on 2 CPUs with VNNI: 18 talkers are carried, a step takes 38 ms alone
and 110 ms for four streams, a second pass 25 ms for each second."""


@dataclass(frozen=True)
class Rules:
    """How replicas serve.

    Args:
        batches: waiting steps of several streams run together.
        gives_way: chunks are joined and partial texts left out while runs wait too long (`live_load.py`).
        step_batch: streams in one step.
        vad_batch: streams in one run of the detector.
    """

    batches: bool = True
    gives_way: bool = True
    step_batch: int = 4
    vad_batch: int = 16

    def streams(self, chunks: int) -> int:
        """Most streams in a step of so many chunks, as in `runtime/local_stream.py`."""
        return max(1, self.step_batch * 2 // (1 + chunks)) if self.batches else 1


AS_SERVED = Rules()
PLAIN = Rules(batches=False, gives_way=False)


@dataclass(frozen=True)
class Segment:
    """Speech from `start_s` on for `speech_s`, by the clock of the model. Its end is known at `known_s`."""

    start_s: float
    speech_s: float
    known_s: float


@dataclass(frozen=True)
class Speech:
    """People who speak for this share of the time, in segments of this mean length."""

    share: float = 0.6
    segment_s: float = 5.0
    shortest_s: float = 0.8
    longest_s: float = 15.0

    def segments(self, begin_s: float, rng: np.random.Generator, until_s: float) -> list[Segment]:
        """Return what one of them says from a moment on; somewhere amid a segment or a pause at first."""
        pause_s = self.segment_s * (1 / self.share - 1)
        found: list[Segment] = []
        at_s = begin_s - rng.uniform(0, self.segment_s + pause_s)
        while at_s < until_s:
            speech_s = float(np.clip(rng.gamma(2.0, self.segment_s / 2), self.shortest_s, self.longest_s))
            start_s = max(at_s, begin_s)
            at_s += speech_s
            if at_s > start_s + self.shortest_s / 2:
                found.append(Segment(start_s, at_s - start_s, at_s + min(END_SILENCE_S, pause_s / 2)))
            at_s = max(at_s + float(rng.exponential(pause_s)), found[-1].known_s if found else at_s)
        return found


def noise(spread: float, rng: np.random.Generator, n: int) -> list[float]:
    """Return factors of mean 1, lognormal."""
    if not spread:
        return [1.0] * n
    return np.exp(rng.normal(-spread * spread / 2, spread, n)).tolist()


def read_times(path: Path = TIMES) -> dict[str, Times]:
    """Return the measured times by bundle.

    Raises:
        OSError: there is no such file.
    """
    bundles = json.loads(path.read_text("utf-8"))["bundles"]
    return {name: Times(name=name, **facts["times"]) for name, facts in bundles.items()}


def read_facts(bundle: str) -> dict[str, dict[str, float]]:
    """Return all that was measured of a bundle: `times`, `bench`, `server`, and the `machine`."""
    facts: dict[str, dict[str, float]] = json.loads(TIMES.read_text("utf-8"))["bundles"][bundle]
    return facts
