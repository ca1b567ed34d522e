"""Fields of an upload."""

import io

import pytest

from paraserve.server.http.form_fields import recognition_options
from paraserve.server.http.uploads import Upload


@pytest.mark.parametrize(
    ("value", "language"),
    [(None, None), ("", None), ("auto", None), (" Auto ", None), ("zh", "zh"), ("zh-CN", "zh"), ("EN_us", "en")],
)
def test_language(value, language):
    """A code without its region; none and auto leave it to the model."""
    fields = {} if value is None else {"language": [value]}
    assert recognition_options(Upload(io.BytesIO(), "a.wav", fields)).language == language
