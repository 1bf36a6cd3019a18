"""Strategies on bars over whole columns at once: the signals of the planners, each decision filled at the next open.

`python -m bot.research.arrays FILE.npy` runs one over an array of six columns (seconds, open, high, low, close, volume)
and prints what came of it as JSON. Prices are whole numbers of their last place, so every comparison is exact and says
of each bar what the tick says of it. No gate is asked here: this is for looking through many numbers quickly.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.domain.desk import BarNumbers
from bot.domain.errors import BotError, UsageError
from bot.domain.money import HUNDRED, ONE, ZERO, from_text
from bot.planners.indicators import Signal, ratio_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Column = npt.NDArray[Any]
    Flags = npt.NDArray[np.bool_]

PLACES_MOST = 8
_USUAL = ("10", "50", "1000000", "0.001")
LARGEST = 2**62
"""What 64 bits hold, with room for one sum of two; beyond it Python's own whole numbers take over."""


class Prices(NamedTuple):
    """Bars as columns of whole numbers, oldest first: prices in units of 10**-places."""

    open: Column
    high: Column
    low: Column
    close: Column
    places: int

    def as_objects(self) -> Prices:
        """Give the same as Python's whole numbers, which have no largest."""
        opens, highs, lows, closes = (one.astype(object) for one in (self.open, self.high, self.low, self.close))
        return Prices(opens, highs, lows, closes, self.places)


class Columns:
    """Every bar of some columns seen at once. Rows that have too few before them hold nothing of meaning."""

    def __init__(self, prices: Prices, *, exact: bool) -> None:
        self._prices = prices.as_objects() if exact else prices

    @property
    def close(self) -> Column:
        """Give the closes."""
        return self._prices.close

    def ago(self, bars: int) -> Column:
        """Give the close so many bars before each."""
        return _shifted(self.close, bars)

    def total(self, bars: int) -> Column:
        """Give the sum of so many closes up to each."""
        return _summed(self.close, bars)

    def squares(self, bars: int) -> Column:
        """Give the sum of the squares of so many closes up to each."""
        return _summed(self.close * self.close, bars)

    def highest(self, bars: int) -> Column:
        """Give the highest high of so many bars before each."""
        import numpy as np

        return _shifted(_extreme(self._prices.high, bars, np.maximum), 1)

    def lowest(self, bars: int) -> Column:
        """Give the lowest low of so many bars before each."""
        import numpy as np

        return _shifted(_extreme(self._prices.low, bars, np.minimum), 1)


def _shifted(column: Column, rows: int) -> Column:
    found = column.copy()
    found[rows:] = column[: max(len(column) - rows, 0)]
    return found


def _summed(column: Column, rows: int) -> Column:
    """Sum a moving span. Running sums may pass 64 bits and wrap round; their differences come out right even so."""
    running = column.cumsum()
    found = running.copy()
    found[rows:] -= running[:-rows]
    return found


def _extreme(column: Column, rows: int, better: Callable[[Column, Column], Column]) -> Column:
    """Give the extreme of a moving span by doubling: a span of n is two overlapping ones of half a power of two."""
    found, width = column.copy(), 1
    while width < rows:
        step = min(width, rows - width)
        found[step:] = better(found[step:], found[:-step].copy())
        width += step
    return found


def conditions(signal: Signal, numbers: BarNumbers, prices: Prices) -> tuple[Flags, Flags]:
    """Say of every bar whether the signal wants in and whether it wants out, as the tick would at that bar's end."""
    import numpy as np

    count = len(prices.close)
    turn = numbers.enter_on == "turn"
    needed = signal.reach(numbers) + turn
    if count < needed:
        raise UsageError(f"{count} bars are fewer than the {needed} this {signal.kind} needs before its first decision")
    top = int(max(prices.high.max(), prices.close.max()))
    seen = Columns(prices, exact=signal.largest(numbers, top) > LARGEST)
    enters = np.asarray(signal.enters(seen, numbers), dtype=bool).copy()
    leaves = np.asarray(signal.leaves(seen, numbers), dtype=bool).copy()
    if turn:
        enters[1:] &= ~enters[:-1]
    enters[: needed - 1] = leaves[: needed - 1] = False
    return enters, leaves


class Trips(NamedTuple):
    """Rows whose opens were bought and sold at, in pairs; the last purchase may have no sale yet."""

    bought: npt.NDArray[np.int64]
    sold: npt.NDArray[np.int64]

    @property
    def orders(self) -> int:
        """Count the orders."""
        return len(self.bought) + len(self.sold)


def trips_of(signal: Signal, numbers: BarNumbers, prices: Prices) -> Trips:
    """Give every purchase and sale: decided at a bar's end, filled at the open of the next, a last decision never."""
    import numpy as np

    enters, leaves = conditions(signal, numbers, prices)
    if numbers.stop_percent is not None or numbers.target_percent is not None:
        return _trips_with_exits(numbers, prices, enters, leaves)
    rows = np.arange(len(enters))
    last = np.maximum.accumulate(np.where(enters | leaves, rows, -1))
    held = enters[last] & (last >= 0)
    changed = np.flatnonzero(held[1:] != held[:-1]) + 1
    changed = changed[changed + 1 < len(rows)] + 1
    return Trips(changed[0::2], changed[1::2])


