"""Options that several commands have."""

from typing import Annotated, Any, TypeAlias

import typer

from paraserve.cli.setting_options import setting_option
from paraserve.cli.value_completion import bundle_names
from paraserve.option_values import END_SILENCE_MS_RANGE, NOISE_THRESHOLD_RANGE, SEGMENT_MS_RANGE


def range_option(limits: tuple[int, int], text: str) -> Any:
    """Return the option of a number between the two limits."""
    return typer.Option(min=limits[0], max=limits[1], help=text)


Bundles: TypeAlias = Annotated[list[str] | None, setting_option("bundle", autocompletion=bundle_names)]
Device: TypeAlias = Annotated[str | None, setting_option("device")]
SERVER = "http://127.0.0.1:10095"
Server: TypeAlias = Annotated[
    str,
    typer.Option(metavar="ADDRESS", envvar="PARASERVE_SERVER", help="The server, as HOST:PORT or a URL of its page."),
]
OptionalServer: TypeAlias = Annotated[
    str | None, typer.Option("--server", metavar="ADDRESS", help="Let a server do it, such as 127.0.0.1:10095.")
]
ApiKey: TypeAlias = Annotated[
    str, typer.Option("--api-key", "--key", envvar="PARASERVE_API_KEY", help="For a server that wants one.")
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Model that answers, where there are several: its name or an alias.  [default: auto]"),
]
Hotwords: TypeAlias = Annotated[
    str, typer.Option(help="Words to expect, with spaces or commas between them. A word may be word:weight.")
]
Replacements: TypeAlias = Annotated[
    str, typer.Option(metavar="WRONG=>RIGHT;...", help="Texts to replace in what was recognized: whole words.")
]
Profanity: TypeAlias = Annotated[str, typer.Option(metavar="WORD,...", help="Words and phrases to write as ***.")]
Mask: TypeAlias = Annotated[
    str,
    typer.Option(metavar="KIND,...", help="Numbers to write as stars: phone, id_number, card, email, or all."),
]
NoItn: TypeAlias = Annotated[bool, typer.Option("--no-itn", help="Leave numbers, dates and times as spoken.")]
EndSilence: TypeAlias = Annotated[
    int | None, range_option(END_SILENCE_MS_RANGE, "Milliseconds of silence that end a segment.")
]
SegmentTime: TypeAlias = Annotated[
    int | None, range_option(SEGMENT_MS_RANGE, "Milliseconds after which speech is cut at a quiet moment.")
]
NoiseThreshold: TypeAlias = Annotated[
    float | None, range_option(NOISE_THRESHOLD_RANGE, "How much more probable than noise speech must be.")
]
