"""What `paraserve.deploy.ray:app` is asked for: replicas, their CPUs, and settings of the server."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paraserve.deploy.serve.private_hooks import DRAIN_PERIOD, ONE_LOOP, drain_period_s
from paraserve.errors import ParaserveError
from paraserve.server.live.live_limit import AUTO_SHARE, LIVE_PER_CPU
from paraserve.settings import Settings, checked_settings

TARGET_SHARE = 0.65
"""Live clients of a replica that the autoscaler aims at, in its rating: room for a load that doubles in a minute."""
SPARE_REQUESTS = 16
"""Requests beside live clients and uploads: probes, figures, and clients who are to be told that there is no room."""
CLOSING_S = 10.0
"""Time for the end of a process after `drain_timeout_s`."""

WITHOUT_MEANING = frozenset(
    (
        *("host", "port", "uds", "certfile", "keyfile", "proxy_protocol", "trusted_proxies", "head_timeout_s"),
        *("max_connections", "max_connections_per_address", "watch", "grpc_port", "wyoming", "wyoming_api_key_file"),
        *("workers", "supervise", "worker_max_age_s", "worker_max_memory_bytes", "inference_threads"),
        *("max_live_per_address", "max_uploads_per_address", "max_wrong_keys"),
    )
)
"""Settings of what Serve does in the plain server's place, and of client addresses, which HAProxy does not tell."""
NO_ADDRESSES = {"max_live_per_address": 0, "max_uploads_per_address": 0, "max_wrong_keys": 0}
"""All clients have HAProxy's address: a limit of one address would be one of all."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is Serve that listens there
"""Where HAProxy listens. A server on 127.0.0.1 would refuse the names of other machines."""


class Replicas(BaseModel):
    """How many replicas there are, and what each of them takes of the cluster."""

    model_config = ConfigDict(extra="forbid")

    replicas: int = Field(1, ge=1)
    max_replicas: int = Field(0, ge=0)
    cpus: int = Field(1, ge=1)
    gpus: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request: replicas and settings, and the flags from which each replica reads its own."""

    replicas: Replicas
    settings: Settings
    flags: Mapping[str, Any]

    def deployment_options(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the arguments of `serve.deployment`.

        Raises:
            ParaserveError: the environment has no usable drain period.
        """
        period_s = drain_period_s(environment)
        variables = {**ONE_LOOP, DRAIN_PERIOD: str(period_s), "FORWARDED_ALLOW_IPS": ""}
        settings = self.settings
        return {
            "name": "paraserve",
            "max_ongoing_requests": int(settings.max_live) + settings.max_uploads + SPARE_REQUESTS,
            "graceful_shutdown_timeout_s": period_s + settings.drain_timeout_s + CLOSING_S,
            "graceful_shutdown_wait_loop_s": 0.5,
            "health_check_period_s": 2,
            "health_check_timeout_s": 10,
            "ray_actor_options": {
                "num_cpus": self.replicas.cpus,
                "num_gpus": self.replicas.gpus,
                "runtime_env": {"env_vars": variables},
            },
            **self._scaling(),
        }

    def _scaling(self) -> dict[str, Any]:
        replicas = self.replicas
        if not replicas.max_replicas:
            return {"num_replicas": replicas.replicas}
        return {
            "autoscaling_config": {
                "min_replicas": replicas.replicas,
                "max_replicas": replicas.max_replicas,
                "target_ongoing_requests": TARGET_SHARE * int(self.settings.live_rating),
                "upscale_delay_s": 2,
                "downscale_delay_s": 600,
                "metrics_interval_s": 1,
            }
        }


def read_plan(args: Mapping[str, Any]) -> Plan:
    """Read the arguments of the application: those of `Replicas`, all others are settings of the server.

    Raises:
        ParaserveError: one is not valid or means nothing under Serve, or a number is missing that has to be known
            before replicas start.
    """
    own = {name: value for name, value in args.items() if name in Replicas.model_fields}
    flags = {name: value for name, value in args.items() if name not in own}
    nonsense = sorted(WITHOUT_MEANING & flags.keys())
    if nonsense:
        raise ParaserveError(f"without meaning under Ray Serve: {', '.join(nonsense)}", code="invalid_settings")
    replicas = _replicas(own)
    flags |= {**NO_ADDRESSES, "host": EVERYWHERE, "workers": 1, "inference_threads": replicas.cpus}
    settings = checked_settings(flags)
    if replicas.max_replicas and not _rating(settings):
        raise ParaserveError("max_replicas needs live_rating as a number", code="invalid_settings")
    known = {
        "max_live": _max_live(settings, replicas.cpus),
        "max_uploads": settings.max_uploads,
        "drain_timeout_s": settings.drain_timeout_s,
    }
    return Plan(replicas, settings.model_copy(update=known), flags | known)


def _replicas(own: Mapping[str, Any]) -> Replicas:
    try:
        replicas = Replicas.model_validate(own)
    except ValidationError as error:
        problems = "; ".join(
            f"{detail['loc'][0]} = {detail['input']!r}: {detail['msg']}" for detail in error.errors()
        )
        raise ParaserveError(problems, code="invalid_settings") from None
    if replicas.max_replicas and replicas.max_replicas < replicas.replicas:
        raise ParaserveError("max_replicas is less than replicas", code="invalid_settings")
    return replicas


def _rating(settings: Settings) -> int:
    return 0 if settings.live_rating == "auto" else settings.live_rating


def _max_live(settings: Settings, cpus: int) -> int:
    """Return the limit of a replica, which Serve must know before one starts.

    Raises:
        ParaserveError: it would have to be measured.
    """
    if settings.max_live != "auto":
        return settings.max_live or LIVE_PER_CPU * cpus
    if not _rating(settings):
        raise ParaserveError("max_live = auto needs live_rating as a number", code="invalid_settings")
    return math.ceil(AUTO_SHARE * _rating(settings))
