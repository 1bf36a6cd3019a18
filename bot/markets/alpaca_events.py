"""Alpaca's corporate actions as a calendar: what was paid and declared, what is expected, what splits (wheel 1.9).

They are read once a day for each symbol. A good answer without a dividend in 400 days is "none"; a failed read, a
dividend that cannot be read, or payments that do not tell when the next one comes, is "unknown" and fails closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from bot.domain.market import Dividend, Earnings, Events, Split
from bot.domain.money import ZERO, plain
from bot.domain.sessions import new_york_day
from bot.markets.alpaca_reads import kept
from bot.markets.dividends import Payment, expected_dividends
from bot.venues.daycache import DayCache
from bot.venues.parsing import day_of, decimal_of, flag_of, moment_of, number_of, object_of, rows_of, word_of

HISTORY = timedelta(days=400)
AHEAD = timedelta(days=120)
TYPES = ("cash_dividend", "forward_split", "reverse_split", "stock_dividend")
LISTS = tuple(f"{one}s" for one in TYPES)
PAGES_MAX = 10
EarningsStatus = Literal["known", "exempt", "unknown", "stale"]
Entry = dict[str, Any]
"""What is kept for a symbol and day: `at`, `dividends` (ex-date, amount, pay date, special), `splits` (day, ratio),
`faults`. All text, so that it comes back as it went in."""


def events_query(symbols: Sequence[str], at: datetime) -> dict[str, str]:
    """Say what to ask: actions are filed by the day they are processed, so payments to come lie ahead."""
    today = new_york_day(at)
    return {
        "symbols": ",".join(symbols),
        "types": ",".join(TYPES),
        "start": (today - HISTORY).isoformat(),
        "end": (today + AHEAD).isoformat(),
        "limit": "1000",
    }


def entries_of(symbols: Iterable[str], pages: Iterable[Mapping[str, Any]], read_at: datetime) -> dict[str, Entry]:
    """Sort the answer's rows by symbol; what cannot be read is its symbol's fault, or everyone's if it names none.

    Raises BrokerUnreachable for an answer of another shape: it is not kept, and asked for again.
    """
    found: dict[str, Entry] = {
        symbol: {"at": read_at.isoformat(), "dividends": [], "splits": [], "faults": []} for symbol in symbols
    }
    for page in pages:
        lists = object_of(page.get("corporate_actions"), "/corporate-actions")
        for kind in LISTS:
            rows = lists.get(kind)
            for raw in rows_of([] if rows is None else rows, f"/corporate-actions {kind}"):
                symbol = word_of(raw, "symbol")
                for entry in found.values() if not symbol else [found[symbol]] if symbol in found else []:
                    _add(entry, kind, raw)
    return found


def _add(entry: Entry, kind: str, raw: Mapping[str, Any]) -> None:
    day = day_of(raw.get("ex_date"))
    if kind == "cash_dividends":
        rate = decimal_of(raw, "rate")
        if day is None or rate is None or rate < ZERO:
            entry["faults"].append(f"a cash dividend cannot be read (ex-date {day}, rate {rate})")
        elif rate > ZERO:
            paid = day_of(raw.get("payable_date"))
            special = flag_of(raw, "special") is True
            entry["dividends"].append([day.isoformat(), plain(rate), "" if paid is None else paid.isoformat(), special])
        return
    ratio = _ratio(kind, raw)
    if day is None or ratio is None:
        entry["faults"].append(f"a split cannot be read (ex-date {day}, ratio {ratio})")
    else:
        entry["splits"].append([day.isoformat(), plain(ratio)])


def _ratio(kind: str, raw: Mapping[str, Any]) -> Decimal | None:
    """Give the new shares for an old one; a stock dividend of 0.05 makes 1.05 of it."""
    if kind == "stock_dividends":
        rate = decimal_of(raw, "rate")
        return None if rate is None or rate <= ZERO else 1 + rate
    new, old = decimal_of(raw, "new_rate"), decimal_of(raw, "old_rate")
    return None if new is None or old is None or new <= ZERO or old <= ZERO else new / old


class EventShelf:
    """The day's entries by symbol: only symbols that are not kept yet need asking for."""

    def __init__(self, cache: DayCache) -> None:
        self._cache = cache

    def kept(self, symbols: Iterable[str], day: date) -> dict[str, Entry]:
        """Give the entries that are kept for a day; one that was damaged counts as missing."""
        found: dict[str, Entry] = {}
        for symbol in symbols:
            entry = kept(self._cache, _name(symbol), day)
            if is_entry(entry):
                found[symbol] = entry
            elif entry is not None:
                self._cache.forget(_name(symbol))
        return found

    def keep(self, entries: Mapping[str, Entry], day: date) -> None:
        """Keep entries for a day."""
        for symbol, entry in entries.items():
            self._cache.get(_name(symbol), day, partial(dict, entry))


