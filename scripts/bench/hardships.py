"""What a server and its clients go through, one function each. `reliability.py` runs them and prints their lines."""

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import numpy as np
import psutil
from websockets.exceptions import WebSocketException

from report import percentile
from support.attacks.frames import BINARY, FIN, HANDSHAKE, frame
from support.attacks.honest import SAMPLE, RefusedError, Target, final, pcm, wav
from support.attacks.served import Served
from support.attacks.wire import Attacker, Connection

DATA = SAMPLE.parent
SETTLE_S, POLL_S = 120.0, 0.1
AT_ONCE = 16


async def say(target: Target, audio: bytes, frame_bytes: int = 1920, **first: object) -> list[str]:
    """Say an utterance as fast as it is taken; returns the texts of its segments.

    Raises:
        RefusedError: the server sends an error.
    """
    async with target.connect() as socket:
        await socket.send(json.dumps({"mode": "2pass", **first}))
        for at in range(0, len(audio), frame_bytes):
            await socket.send(audio[at : at + frame_bytes])
        await socket.send(json.dumps({"is_speaking": False}))
        texts = []
        while True:
            message = json.loads(await socket.recv())
            if message.get("error"):
                raise RefusedError(str(message["error"]))
            if message["text"] and "online" not in message["mode"]:
                texts.append(message["text"])
            if message["is_final"]:
                return texts


async def upload(target: Target, audio: bytes) -> int:
    """Status of an upload, 0 without an answer."""
    return await target.request("POST /transcribe HTTP/1.1\r\nContent-Type: audio/wav", wav(audio))


async def is_well(target: Target) -> bool:
    """Whether the server is ready."""
    return await target.request("GET /readyz HTTP/1.1") == 200


async def seconds_until(is_so: Callable[[], Awaitable[bool]]) -> float:
    """Time until something is so; at most `SETTLE_S`."""
    started_s = time.monotonic()
    for _ in range(round(SETTLE_S / POLL_S)):
        if await is_so():
            break
        await asyncio.sleep(POLL_S)
    return time.monotonic() - started_s


async def many(n: int, act: Callable[[int], Awaitable[str]], at_once: int = AT_ONCE) -> Counter[str]:
    """Act `n` times, so many at once; counts what came of it."""
    fates: Counter[str] = Counter()
    numbers = iter(range(n))

    async def work() -> None:
        for k in numbers:
            try:
                fates[await act(k)] += 1
            except (OSError, WebSocketException, RefusedError) as error:
                fates[str(error)[:60] or type(error).__name__] += 1

    await asyncio.gather(*(work() for _ in range(at_once)))
    return fates


def worker_of(server: Served) -> psutil.Process:
    """The youngest server process below the supervisor, or the only one."""
    return max(server.processes(), key=lambda one: one.create_time())


async def killed_workers(server: Served, n: int) -> str:
    """SIGKILL of a worker under load: who is told, and when the server is ready with all workers again."""
    audio, backs_s = pcm(SAMPLE), []
    fates: Counter[str] = Counter()
    for _ in range(n):
        n_before = len(server.processes())
        clients = [asyncio.create_task(many(1, lambda _: _fate(server.target, audio), 1)) for _ in range(4)]
        await asyncio.sleep(0.3)
        worker_of(server).kill()

        async def is_back(n_before: int = n_before) -> bool:
            return len(server.processes()) >= n_before and await is_well(server.target)

        backs_s.append(await seconds_until(is_back))
        for client in clients:
            fates += await client
    return f"{n} kills, back p50 {percentile(backs_s, 50)} s, max {max(backs_s):.1f} s; clients {dict(fates)}"


async def _fate(target: Target, audio: bytes) -> str:
    async with asyncio.timeout(60):
        return "served" if await say(target, audio) else "no text"


async def stops(start: Callable[[], contextlib.AbstractContextManager[Served]], n: int) -> str:
    """SIGTERM with 8 talkers: every one gets its final result, and the server is gone soon."""
    fates, gone_s = Counter[str](), []
    for _ in range(n):
        with start() as server:
            talking = [asyncio.create_task(_cut_short(server.target)) for _ in range(8)]
            await asyncio.sleep(1.5)
            server.process.send_signal(signal.SIGTERM)
            stopped_s = time.monotonic()
            fates.update(await asyncio.gather(*talking))
            await asyncio.to_thread(server.process.wait, 60)
            gone_s.append(time.monotonic() - stopped_s)
    return f"{n} stops, {dict(fates)}, gone after {max(gone_s):.1f} s at most"


async def _cut_short(target: Target) -> str:
    try:
        async with target.connect() as socket:
            await socket.send(pcm(SAMPLE)[:64_000])
            await final(socket)
            await socket.wait_closed()
            return f"final and {socket.close_code}"
    except (OSError, WebSocketException, RefusedError) as error:
        return f"lost: {error}"


async def vanishing(server: Served, n: int) -> str:
    """Clients that go silent without a word: time until their places are free."""
    attacker = Attacker(server.target.host, server.target.port, (), source="127.0.0.1")

    async def go(connection: Connection) -> None:
        await connection.shake_hands(HANDSHAKE)
        await connection.send(frame(FIN | BINARY, bytes(1920)))
        await asyncio.sleep(SETTLE_S)

    silent = [asyncio.create_task(attacker.once(go, is_reader=False)) for _ in range(n)]
    await asyncio.sleep(2)
    took_s = 2 + await seconds_until(lambda: _has_no_sessions(server.target))
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)
    return f"{n} silent clients, all gone after {took_s:.0f} s"


async def _has_no_sessions(target: Target) -> bool:
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: {target.host}\r\nConnection: close\r\n\r\n".encode())
    text = await reader.read()
    writer.close()
    return b"\nparaserve_live_sessions 0.0" in text


