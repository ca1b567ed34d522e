"""The page of a server that wants API keys."""

import pytest
from playwright.sync_api import expect

from support.commands import paraserve, server


@pytest.mark.slow
def test_a_key_opens_the_page(visit, demo_dir, samples, tmp_path):
    """The page says what it needs; with a wrong key it still does; with a good one files and speech are recognised,
    on the next visit, too."""
    keys = tmp_path / "keys"
    key = paraserve("keys", "add", "browser", keys).stdout.strip()
    sample = samples[0]
    with server("--bundle", demo_dir, "--api-keys-file", keys) as url:
        one = visit(url, microphone=sample.path)
        one.is_alone = True  # a refusal is an error in the console
        page, state = one.page, one.page.locator("#state")
        expect(state).to_have_text("This server wants an API key: see Settings.")
        for wrong in ("ps_wrong", key[:-1]):
            page.get_by_label("API key").fill(wrong)
            page.get_by_label("API key").press("Enter")
            expect(state).to_have_text("This server wants an API key: see Settings.")
        page.get_by_label("API key").fill(key)
        page.get_by_label("API key").press("Enter")
        expect(state).to_have_text("Ready: demo")
        one.is_alone = False
        page.locator("#files").set_input_files(sample.path)
        expect(page.locator(".entry .final .word").first).to_be_visible()
        page.get_by_role("button", name="Start speaking").click()
        expect(state).to_have_text("Listening")
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(state).to_have_text("Ready: demo")
        page.reload()
        expect(state).to_have_text("Ready: demo")
