"""G.711 beside the tables of the recommendation."""

import numpy as np

from paraserve.inference.audio.telephony import a_law_table, mu_law_table

A_LAW = {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0x80: 5504, 0xC5: 264}
MU_LAW = {0xFF: 0, 0x7F: 0, 0x80: 32124, 0x00: -32124, 0xFE: 8, 0x8F: 16764}
"""Codes and samples (of 32768) of the reference implementation (ITU-T G.191), the smallest and largest too."""


def test_a_law():
    """13 bits, the smallest step 1/2048 of the range, both signs alike."""
    table = a_law_table() * 32768
    assert {code: int(table[code]) for code in A_LAW} == A_LAW
    np.testing.assert_array_equal(np.sort(table), -np.sort(table)[::-1])


def test_mu_law():
    """14 bits, two codes of silence, both signs alike."""
    table = mu_law_table() * 32768
    assert {code: int(table[code]) for code in MU_LAW} == MU_LAW
    np.testing.assert_array_equal(np.sort(table), -np.sort(table)[::-1])
