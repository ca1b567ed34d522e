"""OpenAI's `server_vad` object: its HTTP calls and its live sessions turn the detector's knobs with it."""

from collections.abc import Mapping

from paraserve.errors import ProtocolError
from paraserve.option_values import END_SILENCE_MS_RANGE, START_PADDING_MS_RANGE
from paraserve.options import VadOverrides
from paraserve.server.protocols.json_values import invalid_value, read_number, read_whole

SERVER_VAD = "server_vad"
SERVER_VAD_KEYS = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms")
"""Keys that `read_server_vad` reads. It leaves others alone."""


def read_server_vad(values: Mapping[str, object], param: str) -> VadOverrides:
    """Return the detector's settings. Numbers may be texts, and null is absent.

    `threshold` is the probability from which audio counts as speech. The detector compares it with that of noise,
    which is the rest to 1.

    Args:
        values: the object.
        param: the field or key that has it.

    Raises:
        ProtocolError: the type is another one, or a value is out of range.
    """
    given = {name: value for name in SERVER_VAD_KEYS if (value := values.get(name)) is not None}
    try:
        if values.get("type", SERVER_VAD) != SERVER_VAD:
            raise invalid_value("type", values["type"], SERVER_VAD)
        threshold = read_number("threshold", given["threshold"], 0, 1) if "threshold" in given else None
        silence_ms = _whole(given, "silence_duration_ms", END_SILENCE_MS_RANGE)
        padding_ms = _whole(given, "prefix_padding_ms", START_PADDING_MS_RANGE)
    except ProtocolError as error:
        raise ProtocolError(f"{param}.{error.message}", code=error.code, param=param) from None
    noise_threshold = None if threshold is None else round(2 * threshold - 1, 6)
    return VadOverrides(silence_ms, None, noise_threshold, padding_ms)


def _whole(values: Mapping[str, object], name: str, limits: tuple[int, int]) -> int | None:
    return read_whole(name, values[name], *limits) if name in values else None
