"""One attack on one server: figures of quiet and of the attack, and the bars that they are held to."""

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from support.attacks.honest import Newcomer, Prober, Speaker, Target
from support.attacks.processes import running
from support.attacks.served import Served
from support.attacks.tallies import Tally
from support.attacks.wire import Attacker

POLL_S = 0.1
WARM_UP_S = 3.0
SETTLE_S = 1.0
MAX_GROWTH_MB = 2000.0
"""An attack that takes more is cut off: the machine has other work."""
MAX_LIVEZ_P99_MS, MAX_RSS_GROWTH_MB = 100.0, 64.0
FINAL_FACTOR, FINAL_ALLOWANCE_MS = 1.5, 100.0


@dataclass(frozen=True)
class Waits:
    """Milliseconds; None of nothing."""

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Waits":
        """Percentiles of these."""
        if not values:
            return cls(0, None, None, None, None)
        p50, p95, p99, top = (round(float(q), 1) for q in np.percentile(values, (50, 95, 99, 100)))
        return cls(len(values), p50, p95, p99, top)


@dataclass(frozen=True)
class Figures:
    """What was measured. `rss_mb` are the server's processes: before the attack, their peak, after it."""

    attack: str
    keys: bool
    seconds: float
    livez_quiet_ms: Waits
    livez_ms: Waits
    livez_failed: int
    finals_quiet_ms: Waits
    finals_ms: Waits
    finals_lost: int
    rss_mb: tuple[float, float, float]
    newcomers_live: dict[str, int]
    newcomers_uploads: dict[str, int]
    attacker: Tally = field(repr=False)
    was_cut_off: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON would have it, with the bars that are not met."""
        # dataclasses.asdict cannot copy a Counter.
        return {**json.loads(json.dumps(self, default=vars)), "shortfalls": self.shortfalls()}

    def shortfalls(self) -> list[str]:
        """The bars that are not met, each with its figure."""
        before, peak, _ = self.rss_mb
        quiet_ms, attacked_ms = self.finals_quiet_ms.p95 or 0.0, self.finals_ms.p95
        allowed_ms = max(FINAL_FACTOR * quiet_ms, quiet_ms + FINAL_ALLOWANCE_MS)
        came = {**self.newcomers_live, **{f"upload {k}": n for k, n in self.newcomers_uploads.items()}}
        refused = {k: n for k, n in came.items() if k not in ("ok", "upload ok")}
        checks = {
            f"livez p99 {self.livez_ms.p99} ms": (self.livez_ms.p99 or 0.0) > MAX_LIVEZ_P99_MS,
            f"{self.livez_failed} probes of livez failed": self.livez_failed > 0,
            f"final p95 {attacked_ms} ms, quiet {quiet_ms} ms": attacked_ms is None or attacked_ms > allowed_ms,
            f"{self.finals_lost} finals lost": self.finals_lost > 0,
            f"memory grew by {peak - before:.0f} MB": peak - before > MAX_RSS_GROWTH_MB,
            f"newcomers were not served: {refused}": bool(refused),
            "nobody came": not came,
            "cut off": self.was_cut_off,
        }
        return [what for what, is_short in checks.items() if is_short]


def measure(
    server: Served, *attack_names: str, seconds: float, quiet_s: float, front: Target | None = None
) -> Figures:
    """Watch honest clients for `quiet_s`, then also attack for `seconds`.

    Args:
        server: whose memory is measured.
        attack_names: of `ATTACKS`, one after the other; they share the time.
        seconds: how long they go on.
        quiet_s: how long quiet is measured before it.
        front: where clients and attacker connect to, in place of the server.
    """
    target = front or server.target
    attacker = Attacker(target.host, target.port, attack_names, seconds / len(attack_names))
    with contextlib.ExitStack() as stack:
        prober, speaker, newcomer = (
            stack.enter_context(running(role)) for role in (Prober(target), Speaker(target), Newcomer(target))
        )
        time.sleep(WARM_UP_S)
        quiet_from_s = time.monotonic()
        time.sleep(quiet_s)
        server.forget_peaks()
        before_mb = server.resident_mb()
        attacked_from_s = time.monotonic()
        attacking = stack.enter_context(running(attacker))
        peak_mb, was_cut_off = _watch(server, before_mb, attacked_from_s + seconds)
        attacked_to_s = time.monotonic()
        tally = attacking.stop().tally
        seen = prober.stop(), speaker.stop(), newcomer.stop()
    time.sleep(SETTLE_S)
    prober, speaker, newcomer = seen

    def during(values: list[tuple[float, float]], from_s: float, to_s: float) -> Waits:
        return Waits.of([ms for at_s, ms in values if from_s <= at_s < to_s])

    return Figures(
        ", ".join(attack_names),
        bool(target.key),
        seconds,
        during(prober.waits, quiet_from_s, attacked_from_s),
        during(prober.waits, attacked_from_s, attacked_to_s),
        prober.failed,
        during(speaker.finals, quiet_from_s - WARM_UP_S, attacked_from_s),
        during(speaker.finals, attacked_from_s, attacked_to_s),
        speaker.lost,
        (round(before_mb, 1), round(peak_mb, 1), round(server.resident_mb(), 1)),
        dict(+newcomer.live),
        dict(+newcomer.uploads),
        tally,
        was_cut_off,
    )


def _watch(server: Served, before_mb: float, until_s: float) -> tuple[float, bool]:
    """The peak of the server's memory, and whether it was killed for it."""
    peak_mb = before_mb
    while time.monotonic() < until_s:
        time.sleep(POLL_S)
        peak_mb = max(peak_mb, server.peak_mb())
        if peak_mb - before_mb > MAX_GROWTH_MB:
            server.kill()
            return peak_mb, True
    return peak_mb, False
