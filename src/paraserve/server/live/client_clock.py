"""Audio that a live client did not send though time went on, and the drift of its clock.

Frames arrive late by what the network takes, never early. So the least lag of the audio behind the time, in each two
seconds, follows the client. Where it steps up and stays there, audio was lost. Where it slides, the clocks differ.
"""

from dataclasses import dataclass, replace

from paraserve.quality_types import AudioQuality, Delivery

WINDOW_S = 2.0
LEAST_STEP_S = 0.025
"""A smaller change of the lag from one window to the next is no step. Clocks differ by 2 ms in that time."""
STEP_FRAMES = 0.4
"""Likewise, in frames: less than a frame cannot be lost."""
LEAST_DRIFT_S = 30.0
"""Less time does not tell drift from the network's jitter."""


@dataclass(slots=True)
class ClientClock:
    """The frames of one utterance by the times when they arrived."""

    _started_s: float | None = None
    _audio_s: float = 0.0
    _n_frames: int = 0
    _window_end_s: float = 0.0
    _window_lag_s: float = float("inf")  # the least one in the present window
    _lag_s: float | None = None  # that of the window before
    _lost_s: float = 0.0
    _slid_s: float = 0.0
    _steady_s: float = 0.0  # time without steps
    _is_ahead: bool = False  # audio came that cannot have been spoken yet

    def add(self, seconds: float, received_s: float) -> None:
        """Note a frame with so many seconds of audio that arrived at `received_s`."""
        if self._started_s is None:
            # The first frame was spoken before it arrived.
            self._started_s, self._window_end_s = received_s - seconds, received_s + WINDOW_S
        elif received_s >= self._window_end_s:
            self._end_window(received_s - self._window_end_s + WINDOW_S)
            self._window_end_s = received_s + WINDOW_S
        self._audio_s += seconds
        self._n_frames += 1
        self._window_lag_s = min(self._window_lag_s, received_s - self._started_s - self._audio_s)

    def delivery(self) -> Delivery:
        """Return what all frames so far tell."""
        if not self._audio_s:
            return Delivery()
        step_s = 0.0 if self._lag_s is None else self._window_lag_s - self._lag_s
        lost_s = max(0.0, self._lost_s + step_s) if self._is_step(step_s) else self._lost_s
        is_told = self._steady_s >= LEAST_DRIFT_S and not self._is_ahead
        return Delivery(
            lost_ms=round(lost_s * 1000),
            lost_frames=round(lost_s * self._n_frames / self._audio_s),
            clock_drift_ppm=round(-self._slid_s / self._steady_s * 1e6) if is_told else None,
        )

    def with_delivery(self, quality: AudioQuality | None) -> AudioQuality | None:
        """Return the quality of the audio with its delivery, None where nobody asks for it."""
        return None if quality is None else replace(quality, delivery=self.delivery())

    def _end_window(self, duration_s: float) -> None:
        step_s = 0.0 if self._lag_s is None else self._window_lag_s - self._lag_s
        if self._is_step(step_s):
            # What comes back after a step was late, not lost.
            self._is_ahead = self._is_ahead or self._lost_s + step_s < -LEAST_STEP_S
            self._lost_s = max(0.0, self._lost_s + step_s)
        elif self._lag_s is not None:
            self._slid_s += step_s
            self._steady_s += duration_s
        self._lag_s, self._window_lag_s = self._window_lag_s, float("inf")

    def _is_step(self, change_s: float) -> bool:
        return abs(change_s) > max(LEAST_STEP_S, STEP_FRAMES * self._audio_s / self._n_frames)
