"""What the result cache costs a recording that it does not know, and what it saves one that it knows.

    python scripts/bench/result_cache.py [--rounds 15] [--cache memory|sqlite|URL] [--seconds 3 60 600]

One client takes turns with recordings of each length, as WAV and as MP3: an upload without the cache, one that misses
and one that hits. Each round asks for another word to hide, which no text has, so that it misses.
"""

import argparse
import http.client
import io
import json
import tempfile
import time
from typing import Any

import numpy as np
import soundfile

from recordings import ROOT, SAMPLES, Wave, looped, speech
from report import add_output_options, percentile, publish, table
from serving import our_server

RATE = 16_000
FORMATS = {"WAV": {"format": "WAV", "subtype": "PCM_16"}, "MP3": {"format": "MP3"}}
WAYS = ("no cache", "miss", "hit")
HEADER = ["recording", *(f"{way}, ms" for way in WAYS), "a miss beside no cache"]


def file_of(wave: Wave, form: str) -> bytes:
    """Return a recording as a file."""
    made = io.BytesIO()
    soundfile.write(made, wave, RATE, **FORMATS[form])
    return made.getvalue()


def recordings(lengths_s: list[float]) -> dict[str, bytes]:
    """Return speech of each length in each format, by a name for people."""
    wave = speech(SAMPLES)
    return {
        f"{seconds:g} s, {form}": file_of(looped(wave, 0, round(seconds * RATE)).astype(np.float32), form)
        for seconds in lengths_s
        for form in FORMATS
    }


def upload(connection: http.client.HTTPConnection, data: bytes, word: str, way: str) -> tuple[str, float]:
    """Return the text of an upload and the ms that it took. The answer must say what the way says."""
    query = f"/transcribe?profanity={word}" + ("&no_cache=true" if way == "no cache" else "")
    begun_s = time.monotonic()
    connection.request("POST", query, data)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    took_ms = (time.monotonic() - begun_s) * 1000
    if answer.status != 200 or answer.headers.get("X-Cache", "no cache") != way:
        raise SystemExit(f"{way}: {answer.status} {answer.headers.get('X-Cache')} {str(body)[:200]}")
    return body["text"], took_ms


def measure(address: str, files: dict[str, bytes], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Take turns; return the ms of each way for each recording. The first round warms up."""
    connection = http.client.HTTPConnection(address)
    took_ms: dict[str, dict[str, list[float]]] = {name: {way: [] for way in WAYS} for name in files}
    for n in range(rounds + 1):
        for name, data in files.items():
            texts = set()
            for way in WAYS:
                text, ms = upload(connection, data, f"zzz{n}", way)
                texts.add(text)
                if n:
                    took_ms[name][way].append(ms)
            if len(texts) > 1:
                raise SystemExit(f"the texts differ: {texts}")
    return took_ms


def rows(took_ms: dict[str, dict[str, list[float]]]) -> list[list[Any]]:
    """Write the medians of each recording."""
    lines = []
    for name, ways in took_ms.items():
        without, miss, hit = (percentile(ways[way], 50) or 0.0 for way in WAYS)
        lines.append([name, without, miss, hit, f"{miss - without:+.1f} ms, {100 * (miss / without - 1):+.1f} %"])
    return lines


def main() -> None:
    """Measure one kind of cache."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cache", default="sqlite")
    parser.add_argument("--seconds", type=float, nargs="+", default=[3, 60, 600])
    add_output_options(parser)
    options = parser.parse_args()
    files = recordings(options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--data-dir", folder, "--result-cache", options.cache]
        with our_server("--bundle", ROOT / "models" / "demo", *flags) as served:
            took_ms = measure(served.address, files, options.rounds)
    publish("Result cache", took_ms, [table(HEADER, rows(took_ms))], options.json)


if __name__ == "__main__":
    main()
