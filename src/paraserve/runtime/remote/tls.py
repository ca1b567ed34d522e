"""The authorities that hosts called by https are checked against."""

import ssl


def system_tls() -> ssl.SSLContext:
    """Return a context that trusts what the system trusts, or `SSL_CERT_FILE`. It takes some 20 ms to make."""
    import httpcore2  # noqa: PLC0415 - memory that few want to spend

    return httpcore2.default_ssl_context()
