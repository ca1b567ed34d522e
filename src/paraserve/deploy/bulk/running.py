"""A run: Ray Data brings batches to workers, and their rows back."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from paraserve.cli.batch.tally import Tally
from paraserve.deploy.bulk.batches import in_batches, write_batch
from paraserve.deploy.bulk.cluster import Workers
from paraserve.deploy.bulk.output import OutputFolder
from paraserve.deploy.bulk.progress import Progress
from paraserve.deploy.bulk.recordings import Recording
from paraserve.deploy.bulk.rows import WORKER_DIED, Row, failed
from paraserve.deploy.bulk.worker import Worker, WorkerPlan, rows_of
from paraserve.errors import ParaserveError

IN_FLIGHT = 2
"""Batches that a worker has: while one is transcribed the next one is there."""
TRIES_ALONE = 2
MOST_BREAKS = 5
"""Times that Ray may break off before the run does."""


class Results:
    """The rows of a run on their way to the output, each recording's once."""

    def __init__(self, recordings: Sequence[Recording], output: OutputFolder, tally: Tally) -> None:
        self._left = {one.id: one for one in recordings}
        self._output = output
        self._tally = tally
        self.progress = Progress(recordings)

    @property
    def left(self) -> list[Recording]:
        """Recordings without a row."""
        return list(self._left.values())

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows, but for those of recordings that have one.

        Raises:
            ParaserveError: they cannot be written.
        """
        new = [row for row in rows if row.id in self._left]
        self._output.add([row.line for row in new])
        for row in new:
            del self._left[row.id]
            if row.is_failed:
                self._tally.failed += 1
            else:
                self._tally.add(row.audio_ms)
        self.progress.done([row.id for row in new], self._tally)


def transcribe_on_cluster(results: Results, workers: Workers, plan: WorkerPlan) -> None:
    """Transcribe the recordings that are left, and add a row for each.

    A worker that dies loses its batches, also some that it has not begun. Their recordings are tried again, each
    alone, and once more. So one that kills workers kills three, and has a row that says so.

    Raises:
        ParaserveError: a worker cannot load its models, Ray breaks off again and again, or rows cannot be written.
    """
    _go_through(results, workers, plan, are_alone=False)
    for _ in range(TRIES_ALONE):
        if results.left:
            n_left = len(results.left)
            typer.echo(f"paraserve: {n_left} recordings of workers that died are tried again, each alone", err=True)
            _go_through(results, workers, plan, are_alone=True)
    message = f"the {1 + TRIES_ALONE} workers that were to transcribe it died"
    results.add([failed(one, WORKER_DIED, message) for one in results.left])


def _go_through(results: Results, workers: Workers, plan: WorkerPlan, *, are_alone: bool) -> None:
    """Bring all that is left to workers once. What dying workers had is left after that."""
    from ray.exceptions import RayError  # noqa: PLC0415 - an extra

    for _ in range(MOST_BREAKS):
        batches = [[one] for one in results.left] if are_alone else in_batches(results.left, workers.count)
        try:
            for rows in _rows(batches, workers, plan, in_flight=1 if are_alone else IN_FLIGHT):
                results.add(rows)
        except RayError as error:
            # Such as rows that were lost with their machine before they came here.
            typer.echo(f"paraserve: Ray broke off, the rest is begun again: {_last_line(error)}", err=True)
            continue
        return
    raise ParaserveError(f"Ray broke off {MOST_BREAKS} times. What is done is kept, the same command goes on")


def _rows(
    batches: Sequence[Sequence[Recording]], workers: Workers, plan: WorkerPlan, *, in_flight: int
) -> Iterator[list[Row]]:
    """Yield rows as batches are done, in any order; nothing of a batch whose worker died.

    Raises:
        ParaserveError: a worker cannot load its models.
        RayError: Ray breaks off.
    """
    import ray.data  # noqa: PLC0415 - an extra

    _quiet(ray.data.DataContext.get_current())
    items = [{"batch": write_batch(batch)} for batch in batches]
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of the last two arguments
        answers = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker,
            fn_constructor_args=(plan,),
            compute=ray.data.ActorPoolStrategy(size=workers.count, max_tasks_in_flight_per_actor=in_flight),
            batch_size=None,
            num_cpus=workers.cpus,
            num_gpus=workers.gpus,
            max_restarts=-1,
            # Ray would try what kills its worker again without end, and let the batches of a lost machine wait.
            max_task_retries=0,
        )
    for answer in answers.iter_batches(batch_size=None, prefetch_batches=0):
        yield rows_of(answer)


def _quiet(context: Any) -> None:
    """Let Ray Data go on without the batches of workers that died, and say nothing of its own."""
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _last_line(error: BaseException) -> str:
    """Return the cause of an error, which stands below the traceback of the worker."""
    return str(error).strip().rpartition("\n")[2]
