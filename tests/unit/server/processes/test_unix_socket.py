"""Files of Unix sockets."""

import socket

import pytest

from paraserve.errors import ParaserveError
from paraserve.server.processes.unix_socket import bound_unix_socket


def test_socket(tmp_path):
    """The socket is there for the server's user and group, replaces a dead server's, and is removed at the end."""
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with bound_unix_socket(path) as listening:
        listening.listen()
        assert path.stat().st_mode & 0o777 == 0o660
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.exists()


def test_socket_of_a_living_server(tmp_path):
    """A socket on which a server listens is left alone."""
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(ParaserveError, match="another server listens"), bound_unix_socket(path):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_socket_of_a_server_that_loads(tmp_path):
    """A server that has bound its socket, and does not listen yet, keeps it."""
    path = tmp_path / "door.sock"
    with bound_unix_socket(path) as loading:
        with pytest.raises(ParaserveError, match="another server listens"), bound_unix_socket(path):
            pass
        loading.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    with bound_unix_socket(path):
        pass


def test_socket_of_the_next_server(tmp_path):
    """A server leaves a socket alone that another has put in place of its own."""
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as second:
        with bound_unix_socket(path):
            path.unlink()
            second.bind(str(path))
        assert path.exists()


def test_path_of_a_file(tmp_path):
    """A file that is no socket is never replaced."""
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(ParaserveError, match="no socket"), bound_unix_socket(path):
        pass
    assert path.read_text() == "mine"


def test_path_of_no_folder(tmp_path):
    """A path where nothing can be made is an error that names it."""
    with (
        pytest.raises(ParaserveError, match="cannot listen on"),
        bound_unix_socket(tmp_path / "nowhere" / "s"),
    ):
        pass
