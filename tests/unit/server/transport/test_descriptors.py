"""Descriptors, and the connections that they allow."""

import resource
import subprocess
import sys

import pytest

from paraserve.server.transport.descriptors import MAX_CONNECTIONS, connection_limit
from paraserve.settings import Settings


def test_soft_limit_is_raised():
    """A process whose soft limit is low gets the hard one."""
    program = (
        "import resource\n"
        "from paraserve.server.transport.descriptors import raise_descriptor_limit\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))\n"
        "print(raise_descriptor_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 300:
        pytest.skip("fewer than 300 descriptors are allowed")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["300", "300", "300"]


@pytest.mark.parametrize("descriptors", [128, 256, 1024, 20_000, 1_000_000])
def test_connections_leave_descriptors(descriptors):
    """Connections never take all descriptors, and where there are plenty no more than fit into memory."""
    limit = connection_limit(descriptors, Settings())
    assert 0 < limit < descriptors - 64
    assert limit <= MAX_CONNECTIONS
    assert connection_limit(descriptors, Settings(max_connections=10)) == 10


def test_operator_cannot_ask_for_more_than_there_are():
    """A limit beyond the descriptors is lowered."""
    assert connection_limit(1024, Settings(max_connections=5000)) < 1024
