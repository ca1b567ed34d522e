"""Opens the page of a server in the browser of whoever has started it."""

import os
import threading
import webbrowser

import typer

from paraserve.server.access.client_addresses import is_loopback

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def open_page(url: str, host: str) -> None:
    """Open the page of a server that has just started, on this machine alone, and say so on stderr.

    Args:
        url: of the server, as it has printed it.
        host: that it listens on.
    """
    page = page_on_this_machine(url, host)
    if page is None:
        _say(
            f"--open-browser opens pages of this machine alone, and the server listens on {host}: open {url} yourself"
        )
    elif not has_screen():
        _say(f"there is no screen to open a browser on: open {page} yourself")
    else:
        # A browser that starts takes a moment, in which the server has to serve.
        threading.Thread(target=_open, args=[page], daemon=True).start()


def page_on_this_machine(url: str, host: str) -> str | None:
    """Return the address by which this machine itself reaches the page, None if it should not be opened here."""
    if url.startswith("unix:"):
        return None
    for wildcard, local in zip(WILDCARDS, ("127.0.0.1", "[::1]"), strict=True):
        if host == wildcard:
            return url.replace(f"//{wildcard}:", f"//{local}:").replace(f"//[{wildcard}]:", f"//{local}:")
    return url if is_loopback(host) else None


def has_screen() -> bool:
    """Tell whether a browser can show itself, which a text browser would do in the server's own terminal."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _open(page: str) -> None:
    _say(f"opening {page} in the browser" if webbrowser.open(page) else f"no browser opens: open {page} yourself")


def _say(line: str) -> None:
    typer.echo(f"paraserve: {line}", err=True)
