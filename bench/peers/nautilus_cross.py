"""The same cross in nautilus_trader: a Python strategy on bars, logging and risk engine off; prints its seconds."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

FAST, SLOW = 10, 50


class CrossConfig(StrategyConfig, frozen=True):  # type: ignore[misc, call-arg]
    """What the strategy trades."""

    bar_type: str


class Cross(Strategy):  # type: ignore[misc]
    """Hold one unit while the fast average is above the slow one."""

    def __init__(self, config: Any, instrument: Any) -> None:
        super().__init__(config)
        self.instrument = instrument
        self.closes: deque[float] = deque(maxlen=SLOW)
        self.fast = self.slow = 0.0
        self.held, self.sent = False, 0

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(BarType.from_str(self.config.bar_type))

    def on_bar(self, bar: Any) -> None:
        """Follow the averages."""
        close = bar.close.as_double()
        if len(self.closes) == SLOW:
            self.slow -= self.closes[0]
        if len(self.closes) >= FAST:
            self.fast -= self.closes[-FAST]
        self.closes.append(close)
        self.slow += close
        self.fast += close
        if len(self.closes) < SLOW:
            return
        above = self.fast / FAST > self.slow / SLOW
        if above != self.held:
            side = OrderSide.BUY if above else OrderSide.SELL
            order = self.order_factory.market(self.instrument.id, side, Quantity.from_int(1))
            self.submit_order(order)
            self.held, self.sent = above, self.sent + 1


def main() -> None:
    """Run over the file named on the command line."""
    rows = np.load(sys.argv[1]).tolist()
    instrument = TestInstrumentProvider.equity(symbol="SYN", venue="XNAS")
    bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    bars = [
        Bar(
            bar_type, Price(opened, 2), Price(high, 2), Price(low, 2), Price(close, 2), Quantity.from_int(int(volume)),
            int(at) * 1_000_000_000, int(at) * 1_000_000_000,
        )
        for at, opened, high, low, close, volume in rows
    ]  # fmt: skip
    begun = time.perf_counter()
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    engine.add_venue(
        Venue("XNAS"), OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USD)], base_currency=USD,
        default_leverage=Decimal(1),
    )  # fmt: skip
    engine.add_instrument(instrument)
    engine.add_data(bars)
    strategy = Cross(CrossConfig(bar_type=str(bar_type)), instrument)
    engine.add_strategy(strategy)
    engine.run()
    seconds = time.perf_counter() - begun
    equity = engine.cache.account_for_venue(Venue("XNAS")).balance_total(USD).as_double()
    print(json.dumps({"seconds": seconds, "orders": strategy.sent, "equity": equity}))


if __name__ == "__main__":
    main()
