"""How much later texts come from compressed audio than from PCM, while it is spoken.

    python scripts/bench/codec_delay.py [--bundle DIR] [--recordings FILE.wav ...] [--seconds 40]

Two clients speak the same words at the same time, one in PCM, the other in the codec. A packet is sent when the last
of its audio has been spoken, as by an encoder without a delay of its own. So the difference is that of containers,
decoder and resampling. Telephone codecs are compared with PCM of 8 kHz.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from websockets.asyncio.client import connect

from recordings import RATE, ROOT, Wave, pcm16, source
from report import add_output_options, percentile, publish, table
from serving import our_server
from talkers import CHUNK

FRAME_SAMPLES = RATE * 20 // 1000
CODECS = {
    "alaw": ("alaw", "pcm_alaw", 8000, {}),
    "mulaw": ("mulaw", "pcm_mulaw", 8000, {}),
    "ogg": ("ogg", "libopus", 48_000, {"page_duration": "20000"}),
    "webm": ("webm", "libopus", 48_000, {"live": "1", "cluster_time_limit": "20"}),
    "mp3": ("mp3", "libmp3lame", RATE, {"write_xing": "0", "id3v2_version": "0"}),
    "flac": ("flac", "flac", RATE, {}),
}
"""`wav_format`: FFmpeg's container and codec, rate, options of a recorder that holds nothing back."""
PCM_RATES = {"pcm": RATE, "telephone": 8000}
HEADER = ["codec", "texts", "later p50", "later p95"]
Sent = list[tuple[float, bytes]]
"""Bytes, and the second of the recording after which they can be sent."""


class Collector:
    """A file that keeps what is written to it until `take`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep it."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """All since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def frames(wave: Wave) -> Iterator[Wave]:
    """20 ms each, the rest left out."""
    for start in range(0, len(wave) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield wave[start : start + FRAME_SAMPLES]


def encoded(wave: Wave, name: str) -> Sent:
    """What a recorder sends, and when."""
    if name in PCM_RATES:
        step = RATE // PCM_RATES[name]
        return [((n + 1) * 0.02, pcm16(frame[::step])) for n, frame in enumerate(frames(wave))]
    container, codec, rate, options = CODECS[name]
    collector, sent = Collector(), []
    with av.open(collector, "w", format=container, options=options | {"flush_packets": "1"}) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        stream.codec_context.open()
        size = stream.codec_context.frame_size or rate // 50
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=size)
        for n, frame in enumerate(frames(wave)):
            heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(frame[None]), format="fltp", layout="mono")
            heard.sample_rate, heard.pts = RATE, n * FRAME_SAMPLES
            for packet in (packet for piece in resampler.resample(heard) for packet in stream.encode(piece)):
                out.mux(packet)
                end_s = float((packet.pts + packet.duration) * packet.time_base)
                sent.append((max(end_s, sent[-1][0] if sent else 0.0), collector.take()))
        out.mux(stream.encode(None))
    sent.append((sent[-1][0], collector.take()))
    return [(at_s, data) for at_s, data in sent if data]


async def talk(url: str, sent: Sent, name: str, start_s: float) -> dict[float, float]:
    """When each text came, in ms from the start, by the audio that it needed, negative for final texts."""
    heard: dict[float, float] = {}
    async with connect(url, compression=None, max_size=None) as socket:
        first = {"mode": "2pass", "chunk_size": CHUNK, "wav_name": name, "is_speaking": True, "timing": True}
        of_name = {"audio_fs": PCM_RATES[name]} if name in PCM_RATES else {"wav_format": name}
        await socket.send(json.dumps(first | of_name))

        async def speak() -> None:
            for at_s, data in sent:
                await asyncio.sleep(max(0.0, start_s + at_s - time.monotonic()))
                await socket.send(data)
            await socket.send(json.dumps({"is_speaking": False, "is_end": True}))

        speaking = asyncio.create_task(speak())
        while not (message := json.loads(await socket.recv())).get("is_end"):
            if message.get("text"):
                sign = 1 if message["mode"].endswith("online") else -1
                heard[sign * message["due_ms"]] = (time.monotonic() - start_s) * 1000
        await speaking
    return heard


async def pair(url: str, wave: Wave, name: str) -> list[float]:
    """How much later the texts of one client in this codec came, those that need the same audio to 100 ms."""
    start_s = time.monotonic() + 1.0
    base = "telephone" if CODECS[name][2] == PCM_RATES["telephone"] else "pcm"
    plain, other = await asyncio.gather(*(talk(url, encoded(wave, one), one, start_s) for one in (base, name)))
    later = []
    for due_ms, at_ms in other.items():
        nearest = min(plain, key=lambda one: abs(one - due_ms))
        if abs(nearest - due_ms) <= 100:
            later.append(at_ms - plain[nearest])
    return later


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS))
    add_output_options(parser)
    arguments = parser.parse_args()
    wave = source(arguments.recordings)[: round(arguments.seconds * RATE)]
    rows: list[Sequence[object]] = []
    with our_server("--bundle", arguments.bundle) as served:
        url = "ws" + served.url.removeprefix("http")
        for name in arguments.codecs:
            later = asyncio.run(pair(url, wave, name))
            rows.append([name, len(later), percentile(later, 50), percentile(later, 95)])
            print(rows[-1], flush=True)
    title = f"Texts of compressed audio, ms later than those of PCM: {arguments.bundle.name}"
    publish(title, {"rows": rows}, [table(HEADER, rows)], arguments.json)


if __name__ == "__main__":
    main()
