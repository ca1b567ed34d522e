"""G.711, the codec of telephony: one byte a sample, A-law or mu-law (ITU-T G.711, tables 1a to 2b)."""

import numpy as np
import numpy.typing as npt

MU_LAW_BIAS = 33 << 2


def a_law_table() -> npt.NDArray[np.float32]:
    """Return the sample in [-1, 1] of each of the 256 bytes: 13 bits."""
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = codes >> 4 & 7, codes & 15
    steps = mantissa * 2 + 1 + np.where(exponent > 0, 32, 0)
    return _signed(steps << np.maximum(exponent - 1, 0) << 3, is_positive=codes >= 128)


def mu_law_table() -> npt.NDArray[np.float32]:
    """Return the sample in [-1, 1] of each of the 256 bytes: 14 bits."""
    codes = ~np.arange(256) & 0xFF
    exponent, mantissa = codes >> 4 & 7, codes & 15
    return _signed((((mantissa << 3) + MU_LAW_BIAS) << exponent) - MU_LAW_BIAS, is_positive=codes < 128)


def _signed(sizes: npt.NDArray[np.int64], is_positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    return (np.where(is_positive, sizes, -sizes) / 32768).astype(np.float32)
