"""Ray Serve, an experiment: `serve run paraserve.deploy.ray:app bundle=2pass-zh replicas=2`. docs/ray-serve.md."""

import os
from typing import Any

from paraserve.deploy.serve.plan import read_plan
from paraserve.deploy.serve.private_hooks import check_here


def app(args: dict[str, Any]) -> Any:
    """Return the application for `serve run` and `serve deploy`, a `ray.serve.Application`.

    Args:
        args: `replicas`, `max_replicas`, `cpus`, `gpus`, and settings of the server by their names.

    Raises:
        ParaserveError: an argument cannot be used, Ray is missing or another version, or Serve not in HAProxy mode.
    """
    check_here()
    plan = read_plan(args)
    from ray import serve  # noqa: PLC0415 - an extra

    from paraserve.deploy.serve.replica import Replica  # noqa: PLC0415 - loads the server

    deployment = serve.deployment(serve.ingress()(Replica), **plan.deployment_options(os.environ))
    return deployment.bind(dict(plan.flags))
