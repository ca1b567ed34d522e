"""Facts about the audio of a request. Like `types.py`, which imports it, it imports nothing of ours."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

QualityHint: TypeAlias = Literal["silent", "too_quiet", "clipped", "noisy", "narrow_band"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Audio of a live client by its times of arrival.

    `lost_ms` is audio that was never sent though time went on, `lost_frames` the number of frames of the client's
    usual length in it. `clock_drift_ppm` is how much faster the client's clock runs than the server's, in millionths.
    It is None where the audio does not come as it is spoken, or too little of it came to tell.
    """

    lost_ms: int = 0
    lost_frames: int = 0
    clock_drift_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class AudioQuality:
    """Level, clipping, noise and bandwidth of audio, before any gain.

    `level_dbfs` is the level of the speech, `noise_dbfs` that of the background: 0 is a square wave of full scale.
    Both are None for digital silence, as is `bandwidth_hz`, the frequency above which nothing is heard.
    `clipped_share` is the share of the louder samples that are at the limit of their format, in [0, 1]. `hints` name
    what may cost accuracy. `gain_db` is the automatic gain at the end, None where it was off. `delivery` is given for
    live audio.
    """

    level_dbfs: float | None = None
    noise_dbfs: float | None = None
    clipped_share: float = 0.0
    bandwidth_hz: int | None = None
    hints: tuple[QualityHint, ...] = ()
    gain_db: float | None = None
    delivery: Delivery | None = None
