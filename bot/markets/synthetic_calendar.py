"""What is written in the embedded market's calendar: dividends, splits, earnings and listed expiries.

Every amount is fixed by prices known before its own period began, so that nothing announced looks ahead.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from bot.domain.instruments import PENNY_EVERYWHERE
from bot.domain.market import Dividend, Earnings, Split
from bot.domain.nyse import FIRST_YEAR, LAST_YEAR
from bot.domain.sessions import follows_calendar, session_on
from bot.markets.synthetic_noise import draw_bell, draw_words
from bot.markets.synthetic_paths import BLOCK, MARKET, WEEKDAYS_A_YEAR, Factors, remember
from bot.markets.synthetic_profiles import Profile

WEEKLY_DAYS = 57  # weekly expiries are listed this many days ahead: eight Fridays
MONTHLY_DAYS = 370
MIDWEEK_DAYS = 30  # Mondays and Wednesdays of the three busiest funds
SPLIT_YEARS = 4  # at most one split in so many years
SPLIT_PRICE = 120.0  # no split below
SPLIT_FLOOR = 30.0  # nor to less than this


class Period(NamedTuple):
    """The days between two ex-dates; `amount` goes ex at its end, in dollars of that day."""

    last_ex: date
    next_ex: date
    amount: Decimal
    whole_amount: float
    """The amount per share as it was before any split: the unit of the path."""


def weekday_number(day: date) -> int:
    """Count weekdays since the first Monday of year one; a weekend counts as its Monday."""
    weeks, days = divmod(day.toordinal() - 1, 7)
    return weeks * 5 + min(days, 5)


class Calendar:
    """The calendar of one seed, told name by name; the memos only save time."""

    def __init__(self, seed: int, anchor: date, factors: Factors) -> None:
        self._seed = seed
        self._anchor = anchor
        self._first = weekday_number(anchor)
        self._factors = factors
        self._periods: dict[tuple[str, int], Period] = {}
        self._splits: dict[str, tuple[Split, ...]] = {}
        self._jumps: dict[str, tuple[list[int], list[float]]] = {}

    def step_of(self, day: date) -> int:
        """Number a weekday from the anchor."""
        return weekday_number(day) - self._first

    def level_at_pin(self, profile: Profile, block: int) -> float:
        """Give the unsplit price before the first day of a block."""
        factors = self._factors
        walk = (
            profile.market_weight * factors.pin(MARKET, block)
            + profile.group_weight * factors.pin(profile.group, block)
            + profile.own_weight * factors.pin(profile.symbol, block)
        )
        step = block * BLOCK
        drift = profile.drift * step / WEEKDAYS_A_YEAR + self.jump_level(profile, step - 1)
        return profile.price * math.exp(profile.volatility * walk + drift)

    def period(self, profile: Profile, day: date) -> Period:
        """Give the dividend period that holds a day; an ex-date begins one. Only for names that pay."""
        month = day.year * 12 + day.month - 1
        month -= (month - profile.pay_month) % profile.pays_every
        if _ex_date(month, profile.pay_day) > day:
            month -= profile.pays_every
        found = self._periods.get((profile.symbol, month))
        if found is None:
            last_ex, next_ex = (_ex_date(when, profile.pay_day) for when in (month, month + profile.pays_every))
            price = self.level_at_pin(profile, max(0, self.step_of(last_ex) // BLOCK))
            share = self.split_factor(profile, next_ex)
            cents = max(1, round(100 * price * profile.dividend_yield * profile.pays_every / 12 / share))
            found = Period(last_ex, next_ex, Decimal(cents).scaleb(-2), cents / 100 * share)
            remember(self._periods, (profile.symbol, month), found, 8192)
        return found

    def dividends(self, profile: Profile, after: date, until: date) -> tuple[Dividend, ...]:
        """List what goes ex on days with after < day <= until, oldest first, none before the anchor."""
        found = []
        after = max(after, self._anchor)
        while profile.pays_every:
            period = self.period(profile, after)
            after = period.next_ex
            if after > until or after.year > LAST_YEAR:
                break
            paid = _session_from(after, 5)
            found.append(Dividend(symbol=profile.symbol, ex_date=after, amount=period.amount, pay_date=paid))
        return tuple(found)

    def dividends_before(self, profile: Profile, day: date, expiry: date) -> float:
        """Sum what goes ex after a day and up to an expiry, at the amount of the running period."""
        if not profile.pays_every:
            return 0.0
        period = self.period(profile, day)
        if period.next_ex > expiry:
            return 0.0
        months = (expiry.year - period.next_ex.year) * 12 + expiry.month - period.next_ex.month
        return float(period.amount) * (1 + months // profile.pays_every)

    def splits(self, profile: Profile) -> tuple[Split, ...]:
        """List every split of a name from the anchor to the end of the calendar."""
        if profile.kind == "etf":
            return ()
        found = self._splits.get(profile.symbol)
        if found is None:
            found = self._splits[profile.symbol] = self._make_splits(profile)
        return found

    def split_factor(self, profile: Profile, day: date) -> int:
        """Give how many shares one share of the anchor has become by the open of a day."""
        factor = 1
        for split in self.splits(profile):
            if split.day <= day:
                factor *= int(split.ratio)
        return factor

    def _make_splits(self, profile: Profile) -> tuple[Split, ...]:
        made: list[Split] = []
        factor = 1
        for number in range((LAST_YEAR - self._anchor.year) // SPLIT_YEARS + 1):
            luck, when, size = draw_words(f"{self._seed}|{profile.symbol}|split|{number}", 3)
            days = int(365.25 * SPLIT_YEARS) * number + 150 + when % (365 * SPLIT_YEARS - 300)
            day = _session_from(self._anchor + timedelta(days=days), 0)
            price = self.level_at_pin(profile, max(0, self.step_of(day) // BLOCK)) / factor
            ratios = [ratio for ratio in (2, 3, 4, 5, 10) if price / ratio >= SPLIT_FLOOR]
            if price < SPLIT_PRICE or luck >= 40_000 or day.year > LAST_YEAR or not ratios:
                continue
            ratio = ratios[size % len(ratios)]
            factor *= ratio
            made.append(Split(symbol=profile.symbol, day=day, ratio=Decimal(ratio)))
        return tuple(made)

    def earnings(self, profile: Profile, first: date, last: date, as_of: date) -> tuple[Earnings, ...]:
        """List the releases of a stock from one day to another, both included."""
        if profile.kind == "etf":
            return ()
        days = [day for year in range(first.year, last.year + 1) for day in _release_days(profile, year)]
        return tuple(
            Earnings(symbol=profile.symbol, day=day, when=profile.earnings_when, as_of=as_of)
            for day in days
            if first <= day <= last
        )

    def jump_level(self, profile: Profile, step: int) -> float:
        """Sum the log-moves on earnings up to and including the open of a weekday."""
        if profile.jump == 0.0:
            return 0.0
        steps, levels = self._jump_table(profile)
        row = bisect_right(steps, step)
        return levels[row - 1] if row else 0.0

    def jumps_between(self, profile: Profile, after: int, until: int) -> int:
        """Count the weekdays with after < step <= until on which a release shows in the price."""
        steps, _ = self._jump_table(profile)
        return bisect_right(steps, until) - bisect_right(steps, after)

    def _jump_table(self, profile: Profile) -> tuple[list[int], list[float]]:
        found = self._jumps.get(profile.symbol)
        if found is None:
            steps, levels, level = [], [], 0.0
            late = 1 if profile.earnings_when == "amc" else 0
            for year in range(self._anchor.year, LAST_YEAR + 1):
                for day in _release_days(profile, year):
                    if day > self._anchor and profile.jump:
                        level += profile.jump * draw_bell(f"{self._seed}|{profile.symbol}|jump|{day.isoformat()}")
                        steps.append(self.step_of(day) + late)
                        levels.append(level)
            found = self._jumps[profile.symbol] = (steps, levels)
        return found


@follows_calendar(maxsize=8192)
def _ex_date(month: int, pay_day: int) -> date:
    """Give the first session on or after a day of a month (months counted from year zero)."""
    return _session_from(date(month // 12, month % 12 + 1, pay_day), 0)


@follows_calendar(maxsize=8192)
def _session_from(day: date, count: int) -> date:
    """Give the first session on or after a day, `count` days on; past the calendar only weekends are known."""
    day += timedelta(days=count)
    while day.weekday() >= 5 or (FIRST_YEAR <= day.year <= LAST_YEAR and session_on(day) is None):
        day += timedelta(days=1)
    return day


@lru_cache(maxsize=4096)
def _releases(month: int, quarter_day: int, year: int) -> tuple[date, ...]:
    found = []
    for quarter in range(4):
        day = date(year, 1 + month + 3 * quarter, 10 + quarter_day)
        # Tuesdays and Wednesdays in the middle of these months are sessions every year.
        found.append(day + timedelta(days=(1, 0, 0, -1, -2, -3, 2)[day.weekday()]))
    return tuple(found)


def _release_days(profile: Profile, year: int) -> tuple[date, ...]:
    return _releases(profile.earnings_month, profile.pay_day % 15, year)


@follows_calendar(maxsize=4096)
def expiries(symbol: str, today: date, dte_min: int, dte_max: int) -> tuple[date, ...]:
    """List the expiries of a name between two distances in days, soonest first.

    Eight weekly Fridays, third Fridays for a year, and midweek ones for the busiest funds; where the
    exchange is closed on a Friday the series ends on the session before (wheel 1.16).

    >>> expiries("XLF", date(2027, 3, 1), 20, 27)
    (datetime.date(2027, 3, 25),)
    """
    found = set()
    dense = symbol in PENNY_EVERYWHERE
    for ahead in range(max(0, dte_min), min(dte_max, MONTHLY_DAYS) + 2):
        day = today + timedelta(days=ahead)
        weekday = day.weekday()
        if day.year > LAST_YEAR or (weekday != 4 and not (dense and weekday in (0, 2) and ahead <= MIDWEEK_DAYS)):
            continue
        if weekday == 4 and ahead > WEEKLY_DAYS and not 15 <= day.day <= 21:
            continue
        if session_on(day) is None:
            if weekday != 4:
                continue
            day -= timedelta(days=1)
        if dte_min <= (day - today).days <= dte_max and session_on(day) is not None:
            found.add(day)
    return tuple(sorted(found))


def is_monthly(expiry: date) -> bool:
    """Say whether a series ends with the month's third Friday (or on the Thursday before a closed one)."""
    friday = expiry + timedelta(days=1) if expiry.weekday() == 3 else expiry
    return friday.weekday() == 4 and 15 <= friday.day <= 21
