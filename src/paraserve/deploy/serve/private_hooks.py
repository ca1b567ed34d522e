"""What is used of Ray Serve and uvicorn that their makers do not promise to keep. All of it is named here.

- `__serve_build_asgi_app__`, a method of `replica.Replica`: Serve calls it in the replica, so no application is
  pickled.
- uvicorn's table of WebSocket protocols (`use_transport`): Serve has no setting for one.
- uvicorn's protocols have a method `shutdown`, called when Serve closes the listener of a replica: Serve tells a
  deployment nothing else of its end before the last request is over.
- The header `DIRECT_RECEIVE` and the variable `ONE_LOOP`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from paraserve.errors import ParaserveError

RAY_MINOR = "2.60"
"""The minor version of Ray that has these hooks as they are used here."""
HAPROXY_MODE = "RAY_SERVE_ENABLE_HA_PROXY"
"""Variable of each node: 1 puts HAProxy, not a proxy in Python, before the replicas."""
DRAIN_PERIOD = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"
"""Variable: a replica that is to end serves for this long before its listener closes."""
DRAIN_PERIOD_S = 30.0
"""What Serve takes without it."""
ONE_LOOP = {"RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0"}
"""The application runs in the event loop of the server, which `DIRECT_RECEIVE` needs."""
DIRECT_RECEIVE = (b"x-request-disconnect-disabled", b"?1")
"""With it the application receives from the connection itself, else from a queue that takes what a client sends
without a limit."""


def check_ray(version: str, environment: Mapping[str, str]) -> None:
    """Check that Serve runs as it has to.

    Args:
        version: of Ray.
        environment: of the process.

    Raises:
        ParaserveError: another version, or Serve's proxy in Python.
    """
    if not version.startswith(f"{RAY_MINOR}."):
        raise ParaserveError(f"Ray {version} is installed, Ray Serve is supported with {RAY_MINOR} alone")
    if environment.get(HAPROXY_MODE) != "1":
        raise ParaserveError(
            f"Serve's proxy in Python loses the last results of live clients: set {HAPROXY_MODE}=1 for `ray start` "
            "on each node, and for `serve run`"
        )


def drain_period_s(environment: Mapping[str, str]) -> float:
    """Return for how long a replica that is to end still serves.

    Raises:
        ParaserveError: the variable is no number.
    """
    value = environment.get(DRAIN_PERIOD) or str(DRAIN_PERIOD_S)
    try:
        return float(value)
    except ValueError:
        raise ParaserveError(f"{DRAIN_PERIOD} = {value!r}: expected seconds") from None


def check_here() -> None:
    """Check the Ray and the environment of this process.

    Raises:
        ParaserveError: see `check_ray`; Ray is not installed.
    """
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError:
        raise ParaserveError("the package ray[serve] is needed: pip install 'paraserve[ray]'") from None
    check_ray(ray.__version__, os.environ)


def use_transport(make: Callable[..., Any]) -> None:
    """Let uvicorn make WebSocket connections of this process by `make`. To be called before Serve starts it."""
    from uvicorn.config import WS_PROTOCOLS  # noqa: PLC0415

    protocols: dict[str, Any] = WS_PROTOCOLS
    protocols["auto"] = make
