"""Writers of subtitles: SubRip, WebVTT, LRC and a table here, SubStation Alpha and TTML by pysubs2."""

import io
import re
import threading
from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

import pysubs2
from pysubs2.formats.substation import SubstationFormat
from pysubs2.time import ms_to_times

from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.cues import Cue, cues_of
from paraserve.types import Transcript

TAG = re.compile(r"<(?= */? *[A-Za-z])|\{(?=\\)")
"""Begin of what players of SubRip take for a tag or a command."""
TO_FULL_WIDTH = str.maketrans("{}\\", "｛｝＼")
"""pysubs2 and SubStation Alpha cannot hold these characters: they begin and end its commands."""
CHARACTER_NUMBER = re.compile(r"&#(\d+);")
XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_TTML_TURN = threading.Lock()
"""pysubs2 changes the prefixes of all of ElementTree while it writes TTML, and restores them."""
TO_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write_srt(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write SubRip subtitles."""
    cues = (
        f"{n}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{TAG.sub(_full_width, _lines(cue))}\n"
        for n, cue in enumerate(cues_of(transcript, options), 1)
    )
    return "\n".join(cues)


def write_vtt(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write WebVTT subtitles (W3C)."""
    cues = (
        f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{_lines(cue).translate(TO_ENTITIES)}\n"
        for cue in cues_of(transcript, options)
    )
    return "\n".join(("WEBVTT\n", *cues))


def write_tsv(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write a tab-separated table of start and end in ms and text, one cue a line, with a header."""
    rows = (f"{cue.start_ms}\t{cue.end_ms}\t{cue.text}\n" for cue in cues_of(transcript, options))
    return "".join(("start\tend\ttext\n", *rows))


def write_lrc(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write LRC lyrics: the start of each cue in hundredths of a second, and its text on one line."""
    return "".join(f"[{_lrc_clock(cue.start_ms)}]{_lrc_text(cue)}\n" for cue in cues_of(transcript, options))


def write_ass(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write SubStation Alpha subtitles, version 4.00+."""
    file = io.StringIO()
    _LongSubstation.to_file(_pysubs2_file(cues_of(transcript, options)), file, "ass", header_notice="")
    return file.getvalue()


def write_ttml(transcript: Transcript, options: SubtitleOptions) -> str:
    """Write TTML subtitles (W3C Timed Text Markup Language 1).

    pysubs2 leaves out the language and the namespace of ids, which TTML wants, and writes other letters than ASCII as
    numbers.
    """
    file = _pysubs2_file(cues_of(transcript, options))
    language = "en" if transcript.task == "translate" else transcript.language or ""
    with _TTML_TURN:
        body = file.to_string("ttml")
    body = body.replace("<tt ", f"<tt xml:lang={quoteattr(language)} ", 1).replace("<style id=", "<style xml:id=", 1)
    return XML_HEAD + CHARACTER_NUMBER.sub(lambda match: chr(int(match[1])), body)


def clock(at_ms: int, decimal: str) -> str:
    """Return a time as 01:02:03.004, with this mark before the milliseconds."""
    hours, minutes, seconds, ms = ms_to_times(at_ms)
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimal}{ms:03}"


class _LongSubstation(SubstationFormat):
    """pysubs2's format for recordings of over ten hours, too: it would clamp their times."""

    @staticmethod
    def ms_to_timestamp(requested_ms: int) -> str:
        return clock(requested_ms, ".")[1 if requested_ms < 36_000_000 else 0 : -1]


def _pysubs2_file(cues: Iterable[Cue]) -> pysubs2.SSAFile:
    file = pysubs2.SSAFile()
    for cue in cues:
        event = pysubs2.SSAEvent(cue.start_ms, cue.end_ms)
        event.plaintext = _lines(cue).translate(TO_FULL_WIDTH)
        file.append(event)
    return file


def _lines(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _full_width(match: re.Match[str]) -> str:
    return {"<": "＜", "{": "｛"}[match[0]]


def _lrc_clock(at_ms: int) -> str:
    minutes, ms = divmod(at_ms, 60_000)
    return f"{minutes:02}:{ms // 1000:02}.{ms % 1000 // 10:02}"


def _lrc_text(cue: Cue) -> str:
    """Return the text, with a space before a bracket that would be taken for another time or a tag."""
    return f" {cue.text}" if cue.text.startswith("[") else cue.text
