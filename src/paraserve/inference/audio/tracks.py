"""Choice of the audio track of a file that has several, such as a film with languages or a call with both sides.

The track that the file marks as its default is taken if it has sound, else the first that has.
"""

from typing import BinaryIO

import numpy as np

from paraserve.errors import AudioError, UnsupportedFormatError
from paraserve.inference.audio.demux import ContainerSource, open_container

SOUND = 1e-3
"""Full scale is 1.0. What stays below -60 dB is no sound: codecs leave such noise in silence."""
SCAN_S = 1200
"""Seconds of a track that are searched for sound."""
MAX_TRACKS = 16
"""Tracks that are searched. More come from hostile files."""


def open_track(file: BinaryIO, track: int | None) -> tuple[ContainerSource, list[tuple[str, str]]]:
    """Open a file's track, counted from 0, or the best one. Return warnings about the choice, too.

    Raises:
        AudioError: the file cannot be used, or has no such track.
    """
    source = ContainerSource(open_container(file), track)
    if track is not None or len(source.tracks) < 2:
        return source, []
    preferred, others = source.track, [number for number in source.tracks if number != source.track]
    source.close()
    for number in [preferred, *others][:MAX_TRACKS]:
        if _has_sound(file, number):
            return _reopened(file, number), _warning(preferred, number, len(others) + 1)
    return _reopened(file, preferred), _warning(preferred, preferred, len(others) + 1)


def _warning(preferred: int, taken: int, n_tracks: int) -> list[tuple[str, str]]:
    silent = f", since track {preferred} is silent" if taken != preferred else ""
    return [("other_tracks", f"the file has {n_tracks} audio tracks, of which track {taken} was taken{silent}")]


def _reopened(file: BinaryIO, track: int) -> ContainerSource:
    file.seek(0)
    return ContainerSource(open_container(file), track)


def _has_sound(file: BinaryIO, track: int) -> bool:
    try:
        source = _reopened(file, track)
    except UnsupportedFormatError:
        return False
    seconds = 0.0
    try:
        for chunk in source.chunks():
            if np.abs(chunk.samples).max(initial=0.0) > SOUND:
                return True
            seconds += len(chunk.samples) / max(chunk.sample_rate, 1)
            if seconds > SCAN_S:
                return False
    except AudioError:
        return False
    finally:
        source.close()
    return False