def _trips_with_exits(numbers: BarNumbers, prices: Prices, enters: Flags, leaves: Flags) -> Trips:
    """Follow one position after another: its stop and its target depend on what was paid."""
    import numpy as np

    wishes, outs, count = np.flatnonzero(enters), np.flatnonzero(leaves), len(enters)
    bought: list[int] = []
    sold: list[int] = []
    row = 0
    while True:
        place = int(np.searchsorted(wishes, row))
        if place == len(wishes) or wishes[place] + 1 >= count:
            break
        start = int(wishes[place]) + 1
        bought.append(start)
        after = int(np.searchsorted(outs, start))
        end = int(outs[after]) if after < len(outs) else count
        end = _reached(numbers, prices, start, end)
        if end + 1 >= count:
            break
        sold.append(end + 1)
        row = end + 1
    return Trips(np.array(bought, np.int64), np.array(sold, np.int64))


def _reached(numbers: BarNumbers, prices: Prices, start: int, end: int) -> int:
    """Give the first bar of a span whose close is at the stop or the target, else the span's end."""
    import numpy as np

    paid, closes = int(prices.open[start]), prices.close[start:end]
    hit = np.zeros(len(closes), dtype=bool)
    for percent, sign in ((numbers.stop_percent, -1), (numbers.target_percent, 1)):
        if percent is not None:
            over, under = ratio_of(ONE + sign * percent / HUNDRED)
            hit |= sign * (closes * under) >= sign * (paid * over)
    found = np.flatnonzero(hit)
    return start + int(found[0]) if len(found) else end


class Outcome(NamedTuple):
    """What a run over columns came to, in dollars; what is still held counts at the last close."""

    trips: Trips
    equity: Decimal
    fees: Decimal


def run_columns(
    signal: Signal, numbers: BarNumbers, prices: Prices, *, cash: Decimal, fee_fraction: Decimal = ZERO
) -> Outcome:
    """Run one strategy over columns with some cash; a fee is a share of each amount, never rounded."""
    trips = trips_of(signal, numbers, prices)
    unit = Decimal(1).scaleb(-prices.places)
    last = int(prices.close[-1]) * unit
    if numbers.units is not None:
        paid = int(prices.open[trips.bought].sum()) * unit * numbers.units
        got = int(prices.open[trips.sold].sum()) * unit * numbers.units
        held = last * numbers.units * (len(trips.bought) - len(trips.sold))
        fees = (paid + got) * fee_fraction
        return Outcome(trips, cash + got - paid + held - fees, fees)
    share, fees, qty = numbers.position_share or ZERO, ZERO, ZERO
    opens, closes = prices.open, prices.close
    for number, row in enumerate(trips.bought.tolist()):
        decided = int(closes[row - 1]) * unit
        qty = share * cash // decided
        amount = qty * int(opens[row]) * unit
        cash, fees = cash - amount * (ONE + fee_fraction), fees + amount * fee_fraction
        if number < len(trips.sold):
            amount = qty * int(opens[trips.sold[number]]) * unit
            cash, fees, qty = cash + amount * (ONE - fee_fraction), fees + amount * fee_fraction, ZERO
    return Outcome(trips, cash + qty * last, fees)


def prices_of(rows: npt.NDArray[np.float64]) -> Prices:
    """Read prices off an array of six columns exactly: the fewest places that give every price back.

    Raises UsageError naming the first row without a price above zero, or one with more than eight places.
    """
    import numpy as np

    if rows.ndim != 2 or rows.shape[1] != 6 or not len(rows):
        raise UsageError(f"expected six columns (seconds, open, high, low, close, volume), got shape {rows.shape}")
    columns = np.ascontiguousarray(rows[:, 1:5].T)
    wrong = ~(np.isfinite(columns) & (columns > 0)).all(axis=0)
    if wrong.any():
        raise UsageError(f"row {int(wrong.argmax())}: expected four prices above zero, got {rows[wrong.argmax(), 1:5]}")
    for places in range(PLACES_MOST + 1):
        scale = 10.0**places
        # Nearly always the first bars need as many places as all of them.
        if (np.rint(columns[:, :512] * scale) / scale != columns[:, :512]).any():
            continue
        whole = np.rint(columns * scale)
        if (whole / scale == columns).all():
            opens, highs, lows, closes = whole.astype(np.int64)
            return Prices(opens, highs, lows, closes, places)
    odd = int((np.rint(columns * scale) / scale != columns).any(axis=0).argmax())
    raise UsageError(f"row {odd}: expected prices of at most {PLACES_MOST} places, got {rows[odd, 1:5]}")


def main(words: list[str]) -> None:
    """Run a moving-average cross over a file of bars: `FILE [FAST [SLOW [CASH [FEE]]]]`, one unit, any bar above.

    Raises UsageError with what was expected.
    """
    import json

    import numpy as np

    from bot.domain.desk import MaCrossNumbers
    from bot.planners.ma_cross import SIGNAL

    if not 1 <= len(words) <= 1 + len(_USUAL):
        raise UsageError("expected FILE [FAST [SLOW [CASH [FEE]]]], FILE an array of bars saved by numpy")
    fast, slow, cash, fee = (from_text(one) for one in (*words[1:], *_USUAL[len(words) - 1 :]))
    try:
        rows = np.load(words[0], allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"{words[0]}: cannot be read as an array of bars: {error}") from error
    numbers = MaCrossNumbers(
        step="1min", enter_on="level", position_share=None, units=1, order="market", stop_percent=None,
        target_percent=None, fast=int(fast), slow=int(slow),
    )  # fmt: skip
    found = run_columns(SIGNAL, numbers, prices_of(rows), cash=cash, fee_fraction=fee)
    told = {"orders": found.trips.orders, "equity": float(found.equity), "fees": float(found.fees)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BotError as error:
        raise SystemExit(str(error)) from None
