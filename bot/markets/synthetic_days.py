"""One session of one name: its minutes in dollars, its halts, its volatility as known before the open."""

from __future__ import annotations

import math
from datetime import date
from functools import cached_property

from bot.domain.sessions import Session
from bot.markets.synthetic_calendar import Calendar
from bot.markets.synthetic_noise import draw_bytes, draw_words
from bot.markets.synthetic_paths import (
    BLOCK,
    DAY_SIGMA,
    MARKET,
    WEEKDAYS_A_YEAR,
    Factors,
    minute_weights,
    remember,
)
from bot.markets.synthetic_profiles import Profile

HALT_LIMIT = 780  # of 65,536: three sessions a year
HALT_MINUTES = (5, 10, 15, 30, 60)
ODD_LIMIT = 33  # of 65,536: one minute in two thousand shows an odd quote
QUOTE_SECONDS = 9  # a quote is renewed this often


class Day:
    """A session's path: `prices[k]` is the price k minutes after the open, straight in between.

    `reference` is the price before the open as options see it (dividends and releases taken off);
    `variance` the annual variance expected of the day. A halt holds the price from `halt_from` until
    `halt_until`, in minutes; both are -1 where there is none.
    """

    def __init__(
        self, key: str, profile: Profile, session: Session, prices: list[float], reference: float, variance: float
    ) -> None:
        self.profile = profile
        self.session = session
        self.minutes = len(prices) - 1
        self.prices = prices
        self.reference = reference
        self.variance = variance
        self._key = key
        luck, start, length, phase = draw_words(f"{key}|day", 4)
        self.phase = phase % QUOTE_SECONDS
        self.halt_from = self.halt_until = -1
        if luck < HALT_LIMIT:
            self.halt_from = 5 + start % (self.minutes - 70)
            self.halt_until = self.halt_from + HALT_MINUTES[length % len(HALT_MINUTES)]
            held = self.halt_until - self.halt_from
            prices[self.halt_from : self.halt_until] = [prices[self.halt_from]] * held

    def halted(self, second: int) -> bool:
        """Say whether trading is halted at a second after the open."""
        return self.halt_from * 60 <= second < self.halt_until * 60

    def price(self, second: int) -> float:
        """Give the price at a second after the open."""
        minute, rest = divmod(second, 60)
        here = self.prices[minute]
        if rest == 0 or minute >= self.minutes or self.halt_from <= minute < self.halt_until:
            return here
        return here + (self.prices[minute + 1] - here) * rest / 60

    def quoted_second(self, second: int) -> int:
        """Give when the quote that shows at a second was made: up to eight seconds before, a halt's start."""
        if second >= self.minutes * 60:
            return self.minutes * 60
        if self.halted(second):
            return self.halt_from * 60
        return max(0, second - (second - self.phase) % QUOTE_SECONDS)

    @cached_property
    def odd_minutes(self) -> dict[int, int]:
        """Minutes whose quote is odd: 0 crossed, 1 without a bid, 2 stale."""
        words = draw_words(f"{self._key}|odd", self.minutes)
        return {minute: word % 3 for minute, word in enumerate(words) if word < ODD_LIMIT}

    @cached_property
    def volumes(self) -> list[int]:
        """Shares traded in each minute; none in a halt."""
        noise = draw_bytes(f"{self._key}|volume", self.minutes)
        busy = self.profile.volume * math.sqrt(self.variance) / self.profile.volatility / 128
        made = [
            int(busy * weight * (48 + byte)) for weight, byte in zip(minute_weights(self.minutes), noise, strict=True)
        ]
        if self.halt_from >= 0:
            made[self.halt_from : self.halt_until - 1] = [0] * (self.halt_until - 1 - self.halt_from)
        return made


class Days:
    """Sessions by name and date, made when asked for; the memo only saves time."""

    def __init__(self, seed: int, factors: Factors, calendar: Calendar) -> None:
        self._seed = seed
        self._factors = factors
        self._calendar = calendar
        self._memo: dict[tuple[str, date], Day] = {}

    def day(self, profile: Profile, session: Session) -> Day:
        """Give one session of a name."""
        found = self._memo.get((profile.symbol, session.day))
        if found is None:
            found = self._make(profile, session)
            remember(self._memo, (profile.symbol, session.day), found, 256)
        return found

    def _make(self, profile: Profile, session: Session) -> Day:
        step = self._calendar.step_of(session.day)
        count = int((session.close_at - session.open_at).total_seconds()) // 60
        factors, size = self._factors, profile.volatility
        base = (
            math.log(profile.price) + profile.drift * step / WEEKDAYS_A_YEAR + self._calendar.jump_level(profile, step)
        )
        names = (MARKET, profile.group, profile.symbol)
        weights = (size * profile.market_weight, size * profile.group_weight, size * profile.own_weight)
        accrued, share = self._accrued(profile, session.day, step), self._calendar.split_factor(profile, session.day)
        market, group, own = weights
        exp = math.exp
        prices = [
            (exp(base + market * first + group * second + own * third) + accrued) / share
            for first, second, third in zip(
                *(factors.minutes(name, step, count) for name in names), strict=True
            )
        ]  # fmt: skip
        number, row = divmod(step, BLOCK)
        before, variance = base, 0.0
        for name, weight in zip(names, weights, strict=True):
            block = factors.block(name, number)
            before += weight * block.levels[row]
            variance += (weight * block.sigmas[row] / DAY_SIGMA) ** 2
        reference = (exp(before) + accrued) / share
        return Day(f"{self._seed}|{profile.symbol}|{step}", profile, session, prices, reference, variance)

    def _accrued(self, profile: Profile, day: date, step: int) -> float:
        """Give the part of the next dividend that the price holds: all of it on the eve, none on the ex-date."""
        if not profile.pays_every:
            return 0.0
        period = self._calendar.period(profile, day)
        first = self._calendar.step_of(period.last_ex)
        last = self._calendar.step_of(period.next_ex) - 1
        return period.whole_amount * (step - first) / (last - first)
