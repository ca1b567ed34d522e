"""Figures for Prometheus (docs/metrics.md). Labels take few values, whatever clients send."""

import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from paraserve import __version__
from paraserve.errors import AudioError
from paraserve.hotword_types import HotwordReport
from paraserve.quality_types import Delivery
from paraserve.redaction_types import Redactions
from paraserve.runtime.first_pass import DEGRADED
from paraserve.runtime.routing.loaded_model import ModelStatus
from paraserve.runtime.scheduling.batches import BatchStats, Lane
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.stage_clock import StageClock
from paraserve.server.telemetry.gpu_metrics import GpuMetrics
from paraserve.server.telemetry.history import History
from paraserve.server.telemetry.job_metrics import JobMetrics
from paraserve.server.telemetry.shared_figures import MULTIPROCESS_DIR
from paraserve.types import FRAME_MS, Notice, Transcript

READ_TRIES, READ_PAUSE_S = 5, 0.01
"""A process that starts makes its files and then gives them a size: read in between, they are no files of figures."""
RECOGNIZERS = frozenset(("recognize", "step", "draft"))
"""Stages whose success shows that the server can recognize."""
STAGES = ("vad", "step", "draft", "recognize", "punctuate", "punctuate online")
CHANGED = MappingProxyType({True: "yes", False: "no", None: "unknown"})
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CLOSE_CODES = frozenset((*range(1000, 1004), *range(1005, 1015)))
OTHER = "other"
LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5, 3.0, 10.0)
SHORT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUEST_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
DRIFT_BUCKETS_PPM = (-10_000, -1_000, -300, -100, -30, 0, 30, 100, 300, 1_000, 10_000)
RTF_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0)


