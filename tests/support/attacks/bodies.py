"""Attacks on request bodies: trickled, never sent, without end, in very many pieces."""

import asyncio

from support.attacks.wire import Attack, Attacker, Connection

UPLOAD = b"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1\r\n"
RAW = UPLOAD + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n"
FORM = UPLOAD + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n"
URLENCODED = UPLOAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000000\r\n\r\n"
NOWHERE = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
ZEROS = b"400\r\n" + bytes(1024) + b"\r\n"
N_UPLOADS = 80
"""More than the server has places."""


async def trickled_body(attacker: Attacker) -> None:
    await attacker.hold(N_UPLOADS, RAW + b"RIFF", b"x")


async def trickled_chunks(attacker: Attacker) -> None:
    await attacker.hold(N_UPLOADS, CHUNKED + b"4\r\nRIFF\r\n", b"1\r\nx\r\n")


async def trickled_form(attacker: Attacker) -> None:
    await attacker.hold(N_UPLOADS, FORM + b"--b\r\n", b"x")


async def announced_body(attacker: Attacker) -> None:
    await attacker.hold(N_UPLOADS, RAW)


async def body_without_end(attacker: Attacker) -> None:
    await attacker.flood(CHUNKED, ZEROS)


async def tiny_chunks(attacker: Attacker) -> None:
    await attacker.flood(CHUNKED, b"1\r\nx\r\n")


async def refused_body(attacker: Attacker) -> None:
    await attacker.flood(NOWHERE, ZEROS)


async def refused_tiny_chunks(attacker: Attacker) -> None:
    await attacker.flood(NOWHERE, b"1\r\nx\r\n")


async def form_parts(attacker: Attacker) -> None:
    await attacker.flood(FORM, PART)


async def part_headers(attacker: Attacker) -> None:
    await attacker.flood(FORM + b"--b\r\n", b"a:b\r\n")


async def part_name(attacker: Attacker) -> None:
    await attacker.flood(FORM + b'--b\r\nContent-Disposition: form-data; name="', b"a" * 1024)


async def urlencoded(attacker: Attacker) -> None:
    await attacker.flood(URLENCODED, b"a=b&")


async def vanishing_uploads(attacker: Attacker) -> None:
    async def say(connection: Connection) -> None:
        await connection.send(RAW + bytes(20_000))
        await asyncio.sleep(0.05)

    await attacker.again(8, say, is_reader=False, linger_s=0.0)


ATTACKS = (
    Attack("trickled bodies", trickled_body),
    Attack("trickled chunks", trickled_chunks),
    Attack("trickled forms", trickled_form),
    Attack("bodies that never come", announced_body),
    Attack("body without end", body_without_end, mb_per_s=5.0),
    Attack("body of 1-byte chunks", tiny_chunks, mb_per_s=0.4),
    Attack("refused body without end", refused_body),
    Attack("refused body of 1-byte chunks", refused_tiny_chunks),
    Attack("form parts without end", form_parts, mb_per_s=2.0),
    Attack("headers of a form part without end", part_headers, mb_per_s=2.0),
    Attack("name of a form part without end", part_name, mb_per_s=2.0),
    Attack("urlencoded fields without end", urlencoded, mb_per_s=2.0),
    Attack("uploads that vanish", vanishing_uploads, connects_per_s=50.0),
)
