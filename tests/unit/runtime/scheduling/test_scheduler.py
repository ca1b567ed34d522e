"""Scheduler: lanes, padded-cost batches, and an answer for every entry."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from paraserve.errors import EngineStuckError, InferenceError, InferenceTimeoutError, OverloadedError
from paraserve.runtime.scheduling.batches import BatchCall, Lane, Timed
from paraserve.runtime.scheduling.scheduler import Scheduler


class Recorder:
    """A call that remembers its batches; while its gate is closed, a queue builds up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.started = threading.Event()

    def run(self, batch: Sequence[int]) -> list[int]:
        self.started.set()
        self.gate.wait(10)
        self.batches.append(list(batch))
        if len(batch) > 1 and any(item < 0 for item in batch):
            raise InferenceError("a bad item spoils its batch")
        if any(item == -1 for item in batch):
            raise InferenceError("item -1 is bad")
        return [item * 10 for item in batch]

    def call(self, key: str = "a", budget: int = 0) -> BatchCall[int, int]:
        return BatchCall(key, self.run, budget)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def scheduler():
    scheduler = Scheduler(workers=1)
    yield scheduler
    scheduler.close()


async def hold(scheduler: Scheduler, recorder: Recorder) -> "asyncio.Task[Timed[int]]":
    """Occupy the only worker, so that what follows is queued in a known order."""
    task = asyncio.create_task(scheduler.submit(recorder.call("hold"), 0))
    await asyncio.to_thread(recorder.started.wait, 10)
    return task


async def queue(
    scheduler: Scheduler, call: BatchCall[int, int], *items: int, **kwargs
) -> "list[asyncio.Task[Timed[int]]]":
    tasks = [asyncio.create_task(scheduler.submit(call, item, **kwargs)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def results(tasks) -> list[object]:
    done = await asyncio.gather(*tasks, return_exceptions=True)
    return [d.result if isinstance(d, Timed) else d for d in done]


async def test_an_idle_worker_answers_a_single_item_at_once(scheduler, recorder):
    """One item is not held back to wait for others."""
    recorder.gate.set()
    done = await scheduler.submit(recorder.call(budget=100), 4)
    assert done.result == 40
    assert recorder.batches == [[4]]


async def test_overdue_finals_go_before_partials(recorder):
    """More partials than there is time for keep no finished sentence waiting."""
    scheduler = Scheduler(workers=1, final_patience_s=0.0)
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call("step"), 1, 2, 3, lane=Lane.STEP)
    tasks += await queue(scheduler, recorder.call("final"), 4, 5, lane=Lane.FINAL)
    tasks += await queue(scheduler, recorder.call("file"), 6, lane=Lane.BULK)
    recorder.gate.set()
    await results([held, *tasks])
    assert recorder.batches == [[0], [4], [5], [1], [2], [3], [6]]
    scheduler.close()


async def test_jobs_come_behind_uploads(recorder):
    """However long they have waited. One that is alike shares a batch with an upload all the same."""
    scheduler = Scheduler(workers=1)
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call("job"), 1, 2, lane=Lane.JOBS)
    tasks += await queue(scheduler, recorder.call("file", budget=100), 3, lane=Lane.BULK)
    tasks += await queue(scheduler, recorder.call("file", budget=100), 4, lane=Lane.JOBS)
    recorder.gate.set()
    await results([held, *tasks])
    assert recorder.batches == [[0], [3, 4], [1], [2]]
    scheduler.close()


async def test_jobs_leave_a_worker_to_live_sessions(recorder):
    """As uploads do."""
    scheduler = Scheduler(workers=2)
    with scheduler.live_session():
        tasks = await queue(scheduler, recorder.call("job"), 1, 2, lane=Lane.JOBS)
        await asyncio.sleep(0.05)
        assert scheduler.queued[Lane.JOBS] == 1
        recorder.gate.set()
        await results(tasks)
    scheduler.close()


@pytest.mark.parametrize(("late_s", "batches"), [(60.0, [[0], [1], [2], [3], [4]]), (0.0, [[0], [3], [4], [1], [2]])])
async def test_a_partial_that_waits_for_long_goes_before_finals(recorder, monkeypatch, late_s, batches):
    """Not before those that would be late themselves."""
    monkeypatch.setattr("paraserve.runtime.scheduling.scheduler.STEP_PATIENCE_S", 0.0)
    monkeypatch.setattr("paraserve.runtime.scheduling.scheduler.FINAL_LATE_S", late_s)
    scheduler = Scheduler(workers=1, final_patience_s=0.0)
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call("step"), 1, 2, lane=Lane.STEP)
    tasks += await queue(scheduler, recorder.call("final"), 3, 4, lane=Lane.FINAL)
    recorder.gate.set()
    await results([held, *tasks])
    assert recorder.batches == batches
    scheduler.close()


