"""The option chains of one underlying on a tape: readings of one moment each, in columns of whole numbers.

`<file>.npy` has a row for each of COLUMNS, oldest reading first, inside it puts then calls, expiries and strikes
ascending; `<file>-greeks.npy` has delta (its size) and volatility, NaN where the source told none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.domain.errors import MarketError
from bot.domain.instruments import option_symbol, parse_option
from bot.domain.market import NOTHING, Chain, ChainRequest, Quote, Slab
from bot.domain.sessions import new_york_day
from bot.tapes.barbook import EPOCH, SECOND, seconds_of
from bot.tapes.tape import load

if TYPE_CHECKING:
    from bot.tapes.facts import SeriesFacts

COLUMNS = (
    "at", "right", "expiry", "strike", "bid", "ask", "last", "open_interest", "standard", "spot", "quoted",
)  # fmt: skip
AT, RIGHT, EXPIRY, STRIKE, BID, ASK, LAST, INTEREST, STANDARD, SPOT, QUOTED = range(len(COLUMNS))
RIGHTS = ("put", "call")
_Row = list[int]


class ChainBook:
    """The readings of one underlying."""

    def __init__(self, folder: Path, facts: SeriesFacts, source: str, *, penny: bool) -> None:
        import numpy as np

        self._underlying = facts.symbol
        self._source = source
        self._penny = penny
        self._places = facts.places
        self._rows = load(folder / f"{facts.file}.npy")
        self._greeks = load(folder / f"{facts.file}-greeks.npy")
        moments, firsts = np.unique(self._rows[AT], return_index=True)
        self._moments: list[int] = moments.tolist()
        self._firsts: list[int] = [*firsts.tolist(), self._rows.shape[1]]
        self._series: dict[str, list[int]] = {}

    def spot(self, at: datetime) -> tuple[datetime, Decimal] | None:
        """Give the underlying's price of the last reading and its moment, or None where the source told none."""
        reading = self._reading(at)
        if reading is None:
            return None
        told = self._rows[SPOT, self._firsts[reading] : self._firsts[reading + 1]].tolist()
        price = next((one for one in told if one != NOTHING), None)
        return None if price is None else (EPOCH + SECOND * self._moments[reading], self._price(price))

    def chain(self, request: ChainRequest, at: datetime, spot: Decimal) -> Chain:
        """Give what the last reading had within the request's bounds; raises MarketError before the first reading."""
        import numpy as np

        reading = self._reading(at)
        if reading is None:
            raise MarketError(f"{self._underlying}: no chain on {self._source} at or before {at:%Y-%m-%d %H:%M:%S} UTC")
        first, last = self._firsts[reading], self._firsts[reading + 1]
        today = new_york_day(at).toordinal()
        part = self._rows[:, first:last]
        low, high = (spot * bound * 1000 for bound in (request.moneyness_min, request.moneyness_max))
        wanted = (
            (part[RIGHT] == RIGHTS.index(request.right))
            & (part[EXPIRY] >= today + request.dte_min) & (part[EXPIRY] <= today + request.dte_max)
            & (part[STRIKE] >= int(low.to_integral_value(ROUND_CEILING)))
            & (part[STRIKE] <= int(high.to_integral_value(ROUND_FLOOR)))
        )  # fmt: skip
        found = np.flatnonzero(wanted)
        rows: list[_Row] = part[:, found].T.tolist()
        greeks: list[list[float]] = self._greeks[:, first:last][:, found].T.tolist()
        moment = self._moments[reading]
        by_expiry: dict[int, list[tuple[_Row, list[float]]]] = {}
        for row, some in zip(rows, greeks, strict=True):
            by_expiry.setdefault(row[EXPIRY], []).append((row, some))
        return Chain(
            underlying=self._underlying, right=request.right, at=EPOCH + SECOND * moment, source=self._source,
            greeks="broker" if any(not isnan(one[0]) for one in greeks) else "none", penny=self._penny,
            slabs=tuple(self._slab(expiry, some, moment) for expiry, some in sorted(by_expiry.items())),
        )  # fmt: skip

    def quote(self, symbol: str, at: datetime) -> Quote:
        """Give a series' quote of the last reading that had it; raises MarketError where none had."""
        rows = self._rows_of(symbol)
        count = bisect_right(rows, seconds_of(at), key=lambda row: int(self._rows[AT, row]))
        if not count:
            raise MarketError(f"{symbol}: no quote on {self._source} at or before {at:%Y-%m-%d %H:%M:%S} UTC")
        return self._quote(symbol, rows[count - 1])

    def walk(self, symbol: str, after: datetime, until: datetime) -> Iterator[Quote]:
        """Give a series' quotes of the readings with after < at <= until."""
        first, last = seconds_of(after), seconds_of(until)
        for row in self._rows_of(symbol):
            if first < int(self._rows[AT, row]) <= last:
                yield self._quote(symbol, row)

    def _reading(self, at: datetime) -> int | None:
        count = bisect_right(self._moments, seconds_of(at))
        return count - 1 if count else None

    def _rows_of(self, symbol: str) -> list[int]:
        found = self._series.get(symbol)
        if found is None:
            import numpy as np

            contract, rows = parse_option(symbol), self._rows
            of_it = (
                (rows[RIGHT] == RIGHTS.index(contract.right)) & (rows[EXPIRY] == contract.expiry.toordinal())
                & (rows[STRIKE] == int(contract.strike * 1000))
            )  # fmt: skip
            found = self._series[symbol] = np.flatnonzero(of_it).tolist()
        return found

    def _quote(self, symbol: str, row: int) -> Quote:
        cells: _Row = self._rows[:, row].tolist()
        delta, volatility = self._greeks[:, row].tolist()
        sign = -1.0 if cells[RIGHT] == 0 else 1.0
        return Quote(
            symbol=symbol, bid=self._maybe(cells[BID]), ask=self._maybe(cells[ASK]), last=self._maybe(cells[LAST]),
            at=EPOCH + SECOND * cells[QUOTED], source=self._source, penny=self._penny,
            delta=None if isnan(delta) else sign * delta, volatility=None if isnan(volatility) else volatility,
            open_interest=None if cells[INTEREST] == NOTHING else cells[INTEREST],
        )  # fmt: skip

    def _slab(self, expiry: int, some: list[tuple[_Row, list[float]]], moment: int) -> Slab:
        day = date.fromordinal(expiry)
        ages = tuple(moment - row[QUOTED] for row, _ in some)
        return Slab(
            expiry=day,
            strikes=tuple(row[STRIKE] for row, _ in some),
            bids=tuple(self._cents(row[BID], ROUND_FLOOR) for row, _ in some),
            asks=tuple(self._cents(row[ASK], ROUND_CEILING) for row, _ in some),
            open_interests=tuple(row[INTEREST] for row, _ in some),
            deltas=tuple(_ten_thousandths(one[0]) for _, one in some),
            volatilities=tuple(_ten_thousandths(one[1]) for _, one in some),
            odd=tuple(self._symbol(day, row) for row, _ in some if not row[STANDARD]),
            ages=ages if any(ages) else (),
        )

    def _symbol(self, expiry: date, row: _Row) -> str:
        right: Any = RIGHTS[row[RIGHT]]
        return option_symbol(self._underlying, expiry, right, Decimal(row[STRIKE]) / 1000)

    def _cents(self, units: int, rounding: str) -> int:
        """Give hundredths, never better than recorded: a bid rounds down, an ask up."""
        return NOTHING if units == NOTHING else int((self._price(units) * 100).to_integral_value(rounding))

    def _price(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self._places)

    def _maybe(self, units: int) -> Decimal | None:
        return None if units == NOTHING else self._price(units)


def _ten_thousandths(value: float) -> int:
    return NOTHING if isnan(value) else round(value * 10_000)
