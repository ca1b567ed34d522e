"""Options of the FSMN-VAD, with FunASR's names and defaults. config.yaml sets them, and clients override some."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from paraserve.errors import ModelLoadError
from paraserve.inference.models.model_files import read_config
from paraserve.options import VadOverrides
from paraserve.types import FRAME_MS, SAMPLE_RATE

SINGLE_UTTERANCE = 0
MULTIPLE_UTTERANCES = 1
GATE_OFF_DB = -100.0
"""A level gate at or below this level lets every frame pass."""


@dataclass(frozen=True, slots=True)
class VadOptions:
    """Options of the FSMN-VAD, with FunASR's names and defaults (`model_conf` of config.yaml).

    Args:
        detect_mode: 1 finds all segments, 0 stops after the first or after `max_start_silence_time` without speech.
        max_end_silence_time: ms of silence that end a segment.
        max_start_silence_time: ms; only for detect_mode 0.
        window_size_ms: sliding window of the speech/silence decision.
        sil_to_speech_time_thres: ms of speech in the window that turn silence into speech.
        speech_to_sil_time_thres: ms of speech in the window at or below which speech turns into silence.
        speech_2_noise_ratio: exponent on the silence probability.
        do_extend: 1 widens segments by the next two options, 0 does not.
        lookback_time_start_point: ms that a segment starts before the window that found it.
        lookahead_time_end_point: ms that a segment goes on after its last speech.
        max_single_segment_time: ms after which a segment is cut.
        snr_thres: dB above the noise level that speech frames must have.
        noise_frame_num_used_for_snr: frames over which the noise level is averaged.
        decibel_thres: dB (0 = sum of squares 1 over a frame) that speech frames must have.
        speech_noise_thres: least difference of the probabilities of speech and silence, in [-1, 1].
        silence_pdf_num: number of `sil_pdf_ids`.
        sil_pdf_ids: outputs of the network that mean silence.

    Raises:
        ValueError: an option is out of its range, or asks for other frames than 25 ms every 10 ms at 16 kHz.
    """

    sample_rate: int = SAMPLE_RATE
    detect_mode: int = MULTIPLE_UTTERANCES
    max_end_silence_time: int = 800
    max_start_silence_time: int = 3000
    window_size_ms: int = 200
    sil_to_speech_time_thres: int = 150
    speech_to_sil_time_thres: int = 150
    speech_2_noise_ratio: float = 1.0
    do_extend: int = 1
    lookback_time_start_point: int = 200
    lookahead_time_end_point: int = 100
    max_single_segment_time: int = 60_000
    snr_thres: float = GATE_OFF_DB
    noise_frame_num_used_for_snr: int = 100
    decibel_thres: float = GATE_OFF_DB
    speech_noise_thres: float = 0.6
    silence_pdf_num: int = 1
    sil_pdf_ids: tuple[int, ...] = (0,)
    frame_in_ms: int = FRAME_MS
    frame_length_ms: int = 25

    def __post_init__(self) -> None:
        if (self.sample_rate, self.frame_in_ms, self.frame_length_ms) != (SAMPLE_RATE, FRAME_MS, 25):
            raise ValueError("sample_rate, frame_in_ms and frame_length_ms must be 16000, 10 and 25")
        if self.detect_mode not in (SINGLE_UTTERANCE, MULTIPLE_UTTERANCES):
            raise ValueError(f"detect_mode must be 0 or 1, got {self.detect_mode}")
        for name in ("window_size_ms", "sil_to_speech_time_thres", "max_single_segment_time"):
            if getattr(self, name) < FRAME_MS:
                raise ValueError(f"{name} must be at least {FRAME_MS}, got {getattr(self, name)}")
        for name in (
            "max_end_silence_time",
            "lookback_time_start_point",
            "lookahead_time_end_point",
            "max_start_silence_time",
            "speech_2_noise_ratio",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not -1 <= self.speech_noise_thres <= 1:
            raise ValueError(f"speech_noise_thres must be in [-1, 1], got {self.speech_noise_thres}")
        if self.noise_frame_num_used_for_snr < 1:
            raise ValueError("noise_frame_num_used_for_snr must be at least 1")
        if not self.sil_pdf_ids or len(self.sil_pdf_ids) != self.silence_pdf_num or min(self.sil_pdf_ids) < 0:
            raise ValueError(f"sil_pdf_ids must be {self.silence_pdf_num} indices, got {list(self.sil_pdf_ids)}")

    @property
    def has_level_gate(self) -> bool:
        """True if the levels of frames decide, too."""
        return self.snr_thres > GATE_OFF_DB or self.decibel_thres > GATE_OFF_DB

    @property
    def latency_frames(self) -> int:
        """Distance of a segment's start before the frame that decides for speech."""
        lookback_ms = self.lookback_time_start_point if self.do_extend else 0
        return self.window_size_ms // FRAME_MS + lookback_ms // FRAME_MS

    @property
    def end_silence_frames(self) -> int:
        """Number of silent frames after the window's decision for silence that end a segment."""
        return max(1, -(-self._end_silence_ms // FRAME_MS))

    @property
    def end_lookback_frames(self) -> int:
        """Distance of a segment's end before the last of `end_silence_frames`."""
        extension = self.lookahead_time_end_point // FRAME_MS + 1 if self.do_extend else 0
        return max(0, self._end_silence_ms // FRAME_MS - extension)

    @property
    def lookback_frames(self) -> int:
        """Largest distance of a boundary before the frame that decides it. No end lies before its start."""
        longest_frames = self.max_single_segment_time // FRAME_MS + 1
        return max(self.latency_frames, min(self.end_lookback_frames - 1, longest_frames))

    @property
    def _end_silence_ms(self) -> int:
        # The window decides for silence only after this much of it.
        return self.max_end_silence_time - self.speech_to_sil_time_thres


def read_vad_options(directory: Path) -> VadOptions:
    """Read the options in `model_conf` of config.yaml. Others keep their defaults, unknown names are ignored.

    Raises:
        ModelLoadError: config.yaml cannot be read, or an option is out of its range.
    """
    model_conf = read_config(directory).get("model_conf") or {}
    try:
        return VadOptions(**_typed(model_conf))
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: model_conf: {error}") from error


def with_overrides(options: VadOptions, overrides: VadOverrides) -> VadOptions:
    """Return the options with a client's choices in place of some."""
    wanted = {
        "max_end_silence_time": overrides.max_end_silence_ms,
        "max_single_segment_time": overrides.max_segment_ms,
        "speech_noise_thres": overrides.speech_noise_threshold,
        "lookback_time_start_point": overrides.start_padding_ms,
    }
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    return replace(options, **changes)


def _typed(model_conf: Mapping[str, Any]) -> dict[str, Any]:
    kinds: dict[str, type] = {option.name: type(option.default) for option in fields(VadOptions)}
    values = {name: kinds[name](value) for name, value in model_conf.items() if name in kinds}
    if "sil_pdf_ids" in values:
        values["sil_pdf_ids"] = tuple(int(index) for index in values["sil_pdf_ids"])
    return values
