"""Servers with all their listeners."""

import pytest

from support.protocols.said import Target


@pytest.fixture(scope="module")
def target(server):
    """A server on the embedded bundle."""
    return Target(server.url)
