"""Parameters of a query, each checked when it is read."""

from collections.abc import Mapping, Sequence

from paraserve.errors import ProtocolError
from paraserve.server.protocols.json_values import invalid_value, read_whole
from paraserve.server.protocols.option_warnings import not_honoured, unknown_fields
from paraserve.types import FieldWarning

SWITCHES = {"true": True, "1": True, "false": False, "0": False}


class QueryFields:
    """The values of a query by name. It notes the names that are read, and warnings for the client.

    A parameter without a value counts as absent.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.asked: set[str] = set()
        self._values = {name: kept for name, given in values.items() if (kept := [one for one in given if one])}
        self._warnings: list[FieldWarning] = []

    def has(self, name: str) -> bool:
        """Tell whether the query has the parameter."""
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        self.asked.add(name)
        return self._values.get(name, [])

    def last(self, name: str) -> str | None:
        """Return the last value of a parameter, None if it is absent."""
        values = self.all(name)
        if len(set(values)) > 1:
            self.warn(not_honoured(name, f"it has {len(values)} different values, of which the last counts"))
        return values[-1] if values else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false.

        Raises:
            ProtocolError: it is something else.
        """
        value = self.last(name)
        if value is None:
            return default
        if value.lower() not in SWITCHES:
            raise invalid_value(name, value, "true or false")
        return SWITCHES[value.lower()]

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`, None if the parameter is absent.

        Raises:
            ProtocolError: it is something else.
        """
        value = self.last(name)
        return None if value is None else read_whole(name, value, low, high)

    def warn(self, warning: FieldWarning) -> None:
        """Add a warning, once."""
        if warning not in self._warnings:
            self._warnings.append(warning)

    def refuse(self, name: str, reason: str) -> None:
        """Refuse a parameter that would change everything about the answer.

        Raises:
            ProtocolError: the query has it.
        """
        if self.all(name):
            raise ProtocolError(f"{name} is not supported: {reason}", code="unsupported_parameter", param=name)

    def warnings(self) -> tuple[FieldWarning, ...]:
        """Return all warnings, with one for each parameter that was not read."""
        return (*self._warnings, *unknown_fields(name for name in self._values if name not in self.asked))
