"""The picture of a day's report: equity beside holding and the benchmark, the fall from the peak, the days' P&L.

It is drawn for a phone and a dark page: few words, large letters, every line named where it ends. Nothing here loads a
drawing library before a picture is asked for; whoever asks says where that library may keep its font list
(`MPLCONFIGDIR`), for it would write into the home of the user.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from bot.domain.palette import BENCHMARK, FAINT, GAIN, GRID, GROUND, HOLDING, LOSS, OURS, TEXT
from bot.report.day import Colour, DayReport
from bot.report.performance import Point
from bot.report.words import count, dollars, percent

WIDTH, HEIGHT, DPI = 10.0, 6.4, 100
"""Inches and dots an inch: a thousand dots wide."""
LONGEST = 252
"""Sessions shown at most: a year."""
BARS = 40
"""Days whose P&L is shown as bars."""
STATE: dict[Colour, str] = {"red": "#ff6b72", "yellow": "#f5c518", "green": "#4cd07d"}
NAN = float("nan")


def picture(report: DayReport, points: Sequence[Point]) -> bytes | None:
    """Draw a day's picture as PNG bytes; None where the ledger has no day to draw."""
    shown, before = _window(points)
    if not shown:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    _head(figure, report, shown)
    _lines(_axes(figure, 0.435, 0.4), shown, _told(report, shown, before))
    _fall(_axes(figure, 0.245, 0.115), shown)
    _bars(_axes(figure, 0.07, 0.13), shown[-BARS:])
    kept = io.BytesIO()
    figure.savefig(kept, format="png", facecolor=GROUND, metadata={"Software": None})
    return kept.getvalue()


def alt_text(report: DayReport, points: Sequence[Point]) -> str:
    """Say in words what the picture shows."""
    shown, before = _window(points)
    if not shown:
        return ""
    ends = [f"{name} {_signed(line[-1])}" for name, _, line in _told(report, shown, before) if not math.isnan(line[-1])]
    return (
        f"{report.kind}, {report.colour}, {report.day}: {count(len(shown), 'session')} from {shown[0].day}; "
        f"{', '.join(ends)}; deepest fall from the peak {max(one.drawdown for one in shown) * 100:.1f} %; "
        f"day {dollars(report.day_profit, signed=True)}"
    )


def _window(points: Sequence[Point]) -> tuple[list[Point], Point | None]:
    """Give the days shown, and the one before them that they are measured from; None: from where the ledger begins."""
    return list(points[-LONGEST:]), points[-LONGEST - 1] if len(points) > LONGEST else None


def _head(figure: Any, report: DayReport, shown: Sequence[Point]) -> None:
    so_far = ", so far" if report.so_far else ""
    figure.text(0.03, 0.945, report.kind, color=TEXT, fontsize=23, fontweight="bold", va="center")
    figure.text(
        0.97, 0.945, report.colour.upper(), color=STATE[report.colour], fontsize=23, fontweight="bold", va="center",
        ha="right",
    )  # fmt: skip
    change = ""
    if report.day_profit is not None:
        change = f"   day {dollars(report.day_profit, signed=True)} ({percent(report.day_fraction, signed=True)})"
    words = f"{report.day:%a %-d %b %Y}{so_far}   equity {dollars(report.equity)}{change}"
    figure.text(0.03, 0.885, words, color=TEXT, fontsize=17, va="center")


def _axes(figure: Any, bottom: float, height: float) -> Any:
    axes = figure.add_axes((0.1, bottom, 0.645, height), facecolor=GROUND)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=14, length=0)
    axes.locator_params(axis="y", nbins=4)
    return axes


def _told(report: DayReport, shown: Sequence[Point], before: Point | None) -> list[tuple[str, str, list[float]]]:
    """Give each line with its name and colour, in percent since the days shown begin."""
    found = []
    every = (("holding", HOLDING, "holding"), (report.benchmark, BENCHMARK, "benchmark"), ("ours", OURS, "nav"))
    for name, colour, field in every:
        values = [getattr(one, field) for one in shown]
        known = [value for value in values if value]
        first = 1.0 if before is None else getattr(before, field) or (known[0] if known else None)
        if known and first:
            found.append((name, colour, [NAN if value is None else (value / first - 1) * 100 for value in values]))
    return found


