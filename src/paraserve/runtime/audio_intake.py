"""Audio on its way to the detector: measured, freed of noise and amplified, as far as the client asks for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from paraserve.inference.audio import noise_suppression
from paraserve.inference.audio.automatic_gain import AutomaticGain
from paraserve.inference.audio.noise_suppression import NoiseSuppressor
from paraserve.inference.audio.quality_meter import QualityMeter
from paraserve.options import RecognitionOptions
from paraserve.quality_types import AudioQuality
from paraserve.types import Samples, Update


class AudioIntake:
    """Takes the samples of one recording or utterance in order. It does nothing where nothing is asked of it.

    Without the package that suppresses noise there is no suppression. The client has a warning then.
    """

    def __init__(self, options: RecognitionOptions) -> None:
        has_suppression = options.noise_suppression and noise_suppression.is_installed()
        self._meter = QualityMeter() if options.audio_quality else None
        self._suppressor = NoiseSuppressor() if has_suppression else None
        self._gain = AutomaticGain() if options.auto_gain else None

    def take(self, samples: Samples) -> Samples:
        """Take the next samples and return those that are ready for the detector."""
        if self._meter is not None:
            self._meter.add(samples)
        if self._suppressor is not None:
            samples = self._suppressor.push(samples)
        return samples if self._gain is None else self._gain.push(samples)

    async def take_block(self, samples: Samples) -> Samples:
        """Do what `take` does beside the event loop: a block of a file may be half a minute long."""
        if self._meter is None and self._suppressor is None and self._gain is None:
            return samples
        return await asyncio.to_thread(self.take, samples)

    def rest(self) -> Samples:
        """Return the last samples, once all have been taken: as many come out as went in."""
        if self._suppressor is None:
            return np.zeros(0, np.float32)
        samples = self._suppressor.flush()
        return samples if self._gain is None else self._gain.push(samples)

    def quality(self) -> AudioQuality | None:
        """Return the quality of all samples so far, None where nobody asks for it."""
        if self._meter is None:
            return None
        quality = self._meter.quality()
        return quality if self._gain is None else replace(quality, gain_db=round(self._gain.gain_db, 1))

    def telling(self, emit: Callable[[Update], None]) -> Callable[[Update], None]:
        """Return an `emit` that adds the quality to final texts and to the last update."""
        if self._meter is None:
            return emit

        def emit_with_quality(update: Update) -> None:
            is_told = update.kind == "offline" or update.last
            emit(replace(update, quality=self.quality()) if is_told else update)

        return emit_with_quality
