"""Asyncio around the contracts of `inference`: scheduling, decoding, whole-file transcription."""
