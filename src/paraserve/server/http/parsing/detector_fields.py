"""Fields about voice activity detection, which all upload routes take, with the names of FunASR's live protocol."""

from dataclasses import replace

from paraserve.option_values import END_SILENCE_MS_RANGE, MERGE_S_RANGE, NOISE_THRESHOLD_RANGE, SEGMENT_MS_RANGE
from paraserve.options import RecognitionOptions, VadOverrides
from paraserve.server.http.parsing.form_fields import FormFields, read_switch
from paraserve.server.protocols.json_values import read_number, read_whole
from paraserve.server.protocols.option_warnings import not_honoured


def with_detector(options: RecognitionOptions, fields: FormFields) -> RecognitionOptions:
    """Return the options with the client's choices for the detector. A length of merged segments asks for merging.

    Raises:
        ProtocolError: names the field whose value is not taken.
    """
    vad = VadOverrides(
        _whole(fields, "vad_tail_sil", END_SILENCE_MS_RANGE),
        _whole(fields, "max_single_segment_time", SEGMENT_MS_RANGE),
        _number(fields, "speech_noise_thres", NOISE_THRESHOLD_RANGE),
    )
    length_s = _number(fields, "merge_length_s", MERGE_S_RANGE)
    merges = None
    if length_s is not None or fields.last("merge_vad") is not None:
        merges = read_switch(fields, "merge_vad", default=True)
    if length_s is not None and not merges:
        fields.warn(not_honoured("merge_length_s", "merge_vad is false"))
    length_ms = None if length_s is None else round(length_s * 1000)
    return replace(options, vad=vad, merge_vad=merges, merge_length_ms=length_ms)


def _whole(fields: FormFields, name: str, limits: tuple[int, int]) -> int | None:
    value = fields.last(name)
    return None if value is None else read_whole(name, value, *limits)


def _number(fields: FormFields, name: str, limits: tuple[int, int]) -> float | None:
    value = fields.last(name)
    return None if value is None else float(read_number(name, value, *limits))
