"""The command `paraserve mcp`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from paraserve.cli.config import check_files, read_settings
from paraserve.cli.options import ApiKey, Bundles, Device
from paraserve.errors import ParaserveError


def mcp(
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Let a server do it, such as http://127.0.0.1:10095.")
    ] = None,
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
        raise ParaserveError("this needs the extra mcp: pip install 'paraserve[mcp]'")
    # An extra, and half a second of imports that no other command wants to pay.
    from paraserve.cli.mcp.recognizers import LocalRecognizer, ServerRecognizer  # noqa: PLC0415
    from paraserve.cli.mcp.recordings import Recordings  # noqa: PLC0415
    from paraserve.cli.mcp.tools import tool_server  # noqa: PLC0415

    settings = read_settings({"bundle": bundle or None, "device": device})
    if server is None:
        check_files(settings)
    recognizer = LocalRecognizer(settings) if server is None else ServerRecognizer(server, api_key)
    tool_server(recognizer, Recordings.of(settings, folder), settings.subtitles).run("stdio")
