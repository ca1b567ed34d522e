"""Sockets of a server: every address of its host, on one port, and one clear error."""

import socket

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.processes.listening import announce, bound, bound_wyoming
from paraserve.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_all_addresses_on_one_port(host):
    """A host with several addresses is bound at each, with the port that the system chose for the first."""
    with bound(Settings(host=host, port=0)) as sockets:
        assert len({one.getsockname()[1] for one in sockets}) == 1
        assert len({one.family for one in sockets}) == len(sockets)
    assert all(one.fileno() == -1 for one in sockets)


def test_nobody_is_let_in_before_a_server_listens():
    """A bound socket refuses clients, so none waits for models that load."""
    with bound(Settings(port=0)) as (one,), socket.socket() as client:
        assert client.connect_ex(one.getsockname()) != 0


@pytest.mark.parametrize(("host", "reason"), [("192.0.2.1", "Cannot assign"), ("no-such-host.invalid", "")])
def test_addresses_of_others(host, reason):
    """The error names the address and the reason."""
    with (
        pytest.raises(ParaserveError, match=f"cannot listen on {host}:0: {reason}"),
        bound(Settings(host=host, port=0)),
    ):
        pass


def test_a_taken_port():
    """Another server's port is refused."""
    with bound(Settings(port=0)) as (one,):
        one.listen()
        port = one.getsockname()[1]
        with pytest.raises(ParaserveError, match=f":{port}: Address already in use"), bound(Settings(port=port)):
            pass


def test_announcement(capsys):
    """The address as a URL."""
    with bound(Settings(port=0)) as sockets:
        announce(sockets, is_tls=True)
        port = sockets[0].getsockname()[1]
    assert capsys.readouterr().out.endswith(f" listens on https://127.0.0.1:{port}\n")


def test_wyoming_listens_where_it_is_told(tmp_path):
    """On a port, on a Unix socket, or nowhere."""
    with bound_wyoming(Settings()) as sockets:
        assert sockets == []
    with bound_wyoming(Settings(wyoming="tcp://127.0.0.1:0")) as (one,):
        assert one.getsockname()[0] == "127.0.0.1"
    with bound_wyoming(Settings(wyoming=f"unix://{tmp_path}/socket")) as (one,):
        assert one.getsockname() == f"{tmp_path}/socket"


def test_a_taken_port_of_wyoming():
    """Is named before any model is loaded."""
    with bound_wyoming(Settings(wyoming="tcp://127.0.0.1:0")) as (one,):
        one.listen()
        port = one.getsockname()[1]
        settings = Settings(wyoming=f"tcp://127.0.0.1:{port}")
        with pytest.raises(ParaserveError, match=f":{port}: Address already in use"), bound_wyoming(settings):
            pass
