"""The events of a recording that is being worked on: who writes them, and when."""

from dataclasses import dataclass

from paraserve.runtime.decoding.decoded_recording import RecordingOpener
from paraserve.runtime.decoding.peaks import MeasuringOpener
from paraserve.runtime.recorded_file import OnProgress
from paraserve.runtime.recording_sentences import OnSentences
from paraserve.server.http.event_stream import EventStream
from paraserve.server.http.transcript_events import peaks_event
from paraserve.server.http.upload_plan import UploadPlan


@dataclass(frozen=True, slots=True)
class Following:
    """Writes events of a recording while it is worked on, if its answer comes in events."""

    events: EventStream
    plan: UploadPlan

    @property
    def on_sentences(self) -> OnSentences | None:
        """Return what takes the sentences, None if all come at the end."""
        write_part = self.plan.write_part
        # Hours of split channels come at once, which `render` writes off the event loop.
        if write_part is None or self.plan.options.channel == "split":
            return None
        return lambda sentences: self.events.write(write_part(sentences))

    def after(self, first: OnProgress) -> OnProgress:
        """Return what takes the progress, which `first` is told first."""
        write_progress = self.plan.write_progress

        def report(at_ms: int, duration_ms: int | None) -> None:
            first(at_ms, duration_ms)
            if write_progress is not None:
                self.events.write(write_progress(at_ms, duration_ms))

        return report

    def measured(self, pool: RecordingOpener) -> RecordingOpener:
        """Return what opens recordings, and measures their peaks if they are asked for."""
        if self.plan.peaks is None:
            return pool
        return MeasuringOpener(pool, self.plan.peaks, self._on_peaks)

    def _on_peaks(self, start: int, values: bytes) -> None:
        if self.events.is_open:
            self.events.write(peaks_event(start, values))
