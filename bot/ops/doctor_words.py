"""What `bot doctor` prints: findings in groups, one thing a line, and under what is not good the way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.ops.finding import Finding
from bot.report.words import count, filled_text

WHAT = 15
"""Columns of what was looked at."""


def doctor_lines(findings: Sequence[Finding]) -> list[str]:
    """Write findings under their groups, and one line at the end that counts them.

    >>> doctor_lines([Finding("look", "disk", "1 MB free", "make room", "Machine")])[1:3]
    ['  look  disk            1 MB free', '                        do: make room']
    """
    lines: list[str] = []
    for group, listed in groupby(findings, key=lambda one: one.group):
        lines += ["", group] if lines else [group]
        for one in listed:
            lines += _lines_of(one)
    return [*lines, "", tally(findings)]


def tally(findings: Sequence[Finding]) -> str:
    """Count findings by level.

    >>> tally([Finding("good", "disk", "")])
    'nothing stops a tick: 1 thing is good'
    """
    stops, looks = (sum(1 for one in findings if one.level == level) for level in ("stop", "look"))
    good = len(findings) - stops - looks
    words = f"{count(good, 'thing')} {'is' if good == 1 else 'are'} good"
    if looks:
        words = f"{count(looks, 'thing')} to look at, {words}"
    return f"{count(stops, 'thing')} to mend first, {words}" if stops else f"nothing stops a tick: {words}"


def _lines_of(one: Finding) -> Iterator[str]:
    start = f"  {one.level}  {one.what:<{WHAT}} "
    for number, line in enumerate(one.words.splitlines() or [""]):
        yield from filled_text(line, start if number == 0 else " " * len(start), " " * len(start))
    if one.do:
        yield f"{' ' * len(start)}do: {one.do}"
