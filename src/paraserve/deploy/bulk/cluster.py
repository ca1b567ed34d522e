"""The Ray cluster of a run: one that is there, or one of this machine for the time of the run."""

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from paraserve.cpus import available_cpus
from paraserve.errors import ParaserveError

OBJECT_STORE_BYTES = 128 * 1024**2
"""Of this machine's cluster: only names of recordings and their texts go through it."""
STARTS = 3
"""Ray gives its own start 30 s, which are short on a machine with much other work."""
GPU_CPUS = 8
"""CPUs that decode and detect speech for one GPU, where there are as many."""


@dataclass(frozen=True, slots=True)
class Place:
    """The flags about the cluster and its workers.

    `address` is `HOST:PORT` of its head, `auto` for that of this machine; None starts a cluster for the run.
    `n_workers` None is as many as it has room for. `worker_cpus` None is one for each, and with a GPU up to 8.
    """

    address: str | None = None
    n_workers: int | None = None
    worker_cpus: int | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """How many workers there are to be, and what each of them takes of the cluster."""

    count: int
    cpus: int
    gpus: int = 0

    def __str__(self) -> str:
        each = f"{self.cpus} CPU{'s' * (self.cpus > 1)}" + " and a GPU" * self.gpus
        return f"{self.count} worker{'s' * (self.count > 1)} of {each}"


def check_installed() -> None:
    """Refuse to go on without Ray.

    Raises:
        ParaserveError: it is not installed; says how it is.
    """
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("pyarrow") is None:
        raise ParaserveError("the package ray[data] is needed: pip install 'paraserve[ray]'")


@contextmanager
def connected(address: str | None) -> Iterator[dict[str, float]]:
    """Connect to a Ray cluster, and give its resources by their names.

    Args:
        address: `HOST:PORT` of its head, `auto` for that of this machine; None starts one for this run.

    Raises:
        ParaserveError: the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray calls home
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 is Ray's own: workers would wait for all else
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # or each actor class costs a line on stderr
    import ray  # noqa: PLC0415 - an extra

    for starts_left in reversed(range(1 if address else STARTS)):
        try:
            with _silent_stderr():
                _connect(address)
            break
        except Exception as error:  # Ray has no class for its own
            ray.shutdown()
            if not starts_left:
                message = f"the Ray cluster {address or 'of this machine'} does not answer: {error}"
                raise ParaserveError(message) from error
    try:
        # Ray prints what has become of machines and workers to stdout.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield ray.cluster_resources()
    finally:
        ray.shutdown()


def _connect(address: str | None) -> None:
    import ray  # noqa: PLC0415 - an extra

    own = {"num_cpus": available_cpus(), "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    kind = {} if address else own
    ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **kind)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep from stderr what Ray's libraries say there before they have read that they should not."""
    stderr = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def workers_for(resources: Mapping[str, float], place: Place, is_cpu: bool | None) -> Workers:
    """Return the workers of a run: one a GPU where the cluster has GPUs, else one a CPU.

    Args:
        resources: of the cluster.
        place: how many there are to be, and of how many CPUs.
        is_cpu: True takes no GPUs, False nothing else, None what there is.

    Raises:
        ParaserveError: the cluster has no GPU, or no room for a worker.
    """
    n_cpus, n_gpus = int(resources.get("CPU", 0)), 0 if is_cpu else int(resources.get("GPU", 0))
    if is_cpu is False and not n_gpus:
        raise ParaserveError("the cluster has no GPU")
    each = place.worker_cpus or (max(1, min(GPU_CPUS, n_cpus // n_gpus)) if n_gpus else 1)
    room = min(n_cpus // each, n_gpus or n_cpus)
    if not room:
        raise ParaserveError(f"the cluster has {n_cpus} CPUs: no room for a worker of {each}")
    return Workers(min(place.n_workers or room, room), each, min(1, n_gpus))
