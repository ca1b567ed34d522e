"""Connections that no well-behaved library makes: bytes as they are, frames that are never finished, resets."""

import base64
import contextlib
import os
import socket
import struct

from paraserve.selftest.own_server import Target

TIMEOUT_S = 20.0
TEXT, BINARY = 1, 2
RESET = struct.pack("ii", 1, 0)


def connected(target: Target, receive_buffer_bytes: int = 0) -> socket.socket:
    """Connect to a server. A small buffer lets what is not read come to a stop soon."""
    sock = socket.socket()
    if receive_buffer_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.settimeout(TIMEOUT_S)
    sock.connect(target.address)
    return sock


def upgraded(target: Target, receive_buffer_bytes: int = 0) -> socket.socket:
    """Connect and ask for a WebSocket, whose frames are written and read by hand."""
    sock = connected(target, receive_buffer_bytes)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET / HTTP/1.1\r\nHost: {target.address[0]}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1)
    return sock


def upload_head(n_bytes: int, path: str = "/transcribe") -> bytes:
    """Return the head of an upload of so many bytes."""
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {n_bytes}\r\n\r\n".encode()


def frame(opcode: int, payload: bytes, announced: int | None = None) -> bytes:
    """Return a masked frame. It may announce another length than its payload has."""
    length = len(payload) if announced is None else announced
    if length < 126:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    return head + bytes(4) + payload


def reset(sock: socket.socket) -> None:
    """Break a connection without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def read_to_end(sock: socket.socket, within_s: float) -> bytes | None:
    """Return what comes until the server ends the connection; None if it does not end it in time."""
    sock.settimeout(within_s)
    received = b""
    with contextlib.suppress(ConnectionError):
        try:
            while piece := sock.recv(1 << 16):
                received += piece
        except TimeoutError:
            return None
    return received
