"""Attacks on places: connections, live sessions and uploads that are held for nothing."""

import asyncio
import contextlib
import socket
import struct

from support.attacks.bodies import N_UPLOADS, RAW
from support.attacks.frames import BINARY, FIN, HANDSHAKE, TEXT, frame
from support.attacks.wire import Attack, Attacker, Connection

N_LIVE = 24
"""More than the server has places."""
FRAME_OF_SILENCE = frame(FIN | BINARY, bytes(1920))


async def held_places(attacker: Attacker) -> None:
    """Idle live sockets that answer pings, and uploads that send a byte now and then."""
    await asyncio.gather(attacker.hold(N_LIVE, HANDSHAKE), attacker.hold(N_UPLOADS, RAW + b"RIFF", b"x", every_s=5.0))


async def silent_speakers(attacker: Attacker) -> None:
    await attacker.hold(N_LIVE, HANDSHAKE, FRAME_OF_SILENCE, every_s=0.5)


async def started_and_idle(attacker: Attacker) -> None:
    start = frame(FIN | TEXT, b'{"mode":"2pass","is_speaking":true}')

    async def say(connection: Connection) -> None:
        await connection.shake_hands(HANDSHAKE)
        await connection.send(start)
        await connection.drip(b"", 1.0)

    await attacker.again(N_LIVE, say)


async def connection_flood(attacker: Attacker) -> None:
    """More connections than the server has descriptors."""
    await attacker.hold(2500, b"")


async def connection_churn(attacker: Attacker) -> None:
    async def say(connection: Connection) -> None:
        """Nothing."""

    await attacker.again(4, say, is_reader=False, linger_s=0.0)


async def handshake_churn(attacker: Attacker) -> None:
    """Handshakes whose client resets the connection at once."""

    async def say(connection: Connection) -> None:
        await connection.send(HANDSHAKE)
        with contextlib.suppress(OSError):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    await attacker.again(4, say, is_reader=False, linger_s=0.0)


ATTACKS = (
    Attack("every place held, 12 bytes a second", held_places),
    Attack("live clients that send silence", silent_speakers),
    Attack("live clients that start and stop there", started_and_idle),
    Attack("more connections than descriptors", connection_flood, connects_per_s=500.0),
    Attack("connections opened and closed", connection_churn, connects_per_s=500.0),
    Attack("handshakes opened and reset", handshake_churn),
)
