"""The same cross in backtesting.py. Prints seconds of the run."""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover  # noqa: F401  loading it is part of what its user pays

FAST, SLOW = 10, 50
warnings.simplefilter("ignore")


def mean(values: Any, count: int) -> Any:
    """Give the moving average."""
    return pd.Series(values).rolling(count).mean()


class Cross(Strategy):  # type: ignore[misc]
    """Hold one unit while the fast average is above the slow one."""

    def init(self) -> None:
        """Work both averages out."""
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self) -> None:
        """Follow the averages."""
        above = self.fast[-1] > self.slow[-1]
        if above and not self.position:
            self.buy(size=1)
        elif not above and self.position:
            self.position.close()


def main() -> None:
    """Run over the file named on the command line."""
    rows = np.load(sys.argv[1])
    frame = pd.DataFrame(rows[:, 1:], columns=["Open", "High", "Low", "Close", "Volume"])
    frame.index = pd.to_datetime(rows[:, 0], unit="s")
    begun = time.perf_counter()
    made = Backtest(frame, Cross, cash=1_000_000, commission=0.001, finalize_trades=True).run()
    seconds = time.perf_counter() - begun
    orders, equity = 2 * int(made["# Trades"]), float(made["Equity Final [$]"])
    print(json.dumps({"seconds": seconds, "orders": orders, "equity": equity}))


if __name__ == "__main__":
    main()
