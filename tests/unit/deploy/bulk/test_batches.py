"""Batches of a bulk run."""

from hypothesis import given
from hypothesis import strategies as st

from paraserve.deploy.bulk.batches import BATCH_FILES, in_batches, read_batch, write_batch
from paraserve.deploy.bulk.recordings import Recording


def recordings(sizes: list[int]) -> list[Recording]:
    return [Recording(str(n), f"/{n}.wav", size) for n, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 10**10), max_size=60), st.integers(1, 8))
def test_each_recording_is_in_one_batch_and_the_largest_come_first(sizes, n_workers):
    batches = in_batches(recordings(sizes), n_workers)
    taken = [one for batch in batches for one in batch]
    assert sorted(taken, key=lambda one: int(one.id)) == recordings(sizes)
    assert [one.size_bytes for one in taken] == sorted(sizes, reverse=True)
    assert all(1 <= len(batch) <= BATCH_FILES for batch in batches)


def test_a_recording_of_hours_is_alone_so_that_other_workers_do_the_rest():
    batches = in_batches(recordings([100, 1, 1, 1, 1, 1, 1, 1, 90]), 2)
    assert [[one.size_bytes for one in batch] for batch in batches] == [[100], [90], [1] * 6, [1]]


def test_millions_are_in_larger_batches(monkeypatch):
    monkeypatch.setattr("paraserve.deploy.bulk.batches.MOST_BATCHES", 100)
    batches = in_batches(recordings([0] * (100 * BATCH_FILES + 1)), 4)
    assert len(batches) <= 100
    assert len(batches[0]) == BATCH_FILES + 1


def test_a_batch_comes_to_a_worker_as_it_was():
    batch = [Recording("a", "/a\udcff.wav", 3, {"language": "en"}), Recording("字", "s3://b/c", 0)]
    assert read_batch(write_batch(batch)) == batch
