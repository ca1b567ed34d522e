"""Writes docs/compatibility.md from what the matrix of tests holds: `python -m support.protocols.compatibility`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from support.protocols.ways import FILES, LIVE, FileWay, LiveWay, Refusals

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "compatibility.md"
PEERS = ROOT / "tests" / "peers"
CLIENTS = {
    "openai": "OpenAI's calls, events and Realtime, in Python and JavaScript",
    "livekit-plugins-openai": "OpenAI's Realtime API, for LiveKit Agents",
    "pipecat-ai": "OpenAI's Realtime API",
    "dify-plugin": "OpenAI's call",
    "nvidia-riva-client": "NVIDIA Riva",
    "deepgram-sdk": "Deepgram",
    "@deepgram/sdk": "Deepgram, in JavaScript",
    "wyoming": "Wyoming",
    "funasr-client": "FunASR's WebSocket protocol",
    "funasr-python": "FunASR's WebSocket protocol",
    "tus-js-client": "jobs, by resumable uploads",
}
"""Packages of others, and what they speak."""
START = """# Compatibility

Every protocol is an adapter in front of one pipeline. The same recording has the same text in each of them, to the
letter, and words have the same times within 10 ms. The tables are made from the tests that hold this
(`tests/server/protocols`): `PYTHONPATH=tests python -m support.protocols.compatibility` writes them.
"""
END = """
A live client gets the text of what it has said before a server that stops closes its connection. A recording that is
being recognized is answered first. A job is left to the server that starts next. Wyoming has no keys:
all its clients count as the key of `wyoming_api_key_file`.
"""


def page() -> str:
    """The page as it should be."""
    error_rows = map(error_row, dict.fromkeys(way.refusals for way in (*LIVE, *FILES)))
    return "\n".join(
        (
            START,
            "## Live speech\n",
            "Each protocol tells the end of the texts exactly once.\n",
            *table(("protocol", "address", "partial texts", "times of words"), map(live_row, LIVE)),
            "\n## Recordings\n",
            *table(("protocol", "address", "text before the end", "times of words"), map(file_row, FILES)),
            "\n## Errors\n",
            "Status, or close code of a WebSocket, and the code of the error.\n",
            *table(("clients", "wrong key", "too many clients", "too much data", "the server stops"), error_rows),
            END,
            "## Clients that are tested\n",
            "Unmodified, from their registries, each in an environment of its own (`tests/peers`):\n",
            *table(("package", "version", "speaks"), map(client_row, CLIENTS)),
            "",
        )
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def live_row(way: LiveWay) -> Sequence[str]:
    """A protocol of live clients."""
    partials = way.has_partials if way.has_second_pass else True
    return linked(way), f"`{way.address}`", yes(partials), yes(way.has_times)


def file_row(way: FileWay) -> Sequence[str]:
    """A protocol of recordings."""
    return linked(way), f"`{way.address}`", yes(way.has_partials), yes(way.has_times)


def error_row(refusals: Refusals) -> Sequence[str]:
    """What the clients of a transport are told."""
    told = (refusals.wrong_key, refusals.overloaded, refusals.too_large, refusals.stopping)
    return refusals.of, *(f"`{one}`" if one else "-" for one in told)


def client_row(package: str) -> Sequence[str]:
    """A client of others."""
    sources = "".join(path.read_text("utf-8") for path in sorted(PEERS.glob("*.py")))
    versions = dict.fromkeys(re.findall(rf'"{re.escape(package)}(?:\[\w+\])?(?:==|@)([\d.]+)"', sources))
    return f"`{package}`", ", ".join(versions), CLIENTS[package]


def linked(way: LiveWay | FileWay) -> str:
    """A protocol with its page."""
    return f"[{way.name}]({way.page})"


def yes(fact: bool) -> str:
    """A cell of a table."""
    return "yes" if fact else "no"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
