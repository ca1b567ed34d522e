"""The page of a server that wants API keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from paraserve.server.access.api_keys import add_key, hashed, new_key, read_keys, write_keys
from paraserve.server.access.key_fields import KeyScope
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


@pytest.mark.slow
@pytest.mark.full
def test_keys_that_are_not_taken(visit, demo_dir, samples, tmp_path):
    """The page says that a key has expired, that it is not for this, and that it was taken away while one spoke."""
    file = tmp_path / "keys"
    expired, narrow, good = new_key(), new_key(), new_key()
    write_keys(file, [hashed("good", good)])
    add_key(file, replace(hashed("expired", expired), expires=datetime.now(UTC) - timedelta(days=1)))
    add_key(file, replace(hashed("narrow", narrow), scopes=frozenset({KeyScope.LIVE})))
    sample = samples[0]
    with server("--bundle", demo_dir, "--api-keys-file", file, "--max-wrong-keys", 1) as url:
        one = visit(url, microphone=sample.path)
        one.is_alone = True  # a refusal is an error in the console
        page, state = one.page, one.page.locator("#state")

        def enter(key, said):
            page.get_by_label("API key").fill(key)
            page.get_by_label("API key").press("Enter")
            expect(state).to_have_text(said)

        expect(state).to_have_text("This server wants an API key: see Settings.")
        enter(expired, "This API key has expired: enter a new one in Settings.")
        enter("ps_wrong", "This server wants an API key: see Settings.")
        enter("ps_wrong_again", "Too many wrong API keys came from here. Enter the right one in Settings.")
        enter(narrow, "Ready: demo")
        page.locator("#files").set_input_files(sample.path)
        expect(page.locator(".entry .problem").first).to_contain_text("This API key is not meant for this.")
        enter(good, "Ready: demo")
        page.get_by_role("button", name="Start speaking").click()
        expect(state).to_have_text("Listening")
        write_keys(file, [key for key in read_keys(file) if key.name != "good"])
        expect(page.locator(".entry .problem").first).to_contain_text("The server does not know this API key.")
