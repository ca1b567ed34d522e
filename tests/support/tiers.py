"""The two tiers of parametrized tests."""

from collections.abc import Iterable

import pytest


def first_quick(values: Iterable[object], n: int = 1) -> list[object]:
    """Return values of a parameter: the first `n` count in both tiers, the others only in the full one."""
    return [value if i < n else pytest.param(value, marks=pytest.mark.full) for i, value in enumerate(values)]
