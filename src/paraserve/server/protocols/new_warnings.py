"""Warnings that a live client has not been told yet."""

from collections.abc import Iterable

from paraserve.formats import warnings_json
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning

MAX_TOLD = 100
"""Warnings of one utterance. A client that invents keys must not fill the memory."""


class NewWarnings:
    """Warnings for the next result, at first those of the handshake. Each is told once an utterance."""

    def __init__(self, warnings: Iterable[FieldWarning] = ()) -> None:
        self._waiting: list[FieldWarning] = []
        self._told: set[FieldWarning] = set()
        self.add(warnings)

    def begin(self) -> None:
        """Begin another utterance: what was told may be told again."""
        self._told.clear()

    def add(self, warnings: Iterable[FieldWarning]) -> None:
        """Take warnings of a message."""
        for warning in warnings:
            if warning not in self._told and len(self._told) < MAX_TOLD:
                self._told.add(warning)
                self._waiting.append(warning)

    def take(self) -> Json:
        """Return the key `warnings` of a result, nothing if nothing is new."""
        return warnings_json(self.take_all())

    def take_all(self) -> list[FieldWarning]:
        """Return those that are new."""
        waiting, self._waiting = self._waiting, []
        return waiting
