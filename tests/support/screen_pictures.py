"""Pictures of a screen in few bytes: a PNG with a palette, and a GIF of several screens."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import av.error
import av.filter

HUNDREDTHS = Fraction(1, 100)
"""A GIF counts time in these."""


def small_png(png: bytes) -> bytes:
    """Return the picture with at most 256 colours, which a page of texts does not exceed by much."""
    return _encoded([(0, png)], "image2pipe", "png")


def moving_gif(screens: Sequence[tuple[float, bytes]], last_s: float) -> bytes:
    """Return an animation without end.

    Args:
        screens: seconds from the beginning on, and a PNG.
        last_s: how long the last screen is shown.
    """
    changed = [one for n, one in enumerate(screens) if n == 0 or one[1] != screens[n - 1][1]]
    frames = [(round((at_s - changed[0][0]) * 100), png) for at_s, png in changed]
    ended = frames[-1][0] + round(last_s * 100)
    return _encoded([*frames, (ended, changed[-1][1])], "gif", "gif")


def _encoded(pictures: Sequence[tuple[int, bytes]], container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=100)
        stream.pix_fmt, stream.time_base = "pal8", HUNDREDTHS
        painted = [*_with_palette(pictures)]
        stream.width, stream.height = painted[0].width, painted[0].height
        for frame in painted:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def _with_palette(pictures: Sequence[tuple[int, bytes]]) -> Iterator[av.VideoFrame]:
    """Yield the pictures in the 256 colours that suit all of them."""
    frames = []
    for at, png in pictures:
        with av.open(io.BytesIO(png)) as file:
            frame = next(file.decode(video=0)).reformat(format="rgb24")
        frame.pts, frame.time_base = at, HUNDREDTHS
        frames.append(frame)
    graph = _palette_graph(frames[0])
    for frame in [*frames, None]:
        graph.push(frame)
    for n in range(len(frames)):
        found = graph.pull()
        found.pts, found.time_base = pictures[n][0], HUNDREDTHS
        yield found


def _palette_graph(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=HUNDREDTHS)
    both, colours = graph.add("split"), graph.add("palettegen", "reserve_transparent=0:stats_mode=full")
    painted, sink = graph.add("paletteuse", "dither=none:diff_mode=rectangle"), graph.add("buffersink")
    source.link_to(both)
    both.link_to(painted, 0, 0)
    both.link_to(colours, 1, 0)
    colours.link_to(painted, 0, 1)
    painted.link_to(sink)
    graph.configure()
    return graph