class Metrics:
    """All figures of the server, in a registry of their own. `live_load` and `history` get some of them, too."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.live_load = LiveLoad()
        self.history = History()
        self._model_names: set[str] = set()
        self.last_run_s = float("-inf")  # time.monotonic() when a recognizer last succeeded
        self._add_requests()
        self._add_live()
        self._add_recognition()
        self._add_process()
        self.jobs = JobMetrics(self.registry)
        self.gpus = GpuMetrics(self.registry)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format, summed over worker processes."""
        if MULTIPROCESS_DIR not in os.environ:
            return generate_latest(self.registry)
        for _ in range(READ_TRIES - 1):
            with suppress(ValueError, struct.error):
                return _sum_of_processes()
            time.sleep(READ_PAUSE_S)
        return _sum_of_processes()

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(route, method if method in METHODS else OTHER, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def live_result(self, *, is_partial: bool, took_s: float | None, notice: Notice | None = None) -> None:
        """Count a live result. `took_s`: seconds since the frame that made it possible, None where there was none."""
        kind = "partial" if is_partial else "final"
        self.live_results.labels(kind).inc()
        if took_s is not None:
            self.live_latency.labels(kind).observe(took_s)
            self.history.result(kind, took_s)
        if notice is not None and notice.code == DEGRADED:
            self.live_degraded.labels(kind).inc()

    def live_level(self) -> None:
        """Set the figures of what partial texts give up now."""
        self.live_rung.set(self.live_load.level)
        self.live_wait.labels("partial").set(self.live_load.step_wait_s)
        self.live_wait.labels("final").set(self.live_load.final_wait_s)

    def live_close(self, code: int) -> None:
        """Count a live connection that ended. Unknown codes, which clients may send, count as one."""
        self.live_closes.labels(str(code) if code in CLOSE_CODES else OTHER).inc()

    def live_delivery(self, delivery: Delivery) -> None:
        """Count the audio that a live client did not send in an utterance, and observe the drift of its clock."""
        self.live_lost_audio.inc(delivery.lost_ms / 1000)
        self.live_lost_frames.inc(delivery.lost_frames)
        if delivery.clock_drift_ppm is not None:
            self.live_clock_drift.observe(delivery.clock_drift_ppm)

    def batch(self, batch: BatchStats) -> None:
        """Count a batch that a model has run. May be called on any thread."""
        self.live_load.batch(batch)
        self.history.batch(batch.stage, batch.n_items)
        self.stage_seconds.labels(batch.stage).observe(batch.run_s)
        self.batch_size.labels(batch.stage).observe(batch.n_items)
        for queue_s in batch.queue_s:
            self.queue_wait.labels(batch.lane.name.lower()).observe(queue_s)
        if batch.stage in RECOGNIZERS and not batch.is_failed:
            self.last_run_s = time.monotonic()
        if batch.is_failed:
            self.inference_failures.labels(batch.stage).inc()
        elif batch.stage == "recognize":
            self.batch_audio.inc(batch.cost * FRAME_MS / 1000)
            self.batch_padding.inc((batch.padded_cost - batch.cost) * FRAME_MS / 1000)
            # The readiness check is a recognition, too. It runs in the lane of live steps.
            if batch.lane is not Lane.STEP:
                self.segments.labels("file" if batch.lane.is_file else "live").inc(batch.n_items)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Count the recording if it cannot be decoded."""
        try:
            yield
        except AudioError as error:
            self.decode_failures.labels(error.code).inc()
            raise

    def stages(self, clock: StageClock) -> None:
        """Count the stages of an upload that is about to be answered."""
        for stage, seconds in clock.stages_s.items():
            self.request_stages.labels(stage).observe(seconds)

    def file(self, transcript: Transcript, seconds: float) -> None:
        """Count a transcribed recording. `seconds`: from its receipt to its text."""
        self.hotwords(transcript.hotwords)
        self.audio_seconds.inc(transcript.duration_ms / 1000)
        self.stage_seconds.labels("decode").observe(transcript.timing.decode_ms / 1000)
        self.redacted(transcript.redactions)
        if transcript.duration_ms:
            self.real_time_factor.observe(seconds * 1000 / transcript.duration_ms)

    def hotwords(self, report: HotwordReport | None) -> None:
        """Count hotwords of a client: those in a text, and those without an effect. The words are in no figure."""
        if report is None:
            return
        for hit in report.hits:
            self.hotword_hits.labels(CHANGED[hit.changed]).inc()
        self.hotwords_ignored.inc(len(report.ignored))

    def redacted(self, redactions: Redactions | None) -> None:
        """Count what was changed in a text that is given to a client."""
        for kind, count in asdict(redactions).items() if redactions is not None else ():
            if count:
                self.redactions.labels(kind).inc(count)

    def models(self, statuses: Sequence[ModelStatus]) -> None:
        """Set the figures of all models. Those of a model that a reload has taken away become 0."""
        for status in statuses:
            self.model_loaded.labels(status.name).set(status.state == "loaded")
            self.model_bytes.labels(status.name).set(status.memory_bytes)
            self.model_users.labels(status.name).set(status.users)
        gone, self._model_names = self._model_names - {one.name for one in statuses}, {one.name for one in statuses}
        for name in gone:
            for gauge in (self.model_loaded, self.model_bytes, self.model_users):
                gauge.labels(name).set(0)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Time the loading of the models."""
        started = time.monotonic()
        yield
        self.model_load_seconds.set(time.monotonic() - started)

    def _add_requests(self) -> None:
        labels = ["route", "method", "status"]
        self.requests = self._counter("http_requests", "Answered requests", *labels)
        self.seconds = self._histogram("http_request_seconds", "Time to answer", REQUEST_BUCKETS_S, "route")
        self.grpc_calls = self._counter("grpc_calls", "Calls of gRPC that ended", "method", "status")
        self.uploads = self._gauge("uploads_in_progress", "Uploads being worked on")
        self.refusals = self._counter("refusals", "Requests, connections and messages turned away", "kind")
        self.limits_store_up = self._gauge("limits_store_up", "1 while limits can be counted", mode="livemin")
        self.results = self._counter("result_cache", "Requests by what the result cache had for them", "outcome")
        self.decode_failures = self._counter("decode_failures", "Recordings that could not be decoded", "code")
        self.real_time_factor = self._histogram(
            "real_time_factor", "Time from a recording's receipt to its text, by its duration", RTF_BUCKETS
        )

        self.request_stages = self._histogram(
            "request_stage_seconds", "Time of an upload in a stage", REQUEST_BUCKETS_S, "stage"
        )
        self.decode_wait = self._histogram(
            "decode_wait_seconds", "Time that a recording waited for a decode child", SHORT_BUCKETS_S
        )

    def _add_live(self) -> None:
        self.live = self._gauge("live_sessions", "Open live connections")
        self.live_limit = self._gauge("live_limit", "Live connections that are let in at once")
        self.live_rating = self._gauge("live_rating", "Live clients that may talk at once, 0 = not known")
        self.live_closes = self._counter("live_closes", "Live connections that ended", "code")
        self.live_kept = self._gauge("live_kept_sessions", "Live sessions that wait for their client to return")
        self.live_resumes = self._counter("live_resumes", "Returns to kept live sessions", "outcome")
        self.live_refusals = self._counter("live_refusals", "Live connections that were not let in", "code")
        self.live_results = self._counter("live_results", "Live results sent", "kind")
        self.live_degraded = self._counter("live_degraded", "Live results with the notice degraded", "kind")
        self.live_rung = self._gauge(
            "live_degradation_level",
            "What partial texts give up, 0 = nothing, 3 = most",
            mode="livemax",
        )
        self.live_wait = self._gauge(
            "live_wait_seconds", "Present wait of live work for a worker", "kind", mode="livemax"
        )
        self.live_latency = self._histogram(
            "live_latency_seconds",
            "From the frame that made a live result possible to its sending",
            LATENCY_BUCKETS_S,
            "kind",
        )

        self.live_lost_audio = self._counter("live_lost_audio_seconds", "Audio that live clients never sent")
        self.live_lost_frames = self._counter("live_lost_frames", "Frames of the clients' lengths in that audio")
        self.live_clock_drift = self._histogram(
            "live_clock_drift_ppm", "Millionths by which clients' clocks were fast", DRIFT_BUCKETS_PPM
        )

    def _add_recognition(self) -> None:
        self.audio_seconds = self._counter("audio_seconds", "Transcribed audio")
        self.segments = self._counter("speech_segments", "Segments of speech recognised", "source")
        self.stage_seconds = self._histogram("stage_seconds", "Time of one run of a stage", SHORT_BUCKETS_S, "stage")
        self.inference_failures = self._counter("inference_failures", "Batches that a model failed on", "stage")
        for stage in STAGES:  # a count that appears with its first failure would show no increase
            self.inference_failures.labels(stage)
        self.redactions = self._counter("redactions", "Places of texts that were replaced, hidden or masked", "kind")
        self.queue_depth = self._gauge("queue_depth", "Work that waits", "lane")
        self.queue_wait = self._histogram("queue_wait_seconds", "Time that work waited", SHORT_BUCKETS_S, "lane")
        self.batch_size = self._histogram("batch_size", "Items that a model ran together", BATCH_BUCKETS, "stage")
        self.batch_audio = self._counter("batch_audio_seconds", "Audio through the recogniser")
        self.batch_padding = self._counter("batch_padding_seconds", "Padding to equal lengths beside it")

        self.hotword_hits = self._counter("hotword_hits", "Hotwords of clients in final texts", "changed")
        self.lm_fallbacks = self._counter("lm_fallbacks", "Segments and chunks that went without the language model")
        self.hotwords_ignored = self._counter("hotwords_ignored", "Hotwords of clients without an effect")

    def _add_process(self) -> None:
        self.models_loaded = self._gauge("models_loaded", "Processes whose models are loaded")
        self.model_loaded = self._gauge("model_loaded", "Processes that have a model loaded", "model")
        self.model_bytes = self._gauge("model_bytes", "Size of the files of a loaded model", "model")
        self.model_users = self._gauge("model_users", "Requests and live utterances of a model", "model")
        self.model_load_seconds = self._gauge("model_load_seconds", "Time to load the models", mode="livemax")
        self.last_decode = self._gauge(
            "last_decode_timestamp_seconds", "When a readiness check last succeeded, Unix time", mode="livemin"
        )
        self.loop_lag = self._histogram("event_loop_lag_seconds", "Lateness of the event loop", SHORT_BUCKETS_S)
        self.tasks = self._gauge("event_loop_tasks", "Tasks of the event loop")
        self.memory = self._gauge("memory_bytes", "Resident memory, without decode children")
        self.decode_memory = self._gauge("decode_memory_bytes", "Memory of decode children, without shared libraries")
        self.disk_free = self._gauge("disk_free_bytes", "Free space of a folder's disk", "folder", mode="livemin")
        self.disk_size = self._gauge("disk_size_bytes", "Size of a folder's disk", "folder", mode="livemax")
        self.worker_failures = self._gauge(
            "worker_failures", "Server processes that died or hung since the start", mode="livemax"
        )
        self.build = self._gauge("build_info", "Version", "version", mode="livemax")
        self.build.labels(__version__).set(1)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"paraserve_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str, mode: str = "livesum") -> Gauge:
        # `mode` joins the values of several processes into one.
        return Gauge(f"paraserve_{name}", about, labels, registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"paraserve_{name}", about, labels, buckets=buckets, registry=self.registry)


def _sum_of_processes() -> bytes:
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)
