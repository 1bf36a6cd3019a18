"""The factors under every price: random walks that can be entered at any day without walking there.

A factor is the market, a group or a name's own part, with an annual volatility of one. Its level is pinned
every 64 weekdays by midpoint displacement (random access, and no wandering off over a decade); between two
pins runs a walk of fat-tailed shocks scaled by a log-autoregressive volatility, bent to meet both pins (a
thirtieth of a day's variance; moves over a month keep theirs). Within a day a bridge of minutes joins the
open to the close.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, TypeVar

from bot.markets.synthetic_noise import BELL_SIZE, bell_table, draw_bell, draw_bytes, draw_words

K = TypeVar("K")
V = TypeVar("V")

MARKET = "market"
BLOCK = 64
SPAN = 16  # blocks between two levels that are drawn free of each other
WEEKDAYS_A_YEAR = 261.0
DAY_SIGMA = math.sqrt(1 / WEEKDAYS_A_YEAR)
SPAN_SIGMA = 0.6

PERSISTENCE = 0.96  # of log-volatility from day to day
STATE_SIGMA = 0.10
STATE_VARIANCE = STATE_SIGMA**2 / (1 - PERSISTENCE**2)
SPILL = 0.7  # how far the market's state moves that of every other factor
LEVERAGE = 0.6  # how far a fall raises volatility

WILD_SHARE = 0.05  # days whose shock is drawn wide: the fat tails
WILD_SCALE = 2.6
CALM_SCALE = math.sqrt((1 - WILD_SHARE * WILD_SCALE**2) / (1 - WILD_SHARE))
WILD_LIMIT = int(WILD_SHARE * 65_536)
CALM_OVERNIGHT = 0.25  # share of a day's variance that falls before the open
WILD_OVERNIGHT = 0.60


class Block(NamedTuple):
    """64 weekdays of one factor: 65 log-levels (before the first, then each close), and each day's sigma."""

    levels: list[float]
    sigmas: list[float]
    states: list[float]
    overnight: list[float]


class _Shocks(NamedTuple):
    sizes: list[float]
    pushes: list[float]
    overnight: list[float]


