"""Bar charts as SVG, from values that are ready to read. Knows no ticket and no language: every word is given.

Lengths across are in per cent and everything else in pixels, so that a plot fills a phone and a wide screen with letters
of one size. Colours are classes of the style sheet (s1 to s6), for light and dark; there is no style attribute and no
script. Whoever does not see the plot is told each of its figures (desc); whoever points at a bar, that bar's (title).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

COLOURS = 6
_HEIGHT, _TOP, _BASE = 210, 14, 182
# Where the columns begin: in front of it stand the numbers of the grid.
_LEFT = 12.0
# A column and the gap behind it.
_FILLED = 0.78
_ROW, _BAR, _LINE = 46, 16, 18
# What the smallest phone shows in one line (320 pixels, WCAG 2.2, 1.4.10); broader letters than usual are cut off.
_LINE_CHARS = 36


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a plot. values: one for each column."""

    label: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a plot that lies on its side. shown: its figures in words, at the right end or, where a phone has no
    room for both, below.

    parts: (colour from 1, label, length, what is said of it).
    """

    label: str
    shown: str
    parts: tuple[tuple[int, str, float, str], ...]


def columns(
    name: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    number: Callable[[int], str],
    marks: Mapping[int, str],
) -> Markup:
    """Columns that stand on each other, one series on the next.

    name: an id of the page; labels: each column's full name; marks: the short name under some of them, by their place.
    """
    totals = [sum(one.values[at] for one in series) for at in range(len(labels))]
    step = grid_step(max(totals, default=0))
    top = step * max(1, -(-max(totals, default=0) // step))
    drawn = []
    for value in range(0, top + 1, step):
        y = _y(value, top)
        drawn.append(f'<line class="grid" x1="{_LEFT}%" x2="100%" y1="{y}" y2="{y}"/>')
        drawn.append(_text("mark", f"{_LEFT - 1}%", y + 4, "end", number(value)))
    width = (100 - _LEFT) / max(1, len(labels))
    told = []
    for at, label in enumerate(labels):
        parts = f" ({', '.join(f'{one.label} {number(one.values[at])}' for one in series if one.values[at])})"
        told.append(f"{label}: {number(totals[at])}{parts if len(series) > 1 and totals[at] else ''}")
        drawn.append(_column(at, width, told[-1], [one.values[at] for one in series], top))
        if at in marks:
            # The last one ends with the plot, so that nothing of it is cut off.
            is_last = at == len(labels) - 1
            x = 100 if is_last else _LEFT + width * (at + _FILLED / 2)
            drawn.append(_text("mark", f"{x:.2f}%", _HEIGHT - 8, "end" if is_last else "middle", marks[at]))
    return _svg(name, title, told, _HEIGHT, drawn)


def _column(at: int, width: float, said: str, values: Sequence[int], top: int) -> str:
    """One column, in a plot of its own, so that its parts need no place across. They begin at the bottom."""
    if not any(values):
        return ""
    below, parts = 0, []
    for colour, value in enumerate(values):
        if value:
            y = _y(below + value, top)
            size = f'y="{y}" width="100%" height="{_y(below, top) - y:.1f}"'
            parts.append(f'<rect class="s{colour % COLOURS + 1}" {size}/>')
        below += value
    place = f'x="{_LEFT + width * at:.2f}%" width="{width * _FILLED:.2f}%"'
    return f"<svg {place}><title>{escape(said)}</title>{''.join(parts)}</svg>"


def bars(name: str, title: str, rows: Sequence[Bar], *, is_stacked: bool) -> Markup:
    """Rows with their bar below their words.

    is_stacked: a row's parts follow each other; else each begins at the left, the next one below it.
    """
    lengths = [
        sum(part[2] for part in row.parts) if is_stacked else max((p[2] for p in row.parts), default=0) for row in rows
    ]
    longest = max(lengths, default=0) or 1
    is_below = any(len(row.label) + len(row.shown) > _LINE_CHARS for row in rows)
    height = _ROW + (_LINE if is_below else 0)
    drawn = []
    for at, row in enumerate(rows):
        y = height * at + 16
        label = row.label if len(row.label) <= _LINE_CHARS else f"{row.label[: _LINE_CHARS - 1]}…"
        x, shown_y, anchor = ("0", y + _BAR + 22, "start") if is_below else ("100%", y, "end")
        drawn.append(_text("label", "0", y, "start", label))
        drawn.append(_text("label", x, shown_y, anchor, row.shown))
        drawn.append(f'<rect class="track" x="0" y="{y + 6}" width="100%" height="{_BAR}"/>')
        begin = 0.0
        for layer, (colour, label, length, said) in enumerate(row.parts):
            if length:
                high = _BAR if is_stacked else _BAR // len(row.parts)
                top = y + 6 + (0 if is_stacked else layer * high)
                across = f'x="{100 * begin / longest:.2f}%" width="{100 * length / longest:.2f}%"'
                place = f'{across} y="{top}" height="{high}"'
                title_of = f"<title>{escape(f'{row.label}, {label}: {said}')}</title>"
                drawn.append(f'<rect class="s{(colour - 1) % COLOURS + 1}" {place}>{title_of}</rect>')
            begin += length if is_stacked else 0
    told = [
        f"{row.label}: {row.shown if is_stacked else ''}"
        + (" ({})" if is_stacked else "{}").format(", ".join(f"{label} {said}" for _, label, _, said in row.parts))
        for row in rows
    ]
    return _svg(name, title, told, height * max(1, len(rows)), drawn)


def grid_step(most: int) -> int:
    """The distance of the grid's lines, at most five of them up to `most`: 1, 2 or 5 and noughts."""
    step = 1
    while step * 5 < most:
        # 1, 2, 5, 10: the leading digit says which is next.
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def _y(value: float, top: int) -> float:
    return round(_BASE - (_BASE - _TOP) * value / top, 1)


def _text(kind: str, x: str, y: float, anchor: str, words: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(name: str, title: str, told: Sequence[str], height: int, drawn: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every word in it was escaped where it was written
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" width="100%" height="{height}" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape("; ".join(told))}.</desc>{"".join(drawn)}</svg>'
    )
