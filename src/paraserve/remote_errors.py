"""Errors about recordings and receivers at other addresses. `errors.py` has the tree that they belong to."""

from paraserve.errors import AudioError, ParaserveError, ProtocolError


class UrlNotAllowedError(ProtocolError):
    """The URL leads to a place that clients may not send the server to, or has a form that is not taken."""

    code = "url_not_allowed"


class RemoteRecordingError(AudioError):
    """The recording at the URL cannot be had, and will not be: not found, forbidden, too large."""

    code = "url_failed"


class RemoteAwayError(ParaserveError, OSError):
    """The host of the URL does not answer now, or broke off. Another try may succeed."""

    code = "url_unavailable"
