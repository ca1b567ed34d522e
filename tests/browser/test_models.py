"""The page's offer to fetch a model: who sees it, its progress, and what becomes of it."""

import re
import threading
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.commands import server
from support.fake_hub import Answer, fake_hub, files_of_parts, write_catalog

GRAPH = "vad/model_quant.onnx"


@pytest.fixture
def hub(demo_dir, tmp_path):
    """A hub with two parts of the embedded bundle, which `tmp_path / "models"` knows as the bundle `small`."""
    with fake_hub(files_of_parts(demo_dir, "asr", "vad")) as hub:
        write_catalog(tmp_path / "models", hub, "small", more="languages = ['zh']")
        yield hub


@pytest.fixture
def serve(hub, demo_dir, tmp_path):
    """Starts a server that may fetch from the hub."""
    places = {"MODELSCOPE_DOMAIN": hub.url, "PARASERVE_MODELS_DIR": str(tmp_path / "models")}
    return lambda *args: server("--bundle", demo_dir, *args, **places)


@pytest.mark.slow
def test_a_model_is_fetched(visit, serve, hub, samples):
    """The bar grows, a stop keeps what has come, and a model that is whole answers without a restart."""
    goes_on = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=goes_on)]
    with serve() as url:
        page = visit(url).page
        choice, doing = page.locator("#models-choice"), page.locator("#models-doing")
        expect(page.locator("#models-offer")).to_contain_text("99 languages")
        page.get_by_text("More models").click()
        expect(choice).to_have_value("whisper-base")
        choice.select_option("small")
        page.get_by_role("button", name="Get it").click()
        expect(doing).to_have_text(re.compile("small: [5-9] of 10 MB"))
        expect(page.locator("#models-progress")).to_be_visible()
        page.locator("#models-stop").click()
        goes_on.set()
        expect(doing).to_contain_text("small: stopped at ")
        page.get_by_role("button", name="Get it").click()
        expect(doing).to_have_text("small is ready.")
        expect(page.locator("#models-choice option[value=small]")).to_have_count(0)
        page.locator("#files").set_input_files(samples[0].path)
        expect(page.locator(".entry .final .word").first).to_be_visible()


@pytest.mark.slow
@pytest.mark.full
def test_a_model_that_cannot_be_fetched(visit, serve, hub):
    """The page says why, and offers it again."""
    hub.always[GRAPH] = Answer(status=404)
    with serve() as url:
        page = visit(url).page
        page.get_by_text("More models").click()
        page.locator("#models-choice").select_option("small")
        page.get_by_role("button", name="Get it").click()
        expect(page.locator("#models-problem")).to_contain_text("404 Not Found")
        expect(page.get_by_role("button", name="Get it")).to_be_enabled()


@pytest.mark.slow
def test_who_sees_the_offer(visit, serve, tmp_path):
    """With keys only the holder of one with the scope `admin`: others are not shown what they may not do."""
    admin, other = new_key(), new_key()
    scopes = frozenset(KeyScope)
    write_keys(tmp_path / "keys", [replace(hashed("admin", admin), scopes=scopes), hashed("other", other)])
    with serve("--api-keys-file", tmp_path / "keys") as url:
        one = visit(url)
        one.is_alone = True  # the first answer is a refusal, which is an error in the console
        page, state = one.page, one.page.locator("#state")
        expect(state).to_have_text("This server wants an API key: see Settings.")
        one.is_alone = False
        for key, is_offered in ((other, False), (admin, True)):
            with page.expect_response("**/v1/admin") as answer:
                page.get_by_label("API key").fill(key)
                page.get_by_label("API key").press("Enter")
            assert answer.value.json()["is_allowed"] is is_offered
            expect(state).to_contain_text("Ready")
            expect(page.locator("#models")).to_be_visible(visible=is_offered)
