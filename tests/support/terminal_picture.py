"""Screens of a terminal as an SVG that moves by itself, without scripts, fonts or pictures of others."""

from collections.abc import Iterator, Sequence
from html import escape

from rich.cells import cell_len
from rich.color import ColorTriplet
from rich.style import Style
from rich.terminal_theme import MONOKAI, TerminalTheme
from rich.text import Text

from support.terminal_recording import COLUMNS, ROWS, Screen

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE = 8.4, 18, 14
MARGIN, BAR_HEIGHT = 14, 28
LAST_S = 4
"""How long the last screen is shown before all begins again."""
GROUND, INK = "#1b1d23", "#d8dee9"
BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
THEME: TerminalTheme = MONOKAI
DOCUMENT = """<svg xmlns="http://www.w3.org/2000/svg"
     viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">
<title>{label}</title>
<style>
text {{ font: {font}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: {ink}; white-space: pre }}
.b {{ font-weight: bold }} .d {{ opacity: 0.6 }}
#film {{ animation: film {duration:.2f}s step-end infinite }}
@keyframes film {{ {steps} }}
@media (prefers-reduced-motion: reduce) {{ #film {{ animation: none; transform: translateY({last:g}px) }} }}
</style>
<defs>{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="{ground}"/>{buttons}
<svg x="{margin}" y="{bar}" width="{inner_width:g}" height="{inner_height:g}"><g id="film">{screens}</g></svg>
</svg>
"""


def moving_picture(screens: Sequence[Screen], label: str) -> str:
    """Return the SVG: the screens as a film strip, of which one is seen at a time; equal lines are drawn once.

    Args:
        label: what a reader without pictures is told.
    """
    duration_s = screens[-1].at_s + LAST_S
    height = ROWS * LINE_HEIGHT
    drawn = {
        line: f"l{n}" for n, line in enumerate(dict.fromkeys(line for one in screens for line in one.lines if line))
    }
    steps = (
        f"{100 * one.at_s / duration_s:.3f}% {{ transform: translateY({-n * height}px) }}"
        for n, one in enumerate(screens)
    )
    return DOCUMENT.format(
        width=COLUMNS * CELL_WIDTH + 2 * MARGIN,
        height=height + BAR_HEIGHT + MARGIN,
        inner_width=COLUMNS * CELL_WIDTH,
        inner_height=height,
        label=escape(label),
        font=FONT_SIZE,
        ink=INK,
        ground=GROUND,
        margin=MARGIN,
        bar=BAR_HEIGHT,
        duration=duration_s,
        steps=" ".join(steps),
        last=-(len(screens) - 1) * height,
        lines="".join(f'<g id="{name}">{"".join(line_parts(line))}</g>' for line, name in drawn.items()),
        buttons="".join(
            f'<circle cx="{MARGIN + 6 + 18 * n}" cy="15" r="5.5" fill="{c}"/>' for n, c in enumerate(BUTTONS)
        ),
        screens="".join(screen_part(n * height, one, drawn) for n, one in enumerate(screens)),
    )


def screen_part(top: int, screen: Screen, drawn: dict[str, str]) -> str:
    """Return one picture of the film strip."""
    used = (
        f'<use href="#{drawn[line]}" y="{top + (n + 1) * LINE_HEIGHT - 5}"/>'
        for n, line in enumerate(screen.lines)
        if line
    )
    return "".join(used)


def line_parts(line: str) -> Iterator[str]:
    """Yield the pieces of one line, each with one style, at the cell where it stands in a terminal."""
    text, column = Text.from_ansi(line), 0
    for piece, style in pieces(text):
        cells = cell_len(piece)
        if piece.strip():
            yield (
                f'<text x="{column * CELL_WIDTH:g}" textLength="{cells * CELL_WIDTH:g}"'
                f' lengthAdjust="spacingAndGlyphs"{attributes(style)}>{escape(piece)}</text>'
            )
        column += cells


def pieces(text: Text) -> Iterator[tuple[str, Style]]:
    """Yield stretches of one style and of one width of characters."""
    start, n = 0, len(text.plain)
    styles = [style_at(text, at) for at in range(n)]
    widths = [cell_len(character) for character in text.plain]
    for at in range(1, n + 1):
        if at == n or (styles[at], widths[at]) != (styles[start], widths[start]):
            yield text.plain[start:at], styles[start]
            start = at


def style_at(text: Text, at: int) -> Style:
    """Return the style of one character."""
    covering = (span.style for span in text.spans if span.start <= at < span.end)
    return Style.combine([Style.null(), *(one if isinstance(one, Style) else Style.parse(one) for one in covering)])


def attributes(style: Style) -> str:
    """Return colour and weight of a piece."""
    classes = " ".join(name for name, is_set in (("b", style.bold), ("d", style.dim)) if is_set)
    colour = f' style="fill:{hexadecimal(style.color.get_truecolor(THEME))}"' if style.color else ""
    return (f' class="{classes}"' if classes else "") + colour


def hexadecimal(colour: ColorTriplet) -> str:
    """Return a colour as SVG has it."""
    return colour.hex
