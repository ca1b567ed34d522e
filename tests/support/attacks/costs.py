"""Attacks by what is costly: chunk sizes, hostile first messages, lists of hotwords, files that are none."""

import json
import os
from functools import partial
from pathlib import Path

from support.attacks.bodies import UPLOAD
from support.attacks.frames import BINARY, FIN, HANDSHAKE, TEXT, frame, live
from support.attacks.wire import Attack, Attacker, Connection

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "zh_date.wav"
WAV_HEADER_BYTES = 44
N_SOCKETS = 8


async def chunk_size(attacker: Attacker, sizes: list[int]) -> None:
    """Speech as fast as it is taken, with a chunk size that costs much."""
    speech = SAMPLE.read_bytes()[WAV_HEADER_BYTES:]
    start = frame(FIN | TEXT, json.dumps({"mode": "2pass", "chunk_size": sizes}).encode())

    async def say(connection: Connection) -> None:
        await connection.shake_hands(HANDSHAKE)
        await connection.send(start)
        while True:
            for at in range(0, len(speech), 9600):
                await connection.send(frame(FIN | BINARY, speech[at : at + 9600]))

    await attacker.again(N_SOCKETS, say)


async def first_messages(attacker: Attacker) -> None:
    """Deep, long and senseless JSON."""
    texts = (b"[" * 60_000, b'{"wav_name":"' + b"x" * 60_000 + b'"}', b'{"audio_fs":' + b"9" * 60_000 + b"}")
    await live(attacker, b"", b"".join(frame(FIN | TEXT, text) for text in texts))


async def hotwords(attacker: Attacker) -> None:
    """Large lists of hotwords, again and again."""
    words = {f"word{n}": 20 for n in range(3000)}
    message = frame(FIN | TEXT, json.dumps({"hotwords": json.dumps(words)}).encode()[:65_000])
    short = frame(FIN | TEXT, json.dumps({"hotwords": {f"w{n}": 20 for n in range(3000)}}).encode())
    await live(attacker, b"", message + short)


async def no_files(attacker: Attacker) -> None:
    """Uploads of random bytes, each of which a decode child has to look at."""

    async def say(connection: Connection) -> None:
        body = b"RIFF\xff\xff\xff\x7fWAVE" + os.urandom(30_000)
        head = UPLOAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        await connection.send(head + body)

    await attacker.again(8, say)


ATTACKS = (
    Attack("chunk_size [0,1,0] as fast as taken", partial(chunk_size, sizes=[0, 1, 0]), 2.0),
    Attack("chunk_size [100,1,0] as fast as taken", partial(chunk_size, sizes=[100, 1, 0]), 2.0),
    Attack("chunk_size [5,1,100] as fast as taken", partial(chunk_size, sizes=[5, 1, 100]), 2.0),
    Attack("chunk_size [5,10,5] as fast as taken", partial(chunk_size, sizes=[5, 10, 5]), 2.0),
    Attack("hostile first messages", first_messages, 2.0),
    Attack("long lists of hotwords", hotwords, 2.0),
    Attack("uploads that are no recordings", no_files, 2.0),
)
