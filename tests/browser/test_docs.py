"""`/docs` in Chromium: the API's operations, without any other host."""

import pytest
from playwright.sync_api import expect


@pytest.mark.full
def test_docs_show_the_operations(visit, server_url):
    """Swagger UI comes from the package, asks no other server, and keeps to the page's policy."""
    page = visit(f"{server_url}/docs").page
    operation = page.locator("#operations-transcription-transcribe, .opblock").first
    expect(operation).to_be_visible()
    assert page.locator(".opblock").count() >= 10
    assert page.get_by_text("/v1/audio/transcriptions").count() >= 1
    operation.locator("button").first.click()
    expect(operation.locator(".opblock-body")).to_be_visible()
