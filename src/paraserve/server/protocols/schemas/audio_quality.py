"""Level, noise, clipping and bandwidth of the audio, in all answers to clients that ask for them."""

from pydantic import MISSING, Field

from paraserve.quality_types import QualityHint
from paraserve.server.protocols.schemas.documented import Documented


class AudioQualityJson(Documented):
    """Quality of the audio as it arrived, before any gain. Live, of the utterance so far."""

    level_dbfs: float | None
    """Level of the speech in dB, where 0 is full scale. null for digital silence."""
    noise_dbfs: float | None
    """Level of the background in dB, at least -100. null for digital silence."""
    clipped_share: float = Field(ge=0, le=1)
    """Share of the louder samples that are at the limit of their format."""
    bandwidth_hz: int | None
    """Frequency above which nothing is heard, at most 8000. null for digital silence."""
    hints: list[QualityHint]
    """Facts that may cost accuracy. `silent`: digital silence. `too_quiet`: speech under -45 dB. `clipped`: 0.1 % of
    the samples or more. `noisy`: speech less than 15 dB above noise. `narrow_band`: nothing above 4250 Hz, like
    a telephone. Empty where all is well, and for less than a second of audio."""
    gain_db: float | MISSING = MISSING
    """Automatic gain at the end, in dB. Present with `auto_gain`."""
    lost_ms: int | MISSING = Field(MISSING, ge=0)
    """Audio that was never sent though time went on, in ms. Live only."""
    lost_frames: int | MISSING = Field(MISSING, ge=0)
    """Frames of the client's usual length in `lost_ms`. Live only."""
    clock_drift_ppm: int | MISSING | None = MISSING
    """Millionths by which the client's clock runs faster than the server's. Live only. null where the audio does not
    come as it is spoken, or less than 30 s of it came."""


class WithAudioQuality(Documented):
    """An answer that may tell the quality of the audio."""

    audio_quality: AudioQualityJson | MISSING = MISSING
    """Present if the client asks for it."""