async def test_a_batch_grows_up_to_the_padded_cost(scheduler, recorder):
    """largest cost x items <= budget; the entry that does not fit starts the next batch, in order."""
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call(budget=30), 1, 2, 3, cost=10)
    tasks += await queue(scheduler, recorder.call(budget=30), 4, cost=13)
    tasks += await queue(scheduler, recorder.call(budget=30), 5, 6, cost=10)
    recorder.gate.set()
    assert await results(tasks) == [10, 20, 30, 40, 50, 60]
    assert recorder.batches[1:] == [[1, 2, 3], [4, 5], [6]]
    await held


async def test_lengths_that_differ_do_not_share_a_batch(scheduler, recorder):
    """Entries of one length pass one of another, which heads the next batch; small batches take all as they come."""
    held = await hold(scheduler, recorder)
    tasks = []
    for item, cost in enumerate((100, 30, 90, 100, 95, 28), start=1):
        tasks += await queue(scheduler, recorder.call("long", budget=1000), item, cost=cost)
    for item, cost in enumerate((12, 3, 7), start=7):
        tasks += await queue(scheduler, recorder.call("short", budget=1000), item, cost=cost)
    recorder.gate.set()
    assert await results(tasks) == [10 * item for item in range(1, 10)]
    assert recorder.batches[1:] == [[1, 3, 4, 5], [2, 6], [7, 8, 9]]
    await held


async def test_budget_zero_means_one_item_at_a_time(scheduler, recorder):
    """A model whose results depend on the batch is run alone."""
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call(budget=0), 1, 2)
    recorder.gate.set()
    assert await results([held, *tasks]) == [0, 10, 20]
    assert recorder.batches[1:] == [[1], [2]]


async def test_only_entries_of_one_key_share_a_batch(scheduler, recorder):
    """Different options mean a different key; the order of each key is kept."""
    held = await hold(scheduler, recorder)
    a, b = recorder.call("a", 100), recorder.call("b", 100)
    tasks = [*await queue(scheduler, a, 1), *await queue(scheduler, b, 2), *await queue(scheduler, a, 3)]
    recorder.gate.set()
    assert await results(tasks) == [10, 20, 30]
    assert recorder.batches[1:] == [[1, 3], [2]]
    await held


async def test_lanes_are_served_in_order(scheduler, recorder):
    """Live steps first, then second passes, then files."""
    held = await hold(scheduler, recorder)
    tasks = [
        *await queue(scheduler, recorder.call("file"), 1, lane=Lane.BULK),
        *await queue(scheduler, recorder.call("final"), 2, lane=Lane.FINAL),
        *await queue(scheduler, recorder.call("step"), 3, lane=Lane.STEP),
    ]
    recorder.gate.set()
    await results(tasks)
    assert recorder.batches[1:] == [[3], [2], [1]]
    await held


async def test_a_failed_batch_is_retried_item_by_item(scheduler, recorder):
    """Only the bad item gets the error."""
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call(budget=100), 1, -1, 3)
    recorder.gate.set()
    first, bad, last = await results(tasks)
    assert (first, last) == (10, 30)
    assert isinstance(bad, InferenceError)
    assert recorder.batches[1:] == [[1, -1, 3], [1], [-1], [3]]
    await held


async def test_a_wrong_number_of_results_is_an_error_for_all(scheduler):
    """No caller gets another caller's result, and none waits for ever."""
    short = BatchCall("short", lambda batch: list(batch)[1:], 100)
    with pytest.raises(InferenceError, match="0 results for 1 items"):
        await scheduler.submit(short, 1)


async def test_cancelled_entries_are_skipped(scheduler, recorder):
    """A client that left costs nothing."""
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call(budget=100), 1, 2, 3)
    tasks[1].cancel()
    await asyncio.sleep(0)
    recorder.gate.set()
    first, second, third = await results(tasks)
    assert (first, third) == (10, 30)
    assert isinstance(second, asyncio.CancelledError)
    assert recorder.batches[1:] == [[1, 3]]
    await held


async def test_close_answers_what_is_queued(recorder):
    """Queued work is refused, running work ends, later work is refused."""
    scheduler = Scheduler(workers=1)
    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, recorder.call(), 1, 2)
    closing = asyncio.create_task(asyncio.to_thread(scheduler.close))
    assert all(isinstance(r, OverloadedError) for r in await results(tasks))
    recorder.gate.set()
    await closing
    assert (await held).result == 0
    with pytest.raises(OverloadedError):
        await scheduler.submit(recorder.call(), 3)


async def test_a_live_session_keeps_one_worker_free_of_files(recorder):
    """With two workers and a live session only one runs files; a step starts at once."""
    scheduler = Scheduler(workers=2)
    steps = Recorder()
    steps.gate.set()
    with scheduler.live_session():
        files = await queue(scheduler, recorder.call("file"), 1, 2)
        await asyncio.to_thread(recorder.started.wait, 10)
        done = await asyncio.wait_for(scheduler.submit(steps.call("step"), 7, lane=Lane.STEP), 5)
        assert done.result == 70
        assert scheduler.queued[Lane.BULK] == 1
        recorder.gate.set()
        assert await results(files) == [10, 20]
    await asyncio.to_thread(scheduler.close)


