"""Small charts as inline SVG whose colours come from the page's style, so that one drawing serves light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from html import escape

from bot.research.sheet import Line, Series, thinned

WIDTH = 900
LEFT, RIGHT, TOP, BOTTOM = 58, 132, 10, 24
Write = Callable[[float], str]


def percent(value: float) -> str:
    """Write a fraction for an axis.

    >>> percent(0.125), percent(-0.5)
    ('12.5 %', '-50 %')
    """
    return f"{value * 100:z.1f} %".replace(".0 %", " %")


def _signed(value: float) -> str:
    return f"{value * 100:+z.1f} %"


def dollars(value: float) -> str:
    """Write dollars for an axis."""
    return f"{value:,.0f}"


def line_chart(lines: Sequence[Line], height: int, write: Write, label: str) -> str:
    """Draw lines over days, each named where it ends."""
    shown = [(line.name, thinned(line.points)) for line in lines]
    days = [day for _, points in shown for day, _ in points]
    values = [value for _, points in shown for _, value in points]
    frame = _Frame(min(days), max(days), min(values), max(values), height)
    parts = [*frame.grid(write)]
    for place, (_, points) in reversed(list(enumerate(shown))):
        parts.append(f'<polyline class="line s{place}" points="{frame.path(points)}"/>')
    parts += frame.names([(points[-1][1], f"{name} {_signed(points[-1][1] - 1)}") for name, points in shown])
    return _svg(height, parts, label)


def area_chart(points: Series, height: int, write: Write, label: str, style: str) -> str:
    """Draw one series as an area from zero."""
    points = thinned(points)
    values = [value for _, value in points]
    frame = _Frame(points[0][0], points[-1][0], min(0.0, *values), max(0.0, *values), height)
    zero = frame.y(0.0)
    first, last = frame.x(points[0][0]), frame.x(points[-1][0])
    body = f"{first:.1f},{zero:.1f} {frame.path(points)} {last:.1f},{zero:.1f}"
    parts = [
        *frame.grid(write), f'<polygon class="{style}" points="{body}"/>',
        f'<polyline class="edge {style}" points="{frame.path(points)}"/>',
    ]  # fmt: skip
    return _svg(height, parts, label)


def bar_chart(bars: Mapping[tuple[int, int], float], height: int, write: Write, label: str) -> str:
    """Draw one bar a month, gains and losses in their colours."""
    months = sorted(bars)
    values = [bars[month] for month in months]
    low, high, step = _scale(min(0.0, *values), max(0.0, *values))
    wide = (WIDTH - LEFT - RIGHT) / len(months)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (height - TOP - BOTTOM)

    parts = [part for level in _levels(low, high, step) for part in _level(y(level), write(level))]
    for place, (month, value) in enumerate(zip(months, values, strict=True)):
        top, tall = min(y(value), y(0.0)), abs(y(value) - y(0.0))
        words = f"{date(*month, 1):%b %Y}: {value:+,.2f}"
        parts.append(
            f'<rect class="{"gain" if value >= 0 else "loss"}" x="{LEFT + place * wide + wide * 0.12:.1f}" '
            f'y="{top:.1f}" width="{wide * 0.76:.1f}" height="{max(tall, 0.5):.1f}"><title>{words}</title></rect>'
        )
    every = max(1, math.ceil(len(months) / 12))
    for place in range(0, len(months), every):
        form = "%b '%y" if len(months) > 12 else "%b"
        parts.append(_below(LEFT + (place + 0.5) * wide, height, f"{date(*months[place], 1):{form}}"))
    return _svg(height, parts, label)


class _Frame:
    """Where a day and a value stand in a drawing."""

    def __init__(self, first: date, last: date, low: float, high: float, height: int) -> None:
        self.first, self.last, self.height = first, last, height
        self.low, self.high, self.step = _scale(low, high)

    def x(self, day: date) -> float:
        span = max((self.last - self.first).days, 1)
        return LEFT + (day - self.first).days / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (self.height - TOP - BOTTOM)

    def path(self, points: Series) -> str:
        return " ".join(f"{self.x(day):.1f},{self.y(value):.1f}" for day, value in points)

    def grid(self, write: Write) -> Iterator[str]:
        for level in _levels(self.low, self.high, self.step):
            yield from _level(self.y(level), write(level))
        days = (self.last - self.first).days
        for day in _marks(self.first, self.last):
            form = "%Y" if days > 1500 else "%b '%y" if days > 300 else "%b" if days > 60 else "%-d %b"
            yield _below(self.x(day), self.height, f"{day:{form}}")

    def names(self, ends: Sequence[tuple[float, str]]) -> list[str]:
        """Write each line's name where it ends, far enough from the next one to be read."""
        placed, above = [], -math.inf
        for place, (value, words) in sorted(enumerate(ends), key=lambda one: -one[1][0]):
            above = max(self.y(value), above + 17, TOP + 6)
            placed.append((above, place, words))
        over = max(0.0, placed[-1][0] - (self.height - BOTTOM + 4))
        return [
            f'<text class="name t{place}" x="{WIDTH - RIGHT + 8}" y="{top - over + 4:.1f}">{escape(words)}</text>'
            for top, place, words in placed
        ]


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Give round ends and a round step around two values.

    >>> _scale(0.93, 1.17)
    (0.9, 1.2, 0.1)
    """
    if high - low < 1e-9:
        low, high = low - 0.01, high + 0.01
    raw = (high - low) / 4
    size: float = 10 ** math.floor(math.log10(raw))
    step = next(one for one in (1, 2, 2.5, 5, 10) if one * size >= raw * 0.999) * size
    return round(math.floor(low / step + 1e-9) * step, 9), round(math.ceil(high / step - 1e-9) * step, 9), step


def _levels(low: float, high: float, step: float) -> list[float]:
    return [low + step * place for place in range(round((high - low) / step) + 1)]


def _level(y: float, words: str) -> list[str]:
    return [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text class="axis" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(words)}</text>',
    ]


def _below(x: float, height: int, words: str) -> str:
    return f'<text class="axis" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{escape(words)}</text>'


def _marks(first: date, last: date) -> list[date]:
    """Give days to name on an axis: beginnings of months or years, seven at most; the ends of a short span."""
    if (last - first).days > 1500:
        found = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    else:
        months = range(first.year * 12 + first.month, last.year * 12 + last.month)
        found = [date(month // 12, month % 12 + 1, 1) for month in months]
    if len(found) < 2:
        return [first, last] if first != last else [first]
    return found[:: math.ceil(len(found) / 7)]


def _svg(height: int, parts: Sequence[str], label: str) -> str:
    words = escape(label, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{words}">{"".join(parts)}</svg>'
