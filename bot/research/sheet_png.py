"""A run, or several beside each other, as a picture: equity, fall from the peak, months, premium. For a dark page.

The drawing library loads when a picture is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from bot.domain.palette import BENCHMARK, FAINT, FURTHER, GAIN, GRID, GROUND, HOLDING, LOSS, OURS, TEXT
from bot.research.facts import RunFacts
from bot.research.sheet import Line, falls, lines_of, monthly, premiums

WIDTH, DPI = 10.0, 100
COLOURS = (OURS, HOLDING, BENCHMARK, *FURTHER)


def picture(run: RunFacts) -> bytes:
    """Draw one run: equity beside holding and the benchmark, its fall, its months, what options earned."""
    lines = lines_of(run)
    figure = _figure(8.2)
    label = "MODELLED PRICES" if run.modelled else "recorded prices"
    _head(figure, run.name, f"{run.days[0].day} to {run.days[-1].day}   {label}, simulated money")
    _indexes(_axes(figure, 0.52, 0.36), lines)
    _fall(_axes(figure, 0.365, 0.11), lines[0])
    _months(_axes(figure, 0.21, 0.11), monthly(lines[0].points), "return by month", 100.0)
    _months(_axes(figure, 0.055, 0.11), premiums(run), "options earned", 1.0)
    return _png(figure)


def picture_of_many(runs: Sequence[tuple[str, RunFacts]]) -> bytes:
    """Draw several runs in one frame: their equity, and their falls below."""
    own = [Line(name, lines_of(run)[0].points) for name, run in runs]
    figure = _figure(6.4)
    modelled = "MODELLED PRICES" if any(run.modelled for _, run in runs) else "recorded prices"
    _head(figure, " beside ".join(name for name, _ in runs), f"{modelled}, simulated money")
    _indexes(_axes(figure, 0.36, 0.49), own)
    axes = _axes(figure, 0.08, 0.2)
    for place, line in enumerate(own):
        days, values = _xy(falls(line.points))
        axes.plot(days, [value * 100 for value in values], color=COLOURS[place % len(COLOURS)], linewidth=1.3)
    axes.yaxis.set_major_formatter(_per_cent)
    _dates(axes)
    _beside(axes, "fall from the peak")
    return _png(figure)


def _figure(height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    kept = io.BytesIO()
    figure.savefig(kept, format="png", facecolor=GROUND, metadata={"Software": None})
    return kept.getvalue()


def _head(figure: Any, title: str, words: str) -> None:
    short = title if len(title) <= 68 else f"{title[:66]}..."
    figure.text(0.03, 0.958, short, color=TEXT, fontsize=17, fontweight="bold", va="center")
    figure.text(0.03, 0.915, words, color=FAINT, fontsize=14, va="center")


def _axes(figure: Any, bottom: float, height: float) -> Any:
    axes = figure.add_axes((0.09, bottom, 0.69, height), facecolor=GROUND)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=11, length=0)
    return axes


def _xy(points: Sequence[tuple[date, float]]) -> tuple[list[date], list[float]]:
    return [day for day, _ in points], [value for _, value in points]


def _indexes(axes: Any, lines: Sequence[Line]) -> None:
    for place, line in reversed(list(enumerate(lines))):
        days, values = _xy(line.points)
        axes.plot(
            days, [(value - 1) * 100 for value in values], color=COLOURS[place % len(COLOURS)],
            linewidth=2.6 if place == 0 else 1.6,
        )  # fmt: skip
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.yaxis.set_major_formatter(_per_cent)
    _dates(axes)
    low, high = axes.get_ylim()
    apart, above = (high - low) * 0.085, float("inf")
    for place, line in sorted(enumerate(lines), key=lambda one: -one[1].last):
        above = min((line.last - 1) * 100, above - apart)
        axes.annotate(
            f"{line.name} {(line.last - 1) * 100:+z.1f} %", (1.0, above), xycoords=("axes fraction", "data"),
            xytext=(8, 0), textcoords="offset points", color=COLOURS[place % len(COLOURS)], fontsize=13,
            fontweight="bold" if place == 0 else "normal", va="center", annotation_clip=False,
        )  # fmt: skip


def _fall(axes: Any, line: Line) -> None:
    days, values = _xy(falls(line.points))
    shown = [value * 100 for value in values]
    axes.fill_between(days, shown, 0, color=LOSS, alpha=0.4, linewidth=0)
    axes.plot(days, shown, color=LOSS, linewidth=1.1)
    axes.set_ylim(min(*shown, -1.0) * 1.1, 0)
    axes.locator_params(axis="y", nbins=3)
    axes.yaxis.set_major_formatter(_per_cent)
    _dates(axes)
    _beside(axes, f"fall from the peak\nmost {min(shown):z.1f} %")


def _months(axes: Any, found: dict[tuple[int, int], float], words: str, scale: float) -> None:
    months = sorted(found)
    values = [found[month] * scale for month in months]
    axes.bar(range(len(values)), values, color=[GAIN if value >= 0 else LOSS for value in values], width=0.75)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.locator_params(axis="y", nbins=3)
    axes.yaxis.set_major_formatter(_per_cent if scale != 1.0 else _thousands)
    every = max(1, -(-len(months) // 8))
    places = range(0, len(months), every)
    axes.set_xticks(list(places), [f"{date(*months[place], 1):%b '%y}" for place in places])
    up = sum(1 for value in values if value > 0)
    _beside(axes, f"{words}\n{up} of {len(values)} months up")


def _dates(axes: Any) -> None:
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, show_offset=False))
    axes.margins(x=0.01)


def _beside(axes: Any, words: str) -> None:
    axes.annotate(
        words, (1.0, 0.5), xycoords="axes fraction", xytext=(8, 0), textcoords="offset points", color=FAINT,
        fontsize=12, va="center", annotation_clip=False,
    )  # fmt: skip


def _per_cent(value: float, _: int) -> str:
    return f"{value:z.0f} %" if value == round(value) else f"{value:z.1f} %"


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:z.1f}k".replace(".0k", "k") if abs(value) >= 1000 else f"{value:z.0f}"
