"""What everybody can see and use: names of all controls, contrast, the keyboard."""

import pytest
from playwright.sync_api import expect

SCHEMES = ("light", "dark")
MIN_CONTRAST = 4.5
"""WCAG 2.2, level AA, for text."""


@pytest.mark.slow
def test_everything_has_a_name(visit, server_url, samples):
    """What a screen reader announces as control, figure or region has a name, in both languages."""
    one = visit(server_url)
    one.page.locator("#files").set_input_files(samples[0].path)
    expect(one.page.locator(".word").first).to_be_visible()
    one.page.locator(".settings summary").click()
    names = {"en": named_parts(one.page)}
    one.page.locator("#interface-language").click()
    names["zh"] = named_parts(one.page)
    assert {role for role, _ in names["en"]} >= {
        "button",
        "combobox",
        "checkbox",
        "textbox",
        "slider",
        "link",
    }
    assert [role for role, _ in names["en"]] == [role for role, _ in names["zh"]]
    for role, name in names["en"] + names["zh"]:
        assert name.strip(), role


NAMED_ROLES = {
    "button",
    "checkbox",
    "combobox",
    "group",
    "image",
    "link",
    "meter",
    "progressbar",
    "region",
    "searchbox",
    "slider",
    "spinbutton",
    "textbox",
    "timer",
}


def named_parts(page):
    """(role, name) of each such part, as Chromium tells assistive technology."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    parts = (
        (n.get("role", {}).get("value", ""), n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]
    )
    return [(role, name) for role, name in parts if role in NAMED_ROLES]


CONTRASTS = """() => {
    const channels = (css) => css.match(/[\\d.]+/g).map(Number);
    const luminance = (css) => channels(css).slice(0, 3)
        .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const ground = (element) => {
        const css = getComputedStyle(element).backgroundColor;
        return (channels(css)[3] ?? 1) > 0 ? css : ground(element.parentElement);
    };
    const hasText = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && hasText(e)).map((e) => {
        const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((x, y) => y - x);
        return [e.textContent, (a + 0.05) / (b + 0.05)];
    });
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read(visit, server_url, samples, scheme):
    """Every visible text stands out from its ground, while somebody speaks, too."""
    one = visit(server_url, color_scheme=scheme, reduced_motion="reduce", microphone=samples[0].path)
    page = one.page
    page.locator(".settings summary").click()
    page.get_by_role("button", name="Start speaking").click()
    expect(page.locator(".partial")).not_to_have_text("")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 20
    assert [(text, ratio) for text, ratio in contrasts if ratio < MIN_CONTRAST] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
def test_fits_the_screen(visit, server_url, samples, width):
    """Nothing has to be scrolled sideways."""
    one = visit(server_url, viewport={"width": width, "height": 700})
    one.page.locator("#files").set_input_files(samples[-1].path)
    expect(one.page.locator(".word").first).to_be_visible()
    one.page.locator(".settings summary").click()
    wide = """[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth)"""
    assert one.page.evaluate(f"{wide}.map((element) => element.outerHTML.slice(0, 80))") == []


@pytest.mark.slow
def test_keyboard_alone(visit, server_url, samples):
    """Tab reaches every control in reading order with a ring around it, Enter starts and stops speaking."""
    one = visit(server_url, microphone=samples[0].path)
    page = one.page
    expect(page.locator("#models-open")).to_be_visible()  # the server says that there are models to get
    expect(page.locator("#clips button")).to_have_count(3)
    expect(page.locator("#status-link")).to_be_visible()
    has_jobs = page.request.get(f"{server_url}/v1/jobs").ok
    expect(page.locator("#views a[data-to=jobs]")).to_be_visible(visible=has_jobs)
    views = ["a"] * (2 + has_jobs)
    reached = []
    for _ in range(len(views) + 13):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.localName"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    clips = ["button"] * 3
    middle = [*clips, "choose", "choose-folder", "summary", "models-open", "summary"]
    assert reached == [*views, "status-link", "interface-language", "record", "language", *middle, "a"]
    page.locator("#record").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sentence")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#record")).to_have_text("Start speaking")
