"""Flags about the recognition of recordings and about subtitles, for `paraserve transcribe` and `paraserve jobs`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from paraserve.cli.options import (
    EndSilence,
    Hotwords,
    Mask,
    Model,
    NoiseThreshold,
    NoItn,
    Profanity,
    Replacements,
    SegmentTime,
    range_option,
)
from paraserve.cli.setting_options import setting_option
from paraserve.option_values import MERGE_S_RANGE

if TYPE_CHECKING:
    from paraserve.options import RecognitionOptions
    from paraserve.types import ChannelChoice

MAX_CHANNEL_DIGITS = 5

Format: TypeAlias = Annotated[
    Literal["text", "json", "srt", "vtt", "tsv", "ass", "ttml", "lrc"],
    typer.Option("--format", help="What to write."),
]
Language: TypeAlias = Annotated[str | None, typer.Option(help="Language of the recording, such as zh or English.")]
Channel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N|split", help="Take one channel, counted from 0, or each for itself.  [default: all mixed]"
    ),
]
Track: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, help="Take one audio track, counted from 0.  [default: the default one that has sound]"),
]
Translate: TypeAlias = Annotated[
    bool, typer.Option("--translate", help="Write English, whatever language is spoken (Whisper).")
]
AutoGain: TypeAlias = Annotated[bool, typer.Option("--auto-gain", help="Amplify quiet speech.")]
NoiseSuppression: TypeAlias = Annotated[
    bool, typer.Option("--noise-suppression", help="Take steady noise out first (package webrtc-noise-gain).")
]
Quality: TypeAlias = Annotated[
    bool, typer.Option("--audio-quality", help="Measure level, noise, clipping and bandwidth, for format json.")
]
NoPunctuate: TypeAlias = Annotated[bool, typer.Option("--no-punctuate", help="No punctuation marks.")]
MergeVad: TypeAlias = Annotated[
    bool | None, typer.Option("--merge-vad/--no-merge-vad", help="Merge neighbouring segments, as FunASR does.")
]
MergeLength: TypeAlias = Annotated[
    float | None, range_option(MERGE_S_RANGE, "Longest merged segment in seconds, which asks for merging.")
]
SubtitleText: TypeAlias = Annotated[
    Literal["written", "spoken"],
    typer.Option(help="Subtitles with numbers, dates and times as they are written, or as they were said."),
]


@dataclass(frozen=True, slots=True)
class RecognitionFlags:
    """What the caller chooses about the recognition."""

    hotwords: Hotwords = ""
    language: Language = None
    model: Model = None
    channel: Channel = None
    track: Track = None
    no_itn: NoItn = False
    replacements: Replacements = ""
    profanity: Profanity = ""
    mask: Mask = ""
    translate: Translate = False
    auto_gain: AutoGain = False
    noise_suppression: NoiseSuppression = False
    audio_quality: Quality = False
    no_punctuate: NoPunctuate = False
    vad_tail_sil: EndSilence = None
    max_single_segment_time: SegmentTime = None
    speech_noise_thres: NoiseThreshold = None
    merge_vad: MergeVad = None
    merge_length_s: MergeLength = None

    def options(self, *, word_times: bool) -> "RecognitionOptions":
        """Read them.

        Raises:
            ParaserveError: one has a value that is not taken.
        """
        # Not for --help: they take as long as all the rest of it.
        from paraserve.options import RecognitionOptions, Redaction, VadOverrides
        from paraserve.redaction_lists import read_masks, read_profanity, read_replacements
        from paraserve.server.protocols.funasr.hotwords import parse_hotwords
        from paraserve.server.protocols.languages import read_language

        asks_for_merging = self.merge_vad is None and self.merge_length_s is not None
        return RecognitionOptions(
            hotwords=parse_hotwords(self.hotwords),
            itn=not self.no_itn,
            punctuate=not self.no_punctuate,
            language=read_language("language", self.language or ""),
            model=self.model,
            channel=_channel_of(self.channel),
            track=self.track,
            word_times=word_times,
            task="translate" if self.translate else "transcribe",
            redaction=Redaction(
                read_replacements(self.replacements), read_profanity(self.profanity), read_masks(self.mask)
            ),
            vad=VadOverrides(self.vad_tail_sil, self.max_single_segment_time, self.speech_noise_thres),
            merge_vad=True if asks_for_merging else self.merge_vad,
            merge_length_ms=None if self.merge_length_s is None else round(self.merge_length_s * 1000),
            auto_gain=self.auto_gain,
            noise_suppression=self.noise_suppression,
            audio_quality=self.audio_quality,
        )


@dataclass(frozen=True, slots=True)
class SubtitleFlags:
    """What the caller chooses about formats with cues."""

    subtitle_cue_s: Annotated[float | None, setting_option("subtitle_cue_s")] = None
    subtitle_lines: Annotated[int | None, setting_option("subtitle_lines")] = None
    subtitle_latin_chars: Annotated[int | None, setting_option("subtitle_latin_chars")] = None
    subtitle_chinese_chars: Annotated[int | None, setting_option("subtitle_chinese_chars")] = None
    subtitle_text: SubtitleText = "written"

    @property
    def limits(self) -> Mapping[str, float | None]:
        """The limits by the names of their settings, None for those that were not given."""
        return {
            "subtitle_cue_s": self.subtitle_cue_s,
            "subtitle_lines": self.subtitle_lines,
            "subtitle_latin_chars": self.subtitle_latin_chars,
            "subtitle_chinese_chars": self.subtitle_chinese_chars,
        }


def _channel_of(text: str | None) -> "ChannelChoice":
    if text is None:
        return None
    if text == "split":
        return "split"
    if text.isascii() and text.isdecimal() and len(text) <= MAX_CHANNEL_DIGITS:
        return int(text)
    raise typer.BadParameter("expected 0, 1, ... or split", param_hint="--channel")
