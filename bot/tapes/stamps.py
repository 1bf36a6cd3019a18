"""Stamps of a source as moments: ISO text, days, compact days, seconds or milliseconds, in the zone the owner names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.errors import UsageError
from bot.tapes.reading import Micros

MILLISECONDS_FROM = 100_000_000_000
"""A plain number from here on counts milliseconds, below it seconds."""
SECONDS_LEAST = 315_532_800
"""1980-01-01: a plain number that names an earlier moment is a day in digits, or a spreadsheet's, and no count."""
_SECOND, _EPOCH = timedelta(seconds=1), datetime(1970, 1, 1, tzinfo=UTC)


class BadStamp(ValueError):
    """A stamp that names no moment, or two; `what` is the kind of finding."""

    def __init__(self, what: str, words: str) -> None:
        self.what = what
        super().__init__(words)


def zone_of(name: str) -> ZoneInfo:
    """Give a zone by name; raises UsageError."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"--zone: expected a name such as America/New_York or UTC, got {name[:40]!r}") from error


def read_stamp(cell: Any, zone: ZoneInfo) -> datetime:
    """Read one stamp as an aware moment in UTC; raises BadStamp.

    A local time that the clocks skipped, or showed twice, is refused: its moment is not known.
    """
    if isinstance(cell, Micros):
        return _EPOCH + timedelta(microseconds=cell)
    if isinstance(cell, datetime):
        return _aware(cell, zone)
    if isinstance(cell, int | float) or (isinstance(cell, str) and len(cell) > 8 and cell.isdigit()):
        number = float(cell)
        if not 0 <= number < 1e14:
            raise BadStamp("bad stamp", f"{cell!r} is no moment")
        seconds = number / 1000 if number >= MILLISECONDS_FROM else number
        if seconds < SECONDS_LEAST:
            raise BadStamp(
                "bad stamp",
                f"{cell!r} would be {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} as seconds or milliseconds "
                "since 1970: give moments as text like 2015-12-23 15:45",
            )
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return _aware(datetime.fromisoformat(str(cell).strip()), zone)
    except BadStamp:
        raise
    except (ValueError, OverflowError) as error:
        raise BadStamp("bad stamp", f"expected a moment like 2015-12-23 15:45, got {str(cell)[:30]!r}") from error


def read_day(cell: Any, zone: ZoneInfo) -> date:
    """Read the day of a stamp: that of its text, or in the zone where it is a moment; raises BadStamp."""
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return cell
    if isinstance(cell, str) and not (len(cell) > 8 and cell.isdigit()):
        try:
            read = datetime.fromisoformat(cell.strip())
        except ValueError as error:
            raise BadStamp("bad stamp", f"expected a day like 2015-12-23, got {cell[:30]!r}") from error
        return read.date() if read.tzinfo is None else read.astimezone(zone).date()
    return read_stamp(cell, zone).astimezone(zone).date()


def read_day_and_milliseconds(day: Any, milliseconds: Any, zone: ZoneInfo) -> datetime:
    """Read a day and the milliseconds on the clock since its midnight (LEAN's minute files); raises BadStamp."""
    try:
        clock = timedelta(milliseconds=int(str(milliseconds)))
        local = datetime.combine(read_day(str(day), zone), datetime.min.time()) + clock
    except BadStamp:
        raise
    except (ValueError, OverflowError) as error:
        raise BadStamp("bad stamp", f"expected a day and milliseconds, got {day!r} and {milliseconds!r}") from error
    return _aware(local, zone)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    first = moment.replace(tzinfo=zone)
    if first.utcoffset() != (second := first.replace(fold=1)).utcoffset():
        # The offsets differ only where the clocks change: a time they skip does not come back from UTC as itself.
        skipped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment
        if skipped:
            raise BadStamp("clock change", f"{moment} never was in {zone.key}: the clocks went forward over it")
        earlier, later = first.astimezone(UTC), second.astimezone(UTC)
        raise BadStamp(
            "clock change",
            f"{moment} was twice in {zone.key} ({earlier:%H:%M} and {later:%H:%M} UTC): give the file in UTC",
        )
    return first.astimezone(UTC)
