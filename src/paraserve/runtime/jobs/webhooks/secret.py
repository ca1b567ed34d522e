"""The secret that signs webhooks, in the form of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64."""

import base64
import binascii
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.durable_files import make_folder, sync_folder

PREFIX = "whsec_"
FILE_NAME = "webhook-secret"
NEW_BYTES = 32
MIN_BYTES, MAX_BYTES = 24, 64
EXPECTED = f"expected {PREFIX} and {MIN_BYTES} to {MAX_BYTES} bytes in base64"


def webhook_secret(setting: str, data_dir: Path) -> str:
    """Return the secret of the setting `webhook_secret`, or of the file in `data_dir`, which is made if need be.

    Several processes that make it at once get the same one. It blocks for as long as the disk takes.

    Raises:
        ParaserveError: the secret has another form.
        StorageError: the file can be neither read nor made now.
    """
    if setting:
        return check_secret(setting)
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        text = path.read_text("ascii")
    except OSError as error:
        raise StorageError(f"the secret of webhooks {path}: {error.strerror}") from error
    except UnicodeError:
        raise ParaserveError(f"the secret of webhooks {path}: {EXPECTED}", code="invalid_settings") from None
    return _checked(text.strip(), str(path))


def check_secret(setting: str) -> str:
    """Return the setting `webhook_secret` if it has the right form.

    Raises:
        ParaserveError: it has another form.
    """
    return _checked(setting, "webhook_secret")


def _checked(secret: str, place: str) -> str:
    encoded = secret.removeprefix(PREFIX)
    if secret.startswith(PREFIX) and re.fullmatch(r"[A-Za-z0-9+/]+=*", encoded):
        with suppress(binascii.Error):
            if MIN_BYTES <= len(base64.b64decode(encoded + "=" * (-len(encoded) % 4))) <= MAX_BYTES:
                return secret
    raise ParaserveError(f"{place} is no secret of webhooks: {EXPECTED}", code="invalid_settings")


def _make(path: Path) -> None:
    """Make the file with a new secret, for this user alone. A file that is there by then stays as it is."""
    make_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{PREFIX}{base64.b64encode(secrets.token_bytes(NEW_BYTES)).decode()}\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            path.hardlink_to(name)  # which unlike a rename replaces nothing
    finally:
        Path(name).unlink()
    sync_folder(path.parent)
