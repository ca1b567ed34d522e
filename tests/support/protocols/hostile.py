"""First messages that no honest client sends, made from those that honest clients send."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

VALUES = (
    *(None, True, False, 0, 1, -1, 1.5, 2**31, 2**63, 10**400, float("nan"), float("inf"), "", "0", "１２", "\0"),
    *("\ud800", "x" * 70_000, "; DROP", "../../etc/passwd", [], {}, [[[[[]]]]], {"a": {"b": [None]}}, ["a", 5]),
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=8), scalars, max_size=2)


def json_frames(examples: Sequence[dict[str, Any]]) -> st.SearchStrategy[str | bytes]:
    """Messages of a protocol in JSON: changed, cut off, of other shapes, and no JSON at all."""
    texts = [json.dumps(example) for example in examples]
    cut_off = st.tuples(st.sampled_from(texts), st.integers(0, 400)).map(lambda cut: cut[0][: cut[1]])
    return (
        changed(examples).map(json.dumps)
        | json_values.map(json.dumps)
        | cut_off
        | st.sampled_from(("[" * 100_000, '{"type":' * 5_000, '{"a":1,"a":2}', " ", "\ufeff{}"))
        | st.text(max_size=60)
        | st.binary(max_size=200)
    )


@st.composite
def changed(draw: st.DrawFn, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One of the messages, one to three of whose values are others."""
    message = copy.deepcopy(draw(st.sampled_from(examples)))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(message))))
        holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES) | json_values))
    return message


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a value in a message: what holds it, and its key there."""
    for key, held in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(held, dict | list):
            yield from places(held)


def bytes_frames(examples: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Messages in binary: some bytes of honest ones changed, added or cut off, and bytes alone."""
    return damaged(examples) | st.binary(max_size=200)


@st.composite
def damaged(draw: st.DrawFn, examples: Sequence[bytes]) -> bytes:
    """One of the messages with a few bytes replaced, in place, before or behind."""
    message = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(message)))
        end = min(len(message), start + draw(st.integers(0, 4)))
        message = message[:start] + draw(st.binary(max_size=6)) + message[end:]
    return message
