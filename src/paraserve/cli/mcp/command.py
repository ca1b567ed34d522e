"""The command `paraserve mcp`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import ApiKey, Bundles, Device, OptionalServer
from paraserve.errors import ParaserveError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def mcp(
    server: OptionalServer = None,
    api_key: ApiKey = "",
    bundle: Bundles = None,
    device: Device = None,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Read recordings below this folder alone.  [default: any file of the user]"),
    ] = None,
) -> None:
    """Give assistants the tools transcribe and list_models, over the Model Context Protocol (stdin and stdout).

    An assistant's program starts this command and names recordings by path or by URL, of which only those of public
    addresses, and of url_allow, are fetched. Without --server the models are loaded with the first recording.
    """
    if find_spec("mcp") is None:
        raise ParaserveError("this needs the package mcp: pip install mcp")
    with ended_by_interrupt():
        from paraserve.cli.config import check_files, read_settings
        from paraserve.cli.mcp.recognizers import LocalRecognizer, ServerRecognizer
        from paraserve.cli.mcp.recordings import Recordings
        from paraserve.cli.mcp.tools import tool_server

    settings = read_settings({"bundle": bundle or None, "device": device})
    if server is None:
        check_files(settings)
    recognizer = LocalRecognizer(settings) if server is None else ServerRecognizer(server, api_key)
    tool_server(recognizer, Recordings.of(settings, folder), settings.subtitles).run("stdio")
