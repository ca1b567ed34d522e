"""The page about protocols and clients says what the tests hold."""

from support.protocols import compatibility


def test_page():
    """docs/compatibility.md is up to date. If not: `PYTHONPATH=tests python -m support.protocols.compatibility`."""
    assert compatibility.PAGE.read_text("utf-8") == compatibility.page()


def test_versions():
    """Each client of the page is one that tests/peers runs, at a version."""
    rows = [compatibility.client_row(package) for package in compatibility.CLIENTS]
    assert all(version for _, version, _ in rows)
