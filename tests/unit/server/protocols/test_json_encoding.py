"""JSON that is written piece by piece."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.server.protocols.json_encoding import PIECE_ITEMS, list_text, object_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(body=st.dictionaries(st.text(), VALUES, max_size=6))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_any_object(body: dict) -> None:
    """The text is what the standard library writes of the whole."""
    assert object_text(body) == plain(body)


@pytest.mark.parametrize("n_items", [0, 1, PIECE_ITEMS - 1, PIECE_ITEMS, PIECE_ITEMS + 1, 5 * PIECE_ITEMS])
def test_lists_of_any_length(n_items: int) -> None:
    """The joints between the pieces do not show."""
    items = [{"text": f'"{n}", 字', "times": [n, n + 1]} for n in range(n_items)]
    assert list_text(items) == plain(items)
    assert object_text({"items": items, "n": n_items}) == plain({"items": items, "n": n_items})


def test_numbers_that_json_lacks() -> None:
    """They are an error wherever they stand."""
    for body in ({"x": float("nan")}, {"x": [1.0, float("inf")]}):
        with pytest.raises(ValueError, match="JSON"):
            object_text(body)
