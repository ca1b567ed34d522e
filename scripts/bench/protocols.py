"""How late each protocol tells a text, beside FunASR's, and whether clients of all of them are served at once.

    python scripts/bench/protocols.py --rounds 20          # how late, each beside a client of FunASR's protocol
    python scripts/bench/protocols.py --clients 50         # so many at once, of all protocols in turn

All say the same recording in real time. "partial" is how much later a protocol tells the n-th partial text than
FunASR's protocol tells it to a client that speaks at the same time, "final" the same of final texts.
A whole recording: from the start of its upload to the first of OpenAI's events, beside FunASR's first final text
where all is sent at once.
"""

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import soundfile

from recordings import ROOT
from report import percentile, table

sys.path.insert(0, str(ROOT / "tests"))
from support.audio_files import pcm_wav
from support.commands import server
from support.grpc_client import free_port
from support.protocols.said import End, Final, LiveClient, Partial, Target, Told, say
from support.protocols.uploads import events
from support.protocols.ways import LIVE, LiveWay

FRAME_BYTES, FRAME_S = 1920, 0.06
NAMES = ("zh_home", "en_weather", "zh_en")
WAYS = [way for way in LIVE if way.has_partials]
FUNASR = WAYS[0]


def recording() -> bytes:
    """Three sentences with a second between them, as PCM."""
    parts = [soundfile.read(ROOT / "tests" / "data" / f"{name}.wav", dtype="int16")[0] for name in NAMES]
    return b"".join(part.tobytes() + bytes(32_000) for part in parts)


@contextlib.contextmanager
def served() -> Iterator[Target]:
    """A server on the embedded bundle with all its listeners."""
    grpc_port, wyoming_port = free_port(), free_port()
    listeners = ("--grpc-port", grpc_port, "--wyoming", f"tcp://127.0.0.1:{wyoming_port}")
    with tempfile.TemporaryDirectory() as folder, server(*listeners, "--max-live", 100, XDG_DATA_HOME=folder) as url:
        yield Target(url, grpc_port, wyoming_port)


def talk(way: LiveWay, target: Target, pcm: bytes) -> tuple[Told, float, float]:
    """Say a recording in real time; what came, and when it began and ended."""
    with way.connect(target) as client:
        began_s = time.monotonic()
        speaking = threading.Thread(target=speak, args=(client, pcm, began_s))
        speaking.start()
        told = Told()
        for event in client.events():
            told.hear(event)
            if isinstance(event, End):
                client.leave()
        speaking.join()
    return told, began_s, began_s + len(pcm) / 32_000


def speak(client: LiveClient, pcm: bytes, began_s: float) -> None:
    """Send each frame when it has been said."""
    for number, start in enumerate(range(0, len(pcm), FRAME_BYTES), 1):
        time.sleep(max(0.0, began_s + number * FRAME_S - time.monotonic()))
        client.send(pcm[start : start + FRAME_BYTES])
    client.end()


def times_s(told: Told, kind: type, began_s: float) -> list[float]:
    """When each event of a kind came, from the start on. A text that is only said again is left out."""
    came = [(event, at_s - began_s) for event, at_s in zip(told.events, told.at_s, strict=True)]
    of_kind = [one for one in came if isinstance(one[0], kind)]
    return [at_s for n, (event, at_s) in enumerate(of_kind) if n == 0 or event != of_kind[n - 1][0]]


def latencies(target: Target, pcm: bytes, rounds: int) -> None:
    """Print how much later than a client of FunASR's protocol, who says the same beside them, the others are told."""
    rows = []
    for way in WAYS:
        partials_ms, finals_ms = list[float](), list[float]()
        for _ in range(rounds):
            with ThreadPoolExecutor(2) as threads:
                talks = [threads.submit(talk, one, target, pcm) for one in (FUNASR, way)]
                base, other = (one.result() for one in talks)
            partials_ms += later_ms(base, other, Partial)
            finals_ms += later_ms(base, other, Final)
        rows.append((way.name, len(partials_ms), *spread(partials_ms), *spread(finals_ms)))
    print(table(("protocol", "partials", "partial p50 ms", "p95", "final p50 ms", "p95"), rows))


def later_ms(base: tuple[Told, float, float], other: tuple[Told, float, float], kind: type) -> list[float]:
    """How much later each event of a kind came; nothing where a protocol has other events."""
    of_base, of_other = (times_s(told, kind, began_s) for told, began_s, _ in (base, other))
    return [float(one) * 1000 for one in np.subtract(of_other, of_base)] if len(of_base) == len(of_other) else []


def spread(values: Sequence[float]) -> tuple[object, object]:
    """Median and 95th percentile."""
    return percentile(values, 50), percentile(values, 95)


def recordings(target: Target, pcm: bytes, rounds: int) -> None:
    """Print when the first text of a whole recording comes."""
    firsts: dict[str, list[float]] = {"OpenAI, events": [], FUNASR.name: []}
    for _ in range(rounds):
        began_s = time.monotonic()
        firsts["OpenAI, events"].append(times_s(events(target, pcm_wav(pcm)), Partial, began_s)[0] * 1000)
        with FUNASR.connect(target) as client:
            began_s = time.monotonic()
            firsts[FUNASR.name].append(times_s(say(client, pcm), Final, began_s)[0] * 1000)
    print(
        table(("a whole recording", "first text p50 ms", "p95"), [(name, *spread(of)) for name, of in firsts.items()])
    )


def crowd(target: Target, pcm: bytes, n_clients: int) -> int:
    """Print how many of so many clients at once got the text; return how many did not."""
    expected = talk(FUNASR, target, pcm)[0].text
    chosen = [WAYS[number % len(WAYS)] for number in range(n_clients)]

    def one(number: int) -> tuple[str, bool, float]:
        time.sleep(number * 0.05)
        try:
            told, began_s, ended_s = talk(chosen[number], target, pcm)
        except TimeoutError:
            return chosen[number].name, False, float("nan")
        late_s = times_s(told, Final, began_s)[-1] - (ended_s - began_s) if told.text else float("nan")
        return chosen[number].name, told.text == expected and not told.codes and len(told.of(End)) == 1, late_s

    with ThreadPoolExecutor(n_clients) as threads:
        results = list(threads.map(one, range(n_clients)))
    rows = []
    for way in WAYS:
        of_way = [(is_right, late_s) for name, is_right, late_s in results if name == way.name]
        rows.append(
            (way.name, len(of_way), sum(right for right, _ in of_way), *spread([s * 1000 for _, s in of_way]))
        )
    print(table(("protocol", "clients", "right", "last text behind the end p50 ms", "p95"), rows))
    return sum(not is_right for _, is_right, _ in results)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=0, help="rounds of two clients at once, for each protocol")
    parser.add_argument("--clients", type=int, default=0, help="clients at once")
    options = parser.parse_args()
    pcm = recording()
    with served() as target:
        talk(FUNASR, target, pcm)  # warm
        if options.rounds:
            latencies(target, pcm, options.rounds)
            recordings(target, pcm, options.rounds)
        if options.clients and crowd(target, pcm, options.clients):
            sys.exit("some clients got another text")


if __name__ == "__main__":
    main()
