"""Audio on its way to the detector: measured and amplified, as far as the client asks for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from paraserve.inference.audio.automatic_gain import AutomaticGain
from paraserve.inference.audio.quality_meter import QualityMeter
from paraserve.options import RecognitionOptions
from paraserve.quality_types import AudioQuality
from paraserve.types import Samples, Update


class AudioIntake:
    """Takes the samples of one recording or utterance in order. It does nothing where nothing is asked of it."""

    def __init__(self, options: RecognitionOptions) -> None:
        self._meter = QualityMeter() if options.audio_quality else None
        self._gain = AutomaticGain() if options.auto_gain else None

    def take(self, samples: Samples) -> Samples:
        """Measure the next samples and return them with their gain."""
        if self._meter is not None:
            self._meter.add(samples)
        return samples if self._gain is None else self._gain.push(samples)

    async def take_block(self, samples: Samples) -> Samples:
        """Do what `take` does beside the event loop: a block of a file may be half a minute long."""
        if self._meter is None and self._gain is None:
            return samples
        return await asyncio.to_thread(self.take, samples)

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
