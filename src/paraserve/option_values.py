"""Special and extreme values of options. The command line imports it, so it imports nothing that is large."""

REMOVED = ("", "0")
"""Values of FunASR's flags that remove a part of the bundle."""
END_SILENCE_MS_RANGE, SEGMENT_MS_RANGE, NOISE_THRESHOLD_RANGE = (0, 60_000), (500, 3_600_000), (-1, 1)
START_PADDING_MS_RANGE = (0, 5_000)
"""Least and greatest values of `options.VadOverrides`, in the order of its fields."""
MERGE_S_RANGE = (1, 60)
"""Least and greatest length of merged segments that a client may ask for, in seconds: their audio is held."""
