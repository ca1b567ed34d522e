"""How much the page fetches at first, how soon it is seen, what it can do once its server is gone, and what moves."""

import pytest
from playwright.sync_api import expect

MAX_SCRIPT_BYTES = 150_000
"""Decoded, of what is fetched before the page is loaded."""
MAX_TRANSFER_BYTES = 80_000
MAX_PAINT_MS = 3_000
"""A machine that does nothing else needs 0.2 s."""
MAX_SHIFT = 0.02
"""Of what is below a text that grows."""
PLACE = "document.querySelector('.entry .wave').getBoundingClientRect().top"
SCRIPTS = """() => {
    const [{ loadEventEnd }] = performance.getEntriesByType('navigation');
    const all = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'));
    const sum = (some, key) => some.reduce((total, one) => total + one[key], 0);
    const first = all.filter(({ startTime }) => startTime < loadEventEnd);
    return { isLoaded: loadEventEnd > 0, bytes: sum(first, 'decodedBodySize'), sent: sum(first, 'transferSize') };
}"""
FETCHED = "performance.getEntriesByType('resource').some(({ name }) => name.endsWith('{}'))"
PAINT_MS = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
OBSERVE_SHIFTS = """() => {
    window.shift = 0;
    const add = (list) => list.getEntries().forEach(({ value }) => (window.shift += value));
    new PerformanceObserver(add).observe({ type: 'layout-shift' });
}"""


@pytest.mark.slow
def test_first_sight_is_small(visit, server_url, samples):
    """It takes little script. The rest comes before it is needed: the page works on while its server is away."""
    one = visit(server_url)
    page = one.page
    one.wait_until(f"({SCRIPTS})().isLoaded")
    scripts = page.evaluate(SCRIPTS)
    assert 50_000 < scripts["bytes"] <= MAX_SCRIPT_BYTES
    assert scripts["sent"] <= MAX_TRANSFER_BYTES
    for part in ("recording/entry.js", "speaking/stage.js", "history/list_view.js", "share/share.js"):
        one.wait_until(FETCHED.replace("{}", part))
    page.locator("#files").set_input_files(samples[0].path)
    expect(page.locator(".word").first).to_be_visible()
    expect(page.locator(".entry .work")).to_be_hidden()
    one.is_alone = True
    page.context.set_offline(True)
    assert one.saved("HTML text only").suggested_filename.endswith(".html")
    page.locator("#views a[data-to=history]").click()
    expect(page.locator(".history-head h2")).to_be_visible()
    expect(page.locator(".kept")).to_have_count(1)
    page.context.set_offline(False)


@pytest.mark.full
@pytest.mark.slow
def test_first_paint(visit, server_url):
    """With an empty cache the page is seen at once, without waiting for its script."""
    one = visit(server_url)
    one.wait_until(f"({PAINT_MS}) > 0")
    one.wait_until(f"({SCRIPTS})().isLoaded")
    paint_ms, scripts = one.page.evaluate(PAINT_MS), one.page.evaluate(SCRIPTS)
    print(f"\nfirst paint: {paint_ms:.0f} ms; {scripts['bytes']} bytes of script, {scripts['sent']} over the network")
    assert paint_ms < MAX_PAINT_MS


@pytest.mark.full
@pytest.mark.slow
def test_growing_text_moves_nothing(visit, server_url, samples):
    """What is seen stays where it is while the text of a file comes."""
    one = visit(server_url)
    page = one.page
    page.locator("#files").set_input_files(samples[-1].path)
    expect(page.locator(".entry .sound")).to_be_visible()
    page.locator(".entry").scroll_into_view_if_needed()
    page.evaluate(OBSERVE_SHIFTS)
    place = page.evaluate(PLACE)
    expect(page.locator(".entry .work")).to_be_hidden()
    expect(page.locator(".word").first).to_be_visible()
    page.wait_for_timeout(300)
    shift = page.evaluate("window.shift")
    print(f"\nlayout shift: {shift:.4f}")
    assert page.evaluate(PLACE) == place
    assert shift <= MAX_SHIFT