def _lines(axes: Any, shown: Sequence[Point], told: Sequence[tuple[str, str, list[float]]]) -> None:
    ends = []
    for name, colour, line in told:
        ours = name == "ours"
        marker = "o" if len(shown) == 1 else ""
        axes.plot(range(len(line)), line, color=colour, linewidth=3.0 if ours else 1.8, marker=marker, zorder=3)
        if not math.isnan(line[-1]):
            ends.append((line[-1], f"{name} {_signed(line[-1])}", colour, ours))
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.yaxis.set_major_formatter(_per_cent)
    _months(axes, shown)
    low, high = axes.get_ylim()
    _end_words(axes, ends, low, high)


def _end_words(axes: Any, ends: list[tuple[float, str, str, bool]], low: float, high: float) -> None:
    """Write each line's name where it ends, far enough from the next one to be read."""
    apart, place = (high - low) * 0.12, -math.inf
    places = []
    for value, words, colour, ours in sorted(ends):
        place = max(value, place + apart)
        places.append((place, words, colour, ours))
    over = max(0.0, places[-1][0] - high) if places else 0.0
    for place, words, colour, ours in places:
        axes.annotate(
            words, (1.0, place - over), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
            color=colour, fontsize=16, fontweight="bold" if ours else "normal", va="center", annotation_clip=False,
        )  # fmt: skip


def _fall(axes: Any, shown: Sequence[Point]) -> None:
    falls = [-one.drawdown * 100 for one in shown]
    axes.fill_between(range(len(falls)), falls, 0, color=LOSS, alpha=0.45, linewidth=0)
    axes.plot(range(len(falls)), falls, color=LOSS, linewidth=1.2, marker="o" if len(falls) == 1 else "")
    axes.set_ylim(min(*falls, -1.0) * 1.15, 0)
    axes.locator_params(axis="y", nbins=2)
    axes.yaxis.set_major_formatter(_per_cent)
    axes.set_xlim(*_span(shown))
    axes.set_xticks([])
    _beside(axes, f"fall from peak\nnow {falls[-1]:z.1f} %\nmost {min(falls):z.1f} %")


def _bars(axes: Any, shown: Sequence[Point]) -> None:
    profits = [NAN if one.profit is None else one.profit for one in shown]
    colours = [LOSS if profit < 0 else GAIN for profit in profits]
    axes.bar(range(len(profits)), profits, color=colours, width=0.75)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.locator_params(axis="y", nbins=3)
    axes.yaxis.set_major_formatter(_thousands)
    axes.set_xlim(*_span(shown))
    ticks = sorted({0, len(shown) // 2, len(shown) - 1})
    axes.set_xticks(ticks, [f"{shown[place].day:%-d %b}" for place in ticks])
    known = [profit for profit in profits if not math.isnan(profit)]
    up = sum(1 for profit in known if profit > 0)
    _beside(axes, f"P&L by day\n{up} of {count(len(known), 'day')} up")


def _beside(axes: Any, words: str) -> None:
    axes.annotate(
        words, (1.0, 0.5), xycoords="axes fraction", xytext=(8, 0), textcoords="offset points", color=FAINT,
        fontsize=13.5, va="center", annotation_clip=False,
    )  # fmt: skip


def _span(shown: Sequence[Point]) -> tuple[float, float]:
    return -0.6, max(len(shown) - 0.4, 0.6)


def _months(axes: Any, shown: Sequence[Point]) -> None:
    """Name the months where they begin, as many as fit; days where there are few."""
    axes.set_xlim(*_span(shown))
    starts = [place for place in range(1, len(shown)) if shown[place].day.month != shown[place - 1].day.month]
    if len(starts) < 2:
        ticks = sorted({0, len(shown) // 2, len(shown) - 1})
        axes.set_xticks(ticks, [f"{shown[place].day:%-d %b}" for place in ticks])
        return
    starts = starts[:: math.ceil(len(starts) / 6)]
    axes.set_xticks(starts, [f"{shown[place].day:%b}" for place in starts])


def _signed(value: float) -> str:
    return f"{value:+z.1f} %"


def _per_cent(value: float, _: int) -> str:
    return f"{value:z.0f} %" if value == round(value) else f"{value:z.1f} %"


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:z.1f}k".replace(".0k", "k") if abs(value) >= 1000 else f"{value:z.0f}"
