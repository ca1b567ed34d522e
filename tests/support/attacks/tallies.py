"""What an attacker counts, how it is paced, and how it reads the server's frames."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What came of an attack. `most_bytes` is what one connection could send before the server ended it."""

    connections: int = 0
    unanswered: int = 0
    """Connections that the server refused, or ended without a status or a close frame."""
    sent_bytes: int = 0
    most_bytes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    closes: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    """Connections that the server ended."""
    longest_s: float = 0.0
    """The oldest connection, ended or still open when the attack ends."""
    held: int = 0
    """Connections that are open when the attack ends."""
    cpu_s: float = 0.0

    def answers(self) -> dict[str, int]:
        """Statuses, close codes and error codes together, most frequent first, for a table."""
        counts = [*self.statuses.most_common(4), *self.closes.most_common(3), *self.codes.most_common(3)]
        return {str(name): count for name, count in counts}


@dataclass
class Pace:
    """Allow so much a second; 0 = no limit."""

    per_s: float
    due_s: float = 0.0

    async def take(self, amount: float) -> None:
        """Wait until so much more may be taken. Never more than a tenth of a second is saved up."""
        if not self.per_s:
            return
        self.due_s = max(self.due_s, time.monotonic() - 0.1) + amount / self.per_s
        await asyncio.sleep(max(0.0, self.due_s - time.monotonic()))


def frame_of(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Opcode and payload of the server's first frame in `data`, and the rest; None if it is not complete."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start])
    if len(data) < start + length:
        return None
    return data[0] & 0x0F, data[start : start + length], data[start + length :]


def error_codes(payload: bytes) -> list[str]:
    """The code of an error message, or nothing."""
    with contextlib.suppress(ValueError, AttributeError):
        error = json.loads(payload).get("error")
        if error:
            return [error["code"] if isinstance(error, dict) else str(error)[:40]]
    return []
