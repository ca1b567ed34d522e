"""The flags of `paraserve stream`. `live.live_streaming` does what they ask for."""

from typing import Annotated, Literal

import typer

from paraserve.cli.interrupts import ended_by_interrupt
from paraserve.cli.options import (
    SERVER,
    ApiKey,
    EndSilence,
    Hotwords,
    Mask,
    Model,
    NoiseThreshold,
    NoItn,
    Profanity,
    Replacements,
    SegmentTime,
    Server,
)
from paraserve_client import ChunkSize

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _sources() -> list[tuple[str, str]]:
    return [("mic", "the microphone")]


def _chunk_size(text: str) -> ChunkSize:
    try:
        past, current, future = map(int, text.split(","))
        return ChunkSize(past, current, future)
    except ValueError:
        raise typer.BadParameter("expected three numbers, such as 5,10,5") from None


@app.command()
def stream(  # noqa: PLR0913, PLR0917 - one parameter a flag
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|mic",
            help="A recording of any format, - for stdin, or the microphone.",
            autocompletion=_sources,
        ),
    ],
    server: Server = SERVER,
    mode: Annotated[
        Literal["2pass", "online", "offline"],
        typer.Option(
            help="2pass: growing texts, then final ones; online: growing ones only; offline: one at the end."
        ),
    ] = "2pass",
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Send a recording as fast as it was spoken instead of at once.")
    ] = False,
    hotwords: Hotwords = "",
    model: Model = None,
    no_itn: NoItn = False,
    replacements: Replacements = "",
    profanity: Profanity = "",
    mask: Mask = "",
    vad_tail_sil: EndSilence = None,
    max_single_segment_time: SegmentTime = None,
    speech_noise_thres: NoiseThreshold = None,
    semantic_endpoint: Annotated[
        bool, typer.Option("--semantic-endpoint", help="Let what was said decide how much silence ends a segment.")
    ] = False,
    chunk_size: Annotated[
        ChunkSize,
        typer.Option(parser=_chunk_size, metavar="N,N,N", help="Past, step and future in units of 60 ms."),
    ] = "5,10,5",  # type: ignore[assignment]  # the parser takes text
    api_key: ApiKey = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Accept any certificate of a wss:// server.")] = False,
) -> None:
    """Write the texts of live speech to stdout, one segment a line.

    In a terminal the text of the present segment is shown while it grows; by microphone in large, above the level of
    what it hears. A broken connection is made again, without losing anything. Ctrl-C ends a recording by microphone;
    what was said until then is still written. A line on stderr says how much speech the model did not understand.
    """
    with ended_by_interrupt():
        from paraserve.cli.live.live_streaming import stream_file, stream_microphone
        from paraserve.cli.server_address import server_address
        from paraserve.server.protocols.funasr.hotwords import parse_hotwords
        from paraserve_client import Live, LiveOptions

    given = {"model": model, "replacements": replacements, "profanity": profanity, "mask": mask}
    knobs = {
        "vad_tail_sil": vad_tail_sil,
        "max_single_segment_time": max_single_segment_time,
        "speech_noise_thres": speech_noise_thres,
        "semantic_endpoint": semantic_endpoint or None,
    }
    extra: dict[str, object] = {key: value for key, value in given.items() if value}
    extra |= {key: value for key, value in knobs.items() if value is not None}
    options = LiveOptions(chunk_size, dict(parse_hotwords(hotwords)), not no_itn, extra=extra)
    live = Live(server_address(server, "ws"), mode, options=options, verify=not insecure, api_key=api_key)
    stream_microphone(live) if source == "mic" else stream_file(live, source, is_paced=realtime)
