"""A server that cannot serve gRPC says so before it loads its models."""

import socket
from importlib.util import find_spec

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.processes import grpc_check
from paraserve.settings import Settings


def test_port_that_is_taken():
    """By another program that listens there."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ParaserveError, match=f"listen on 127.0.0.1:{port}: Address already in use"):
            grpc_check.check_grpc(Settings(grpc_port=port))
    grpc_check.check_grpc(Settings(grpc_port=port))


def test_missing_extra(monkeypatch):
    """The message has the command that installs it."""
    installed = {"google.protobuf", "grpc"}
    monkeypatch.setattr(grpc_check, "find_spec", lambda name: find_spec(name) if name in installed else None)
    with pytest.raises(ParaserveError, match=r"pip install 'paraserve\[grpc\]'"):
        grpc_check.check_grpc(Settings(grpc_port=1))
    grpc_check.check_grpc(Settings())
