"""Figures of jobs for Prometheus (docs/metrics.md)."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from paraserve.runtime.jobs.job import JobState

JOB_BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
ATTEMPT_OUTCOMES = ("done", "retry", "failed", "dead", "cancelled", "released", "lost")
WEBHOOK_OUTCOMES = ("delivered", "failed", "given up")


class JobMetrics:
    """Figures of one process, but for those of the database, which all that share it have alike."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Gauge(
            "paraserve_jobs",
            "Jobs in the database",
            ["state"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self._oldest = Gauge(
            "paraserve_jobs_oldest_waiting_seconds",
            "Age of the longest waiting job",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self.in_progress = Gauge(
            "paraserve_jobs_in_progress",
            "Attempts at jobs in progress",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.submissions = Gauge(
            "paraserve_job_submissions_in_progress",
            "Submissions of jobs being received",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._submitted = Counter("paraserve_jobs_submitted", "Jobs that were accepted", registry=registry)
        self._attempts = Counter("paraserve_job_attempts", "Attempts that ended", ["outcome"], registry=registry)
        self._seconds = Histogram(
            "paraserve_job_seconds",
            "From a job's submission to its transcript",
            buckets=JOB_BUCKETS_S,
            registry=registry,
        )

        self._webhooks = Counter(
            "paraserve_webhook_attempts", "Attempts to deliver a webhook", ["outcome"], registry=registry
        )
        for outcome in ATTEMPT_OUTCOMES:  # a count that appears with its first event would show no increase
            self._attempts.labels(outcome)
        for outcome in WEBHOOK_OUTCOMES:
            self._webhooks.labels(outcome)

    def submitted(self, number: int) -> None:
        """Count accepted jobs."""
        self._submitted.inc(number)

    def attempt(self, outcome: str, age_s: float) -> None:
        """Count an attempt that has ended, at this age of the job."""
        self._attempts.labels(outcome).inc()
        if outcome == "done":
            self._seconds.observe(age_s)

    def webhook(self, outcome: str) -> None:
        """Count an attempt to deliver a webhook."""
        self._webhooks.labels(outcome).inc()

    def database(self, counts: Mapping[JobState, int], oldest_waiting_s: float | None) -> None:
        """Set what the database says of all jobs."""
        for state, number in counts.items():
            self._jobs.labels(state).set(number)
        self._oldest.set(oldest_waiting_s or 0.0)