class Factors:
    """All factors of one seed; the memos only save time, forgetting them changes nothing."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pins: dict[tuple[str, int], float] = {}
        self._shocks_memo: dict[tuple[str, int], _Shocks] = {}
        self._blocks: dict[tuple[str, int], Block] = {}
        self._minutes: dict[tuple[str, int], list[float]] = {}

    def pin(self, factor: str, block: int) -> float:
        """Give the log-level before the first day of a block; block 0 starts at zero."""
        if block == 0:
            return 0.0
        found = self._pins.get((factor, block))
        if found is not None:
            return found
        shock = draw_bell(f"{self._seed}|{factor}|pin|{block}")
        if block % SPAN == 0:
            level = SPAN_SIGMA * shock
        else:
            reach = block & -block
            middle = (self.pin(factor, block - reach) + self.pin(factor, block + reach)) / 2
            level = middle + math.sqrt(2 * reach * BLOCK / WEEKDAYS_A_YEAR) / 2 * shock
        self._pins[factor, block] = level
        return level

    def block(self, factor: str, number: int) -> Block:
        """Give 64 weekdays of a factor."""
        found = self._blocks.get((factor, number))
        if found is None:
            found = self._make_block(factor, number)
            remember(self._blocks, (factor, number), found, 2048)
        return found

    def minutes(self, factor: str, step: int, count: int) -> list[float]:
        """Give a day's log-levels at the open and at the end of each of `count` minutes."""
        found = self._minutes.get((factor, step))
        if found is None:
            found = self._make_minutes(factor, step, count)
            remember(self._minutes, (factor, step), found, 64)
        return found

    def _shocks(self, factor: str, number: int) -> _Shocks:
        found = self._shocks_memo.get((factor, number))
        if found is not None:
            return found
        words = draw_words(f"{self._seed}|{factor}|days|{number}", 3 * BLOCK)
        bells = bell_table(BELL_SIZE)
        rest = math.sqrt(1 - LEVERAGE**2)
        wild = [word < WILD_LIMIT for word in words[2 * BLOCK :]]
        sizes = [
            bells[word % BELL_SIZE] * (WILD_SCALE if wide else CALM_SCALE)
            for word, wide in zip(words[:BLOCK], wild, strict=True)
        ]
        pushes = [
            STATE_SIGMA * (rest * bells[word % BELL_SIZE] - LEVERAGE * size)
            for word, size in zip(words[BLOCK : 2 * BLOCK], sizes, strict=True)
        ]
        made = _Shocks(sizes, pushes, [WILD_OVERNIGHT if wide else CALM_OVERNIGHT for wide in wild])
        remember(self._shocks_memo, (factor, number), made, 2048)
        return made

    def _make_block(self, factor: str, number: int) -> Block:
        shocks = self._shocks(factor, number)
        state = 0.0
        for push in self._shocks(factor, number - 1).pushes:
            state = PERSISTENCE * state + push
        if factor == MARKET:
            outside, variance = [0.0] * BLOCK, STATE_VARIANCE
        else:
            outside = [SPILL * value for value in self.block(MARKET, number).states]
            variance = STATE_VARIANCE * (1 + SPILL**2)
        states, sigmas, walk, weights = [], [], [0.0], [0.0]
        level = weight = 0.0
        for size, push, other in zip(shocks.sizes, shocks.pushes, outside, strict=True):
            sigma = DAY_SIGMA * math.exp(state + other - variance)
            states.append(state)
            sigmas.append(sigma)
            level += sigma * size
            weight += sigma * sigma
            walk.append(level)
            weights.append(weight)
            state = PERSISTENCE * state + push
        start = self.pin(factor, number)
        bend = (self.pin(factor, number + 1) - start - level) / weight
        levels = [start + gone + bend * share for gone, share in zip(walk, weights, strict=True)]
        return Block(levels, sigmas, states, shocks.overnight)

    def _make_minutes(self, factor: str, step: int, count: int) -> list[float]:
        number, row = divmod(step, BLOCK)
        block = self.block(factor, number)
        before, close = block.levels[row], block.levels[row + 1]
        sigma, share = block.sigmas[row], block.overnight[row]
        noise = draw_bytes(f"{self._seed}|{factor}|minutes|{step}", count + 1)
        bells = bell_table(256)
        opening = before + share * (close - before) + math.sqrt(share * (1 - share)) * sigma * bells[noise[0]]
        scale = sigma * math.sqrt(1 - share)
        roots, clock = _day_shape(count)
        walk = list(accumulate([bells[byte] * root for byte, root in zip(noise[1:], roots, strict=True)]))
        bend = close - opening - scale * walk[-1]
        return [opening, *[opening + scale * gone + bend * part for gone, part in zip(walk, clock, strict=True)]]


@lru_cache(maxsize=4)
def _day_shape(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give each minute's root share of a day's variance and the running share: busy at both ends."""
    weights = minute_weights(count)
    return tuple(math.sqrt(weight) for weight in weights), (*list(accumulate(weights))[:-1], 1.0)


@lru_cache(maxsize=4)
def minute_weights(count: int) -> tuple[float, ...]:
    """Give each minute's share of a day's activity; they sum to one.

    >>> minute_weights(390)[0] > 2 * minute_weights(390)[195]
    True
    """
    raw = [0.7 + 2.2 * abs(2 * (minute + 0.5) / count - 1) ** 4 for minute in range(count)]
    total = sum(raw)
    return tuple(weight / total for weight in raw)


def remember(memo: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value in a memo of bounded size, letting the oldest go."""
    if len(memo) >= most:
        memo.pop(next(iter(memo)), None)
    memo[key] = value
