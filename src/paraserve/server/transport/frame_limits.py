"""WebSocket frames of one client: their length, and limits on control frames, small messages and fragments."""

from dataclasses import dataclass, field

from websockets.frames import CTRL_OPCODES, Frame, Opcode

CONTROL_FRAMES_PER_S = 50.0
"""Pings and pongs that a client may send for as long as it likes. Libraries send one in some seconds."""
CONTROL_FRAMES_AT_ONCE = 250.0
SMALL_BYTES = 128
"""Smaller messages and fragments cost the server more than the network: 4 ms of 16 kHz audio."""
SMALL_MESSAGES_PER_S = 4000.0
"""Small messages of a client beyond this wait. Its audio still arrives at 16 times real time or more."""
TINY_BYTES = 16
"""Smaller messages have no audio that is worth a message. They have an end: a client that has gone would keep its
place until all that it had sent is read."""
TINY_MESSAGES_PER_S = 100.0
TINY_MESSAGES_AT_ONCE = 50_000.0
SMALL_FRAGMENT_COST = 1 / 4
"""A small fragment costs this part of a small message."""
LEAST_WAIT_MESSAGES = 16.0
"""A client waits once it is this far over the rate: shorter times than milliseconds cannot be waited for."""
FREE_FRAGMENTS = 1000
LEAST_FRAGMENT_BYTES = 16
"""Least mean size of a message's fragments, beyond the free ones."""


class FrameLimitError(Exception):
    """The client broke a limit. `kind` names it: "too_many_control_frames", "_fragments" or "_tiny_messages"."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(slots=True)
class TokenBucket:
    """Counts events against a rate. `tokens` are those that may still come at once, negative for a debt."""

    per_s: float
    at_once: float
    tokens: float = field(init=False)
    _at_s: float = float("-inf")

    def __post_init__(self) -> None:
        self.tokens = self.at_once

    def take(self, cost: float, now_s: float) -> float:
        """Pay for an event and return the tokens that are left."""
        self.tokens = min(self.at_once, self.tokens + (now_s - self._at_s) * self.per_s) - cost
        self._at_s = now_s
        return self.tokens


class FrameLimits:
    """Counts the frames of one client."""

    def __init__(self) -> None:
        self._control = TokenBucket(CONTROL_FRAMES_PER_S, CONTROL_FRAMES_AT_ONCE)
        self._small = TokenBucket(SMALL_MESSAGES_PER_S, SMALL_MESSAGES_PER_S)
        self._tiny = TokenBucket(TINY_MESSAGES_PER_S, TINY_MESSAGES_AT_ONCE)
        self._n_fragments = 0
        self._n_bytes = 0

    def count(self, frame: Frame, now_s: float) -> float:
        """Count a frame; return how many seconds the next one has to wait.

        Raises:
            FrameLimitError: there are too many.
        """
        if frame.fin and frame.opcode is Opcode.BINARY and len(frame.data) >= SMALL_BYTES:
            return 0.0  # nearly all frames
        if frame.opcode in CTRL_OPCODES:
            if self._control.take(1, now_s) < 0:
                raise FrameLimitError("too_many_control_frames")
            return 0.0
        is_fragment = frame.opcode is Opcode.CONT or not frame.fin
        if is_fragment:
            self._count_fragment(frame)
        elif len(frame.data) < TINY_BYTES and self._tiny.take(1, now_s) < 0:
            raise FrameLimitError("too_many_tiny_messages")
        if len(frame.data) >= SMALL_BYTES:
            return 0.0
        left = self._small.take(SMALL_FRAGMENT_COST if is_fragment else 1, now_s)
        return 0.0 if left > -LEAST_WAIT_MESSAGES else -left / SMALL_MESSAGES_PER_S

    def _count_fragment(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._n_fragments = self._n_bytes = 0
        self._n_fragments += 1
        self._n_bytes += len(frame.data)
        if self._n_fragments > FREE_FRAGMENTS + self._n_bytes / LEAST_FRAGMENT_BYTES:
            raise FrameLimitError("too_many_fragments")


def frame_bytes(data: bytes | bytearray) -> int:
    """Return the length of the frame whose head `data` begins with (RFC 6455, 5.2); 0 if the head is not complete."""
    if len(data) < 2:
        return 0
    length = data[1] & 0x7F
    n_length_bytes = 0 if length < 126 else 2 if length == 126 else 8
    n_head_bytes = n_length_bytes + (6 if data[1] & 0x80 else 2)
    if len(data) < n_head_bytes:
        return 0
    return n_head_bytes + (int.from_bytes(data[2 : 2 + n_length_bytes]) if n_length_bytes else length)
