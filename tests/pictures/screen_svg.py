# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Draws what a terminal shows, text with its colour sequences (SGR), as an SVG."""
import html
import re

CELL_WIDTH, CELL_HEIGHT, MARGIN, FONT_SIZE = 8.4, 18, 14, 14
BACKGROUND, FOREGROUND = "#11161d", "#d4d9e0"
COLOURS = ["#5c6673", "#f2777a", "#7fc98b", "#e5c07b", "#6fb1f0", "#c397e0", "#61c0c8", "#d4d9e0"]
NO_BREAK = "\u00a0"  # plain spaces in a row would be drawn as one
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m")


class Pen:
    """How the next cells look."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.colour = self.ground = None
        self.is_bold = self.is_dim = self.is_reverse = False

    def apply(self, numbers):
        for number in (int(word or 0) for word in numbers.split(";")):
            if number == 0:
                self.reset()
            elif number in (1, 2, 7):
                setattr(self, {1: "is_bold", 2: "is_dim", 7: "is_reverse"}[number], True)
            elif number in (22, 27):
                self.is_bold, self.is_dim = self.is_bold and number != 22, self.is_dim and number != 22
                self.is_reverse = self.is_reverse and number != 27
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.colour = COLOURS[number % 10]
            elif number == 39:
                self.colour = None
            elif 40 <= number <= 47:
                self.ground = COLOURS[number % 10]
            elif number == 49:
                self.ground = None

    def look(self):
        colour, ground = self.colour or FOREGROUND, self.ground
        if self.is_reverse:
            colour, ground = ground or BACKGROUND, colour
        return colour, ground, self.is_bold, self.is_dim


def runs_of(line, pen):
    """(column, text, look) for each stretch of cells that look alike."""
    column = 0
    for number, part in enumerate(SEQUENCE.split(line)):
        if number % 2:
            pen.apply(part)
        elif part:
            yield column, part, pen.look()
            column += len(part)


def draw(lines, title):
    """`lines`: of a screen, with sequences. Returns the SVG's text."""
    columns = max(len(SEQUENCE.sub("", line)) for line in lines)
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">',
           f"<title>{html.escape(title)}</title>",
           f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
           f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{FONT_SIZE}">']
    pen = Pen()
    for row, line in enumerate(lines):
        top = MARGIN + row * CELL_HEIGHT
        for column, text, (colour, ground, is_bold, is_dim) in runs_of(line, pen):
            left, length = MARGIN + column * CELL_WIDTH, len(text) * CELL_WIDTH
            if ground:
                out.append(f'<rect x="{left:.1f}" y="{top}" width="{length:.1f}" height="{CELL_HEIGHT}" fill="{ground}"/>')
            if text.strip():
                style = (' font-weight="bold"' if is_bold else "") + (' opacity="0.6"' if is_dim else "")
                out.append(f'<text x="{left:.1f}" y="{top + 13.5}" textLength="{length:.1f}" fill="{colour}"{style}>{html.escape(text).replace(" ", NO_BREAK)}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])
