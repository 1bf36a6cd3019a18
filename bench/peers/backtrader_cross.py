"""Moving-average cross in backtrader: long only, one unit, the next open, 0.1 % fee. Prints seconds of the run."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import backtrader as bt
import numpy as np

FAST, SLOW = 10, 50


class Bars(bt.feed.DataBase):  # type: ignore[misc]
    """The bars of an array of six columns: seconds, open, high, low, close, volume."""

    def __init__(self, rows: Any) -> None:
        super().__init__()
        self._rows, self._place = rows, 0

    def start(self) -> None:
        """Begin at the first bar."""
        super().start()
        self._place = 0

    def _load(self) -> bool:
        if self._place >= len(self._rows):
            return False
        at, opened, high, low, close, volume = self._rows[self._place]
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(at))
        self.lines.datetime[0] = bt.date2num(moment.replace(tzinfo=None))
        self.lines.open[0], self.lines.high[0], self.lines.low[0] = opened, high, low
        self.lines.close[0], self.lines.volume[0], self.lines.openinterest[0] = close, volume, 0.0
        self._place += 1
        return True


class Cross(bt.Strategy):  # type: ignore[misc]
    """Hold one unit while the fast average is above the slow one."""

    orders = 0

    def __init__(self) -> None:
        self.fast, self.slow = bt.ind.SMA(period=FAST), bt.ind.SMA(period=SLOW)

    def next(self) -> None:
        """Follow the averages."""
        above = self.fast[0] > self.slow[0]
        if above and not self.position:
            self.buy(size=1)
            Cross.orders += 1
        elif not above and self.position:
            self.sell(size=1)
            Cross.orders += 1


def main() -> None:
    """Run over the file named on the command line."""
    rows = np.load(sys.argv[1]).tolist()
    begun = time.perf_counter()
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(Bars(rows))
    cerebro.addstrategy(Cross)
    cerebro.broker.setcash(1_000_000.0)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.run()
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "orders": Cross.orders, "equity": cerebro.broker.getvalue()}))


if __name__ == "__main__":
    main()
