"""Videos with speech, and something to see."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
FRAMES_PER_S = 10
SKY, GROUND, SUN = np.array([[190, 222, 240], [44, 110, 92], [250, 214, 120]], np.float32)
"""Red, green and blue."""


def write_video(path: Path, speech: NDArray[np.float32], rate_hz: int, size: tuple[int, int] = (160, 90)) -> None:
    """Write a WebM file with this speech. A sun rises over hills in it."""
    n_frames = round(len(speech) / rate_hz * FRAMES_PER_S)
    with av.open(str(path), "w") as file:
        picture = file.add_stream("libvpx", FRAMES_PER_S, width=size[0], height=size[1], pix_fmt="yuv420p")
        picture.bit_rate = 500_000
        sound = file.add_stream("libopus", RATE_HZ, layout="mono")
        for n in range(n_frames):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(landscape(n / n_frames, size), "rgb24")))
        file.mux(picture.encode(None))
        samples = np.interp(np.arange(0, len(speech), rate_hz / RATE_HZ), np.arange(len(speech)), speech)
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        resampler = av.AudioResampler("flt", "mono", RATE_HZ, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))


def landscape(share: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture after this share of the time, as red, green and blue."""
    width, height = size
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : width / height : width * 1j][..., None]
    image = SKY * (0.7 + 0.3 * y)
    is_sun = (x - 1.2) ** 2 + (y - 0.75 + 0.45 * share) ** 2 < 0.015
    image = np.where(is_sun, SUN, image)
    for level, shade in ((0.62, 1.35), (0.72, 1.0), (0.84, 0.7)):
        is_hill = y > level + 0.06 * np.sin(x * 9 * level + level * 40)
        image = np.where(is_hill, GROUND * shade, image)
    return image.clip(0, 255).astype(np.uint8)
