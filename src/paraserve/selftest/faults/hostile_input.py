"""Files and messages that no honest client sends: each is refused or harmless, none is the server's own error."""

import contextlib
import io
import json
import random
import struct
from collections.abc import Iterator

import av
import httpx2
import numpy as np

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServers, Target
from paraserve.selftest.raw_sockets import BINARY, TEXT, frame, read_to_end, upgraded
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import CheckFailedError, expect

N_MUTANTS = 20
"""Of each format: its first bytes are changed at random, the same ones each time."""
HEAD_BYTES = 200
SEED = 24
FAULTS = {"internal_error", "inference_failed"}
MESSAGE_TIMEOUT_S = 20.0
END = frame(TEXT, b'{"is_speaking":false}')
CLOSE = frame(8, struct.pack("!H", 1000))


def hostile_files(servers: OwnServers) -> str:
    """Upload damaged and lying files."""
    statuses: dict[int, int] = {}
    with servers.start() as server:
        before = at_rest(servers, server)
        for name, content in _files():
            status = _status_of(server.target, name, content)
            expect(status < 500, f"a status below 500 for {name}", status)
            statuses[status] = statuses.get(status, 0) + 1
        rest = expect_rest(server, before)
    return f"{', '.join(f'{n} x {status}' for status, n in sorted(statuses.items()))}, {rest}"


def hostile_messages(servers: OwnServers) -> str:
    """Send messages of the wrong kind, size, depth and encoding over WebSockets."""
    with servers.start() as server:
        before = at_rest(servers, server)
        n_messages = 0
        for payload in _messages():
            _expect_harmless(server.target, frame(TEXT, payload), payload)
            n_messages += 1
        for opcode, announced in ((BINARY, 1 << 40), (BINARY, (1 << 63) - 1), (3, None), (11, None)):
            _expect_harmless(server.target, frame(opcode, b"x", announced), b"a frame that is none")
            n_messages += 1
        rest = expect_rest(server, before)
    return f"{n_messages} messages, none was the server's fault, {rest}"


def _status_of(target: Target, name: str, content: bytes) -> int:
    try:
        with target.http() as http:
            return http.post("/transcribe", files={"file": (name, content)}).status_code
    except httpx2.TransportError as error:
        raise CheckFailedError(f"an answer for {name}", f"a broken connection ({error})") from None


def _files() -> Iterator[tuple[str, bytes]]:
    chooser = random.Random(SEED)  # noqa: S311 - the same files each time
    wav, flac, m4a = recording.encoded(), recording.encoded("FLAC"), _m4a()
    yield "empty.wav", b""
    yield "text.txt", b"no recording" * 100
    yield "playlist.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield "random.bin", chooser.randbytes(100_000)
    yield "announces-4-gb.wav", wav[:40] + struct.pack("<I", 0xFFFFFFF0) + wav[44:]
    yield "0-hz.wav", wav[:24] + bytes(8) + wav[32:]
    yield "65535-channels.wav", wav[:22] + b"\xff\xff" + wav[24:]
    yield "many-chunks.wav", wav[:12] + b"junk\0\0\0\0" * 100_000 + wav[12:]
    for kind, file in (("wav", wav), ("flac", flac), ("m4a", m4a)):
        for share in (0.01, 0.5, 0.99):
            yield f"cut-at-{share:.0%}.{kind}", file[: int(len(file) * share)]
        for n in range(N_MUTANTS):
            yield f"mutant-{n}.{kind}", _mutant(chooser, file)


def _mutant(chooser: random.Random, file: bytes) -> bytes:
    changed = bytearray(file)
    for _ in range(chooser.randint(1, 8)):
        changed[chooser.randrange(min(HEAD_BYTES, len(changed)))] = chooser.randrange(256)
    return bytes(changed)


def _m4a() -> bytes:
    """Return the recording as AAC in MP4."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=16_000, layout="mono")
        samples = np.frombuffer(recording.pcm(), np.int16)[np.newaxis]
        sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        sound.sample_rate = 16_000
        output.mux(stream.encode(sound))
        output.mux(stream.encode(None))
    return file.getvalue()


def _messages() -> Iterator[bytes]:
    yield from (b"", b"{", b"null", b"[]", b"1e999", b"\xff\xfe", b'{"mode":"2pass"', b'{"mode":null}', b"NaN")
    yield b"[" * 100_000
    yield b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    wrong: tuple[object, ...] = (None, -1, 1e300, "x" * 100_000, [], {}, [[]], {"a": {}}, True, 10**400)
    for name in ("mode", "chunk_size", "audio_fs", "hotwords", "wav_format", "is_speaking", "itn", "svs_lang"):
        for value in wrong:
            yield json.dumps({"mode": "2pass", name: value}).encode()
    yield b'{"mode":"offline","wav_format":"m4a"}'


def _expect_harmless(target: Target, message: bytes, payload: bytes) -> None:
    """Send a message and some audio; the connection must end, and the answers must not say that the server failed."""
    with upgraded(target) as sock:
        with contextlib.suppress(ConnectionError):  # of a server that refuses, and reads no further
            sock.sendall(message + frame(BINARY, recording.pcm()[:3200]) + END + CLOSE)
        received = read_to_end(sock, MESSAGE_TIMEOUT_S)
    said = repr(payload[:60])
    if received is None:
        raise CheckFailedError(f"an end of the connection after {said}", "an open connection")
    found = [code for code in FAULTS if code.encode() in received]
    expect(not found, f"no fault of the server after {said}", ", ".join(found))