def _name(symbol: str) -> str:
    return f"corporate-actions-{symbol.lower().replace('.', '_')}"


def is_entry(value: Any) -> bool:
    """Say whether a kept value is one that `entries_of` made."""
    if not isinstance(value, dict) or moment_of(value.get("at")) is None:
        return False
    dividends, splits, faults = (value.get(key) for key in ("dividends", "splits", "faults"))
    if not (isinstance(dividends, list) and isinstance(splits, list) and isinstance(faults, list)):
        return False
    return (
        all(isinstance(one, list) and len(one) == 4 and day_of(one[0]) and number_of(one[1]) for one in dividends)
        and all(isinstance(one, list) and len(one) == 2 and day_of(one[0]) and number_of(one[1]) for one in splits)
        and all(isinstance(one, str) for one in faults)
    )


def events_of(
    symbol: str,
    entry: Entry | None,
    at: datetime,
    earnings_status: EarningsStatus,
    earnings: tuple[Earnings, ...],
) -> Events:
    """Make one symbol's calendar as of the moment its entry was read; without one its dividends are unknown.

    Payments of one day are one dividend: whoever is short a call then owes their sum.
    """
    if entry is None:
        return Events(
            symbol=symbol, dividend_status="unknown", earnings_status=earnings_status, earnings=earnings, as_of=at
        )
    today = new_york_day(at)
    payments = [
        Payment(date.fromisoformat(day), Decimal(amount), bool(special))
        for day, amount, _, special in entry["dividends"]
    ]
    recent = [one for one in payments if one.ex_date > today - HISTORY]
    told = _dividends(symbol, entry)
    expected = expected_dividends(symbol, recent, today)
    ahead = any(one.ex_date > today for one in recent)
    status: Literal["known", "none", "unknown"] = "none"
    if entry["faults"] or (recent and not expected and not ahead):
        status = "unknown"
    elif recent:
        status = "known"
    read_at = moment_of(entry["at"])
    assert read_at is not None
    return Events(
        symbol=symbol,
        dividend_status=status,
        dividends=(*(one for one in told if one.ex_date > today - HISTORY), *expected),
        earnings_status=earnings_status,
        earnings=earnings,
        splits=tuple(
            Split(symbol=symbol, day=date.fromisoformat(day), ratio=Decimal(ratio))
            for day, ratio in sorted(entry["splits"])
        ),
        as_of=read_at,
    )


def _dividends(symbol: str, entry: Entry) -> tuple[Dividend, ...]:
    sums: dict[date, Decimal] = {}
    paid: dict[date, date] = {}
    for text, amount, pay_text, _ in entry["dividends"]:
        day = date.fromisoformat(text)
        sums[day] = sums.get(day, ZERO) + Decimal(amount)
        pay_day = day_of(pay_text)
        if pay_day is not None:
            paid[day] = min(pay_day, paid.get(day, pay_day))
    return tuple(Dividend(symbol=symbol, ex_date=day, amount=sums[day], pay_date=paid.get(day)) for day in sorted(sums))
