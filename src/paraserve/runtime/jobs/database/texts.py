"""Texts and JSON as the database has them: UTF-8, sealed where there is a key."""

import json
from typing import Any, Protocol


class Cipher(Protocol):
    """Authenticated encryption with one key."""

    def seal(self, data: bytes) -> bytes:
        """Encrypt."""
        ...

    def unseal(self, data: bytes) -> bytes:
        """Decrypt what `seal` made, or raise."""
        ...


class Texts:
    """Writes and reads what is confidential."""

    def __init__(self, cipher: Cipher | None = None) -> None:
        self._cipher = cipher

    def seal(self, data: bytes) -> bytes:
        """Return bytes as they are stored."""
        return data if self._cipher is None else self._cipher.seal(data)

    def unseal(self, stored: bytes) -> bytes:
        """Return stored bytes as they were."""
        return stored if self._cipher is None else self._cipher.unseal(stored)

    def write(self, value: Any) -> bytes:
        """Return JSON as it is stored."""
        return self.seal(
            json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        )

    def read(self, stored: bytes) -> Any:
        """Return stored JSON."""
        return json.loads(self.unseal(stored).decode("utf-8", "surrogatepass"))
