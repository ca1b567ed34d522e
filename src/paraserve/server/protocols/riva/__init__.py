"""NVIDIA Riva's speech recognition, so that its clients work here."""
