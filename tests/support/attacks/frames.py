"""Attacks through a WebSocket: control frames, fragments, tiny messages, handshakes, a client that does not read."""

import os
import struct

from support.attacks.wire import Attack, Attacker, Connection

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
OPEN = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + KEY
HANDSHAKE = OPEN + b"\r\n"
MASK = bytes(4)
SLOW_MB_PER_S = 0.4
"""Enough to stop a server that handles each frame in a turn of its own."""


def frame(first_byte: int, payload: bytes = b"") -> bytes:
    """A client's frame with the mask 0; the payload is shorter than 64 KiB."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2)
    return bytes([first_byte]) + size + MASK + payload


FIN, TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x80, 1, 2, 0, 8, 9, 10


async def live(attacker: Attacker, first: bytes, unit: bytes, **options: object) -> None:
    """A flood of frames after a handshake."""
    await attacker.flood(first, unit, handshake=HANDSHAKE, **options)


async def empty_pings(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | PING))


async def long_pings_unread(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | PING, b"p" * 125), is_reader=False, receive_buffer_bytes=4096)


async def empty_pongs(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | PONG))


async def fragments(attacker: Attacker) -> None:
    await live(attacker, frame(BINARY, b"xy"), frame(CONTINUATION, b"xy"))


async def empty_fragments(attacker: Attacker) -> None:
    await live(attacker, frame(BINARY), frame(CONTINUATION))


async def pings_between_fragments(attacker: Attacker) -> None:
    await live(attacker, frame(BINARY, b"xy"), frame(FIN | PING) + frame(CONTINUATION, b"xy"))


async def tiny_messages(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | BINARY, b"xy"))


async def empty_messages(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | BINARY))


async def empty_texts(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | TEXT))


async def close_frames(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | CLOSE, b"\x03\xe8"))


async def oversize(attacker: Attacker) -> None:
    announced = bytes([FIN | BINARY, 0xFF]) + struct.pack("!Q", 2**62) + MASK
    await live(attacker, announced, bytes(1024))


async def garbage(attacker: Attacker) -> None:
    async def say(connection: Connection) -> None:
        await connection.shake_hands(HANDSHAKE)
        await connection.send_on(os.urandom(1024), 1_000_000)

    await attacker.again(4, say)


async def texts_unread(attacker: Attacker) -> None:
    await live(attacker, b"", frame(FIN | TEXT, b"nonsense"), is_reader=False, receive_buffer_bytes=4096)


async def half_handshakes(attacker: Attacker) -> None:
    await attacker.hold(300, OPEN)


async def trickled_handshakes(attacker: Attacker) -> None:
    await attacker.hold(300, OPEN, b"a:b\r\n")


async def giant_cookie(attacker: Attacker) -> None:
    await attacker.hold(50, OPEN + b"Cookie: " + b"c" * 20_000 + b"\r\n\r\n")


async def many_header_lines(attacker: Attacker) -> None:
    await attacker.hold(50, OPEN + b"".join(b"x-%d: y\r\n" % n for n in range(300)) + b"\r\n")


async def giant_url(attacker: Attacker) -> None:
    await attacker.hold(50, OPEN.replace(b"/ ", b"/?token=" + b"t" * 20_000 + b" ", 1) + b"\r\n")


ATTACKS = (
    Attack("empty pings, 0.4 MB/s", empty_pings, SLOW_MB_PER_S),
    Attack("empty pings", empty_pings),
    Attack("pings of 125 bytes, pongs unread", long_pings_unread),
    Attack("unsolicited pongs", empty_pongs),
    Attack("2-byte fragments, 0.4 MB/s", fragments, SLOW_MB_PER_S),
    Attack("2-byte fragments", fragments),
    Attack("empty fragments", empty_fragments),
    Attack("pings between fragments", pings_between_fragments),
    Attack("2-byte messages", tiny_messages, 2.0),
    Attack("empty messages", empty_messages, 2.0),
    Attack("empty text messages", empty_texts, 2.0),
    Attack("close frames", close_frames),
    Attack("message announced as 2^62 bytes", oversize),
    Attack("random bytes as frames", garbage, 1.0),
    Attack("nonsense, answers unread", texts_unread, 2.0),
    Attack("half handshakes", half_handshakes),
    Attack("trickled handshakes", trickled_handshakes),
    Attack("handshakes with a cookie of 20 kB", giant_cookie, connects_per_s=50.0),
    Attack("handshakes with 300 header lines", many_header_lines, connects_per_s=50.0),
    Attack("handshakes with a URL of 20 kB", giant_url, connects_per_s=50.0),
)