async def idle_sockets(server: Served, n: int) -> str:
    """Idle live clients that answer pings: memory of each, and the handshake of one more."""
    before_mb = server.resident_mb()
    attacker = Attacker(server.target.host, server.target.port, (), source="127.0.0.1")
    attacker.connect_pace.per_s = 300
    idle = [asyncio.create_task(attacker.hold(1, HANDSHAKE)) for _ in range(n)]
    await seconds_until(lambda: _has_let_in(attacker, n))
    each_kib = (server.resident_mb() - before_mb) * 1e6 / 1024 / n
    waits_ms = []
    for _ in range(100):
        started_s = time.monotonic()
        async with server.target.connect():
            waits_ms.append((time.monotonic() - started_s) * 1000)
    for task in idle:
        task.cancel()
    await asyncio.gather(*idle, return_exceptions=True)
    tally = attacker.tally
    alive = f"{tally.statuses[101]} let in, {tally.ended} ended"
    return f"{n} sockets: {alive}, {each_kib:.1f} KiB each, handshake p95 {percentile(waits_ms, 95)} ms"


async def _has_let_in(attacker: Attacker, n: int) -> bool:
    return attacker.tally.statuses[101] >= n


async def churn(server: Served, n: int) -> str:
    """Short sessions and uploads in turn: nothing lost, and memory does not grow."""
    audio = pcm(SAMPLE)[:19_200]

    async def act(k: int) -> str:
        if k % 2:
            return f"upload {await upload(server.target, audio)}"
        await say(server.target, audio)
        return "session"

    fates = await many(n // 2, act, at_once=4)
    middle_mb, descriptors = server.resident_mb(), worker_of(server).num_fds()
    fates += await many(n - n // 2, act, at_once=4)
    grown_mb, more = server.resident_mb() - middle_mb, worker_of(server).num_fds() - descriptors
    return f"{n}: {dict(fates)}; second half {grown_mb:+.1f} MB, {more:+d} descriptors"


async def crosstalk(server: Served, n: int) -> str:
    """Different sentences at once, in frames of different sizes: each client gets its own text."""
    names = ("zh_phone", "zh_date", "en_digits", "en_weather", "zh_en")
    audios = {name: pcm(DATA / f"{name}.wav") for name in names}
    right = {name: await say(server.target, audio, deterministic=True) for name, audio in audios.items()}

    async def act(k: int) -> str:
        name = names[k % len(names)]
        texts = await say(server.target, audios[name], 640 + 320 * (k % 7), deterministic=True)
        return "its own text" if texts == right[name] else "another text"

    return f"{n} sessions: {dict(await many(n, act, at_once=8))}"


async def overload(server: Served, n: int) -> str:
    """Ten times as many live clients as there are places: refusals are quick, the admitted are served."""
    talking = [asyncio.create_task(_final_ms(server.target)) for _ in range(8)]
    await asyncio.sleep(0.5)
    refusals_ms: list[float] = []

    async def knock(_: int) -> str:
        started_s = time.monotonic()
        try:
            async with server.target.connect() as socket:
                await final(socket)
        except (RefusedError, WebSocketException):
            refusals_ms.append((time.monotonic() - started_s) * 1000)
            return "refused"
        return "let in"

    async with asyncio.timeout(SETTLE_S):
        holding = [asyncio.create_task(knock(0)) for _ in range(8)]
        fates = await many(n, knock, at_once=8)
    for task in holding:
        task.cancel()
    finals_ms = await asyncio.gather(*talking)
    p50, p95, final_p95 = percentile(refusals_ms, 50), percentile(refusals_ms, 95), percentile(finals_ms, 95)
    return f"{n} too many: {dict(fates)}, refused p50 {p50} p95 {p95} ms; admitted final p95 {final_p95} ms"


async def _final_ms(target: Target) -> float:
    async with target.connect() as socket:
        audio = pcm(DATA / "mixed_long.wav")
        for at in range(0, len(audio), 1920):
            await asyncio.sleep(0.06)
            await socket.send(audio[at : at + 1920])
        await socket.send(json.dumps({"is_speaking": False}))
        ended_s = time.monotonic()
        await final(socket)
        return (time.monotonic() - ended_s) * 1000


async def silence_of_hours(server: Served, n_hours: int, folder: Path) -> str:
    """Small files that are hours of silence: processor time and memory of each."""
    parent, lines = psutil.Process(server.process.pid), []
    for suffix, codec in (("flac", "flac"), ("opus", "libopus"), ("mp3", "libmp3lame"), ("m4a", "aac")):
        path = folder / f"silence.{suffix}"
        _write_silence(path, codec, n_hours)
        before_s, before_mb = _cpu_s(parent), server.resident_mb()
        server.forget_peaks()
        started_s = time.monotonic()
        status = await server.target.request("POST /transcribe HTTP/1.1", path.read_bytes(), patience_s=SETTLE_S)
        spent_s, more_mb = _cpu_s(parent) - before_s, server.peak_mb() - before_mb
        took = f"{spent_s:.1f} s CPU in {time.monotonic() - started_s:.0f} s, {more_mb:+.0f} MB"
        lines.append(f"{suffix} of {path.stat().st_size / 1e6:.1f} MB: {status or 'no answer'}, {took}")
    return f"{n_hours} h, " + "; ".join(lines)


def _write_silence(path: Path, codec: str, n_hours: int) -> None:
    """Mono silence at 16 kHz, at the least bit rate."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=16_000, layout="mono")
        stream.bit_rate = 8000
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        frame.sample_rate = 16_000
        for second in range(n_hours * 3600):
            frame.pts = second * 16_000
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _cpu_s(parent: psutil.Process) -> float:
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)
