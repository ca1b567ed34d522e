"""Every field of OpenAI's request types is one of ours. tests/server/test_fields.py shows what becomes of each."""

import pytest

from support.openai_fields import unknown_here
from support.openai_types import read_types


def test_no_field_is_unknown():
    """Fields, values, models and events of the installed package; tests/peers has the newest one."""
    types = read_types()
    assert unknown_here(types) == {}
    assert all(types.values())
    assert {"chunking_strategy", "stream", "keywords", "file"} <= set(types["transcription"])


@pytest.mark.parametrize("name", read_types())
def test_a_new_name_is_found(name):
    """One more name of any kind fails the test above."""
    types = read_types()
    assert unknown_here(types | {name: [*types[name], "new"]}) == {name: {"new"}}
