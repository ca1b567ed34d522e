"""All faults by name. Each check starts servers of its own, and returns what it saw in words."""

from collections.abc import Callable, Mapping

from paraserve.selftest.faults.clock_jump import clock_jump
from paraserve.selftest.faults.damaged_bundle import damaged_bundle
from paraserve.selftest.faults.difficult_clients import slow_clients, vanishing_clients
from paraserve.selftest.faults.drain import drain
from paraserve.selftest.faults.full_disk import full_disk
from paraserve.selftest.faults.hostile_input import hostile_files, hostile_messages
from paraserve.selftest.faults.lost_workers import killed_worker, stopped_worker
from paraserve.selftest.faults.overload import overload
from paraserve.selftest.faults.wedged_engine import wedged_engine
from paraserve.selftest.own_server import OwnServers

FAULTS: Mapping[str, Callable[[OwnServers], str]] = {
    "killed-worker": killed_worker,
    "stopped-worker": stopped_worker,
    "wedged-engine": wedged_engine,
    "full-disk": full_disk,
    "vanishing-clients": vanishing_clients,
    "slow-clients": slow_clients,
    "hostile-files": hostile_files,
    "hostile-messages": hostile_messages,
    "clock-jump": clock_jump,
    "overload": overload,
    "drain": drain,
    "damaged-bundle": damaged_bundle,
}
