"""How a simulated account fills on bars: the assumptions of a backtest, written down with its result."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from bot.domain.facts import Fact

BarPath = Literal["worse", "open_high_low_close", "open_low_high_close"]


class FillRules(Fact, frozen=True, kw_only=True):
    """What happens inside a bar, where only its four prices are known.

    An order meets prices that came after it, never the bar it was decided on. `spread_fraction` is the whole spread
    as a share of the price, half on each side. `volume_share` is the most of a bar's volume that the account's orders
    take together; None takes all. `path` says in which order a bar's high and low came; `worse` takes for each resting
    order what is worse for it. `trail_inside_bar` says whether a trailing stop rises to a high and falls on the low of
    one bar. `fee_fraction` of the amount and `fee_per_share` dollars are paid on shares, fees on options are the
    desk's own.
    """

    spread_fraction: Decimal = Decimal("0.0002")
    volume_share: Decimal | None = Decimal("0.1")
    path: BarPath = "worse"
    trail_inside_bar: bool = True
    fee_fraction: Decimal = Decimal(0)
    fee_per_share: Decimal = Decimal(0)

    @property
    def words(self) -> str:
        """Say the rules in one line, for beside a result."""
        volume = "any size" if self.volume_share is None else f"at most {self.volume_share:%} of a bar's volume"
        path = "the worse path inside a bar" if self.path == "worse" else self.path.replace("_", "-")
        trail = "trails rise inside a bar" if self.trail_inside_bar else "trails rise at a bar's end"
        return (
            f"next price at the earliest, far side of a spread of {self.spread_fraction:%}, {volume}, {path}, {trail}, "
            f"fees {self.fee_fraction:%} and {self.fee_per_share} USD a share"
        )


class PathBar(NamedTuple):
    """One bar as resting orders meet it: first and last moment, four prices, its volume where the source tells it."""

    at: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None = None
