"""Acoustic features, and continuous integrate-and-fire (CIF)."""
