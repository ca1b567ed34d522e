"""One replica of the fleet model: what its talkers and files ask of its workers, and how long their texts take.

A chunk of speech takes a run of the detector, then a step. The end of a segment takes a run of the detector, a second
pass, and its punctuation. Chunks are joined and partial texts left out as in `runtime/first_pass.py`. Times of texts
are from the moment at which the audio is there: that of a chunk, or that by which the end of a segment is known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fleet_service import AS_SERVED, CHUNK_S, Rules, Seconds, Segment, Times
from fleet_workers import Job, Workers
from paraserve.runtime.first_pass import FIRST_OWED_MS, MAX_STEP_MS, PATIENCE_S
from paraserve.runtime.scheduling.batches import Lane
from paraserve.runtime.scheduling.live_load import LADDER, Rung

MAX_OWED_S = 10.0
CHUNK_MS = round(CHUNK_S * 1000)
MAX_CHUNKS = MAX_STEP_MS // CHUNK_MS
FILE_SEGMENT_S = 10.0
NOBODY_SPEAKS = Segment(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Visit:
    """A live session: when it begins and ends, and what is said."""

    begin_s: float
    end_s: float
    segments: Sequence[Segment]


@dataclass(frozen=True)
class File:
    """A recording that comes at this moment, of an upload (`Lane.BULK`) or a job (`Lane.JOBS`)."""

    at_s: float
    audio_s: float
    lane: Lane = Lane.BULK


@dataclass
class Outcome:
    """What happened. Texts are the moments at which they came and the time that they took, both in seconds.

    Args:
        partials, finals, files: texts.
        segments, chunks: number of them that were begun, and whose text was due.
        busy_share: of the workers' time.
        full_share: of the time in which newcomers would have been refused for the sake of the others.
    """

    partials: list[tuple[float, float]] = field(default_factory=list)
    finals: list[tuple[float, float]] = field(default_factory=list)
    files: list[tuple[float, float]] = field(default_factory=list)
    segments: int = 0
    chunks: int = 0
    busy_share: float = 0.0
    full_share: float = 0.0

    def took_s(self, kind: str, from_s: float = 0.0, to_s: float = float("inf")) -> Seconds:
        """Times of the texts of a kind whose audio was there in this time."""
        texts: list[tuple[float, float]] = getattr(self, kind)
        return np.array([took_s for at_s, took_s in texts if from_s <= at_s - took_s < to_s])


@dataclass(slots=True, eq=False)
class _Talker:
    """A session.

    `waiting` are the moments of chunks that no step has taken, `held` those whose text waits for a final text.
    `end_s` is the moment of an end that waits for a step.
    """

    segments: Iterator[Segment]
    leaves_s: float
    owed_s: float = 0.0
    segment: Segment = NOBODY_SPEAKS
    chunks: int = 0
    waiting: list[float] = field(default_factory=list)
    step: Job | None = None
    given_s: float = 0.0
    is_paused: bool = False
    end_s: float | None = None
    open_finals: int = 0
    held: list[float] = field(default_factory=list)

    @property
    def closes_s(self) -> float:
        """When the end of the open segment is known."""
        return min(self.segment.known_s, self.leaves_s)


class Replica:
    """Serves visits and files on its own workers.

    Args:
        times: of its machine.
        rng: of the spread of run times.
        rules: how it serves.
        others_cpu: CPUs that other programs of its machine keep busy.
    """

    def __init__(
        self, times: Times, rng: np.random.Generator, rules: Rules = AS_SERVED, others_cpu: float = 0.0
    ) -> None:
        self._times, self._rules = times, rules
        self._workers = Workers(times, rules, rng, others_cpu)
        self._outcome = Outcome()

    def run(self, visits: Sequence[Visit], files: Sequence[File], until_s: float) -> Outcome:
        """Serve all that comes before a moment, to its end."""
        for visit in visits:
            if visit.begin_s < until_s:
                self._workers.at(visit.begin_s, self._enter, visit)
        for file in files:
            self._workers.at(file.at_s, self._receive, file)
        looks: list[bool] = []
        for second in range(int(until_s)) if self._rules.gives_way else ():
            self._workers.at(float(second), lambda _: looks.append(self._workers.load.is_full))
        self._workers.run()
        self._outcome.busy_share = self._workers.busy_s / (until_s * self._times.cpus)
        self._outcome.full_share = sum(looks) / max(1, len(looks))
        return self._outcome

    @property
    def _rung(self) -> Rung:
        return self._workers.load.rung if self._rules.gives_way else LADDER[0]

    def _enter(self, visit: Visit) -> None:
        self._workers.live_sessions += 1
        owed_s = FIRST_OWED_MS[self._workers.load.enter() % len(FIRST_OWED_MS)] / 1000
        talker = _Talker(iter(visit.segments), visit.end_s, owed_s)
        self._workers.at(visit.end_s, self._leave)
        self._await_speech(talker)

    def _leave(self, _: None) -> None:
        self._workers.live_sessions -= 1
        self._workers.load.leave()

    def _await_speech(self, talker: _Talker) -> None:
        segment = next(talker.segments, None)
        if segment is not None and segment.start_s < talker.leaves_s:
            talker.segment = segment
            self._workers.at(max(segment.start_s, self._workers.now), self._open, talker)

    def _open(self, talker: _Talker) -> None:
        self._outcome.segments += 1
        talker.chunks, talker.given_s = 0, talker.segment.start_s
        talker.owed_s = max(-MAX_OWED_S, min(talker.owed_s, MAX_OWED_S))
        talker.is_paused = self._rung.share < 1.0 and talker.owed_s <= 0
        self._await_chunk(talker)

    def _await_chunk(self, talker: _Talker) -> None:
        talker.chunks += 1
        due_s = talker.segment.start_s + talker.chunks * CHUNK_S
        if due_s < talker.closes_s:
            self._workers.at(due_s, self._hear, talker)
        else:
            self._workers.at(talker.closes_s, self._end, talker)

    def _hear(self, talker: _Talker) -> None:
        self._outcome.chunks += 1
        self._workers.submit(Job("vad", Lane.SHORT, self._workers.now, 1, self._add, talker))
        self._await_chunk(talker)

    def _add(self, chunk: Job) -> None:
        """Step the chunk, or let it wait for the step before it and for others."""
        talker: _Talker = chunk.who
        if chunk.due_s < talker.segment.start_s:  # its segment has ended meanwhile
            return
        if not self._rules.gives_way:
            self._workers.submit(Job("step", Lane.STEP, chunk.due_s, 1, self._put, talker))
            return
        if self._rung.share < 1.0:
            talker.owed_s += self._rung.share * CHUNK_S
        if not talker.is_paused:
            talker.waiting.append(chunk.due_s)
            self._advance(talker)

    def _advance(self, talker: _Talker) -> None:
        if talker.step is None and len(talker.waiting) >= max(1, self._rung.step_ms // CHUNK_MS):
            due_s, talker.waiting = talker.waiting[:MAX_CHUNKS], talker.waiting[MAX_CHUNKS:]
            talker.step = Job("step", Lane.STEP, due_s[-1], len(due_s), self._stepped, talker)
            self._workers.submit(talker.step)

    def _stepped(self, step: Job) -> None:
        talker: _Talker = step.who
        if step.is_dropped:
            return
        talker.step = None
        if self._rung.share < 1.0:
            talker.owed_s -= step.due_s - talker.given_s
        talker.given_s = step.due_s
        self._put(step)
        if talker.end_s is not None:
            self._end_at((talker, talker.end_s))
        else:
            self._advance(talker)

    def _put(self, step: Job) -> None:
        """Give a partial text, which waits for the final text of the segment before."""
        if step.who.open_finals and self._rules.gives_way:
            step.who.held.append(step.due_s)
        else:
            self._note(self._outcome.partials, step.due_s)

    def _end(self, talker: _Talker) -> None:
        """End the segment. The detector's frames wait for a step of their stream, but not for long."""
        now, step = self._workers.now, talker.step
        if step is None or self._workers.load.level or now >= step.queued_s + PATIENCE_S:
            self._end_at((talker, now))
        else:
            talker.end_s = now
            self._workers.at(step.queued_s + PATIENCE_S, self._end_at, (talker, now))

    def _end_at(self, end: tuple[_Talker, float]) -> None:
        talker, due_s = end
        if talker.end_s not in (None, due_s) or (talker.end_s is None and due_s < self._workers.now):
            return  # the step came first
        talker.end_s = None
        talker.waiting.clear()
        if talker.step is not None:
            talker.step.is_dropped, talker.step = True, None
        talker.open_finals += 1
        audio_s = min(talker.segment.start_s + talker.segment.speech_s, due_s) - talker.segment.start_s
        final = Job("recognize", Lane.FINAL, due_s, audio_s, self._punctuate, talker)
        self._workers.submit(Job("vad", Lane.SHORT, due_s, 1, self._recognize, final))
        self._await_speech(talker)

    def _recognize(self, end: Job) -> None:
        self._workers.submit(end.who)

    def _punctuate(self, final: Job) -> None:
        self._workers.submit(Job("punctuate", Lane.SHORT, final.due_s, 0, self._finish, final.who))

    def _finish(self, text: Job) -> None:
        talker: _Talker = text.who
        self._note(self._outcome.finals, text.due_s)
        talker.open_finals -= 1
        if not talker.open_finals:
            for due_s in talker.held:
                self._note(self._outcome.partials, due_s)
            talker.held.clear()

    def _receive(self, file: File) -> None:
        self._workers.submit(Job("vad", file.lane, self._workers.now, file.audio_s / CHUNK_S, self._cut, file))

    def _cut(self, detected: Job) -> None:
        file: File = detected.who
        n = max(1, round(file.audio_s / FILE_SEGMENT_S))
        left = [n]
        for _ in range(n):
            part = Job("recognize", file.lane, detected.due_s, file.audio_s / n, self._part, left)
            self._workers.submit(part)

    def _part(self, part: Job) -> None:
        part.who[0] -= 1
        if not part.who[0]:
            self._workers.submit(Job("punctuate", part.lane, part.due_s, 0, self._file_done))

    def _file_done(self, text: Job) -> None:
        self._note(self._outcome.files, text.due_s)

    def _note(self, texts: list[tuple[float, float]], due_s: float) -> None:
        at_s = self._workers.now + self._times.turn_ms / 1000
        texts.append((at_s, at_s - due_s))
