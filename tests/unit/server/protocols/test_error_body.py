"""The one error body."""

import pytest

from paraserve.server.protocols.error_body import error_json


@pytest.mark.parametrize(("status", "kind"), [(415, "invalid_request_error"), (503, "server_error")])
def test_error_shape(status, kind):
    """OpenAI's error object with the request's id."""
    body = error_json("no", status=status, code="some_code", request_id="r1", param="file")
    assert body == {
        "error": {"message": "no", "type": kind, "param": "file", "code": "some_code", "request_id": "r1"}
    }
