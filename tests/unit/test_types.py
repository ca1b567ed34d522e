"""Conversions between samples and milliseconds."""

from hypothesis import given
from hypothesis import strategies as st

from paraserve.types import ms_to_samples, samples_to_ms


@given(st.integers(0, 10**9))
def test_samples_to_ms_rounds_down(n_samples: int) -> None:
    """A millisecond counts once all of its 16 samples are there."""
    assert samples_to_ms(n_samples) * 16 <= n_samples < (samples_to_ms(n_samples) + 1) * 16


@given(st.integers(-(10**6), 10**9))
def test_ms_to_samples_is_exact(ms: int) -> None:
    """Milliseconds survive the way to samples and back."""
    assert samples_to_ms(ms_to_samples(ms)) == ms
