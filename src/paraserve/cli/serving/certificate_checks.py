"""Whether a certificate and its key can be served, with the cure where they cannot."""

import os
import ssl
from pathlib import Path

from paraserve.errors import ParaserveError

NOT_YET_VALID, EXPIRED = 9, 10
"""OpenSSL's codes of what is wrong with a certificate."""
ROUNDS = 4
"""Turns of both sides in a TLS handshake, and one more."""
SELF_SIGNED = "--self-signed makes a certificate of this machine"


def check_certificate(certfile: str, keyfile: str) -> str | None:
    """Refuse files that no server can use. Return a warning about a certificate that clients will not trust.

    Raises:
        ParaserveError: a file is not there, cannot be read, is no PEM file, or they do not belong together.
    """
    for path in (certfile, keyfile):
        if not Path(path).is_file():
            raise _refusal(f"TLS file not found: {path} ({SELF_SIGNED})")
        if not os.access(path, os.R_OK):
            raise _refusal(f"TLS file cannot be read by this user: {path} (chown or chmod it, or run as its owner)")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certfile, keyfile, _no_password)
    except ssl.SSLError as error:
        raise _refusal(_reason(error, certfile, keyfile)) from None
    code = _verify_code(context, certfile)
    if code == EXPIRED:
        return f"the certificate {certfile} has expired, clients will refuse it: renew it ({SELF_SIGNED})"
    if code == NOT_YET_VALID:
        return f"the certificate {certfile} is not valid yet, clients will refuse it: is the clock right?"
    return None


def _refusal(message: str) -> ParaserveError:
    return ParaserveError(message, code="invalid_settings")


def _no_password() -> str:
    """Stand in for a password, which nobody could type when a server starts by itself."""
    raise _refusal(
        "the TLS key has a password: remove it with openssl pkey -in KEY -out NEW_KEY, and protect the file"
    )


def _reason(error: ssl.SSLError, certfile: str, keyfile: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"the key {keyfile} does not belong to the certificate {certfile}: give the pair that was made together"
        )
    for path, mark in ((certfile, b"-----BEGIN CERTIFICATE-----"), (keyfile, b"PRIVATE KEY-----")):
        if mark not in Path(path).read_bytes():
            what = "certificate" if path == certfile else "private key"
            return f"{path} is no {what} in PEM form: openssl x509 and openssl pkey convert other forms"
    return f"the certificate {certfile} and its key {keyfile} cannot be used: {error.reason or error}"


def _verify_code(server: ssl.SSLContext, certfile: str) -> int:
    """Return what a client finds that trusts this certificate: 0 or OpenSSL's code. Nothing is sent anywhere."""
    client = ssl.create_default_context(cafile=certfile)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    for _ in range(ROUNDS):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_code
            except ssl.SSLError:
                return 0  # something that a real client would have to show
    return 0
