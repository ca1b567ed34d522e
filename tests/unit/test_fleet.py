"""The fleet model of scripts/bench: known queues come out, nobody is lost, and a seed gives the same each time."""

import importlib
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paraserve.runtime.scheduling.batches import Lane

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "bench"))
fleet = importlib.import_module("fleet")
replica, service, sessions, capacity = (
    importlib.import_module(f"fleet_{name}") for name in ("replica", "service", "sessions", "capacity")
)
sys.path.pop(0)


def waits_s(workers, load, spread=0.0, n=3000):
    """Times of files that come at random to a replica, each with a run of one second on average, less the run."""
    rng = np.random.default_rng(1)
    times = replace(service.PUBLISHED, cpus=workers, final_ms_per_s=1000.0, spread=spread)
    comes_s = np.cumsum(rng.exponential(1 / (load * workers), n))
    lengths_s = rng.exponential(1.0, n) if not spread else np.ones(n)
    files = [replica.File(float(at), min(float(s), 9.0), Lane.BULK) for at, s in zip(comes_s, lengths_s, strict=True)]
    outcome = replica.Replica(times, rng, service.PLAIN).run([], files, float(comes_s[-1]))
    assert len(outcome.files) == n
    return outcome.took_s("files").mean() - lengths_s.mean()


def erlang_c(workers, load):
    """The probability of waiting with so many workers, each busy for this share of the time."""
    offered = load * workers
    terms = [offered**k / math.factorial(k) for k in range(workers)]
    last = offered**workers / math.factorial(workers) / (1 - load)
    return last / (sum(terms) + last)


@pytest.mark.parametrize(("workers", "load"), [(1, 0.5), (1, 0.7), (2, 0.7)])
def test_runs_at_random_wait_as_in_theory(workers, load):
    """M/M/1 and M/M/2: mean waits of Erlang's formula."""
    assert waits_s(workers, load) == pytest.approx(erlang_c(workers, load) / (workers * (1 - load)), rel=0.15)


def test_runs_of_a_known_spread_wait_as_in_theory():
    """M/G/1: Pollaczek and Khinchine's formula, with the second moment of a lognormal of mean 1."""
    assert waits_s(1, 0.7, spread=0.25) == pytest.approx(0.7 * math.exp(0.25**2) / 2 / 0.3, rel=0.15)


def talkers(n, seconds, share=0.6):
    spoken = [service.Speech(share).segments(0.1 * i, np.random.default_rng(i), seconds) for i in range(n)]
    return [replica.Visit(0.1 * i, seconds, segments) for i, segments in enumerate(spoken)]


def served(n, seconds=30.0, share=0.6, **rules):
    files = [replica.File(float(at), 30.0) for at in range(0, int(seconds), 5)]
    one = replica.Replica(service.PUBLISHED, np.random.default_rng(0), service.Rules(**rules))
    return one.run(talkers(n, seconds, share), files, seconds)


def test_every_segment_has_a_final_text():
    """Under any load; partial texts come for all chunks where nothing gives way, and for fewer where it does."""
    plain, gives_way = (served(40, share=0.95, gives_way=is_on, batches=is_on) for is_on in (False, True))
    little = served(4)
    assert len(plain.finals) == plain.segments == gives_way.segments == len(gives_way.finals)
    assert len(plain.partials) == plain.chunks
    assert len(gives_way.partials) < 0.9 * gives_way.chunks
    assert len(little.partials) > 0.9 * little.chunks
    assert len(plain.files) == len(gives_way.files) == 6


def test_who_speaks_goes_before_files():
    """Files wait for talkers, talkers hardly for files; and giving way keeps texts in time where more talk."""
    alone, many = served(4), served(40, share=0.95)
    assert np.median(alone.took_s("files")) < np.median(many.took_s("files"))
    assert np.percentile(alone.took_s("partials"), 95) < 0.15
    assert np.percentile(many.took_s("finals"), 95) < 2.0
    assert np.percentile(served(40, share=0.95, gives_way=False).took_s("partials"), 95) > 2.0


def test_a_seed_gives_the_same():
    """To the last bit, and another seed something else."""
    assert served(8).partials == served(8).partials
    assert opened(0).stays == opened(0).stays
    assert opened(0).stays != opened(1).stays


def opened(seed, policy="least filled", ratings=(12.0, 24.0) * 10):
    doors = sessions.Doors(ratings, policy, np.random.default_rng(seed), balancers=2)
    doors.at(20.0, lambda _: doors.kill(3))
    return doors.open(sessions.Demand(300, growth=1.5, from_s=10.0, ramp_s=30.0), 120.0)


@pytest.mark.parametrize("policy", ["random", "round robin", "power of two", "least connections", "least filled"])
def test_nobody_is_lost_at_the_doors(policy):
    """Every session ends, is cut by a replica that dies, is there at the end, or was refused."""
    doors = opened(0, policy)
    fates = [stay.fate for stay in doors.stays]
    assert doors.arrived == len(fates) + len(doors.refused_s)
    assert fates.count("open") == doors.sessions.sum()
    assert 0 < fates.count("cut") <= 24
    assert max(stay.end_s for stay in doors.stays if stay.fate != "open") <= 120.0
    assert (np.concatenate(doors.watched) <= 24).all()


def test_routing_by_rating_refuses_nobody_first():
    """Where replicas differ, only the policy that knows their ratings uses all places."""
    filled = len(opened(0, "least filled").refused_s)
    assert filled < min(len(opened(0, policy).refused_s) for policy in ("round robin", "least connections"))


def test_the_page_has_the_tables():
    """docs/scale.md has what fleet.py found, and the table of machines, to the letter."""
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    found = json.loads(fleet.FOUND.read_text("utf-8"))
    tables = [fleet.markdown(name, rows) for name, rows in found["tables"].items()]
    assert len(tables) == 5
    assert [text for text in (*tables, capacity.capacity_table()) if text not in page] == []
    assert (found["rating"], found["sessions"]) == (service.PUBLISHED.rated, 10_000)
