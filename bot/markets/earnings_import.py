"""Earnings dates out of other people's CSV files: many headers, date formats and words, one meaning each.

A row that can be read in two ways is a fault, not a guess. 03/04/2026 is one, unless another row of the same file
shows which number is the day.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bot.domain.errors import ConfigError
from bot.domain.instruments import is_equity
from bot.domain.market import Earnings
from bot.domain.sessions import new_york_day
from bot.markets.earnings import COLUMNS, Calendar

When = Literal["bmo", "amc", "unknown"]
DayOrder = Literal["day first", "month first"]

SAME_RELEASE = timedelta(days=45)
"""Releases come a quarter apart: two dates closer than this are one release that was moved."""
NAMES: dict[str, frozenset[str]] = {
    "symbol": frozenset({"symbol", "ticker", "tickersymbol", "actsymbol", "stock", "code", "stocksymbol"}),
    "date": frozenset({
        "date", "day", "reportdate", "earningsdate", "reporteddate", "announcementdate", "earningsreportdate",
        "releasedate", "nextearningsdate", "nextearnings", "epsdate", "startdatetime", "eventstartdate",
    }),
    "when": frozenset({
        "when", "time", "hour", "timing", "timeofday", "timeoftheday", "reporttime", "releasetime", "calltime",
        "earningstime", "session", "starttimetype", "eventstarttype",
    }),
    "as_of": frozenset({"asof", "checked", "checkedon", "updated", "lastupdated", "updatedfromdate"}),
}  # fmt: skip
_BMO = frozenset({
    "bmo", "beforemarketopen", "beforemarketopens", "beforemarket", "beforeopen", "beforetheopen", "premarket", "pre",
    "timepremarket", "premarketopen", "am", "bto",
})  # fmt: skip
_AMC = frozenset({
    "amc", "aftermarketclose", "aftermarketcloses", "aftermarket", "afterclose", "aftertheclose", "afterhours",
    "timeafterhours", "postmarket", "post", "pm", "timepostmarket", "aftermarkethours",
})  # fmt: skip
_UNKNOWN = frozenset({
    "", "unknown", "tbd", "tba", "tns", "na", "none", "null", "timenotsupplied", "notsupplied", "dmh", "dmt",
    "duringmarkethours", "duringmarket", "duringtrading", "tas",
})  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TWO_WAYS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})[ -]([a-z]{3,9})\.?,?[ -](\d{4})")
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])?\.?m?\.?")


class Imported(NamedTuple):
    """What another file tells: its releases, the rows that cannot be read, and how many were of other names."""

    releases: tuple[Earnings, ...]
    faults: tuple[str, ...]
    left_out: int
    tells_when: bool


class Change(NamedTuple):
    """One release that the import adds, moves, times or checks again; `before` is what stood there."""

    what: Literal["new", "moved", "time", "checked again"]
    release: Earnings
    before: Earnings | None = None


def read_foreign(text: str, name: str, *, wanted: frozenset[str], as_of: date) -> Imported:
    """Read the rows of another CSV for the wanted symbols; `as_of` is the day for rows that name none.

    Raises ConfigError where the header tells no symbol or no date, or tells one of them twice.
    """
    lines = text.lstrip("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    rows = csv.reader(lines, delimiter=max(",;\t|", key=first.count))
    found: list[tuple[int, dict[str, str]]] = []
    left_out = 0
    try:
        where = _columns(next((row for row in rows if any(cell.strip() for cell in row)), []), name)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            cells = {field: row[place].strip() if place < len(row) else "" for field, place in where.items()}
            if _symbol(cells["symbol"]) in wanted:
                found.append((rows.line_num, cells))
            else:
                left_out += 1
    except csv.Error as error:
        raise ConfigError(f"{name}:{rows.line_num}: this is no CSV ({error})") from error
    order = _day_order(cells["date"] for _, cells in found)
    faults: list[str] = []
    releases: list[Earnings] = []
    for line, cells in found:
        try:
            releases.append(_release(cells, as_of, order))
        except ValueError as error:
            faults.append(f"{name}:{line}: {cells['symbol']}: {error}")
    return Imported(tuple(releases), tuple(faults), left_out, "when" in where)


def merge(known: Calendar, imported: Imported) -> tuple[dict[str, tuple[Earnings, ...]], tuple[Change, ...]]:
    """Give the calendar with the imported releases in it, and what that changed; doing it twice changes nothing.

    A release within 45 days of a known one is the same, moved. What was checked later wins; a file that tells no
    time of day leaves the one known for that day.
    """
    calendar = {symbol: list(releases) for symbol, releases in known.items()}
    changes: list[Change] = []
    told = _agreed(imported.releases)
    # The newest word first: what it drives out cannot keep an older one of the same file away.
    for release in sorted(told.values(), key=lambda one: one.as_of, reverse=True):
        rows = calendar.setdefault(release.symbol, [])
        same = [one for one in rows if one.day == release.day]
        near = [one for one in rows if _same_release(one, release) and (one.symbol, one.day) not in told]
        if any(one.as_of > release.as_of for one in (*same, *near)):
            continue
        before = max(same or near, key=lambda one: one.as_of, default=None)
        if before is not None and before.day == release.day and not imported.tells_when:
            release = replace(release, when=before.when)
        if [release] == [*same, *near]:
            continue
        kept = [one for one in rows if one not in same and one not in near]
        calendar[release.symbol] = sorted((*kept, release), key=lambda one: (one.day, one.as_of))
        changes.append(_change(release, before))
    changes.sort(key=lambda one: (one.release.symbol, one.release.day))
    return {symbol: tuple(rows) for symbol, rows in sorted(calendar.items()) if rows}, tuple(changes)


def _agreed(releases: Iterable[Earnings]) -> dict[tuple[str, date], Earnings]:
    """Give one release for each symbol and day; where two rows differ on the time of day, it is unknown."""
    found: dict[tuple[str, date], Earnings] = {}
    for one in sorted(releases, key=lambda one: (one.symbol, one.day, one.as_of)):
        other = found.get((one.symbol, one.day))
        agreed = other is None or other.when == one.when
        found[(one.symbol, one.day)] = one if agreed else replace(one, when="unknown")
    return found


def _same_release(known: Earnings, release: Earnings) -> bool:
    """Say whether a known release, still to come when the other was checked, is that one under another date."""
    both_ahead = min(known.day, release.day) >= release.as_of
    return both_ahead and known.day != release.day and abs(known.day - release.day) < SAME_RELEASE


def calendar_text(calendar: Mapping[str, Sequence[Earnings]]) -> str:
    """Write a calendar as the text of `earnings.csv`, symbols and days in order."""
    lines = [",".join(COLUMNS)]
    for symbol in sorted(calendar):
        lines += [f"{one.symbol},{one.day},{one.when},{one.as_of}" for one in calendar[symbol]]
    return "\n".join(lines) + "\n"


def _change(release: Earnings, before: Earnings | None) -> Change:
    if before is None:
        return Change("new", release)
    if before.day != release.day:
        return Change("moved", release, before)
    return Change("time" if before.when != release.when else "checked again", release, before)


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """Give the place of each field that the header names."""
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(header):
        word = re.sub(r"[^a-z]", "", cell.lower())
        for field, names in NAMES.items():
            if word in names:
                places.setdefault(field, []).append(place)
    faults = []
    for field in ("symbol", "date"):
        if field not in places:
            faults.append(
                f"{name}: no column is called {field}: the header says {', '.join(header)[:80]!r}, "
                f"name that column {field}"
            )
    for field, found in places.items():
        if len(found) > 1:
            both = ", ".join(repr(header[place]) for place in found)
            faults.append(f"{name}: {both} could all be the {field}: keep one of them")
    if faults:
        raise ConfigError(faults)
    return {field: found[0] for field, found in places.items()}


def _symbol(text: str) -> str:
    """Give a symbol as this house writes it: BRK-B and BRK/B are BRK.B; "" where it is no share."""
    word = re.sub(r"[/-]", ".", text.strip().upper())
    return word if is_equity(word) else ""


def _release(cells: Mapping[str, str], as_of: date, order: DayOrder | None) -> Earnings:
    checked = as_of
    if cells.get("as_of"):
        checked = _day("as of", cells["as_of"], order)
        if checked > as_of:
            raise ValueError(f"as of: {checked} is later than {as_of}")
    return Earnings(
        symbol=_symbol(cells["symbol"]), day=_day("date", cells["date"], order), when=_when(cells.get("when", "")),
        as_of=checked,
    )  # fmt: skip


def _day_order(texts: Iterable[str]) -> DayOrder | None:
    """Say which number of 03/04/2026 is the day, where any row of the file proves it and none contradicts."""
    proved: set[DayOrder] = set()
    for text in texts:
        found = _TWO_WAYS.match(text.strip())
        if found is not None and int(found[1]) > 12:
            proved.add("day first")
        elif found is not None and int(found[3]) > 12:
            proved.add("month first")
    return proved.pop() if len(proved) == 1 else None


def _day(what: str, text: str, order: DayOrder | None) -> date:
    """Read a day, or raise ValueError saying what would be understood."""
    given = text.strip().lower()
    try:
        if re.match(r"\d{4}-\d{2}-\d{2}[t ]\d", given):
            return _day_of_moment(given)
        if re.fullmatch(r"\d{8}", given) or re.fullmatch(r"\d{4}([/.-])\d{1,2}\1\d{1,2}", given):
            year, month, day = (
                (given[:4], given[4:6], given[6:]) if given.isdigit() else re.split(r"[/.-]", given)
            )  # fmt: skip
            return date(int(year), int(month), int(day))
        two_ways = _TWO_WAYS.fullmatch(given)
        if two_ways is not None:
            return _ordered(int(two_ways[1]), int(two_ways[3]), int(two_ways[4]), order)
        named = _DAY_MONTH.fullmatch(given)
        if named is not None:
            return date(int(named[3]), _MONTHS.index(named[2][:3]) + 1, int(named[1]))
        named = _MONTH_DAY.fullmatch(given)
        if named is not None:
            return date(int(named[3]), _MONTHS.index(named[1][:3]) + 1, int(named[2]))
    except _TwoWays as error:
        raise ValueError(f"{what}: {text!r} is {error}: write it as 2026-01-29") from error
    except ValueError as error:
        raise ValueError(f"{what}: there is no day {text[:30]!r} ({error})") from error
    raise ValueError(f"{what}: expected a day like 2026-01-29, got {text[:30]!r}")


class _TwoWays(ValueError):
    """A day that can be read in two ways."""


def _ordered(first: int, second: int, year: int, order: DayOrder | None) -> date:
    if first > 12 or (first != second and second <= 12 and order == "day first"):
        return date(year, second, first)
    if second > 12 or first == second or order == "month first":
        return date(year, first, second)
    raise _TwoWays(f"{date(year, first, second)} or {date(year, second, first)}")


def _day_of_moment(text: str) -> date:
    """Give the New York day of a moment; midnight, or a moment without a zone, is a day as written."""
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None or moment.time() == time(0):
        return moment.date()
    return new_york_day(moment)


def _when(text: str) -> When:
    """Read the time of day; a clock time is New York's. Raises ValueError for words nobody knows."""
    word = re.sub(r"[^a-z]", "", text.lower())
    clock = _CLOCK.fullmatch(text.strip().lower().replace(" et", "").replace(" est", "").replace(" edt", ""))
    if clock is not None:
        return _when_of_clock(int(clock[1]), int(clock[2]), clock[3] or "")
    if any(character.isdigit() for character in text):
        raise ValueError(f"when: expected bmo, amc or unknown, got {text[:30]!r}")
    if word in _BMO:
        return "bmo"
    if word in _AMC:
        return "amc"
    if word in _UNKNOWN:
        return "unknown"
    raise ValueError(f"when: expected bmo, amc or unknown, got {text[:30]!r}")


def _when_of_clock(hour: int, minute: int, half: str) -> When:
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59:
        raise ValueError(f"when: there is no time {hour:02d}:{minute:02d}")
    minutes = hour * 60 + minute
    # Midnight is what files write that know no time.
    return "unknown" if minutes == 0 or 570 <= minutes < 960 else "bmo" if minutes < 570 else "amc"
