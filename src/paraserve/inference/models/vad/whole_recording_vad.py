"""Voice activity detection for bundles without a detector: the whole recording is one segment."""

from dataclasses import dataclass

from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import FbankState, fbank_step
from paraserve.options import VadOverrides
from paraserve.types import FRAME_MS, FRAME_SAMPLES, Samples, Segment, VadEvent, samples_to_ms


@dataclass(frozen=True, slots=True)
class WholeRecordingState:
    """State of the fbank and number of samples so far."""

    fbank: FbankState
    n_samples: int = 0


class WholeRecordingVad:
    """Detector that reports one start at 0 and one end at the end of the audio; matches `Vad`."""

    @property
    def lookback_ms(self) -> int:
        """0: boundaries are reported at once."""
        return 0

    @property
    def max_segment_ms(self) -> None:
        """None: only the end of the audio ends a segment."""
        return

    def lookback_with(self, overrides: VadOverrides) -> int:  # noqa: ARG002 - the contract's
        """Return 0: nothing here can be overridden."""
        return 0

    def segment(self, samples: Samples) -> list[Segment]:
        """Return the whole recording as one segment; none for less than a frame."""
        end_ms = _end_ms(len(samples))
        return [Segment(0, end_ms)] if end_ms else []

    def new_state(self, overrides: VadOverrides | None = None) -> WholeRecordingState:  # noqa: ARG002 - the contract's
        """Return the state of a stream before its first sample."""
        return WholeRecordingState(FbankState())

    def with_end_silence(self, state: WholeRecordingState, end_silence_ms: int | None) -> WholeRecordingState:  # noqa: ARG002 - the contract's
        """Return the state as it is: no silence ends anything here."""
        return state

    def step(
        self, state: WholeRecordingState, samples: Samples, *, is_last: bool
    ) -> tuple[WholeRecordingState, VadStep]:
        """Take new samples. The first one starts the segment, the last step ends it."""
        fbank, features = fbank_step(state.fbank, samples)
        n_samples = state.n_samples + len(samples)
        events: list[VadEvent] = []
        if state.n_samples == 0 and n_samples > 0:
            events.append(VadEvent("start", 0, decided_ms=0))
        if is_last and n_samples > 0:
            events.append(VadEvent("end", _end_ms(n_samples), decided_ms=samples_to_ms(n_samples)))
        return WholeRecordingState(fbank, n_samples), VadStep(tuple(events), features)


def _end_ms(n_samples: int) -> int:
    return n_samples // FRAME_SAMPLES * FRAME_MS
