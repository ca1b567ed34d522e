"""Errors about recordings and receivers at other addresses. `errors.py` has the tree that they belong to."""

# Clients meet these, too, so they stand in the clients' package.
from paraserve_client.errors import (
    RemoteAwayError,
    RemoteRecordingError,
    UrlNotAllowedError,
)
