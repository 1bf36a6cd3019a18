"""The calendar ahead: expiries, ex-dates, earnings, early closes and holidays, each with how much it is believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from bot.domain.errors import MarketError
from bot.domain.facts import Fact
from bot.domain.instruments import is_share, underlying_of
from bot.domain.market import Dividend
from bot.domain.money import plain
from bot.domain.outlook import Prospect
from bot.domain.sessions import NEW_YORK, new_york_day, previous_session, session_on
from bot.domain.snapshot import Snapshot
from bot.report.week_shorts import ShortLine

DIVIDEND_RULES = ("ex_dividend", "dividend_accepted")
LOOKED_AHEAD_DAYS = 120
"""How far beyond the window the next early close or holiday is looked for."""
EXPECTED_GIVE = timedelta(days=5)
"""How much sooner or later than projected an expected ex-date may come (wheel 1.9)."""

Kind = Literal["expiry", "ex_date", "earnings", "early_close", "holiday"]


class CalendarLine(Fact, frozen=True, kw_only=True):
    """One thing to come on a New York day; `in_window` is False for the next one after the window.

    `expected` marks an ex-date projected from past payments, which may come 5 days sooner or later.
    """

    day: date
    kind: Kind
    symbol: str = ""
    what: str
    in_window: bool
    amount: Decimal | None = None
    expected: bool = False
    when: str = ""
    as_of: date | None = None
    at_risk: tuple[str, ...] = ()


def calendar_lines(
    snapshot: Snapshot, shorts: Iterable[ShortLine], today: date, until: date
) -> tuple[CalendarLine, ...]:
    """List what lies in the window and the next of each kind after it, by day; an expected day is its middle."""
    listed = tuple(shorts)
    found = [
        *_nearest(_expiries(listed), today, until),
        *(line for symbol in watched(snapshot) for line in _nearest(_ex_dates(snapshot, symbol, listed), today, until)),
        *(line for symbol in watched(snapshot) for line in _nearest(_earnings(snapshot, symbol), today, until)),
        *_nearest(_odd_days(today, until, "early_close"), today, until),
        *_nearest(_odd_days(today, until, "holiday"), today, until),
    ]
    return tuple(sorted(found, key=lambda line: (line.day, line.kind, line.symbol, line.what)))


def watched(snapshot: Snapshot) -> tuple[str, ...]:
    """Name the underlyings of everything held."""
    roots = {underlying_of(held.position.symbol) for held in snapshot.positions if held.position.qty != 0}
    return tuple(sorted(root for root in roots if is_share(root)))


def _nearest(lines: Iterable[CalendarLine], today: date, until: date) -> Iterator[CalendarLine]:
    """Keep what lies in the window, and everything on the first day after it that has something."""
    after: date | None = None
    for line in sorted(lines, key=lambda one: one.day):
        if _ends(line) < today:
            continue
        if _begins(line) > until:
            if after is not None and line.day > after:
                return
            after = line.day
        yield _placed(line, until)


def _begins(line: CalendarLine) -> date:
    return line.day - EXPECTED_GIVE if line.expected else line.day


def _ends(line: CalendarLine) -> date:
    return line.day + EXPECTED_GIVE if line.expected else line.day


def _placed(line: CalendarLine, until: date) -> CalendarLine:
    return replace(line, in_window=_begins(line) <= until)


def _expiries(shorts: Iterable[ShortLine]) -> Iterator[CalendarLine]:
    for line in shorts:
        inside = line.distance is not None and line.distance < 0
        where = " (in the money now)" if inside else ""
        what = f"{plain(-line.qty)} x {line.underlying} {plain(line.strike)} {line.right} expires{where}"
        yield CalendarLine(
            day=line.expiry, kind="expiry", symbol=line.symbol, what=what, in_window=True,
            at_risk=(line.symbol,) if inside else (),
        )  # fmt: skip


def _ex_dates(snapshot: Snapshot, symbol: str, shorts: Iterable[ShortLine]) -> Iterator[CalendarLine]:
    events = snapshot.events_of.get(symbol)
    for dividend in () if events is None else events.dividends:
        calls = [
            line
            for line in shorts
            if line.underlying == symbol and line.right == "call" and line.expiry >= dividend.ex_date
        ]
        word = "expected to go ex" if dividend.expected else "goes ex"
        give = ", give or take 5 days" if dividend.expected else ""
        paid = "" if dividend.pay_date is None else f", paid {dividend.pay_date:%-d %b}"
        yield CalendarLine(
            day=dividend.ex_date, kind="ex_date", symbol=symbol, in_window=True, amount=dividend.amount,
            expected=dividend.expected, at_risk=tuple(line.symbol for line in calls),
            what=f"{symbol} {word} {plain(dividend.amount)} a share{paid}{give}{_calls_at_risk(calls, dividend)}",
        )  # fmt: skip


def _calls_at_risk(calls: Iterable[ShortLine], dividend: Dividend) -> str:
    """Say which calls an exercise for the dividend may take the shares from, and what will be done about each."""
    parts = []
    for line in calls:
        eve = previous_session(dividend.ex_date).day
        found = next((one for one in line.prospects if one.rule in DIVIDEND_RULES and _day_of(one) == eve), None)
        if found is None:
            end = "not ours" if line.owner == "foreign" else "left as it is"
        else:
            end = "assignment accepted" if found.rule == "dividend_accepted" else found.reason
        parts.append(f"{plain(line.strike)} call of {line.expiry:%-d %b}, if in the money: {end}")
    return f"; {'; '.join(parts)}" if parts else ""


def _day_of(prospect: Prospect) -> date | None:
    return None if prospect.from_at is None else new_york_day(prospect.from_at)


def _earnings(snapshot: Snapshot, symbol: str) -> Iterator[CalendarLine]:
    events = snapshot.events_of.get(symbol)
    if events is None or events.earnings_status == "exempt":
        return
    words = {"bmo": "before the open", "amc": "after the close", "unknown": "at an hour nobody stated"}
    for release in events.earnings:
        yield CalendarLine(
            day=release.day, kind="earnings", symbol=symbol, in_window=True, when=release.when, as_of=release.as_of,
            what=f"{symbol} reports {words[release.when]} (checked {release.as_of:%-d %b %Y})",
        )  # fmt: skip


def _odd_days(today: date, until: date, kind: Literal["early_close", "holiday"]) -> Iterator[CalendarLine]:
    """Walk the days that are no full session, as far as the calendar goes."""
    for ahead in range((until - today).days + LOOKED_AHEAD_DAYS + 1):
        day = today + timedelta(days=ahead)
        try:
            session = session_on(day)
        except MarketError:
            return
        if session is None and day.weekday() < 5 and kind == "holiday":
            yield CalendarLine(day=day, kind=kind, what="the market stays closed", in_window=True)
        if session is not None and session.early and kind == "early_close":
            close = f"{session.close_at.astimezone(NEW_YORK):%H:%M}"
            yield CalendarLine(day=day, kind=kind, what=f"the market closes early, at {close} New York", in_window=True)
