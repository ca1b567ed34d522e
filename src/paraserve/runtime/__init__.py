"""Asyncio around the contracts of `inference`: engines, scheduling, audio decoding, files and live streams."""