async def test_files_use_all_workers_without_live_sessions():
    """Without a live session no worker is reserved: two files run side by side."""
    scheduler = Scheduler(workers=2)
    side_by_side = threading.Barrier(2, timeout=10)
    call: BatchCall[int, int] = BatchCall("file", lambda batch: [side_by_side.wait() for _ in batch])
    assert sorted(await results(await queue(scheduler, call, 1, 2))) == [0, 1]
    await asyncio.to_thread(scheduler.close)


async def test_batches_are_reported(recorder):
    """`on_batch` gets stage, size, padding and waits of each batch; of a failed one, and then of its items alone."""
    reports = []
    scheduler = Scheduler(workers=1, on_batch=reports.append)
    try:
        held = await hold(scheduler, recorder)
        call = BatchCall(("stage", "whatever"), recorder.run, 100)
        tasks = [asyncio.create_task(scheduler.submit(call, n, cost=cost)) for n, cost in ((1, 8), (-1, 10), (2, 9))]
        await asyncio.sleep(0)
        recorder.gate.set()
        await asyncio.gather(held, *tasks, return_exceptions=True)
    finally:
        scheduler.close()
    (first, *rest) = reports
    assert (first.stage, first.n_items, first.lane, first.is_failed) == ("hold", 1, Lane.BULK, False)
    sizes = [(one.stage, one.n_items, one.cost, one.padded_cost, one.is_failed) for one in rest]
    assert sizes[0] == ("stage", 3, 27, 30, True)
    assert sorted(sizes[1:]) == [("stage", 1, 8, 8, False), ("stage", 1, 9, 9, False), ("stage", 1, 10, 10, True)]
    assert all(len(one.queue_s) == one.n_items and min(one.queue_s) >= 0 and one.run_s >= 0 for one in reports)


async def test_a_run_that_takes_too_long():
    """Its callers get a typed error and its late result is dropped; runs that are not overdue go on."""
    scheduler, recorder = Scheduler(1), Recorder()
    hung = asyncio.create_task(scheduler.submit(recorder.call(), 1))
    await asyncio.to_thread(recorder.started.wait, 10)
    waiting = asyncio.create_task(scheduler.submit(recorder.call(), 2))
    assert scheduler.end_overdue(100) == 0
    assert scheduler.end_overdue(0) == 1
    with pytest.raises(InferenceTimeoutError, match="took longer than 0 s"):
        await hung
    assert not waiting.done()
    recorder.gate.set()
    assert (await waiting).result == 20
    assert scheduler.end_overdue(0) == 0
    scheduler.close()


async def test_a_run_alone_that_takes_too_long(recorder):
    """After a failed batch its entries run alone. If one of them hangs, those behind it get the error as well."""
    scheduler, hanging, gate = Scheduler(1), threading.Event(), threading.Event()

    def run(batch: list[int]) -> list[int]:
        if len(batch) > 1:
            raise ValueError("one of them is bad")
        hanging.set()
        gate.wait(10)
        return batch

    held = await hold(scheduler, recorder)
    tasks = await queue(scheduler, BatchCall("hang", run, 100), 1, 2, 3)
    recorder.gate.set()
    await held
    assert await asyncio.to_thread(hanging.wait, 10)
    assert scheduler.end_overdue(0) == 1
    for task in tasks:
        with pytest.raises(InferenceTimeoutError):
            await task
    gate.set()
    await asyncio.to_thread(scheduler.close)


async def test_abandoned_calls():
    """All that runs or waits gets the error, nothing of it runs any more, and later calls are served."""
    scheduler, recorder = Scheduler(1), Recorder()
    running = asyncio.create_task(scheduler.submit(recorder.call(), 1))
    await asyncio.to_thread(recorder.started.wait, 10)
    calls = [running, *(asyncio.create_task(scheduler.submit(recorder.call(), 2, lane=lane)) for lane in Lane)]
    await asyncio.sleep(0)
    scheduler.abandon(EngineStuckError, "no answer")
    for call in calls:
        with pytest.raises(EngineStuckError, match="no answer"):
            await call
    recorder.gate.set()
    assert (await scheduler.submit(recorder.call(), 7)).result == 70
    assert recorder.batches == [[1], [7]]
    scheduler.close()


async def test_live_audio_that_comes_too_fast_waits_like_a_file(recorder):
    """It takes no worker that is kept for those who speak, and comes before files."""
    scheduler = Scheduler(workers=2)
    with scheduler.live_session():
        held = await queue(scheduler, recorder.call("ahead"), 1, lane=Lane.AHEAD)
        await asyncio.to_thread(recorder.started.wait, 10)
        files = await queue(scheduler, recorder.call("file"), 2)
        ahead = await queue(scheduler, recorder.call("ahead"), 3, lane=Lane.AHEAD)
        final = Recorder()
        final.gate.set()
        assert (await asyncio.wait_for(scheduler.submit(final.call("final"), 4, lane=Lane.FINAL), 5)).result == 40
        assert (scheduler.queued[Lane.AHEAD], scheduler.queued[Lane.BULK]) == (1, 1)
        recorder.gate.set()
        await results([*held, *ahead, *files])
    assert recorder.batches == [[1], [3], [2]]
    await asyncio.to_thread(scheduler.close)
