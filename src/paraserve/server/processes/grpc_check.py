"""Whether gRPC can be served, before any model is loaded. gRPC binds its port itself, in each server process."""

import contextlib
from importlib.util import find_spec

from paraserve.errors import ParaserveError
from paraserve.server.processes.listening import bound_to
from paraserve.settings import Settings

MODULES = ("google.protobuf", "grpc", "grpc_health", "grpc_reflection")


def check_grpc(settings: Settings) -> None:
    """Check that its packages are installed and that nobody else has its port, where the settings name one.

    Raises:
        ParaserveError: it cannot be served.
    """
    if not settings.grpc_port:
        return
    if any(not _is_installed(name) for name in MODULES):
        raise ParaserveError("grpc_port needs the extra grpc: pip install 'paraserve[grpc]'")
    with contextlib.ExitStack() as stack:
        bound_to(stack, settings.host, settings.grpc_port, "--grpc-port")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
