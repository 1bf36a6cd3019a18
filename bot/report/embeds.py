"""A day's report as Discord embeds: their colour, what went wrong first, the picture, inside Discord's limits. Pure.

Embeds are plain objects as Discord's API takes them. Whatever comes from data is written so that it is no markdown.
"""

from __future__ import annotations

import re
from typing import Any

from bot.report.day import Colour, DayReport
from bot.report.digest import MONEY, Part, digest, fitted, more
from bot.report.words import dollars, percent

OVERALL, TITLE, DESCRIPTION, EMBEDS = 6_000, 256, 4_096, 10
ROOM = OVERALL - 600
"""What the parts may take: title, figures, footer and a mask longer than what it hides stay inside the limit."""
ONE_PART = DESCRIPTION - 200
COLOURS: dict[Colour, int] = {"red": 0xD9363E, "yellow": 0xE6B800, "green": 0x2E9E5B}
PICTURE = "report.png"
_MARKUP = re.compile(r"[\\*_~`|\[\]<>#]")


def report_embeds(report: DayReport, *, picture: bool = False) -> list[dict[str, Any]]:
    """Give the embeds of a day; with `picture` the first of them shows the attachment `PICTURE`."""
    parts = [part for whole in digest(report) for part in fitted((whole,), ONE_PART, part_size)]
    parts = list(fitted(parts, ROOM, part_size))
    colour = COLOURS[report.colour]
    so_far = ", so far" if report.so_far else ""
    title = f"{report.kind} · {report.day:%A %-d %B %Y}{so_far}"
    first, *rest = parts
    head = _words(first)
    embeds: list[dict[str, Any]] = [
        {"title": title[:TITLE], "description": f"**{report.colour.upper()}** · {report.kind}\n{head}", "color": colour}
    ]
    embeds[0]["fields"] = [{"name": name, "value": value, "inline": True} for name, value in _figures(report)]
    if picture:
        embeds[0]["image"] = {"url": f"attachment://{PICTURE}"}
    grouped = _grouped([part._replace(lines=()) if part.title == MONEY else part for part in rest])
    for group in grouped:
        embeds.append({"description": "\n".join(_titled(part) for part in group), "color": colour})
    embeds[-1]["footer"] = {"text": f"desk {report.desk} · {report.mode}"[:200]}
    return embeds


def _figures(report: DayReport) -> list[tuple[str, str]]:
    """Give what is looked at first, each with its name: three stand in a row."""
    of = {one.period: percent(one.ours, signed=True) for one in report.returns}
    change = "unknown"
    if report.day_profit is not None:
        change = f"{dollars(report.day_profit, signed=True)} ({percent(report.day_fraction, signed=True)})"
    return [
        ("Equity", dollars(report.equity)), ("Day", change), ("Month", of.get("month", "unknown")),
        ("Cash", dollars(report.cash)), ("Fall from peak", percent(report.drawdown_fraction)),
        ("Year", of.get("year", "unknown")),
    ]  # fmt: skip


def _grouped(parts: list[Part]) -> list[list[Part]]:
    """Put parts into as few embeds as their lengths allow: what is wrong, the money, the rest."""
    found: list[list[Part]] = []
    used = 0
    for part in parts:
        size = part_size(part)
        if not found or used + size > DESCRIPTION - 100 or part.title in (MONEY, "Health"):
            found.append([])
            used = 0
        found[-1].append(part)
        used += size
    return found


def part_size(part: Part) -> int:
    """Count what a part takes in an embed, as Discord counts: in UTF-16 units."""
    return length(_titled(part)) + 1


def length(text: str) -> int:
    """Count a text in UTF-16 units, where most emoji are two.

    >>> length("abc"), length("\U0001f534")
    (3, 2)
    """
    return len(text.encode("utf-16-le", "replace")) // 2


def escape(text: str) -> str:
    r"""Make data plain: no markdown, no mention.

    >>> escape("*x* @everyone `put_series`")
    '\\*x\\* @\u200beveryone \\`put\\_series\\`'
    """
    return _MARKUP.sub(r"\\\g<0>", text).replace("@", "@\u200b")


def _titled(part: Part) -> str:
    return f"**{escape(part.title)}**\n{_words(part)}"


def _words(part: Part) -> str:
    """Write a part's lines and rows: columns in a block of their own, which keeps them aligned."""
    said = [escape(words) for words in part.lines]
    if part.columns and part.rows:
        told = [*([part.heads] if part.heads else []), *part.rows, *([more(part.hidden)] if part.hidden else [])]
        block = "\n".join(told).replace("`", "'")
        said.append(f"```\n{block}\n```")
    else:
        said += [f"- {escape(words)}" for words in part.rows]
        said += [more(part.hidden)] if part.hidden else []
    return "\n".join(said)
