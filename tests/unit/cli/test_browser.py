"""Which page `serve --open-browser` opens."""

import pytest

from paraserve.cli.serving.browser import page_on_this_machine


@pytest.mark.parametrize(
    ("url", "host", "page"),
    [
        ("http://127.0.0.1:10095", "127.0.0.1", "http://127.0.0.1:10095"),
        ("https://127.0.0.1:10095", "localhost", "https://127.0.0.1:10095"),
        ("http://0.0.0.0:5", "0.0.0.0", "http://127.0.0.1:5"),
        ("https://[::]:5", "::", "https://[::1]:5"),
        ("http://[::1]:5", "::1", "http://[::1]:5"),
        ("http://192.0.2.1:5", "192.0.2.1", None),
        ("unix:/run/paraserve.sock", "127.0.0.1", None),
    ],
)
def test_page(url, host, page):
    """One of this machine, by an address that a browser takes, or none."""
    assert page_on_this_machine(url, host) == page
