"""Fields of an upload."""

import pytest

from paraserve.server.http.form_fields import FormFields, recognition_options


@pytest.mark.parametrize(
    ("value", "language"),
    [(None, None), ("", None), ("auto", None), (" Auto ", None), ("zh", "zh"), ("zh-CN", "zh"), ("EN_us", "en")],
)
def test_language(value, language):
    """A code without its region; none and auto leave it to the model."""
    fields = {} if value is None else {"language": [value]}
    assert recognition_options(FormFields(fields)).language == language
