"""For bundles without a voice activity detector: the whole recording is one stretch of speech."""

from dataclasses import dataclass

from paraserve.inference.base import VadStep
from paraserve.inference.features.fbank import FbankState, fbank_step
from paraserve.types import FRAME_MS, FRAME_SAMPLES, Samples, Segment, VadEvent, VadOverrides, samples_to_ms


@dataclass(frozen=True, slots=True)
class WholeRecordingState:
    """The fbank's state and how much has been heard."""

    fbank: FbankState
    n_samples: int = 0


class WholeRecordingVad:
    """Reports one start at 0 and one end at the end."""

    @property
    def lookback_ms(self) -> int:
        """Boundaries are reported at once."""
        return 0

    def lookback_with(self, overrides: VadOverrides) -> int:  # noqa: ARG002 - the contract's
        """Return 0: nothing here can be overridden."""
        return 0

    def segment(self, samples: Samples) -> list[Segment]:
        """The whole recording, if there is any."""
        end_ms = _end_ms(len(samples))
        return [Segment(0, end_ms)] if end_ms else []

    def new_state(self, overrides: VadOverrides | None = None) -> WholeRecordingState:  # noqa: ARG002 - the contract's
        """State of a stream that has heard nothing."""
        return WholeRecordingState(FbankState())

    def step(
        self, state: WholeRecordingState, samples: Samples, *, is_last: bool
    ) -> tuple[WholeRecordingState, VadStep]:
        """Begin with the first sample, end with the last."""
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
