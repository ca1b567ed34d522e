"""Attacks on request heads: without end, too many lines, trickled, never finished."""

import os

from support.attacks.wire import Attack, Attacker, Connection

HEAD = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
H2C = (
    b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: 4\r\n\r\nRIFF"
)
FULL_OF_LINES = HEAD + b"".join(b"x-%d: y\r\n" % n for n in range(2000)) + b"\r\n"


async def header_lines(attacker: Attacker) -> None:
    await attacker.flood(HEAD, b"a:b\r\n")


async def header_value(attacker: Attacker) -> None:
    await attacker.flood(HEAD + b"X-A: ", b"a" * 1024)


async def header_name(attacker: Attacker) -> None:
    await attacker.flood(HEAD, b"a" * 1024)


async def url(attacker: Attacker) -> None:
    await attacker.flood(b"GET /", b"a" * 1024)


async def method(attacker: Attacker) -> None:
    await attacker.flood(b"", b"G" * 1024)


async def empty_lines(attacker: Attacker) -> None:
    await attacker.flood(b"", b"\r\n")


async def complete_heads(attacker: Attacker) -> None:
    await attacker.flood(b"", FULL_OF_LINES)


async def pipelined(attacker: Attacker) -> None:
    await attacker.flood(b"", HEAD + b"\r\n")


async def pipelined_unread(attacker: Attacker) -> None:
    await attacker.flood(b"", HEAD + b"\r\n", is_reader=False, receive_buffer_bytes=4096)


async def upgrade_offers(attacker: Attacker) -> None:
    await attacker.again(2, lambda connection: connection.send(H2C))


async def chunk_extensions(attacker: Attacker) -> None:
    await attacker.flood(CHUNKED + b"4;", b"a" * 1024)


async def many_chunk_extensions(attacker: Attacker) -> None:
    await attacker.flood(CHUNKED, b"1;" + b"a=b;" * 1000 + b"\r\nx\r\n")


async def trailers(attacker: Attacker) -> None:
    await attacker.flood(CHUNKED + b"4\r\nRIFF\r\n0\r\n", b"a:b\r\n")


async def trickled_heads(attacker: Attacker) -> None:
    await attacker.hold(300, HEAD, b"a:b\r\n")


async def half_heads(attacker: Attacker) -> None:
    await attacker.hold(500, HEAD)


async def silent_connections(attacker: Attacker) -> None:
    await attacker.hold(500, b"")


async def kept_alive(attacker: Attacker) -> None:
    await attacker.hold(300, HEAD + b"\r\n", HEAD + b"\r\n", every_s=3.0)


async def garbage(attacker: Attacker) -> None:
    async def say(connection: Connection) -> None:
        await connection.send_on(os.urandom(1024), 1_000_000)

    await attacker.again(4, say)


ATTACKS = (
    Attack("header lines without end", header_lines),
    Attack("header value without end", header_value),
    Attack("header name without end", header_name),
    Attack("URL without end", url),
    Attack("method without end", method),
    Attack("empty lines without end", empty_lines),
    Attack("2,000 header lines a request", complete_heads, mb_per_s=2.0),
    Attack("pipelined requests", pipelined, mb_per_s=0.4),
    Attack("pipelined requests, answers unread", pipelined_unread, mb_per_s=0.4),
    Attack("h2c offers", upgrade_offers),
    Attack("chunk extension without end", chunk_extensions),
    Attack("chunks with long extensions", many_chunk_extensions),
    Attack("trailers without end", trailers),
    Attack("trickled heads", trickled_heads),
    Attack("half heads", half_heads),
    Attack("silent connections", silent_connections),
    Attack("connections kept alive", kept_alive),
    Attack("random bytes", garbage, mb_per_s=1.0),
)
