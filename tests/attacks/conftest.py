"""Servers to attack: the installed command on the embedded bundle, without keys and with."""

from collections.abc import Iterator

import pytest

from support.attacks.served import Served, served


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Iterator[Served]:
    """A server with default settings."""
    with served(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Served]:
    """A server that wants an API key."""
    with served(tmp_path_factory.mktemp("guarded"), keys=True) as running:
        yield running
