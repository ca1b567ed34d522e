"""The certificate of the listener, which is read again when its files have changed."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import grpc
import structlog

from paraserve.settings import Settings

KeyAndCertificate: TypeAlias = tuple[bytes, bytes]
Fetch: TypeAlias = Callable[[], grpc.ServerCertificateConfiguration | None]

log = structlog.get_logger()


def server_credentials(settings: Settings) -> grpc.ServerCredentials:
    """Return the certificate and key of the settings.

    Raises:
        OSError: they cannot be read.
    """
    first = _read(settings)
    changed = _changed(settings, first)
    return grpc.dynamic_ssl_server_credentials(_configuration(first), changed)  # type: ignore[arg-type]  # None is fine


def _changed(
    settings: Settings, first: tuple[bytes, bytes]
) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """Return what gRPC asks at each handshake: a new certificate, None for the one that it has."""
    now = first

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal now
        try:
            found = _read(settings)
        except OSError as error:
            log.warning("certificate cannot be read again", error=repr(error))
            return None
        if found == now:
            return None
        now = found
        return _configuration(found)

    return fetch


def _read(settings: Settings) -> KeyAndCertificate:
    return Path(settings.keyfile).read_bytes(), Path(settings.certfile).read_bytes()


def _configuration(pair: KeyAndCertificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([pair])
