"""File descriptors of the process: as many as it may have, and how many of them connections may take."""

import resource

from paraserve.server.transport.connections import EXEMPT_RESERVE, MAX_TOLD
from paraserve.settings import Settings

UNLIMITED = 1024**2
MAX_CONNECTIONS = 16 * 1024
"""A connection takes about 50 KB, so more of them would rather fill the memory."""
OWN_DESCRIPTORS = 64
"""Of an idle server, with room for the files that a route or a library opens for a moment."""
DESCRIPTORS_PER_CHILD = 4
"""Pipes of a decode process, and the file that it decodes."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of file descriptors to the hard one and return it. Shells and systemd often set 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = UNLIMITED
    if soft != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def connection_limit(n_descriptors: int, settings: Settings) -> int:
    """Return the most connections at once: the operator's number, as far as descriptors allow it."""
    others = OWN_DESCRIPTORS + DESCRIPTORS_PER_CHILD * settings.decode_workers + settings.max_uploads
    possible = n_descriptors - others - EXEMPT_RESERVE - MAX_TOLD
    return min(settings.max_connections or MAX_CONNECTIONS, max(possible, n_descriptors // 4))
