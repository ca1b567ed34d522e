"""Encryption of what jobs store: AES-256-GCM, with a key of its own for each text and each recording.

Sealed bytes are a header (`MAGIC`, the id of the key, a random salt) and chunks. Their key is derived from the key
file's, the salt and the purpose (HKDF-Expand of RFC 5869). A recording has many chunks, numbered in the nonce, where
the last one is marked (the STREAM construction): so chunks that were changed, left out, moved or cut off are noticed.
"""

import hmac
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from paraserve.errors import ParaserveError
from paraserve.job_errors import StoredDataError
from paraserve.user_folders import expanded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
CHUNK_BYTES = 64 * 1024
"""Plain bytes of a chunk of a recording."""
MAGIC = b"PSSEAL1\n"
KEY_ID_BYTES = 8
SALT_BYTES = 16
HEADER_BYTES = len(MAGIC) + KEY_ID_BYTES + SALT_BYTES
TAG_BYTES = 16
TEXT_PURPOSE = b"paraserve text"
RECORDING_PURPOSE = b"paraserve recording "


class Cipher:
    """Seals and unseals with one key of 32 bytes. It has no state, so threads may share it.

    Raises:
        ParaserveError: the package `cryptography` is not installed.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._prefix = MAGIC + _derived(key, b"paraserve key id")[:KEY_ID_BYTES]
        self._aead(b"", b"")  # now rather than with the first job

    def seal(self, data: bytes) -> bytes:
        """Return the data encrypted, 48 bytes longer."""
        salt = os.urandom(SALT_BYTES)
        sealed = self._aead(TEXT_PURPOSE, salt).encrypt(_nonce(0, is_last=True), data, None)
        return b"".join((self._prefix, salt, sealed))

    def unseal(self, data: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            StoredDataError: it was sealed with another key, or not at all, or was changed since.
        """
        salt = self._checked_salt(data[:HEADER_BYTES])
        return _opened(self._aead(TEXT_PURPOSE, salt), _nonce(0, is_last=True), data[HEADER_BYTES:])

    def sealed_file(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """Encrypt a recording from the file's position on, a chunk at a time, to be unsealed under the same name."""
        salt = os.urandom(SALT_BYTES)
        aead = self._aead(RECORDING_PURPOSE + name.encode(), salt)
        yield self._prefix + salt
        chunks = _PieceReader(iter(lambda: file.read(CHUNK_BYTES), b"")).chunks(CHUNK_BYTES)
        for number, (chunk, is_last) in enumerate(_with_last(chunks)):
            yield aead.encrypt(_nonce(number, is_last=is_last), chunk, None)

    def unsealed_file(self, pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
        """Decrypt a recording that comes in pieces of any size. Nothing is given out that was not checked.

        Raises:
            StoredDataError: as `unseal`, or it was sealed under another name; possibly after the first chunks.
        """
        reader = _PieceReader(pieces)
        salt = self._checked_salt(reader.read(HEADER_BYTES))
        aead = self._aead(RECORDING_PURPOSE + name.encode(), salt)
        for number, (chunk, is_last) in enumerate(_with_last(reader.chunks(CHUNK_BYTES + TAG_BYTES))):
            yield _opened(aead, _nonce(number, is_last=is_last), chunk)

    def _checked_salt(self, header: bytes) -> bytes:
        if not is_sealed(header):
            raise StoredDataError("stored data is not encrypted: it is older than jobs_key_file, or damaged")
        if not header.startswith(self._prefix):
            raise StoredDataError("stored data was encrypted with another key than that of jobs_key_file")
        return header[len(self._prefix) :]

    def _aead(self, purpose: bytes, salt: bytes) -> "AESGCM":
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra
        except ImportError as error:
            message = "jobs_key_file needs the package cryptography: pip install 'paraserve[encrypt]'"
            raise ParaserveError(message, code="invalid_settings") from error
        return AESGCM(_derived(self._key, purpose + salt))


def read_cipher(key_file: str) -> Cipher | None:
    """Return the cipher of the setting `jobs_key_file`, None where it is empty.

    Raises:
        ParaserveError: the file cannot be read, or has no key in it; names the setting.
    """
    return Cipher(_read_key(expanded(key_file))) if key_file else None


def is_sealed(start: bytes) -> bool:
    """Whether data begins with a whole header of sealed data."""
    return len(start) >= HEADER_BYTES and start.startswith(MAGIC)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(4096).decode("ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise _key_error(f"{path}: {error.strerror}") from error
    except ValueError:
        raise _key_error(f"{path} holds no key: expected 64 hexadecimal digits") from None
    if len(key) != KEY_BYTES:
        raise _key_error(f"{path} holds a key of {len(key)} bytes: expected {KEY_BYTES}, as 64 hexadecimal digits")
    return key


def _key_error(problem: str) -> ParaserveError:
    return ParaserveError(f"jobs_key_file: {problem} (openssl rand -hex 32)", code="invalid_settings")


def _derived(key: bytes, info: bytes) -> bytes:
    """Return the 32 bytes of HKDF-Expand (RFC 5869). The key is random already, so HKDF-Extract is not needed."""
    return hmac.digest(key, info + b"\x01", "sha256")


def _nonce(number: int, *, is_last: bool) -> bytes:
    return b"\0" * 7 + number.to_bytes(4, "big") + bytes([is_last])


def _opened(aead: "AESGCM", nonce: bytes, sealed: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra

    try:
        return aead.decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag
        raise StoredDataError("stored data was damaged or changed: its encryption does not fit") from error


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each chunk and whether it is the last. No chunk at all counts as an empty one."""
    held = None
    for chunk in chunks:
        if held is not None:
            yield held, False
        held = chunk
    yield held or b"", True


class _PieceReader:
    """Cuts pieces of any size into those that are asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = bytearray()

    def read(self, n_bytes: int) -> bytes:
        """Return the next bytes; fewer only at the end."""
        while len(self._held) < n_bytes:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held += piece
        taken = bytes(self._held[:n_bytes])
        del self._held[:n_bytes]
        return taken

    def chunks(self, n_bytes: int) -> Iterator[bytes]:
        """Yield the rest in chunks of this size, and what is left of it at the end."""
        return iter(lambda: self.read(n_bytes), b"")
