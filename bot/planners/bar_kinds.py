"""Every strategy on bars there is, by the word `kind` has in desk.toml."""

from __future__ import annotations

from bot.domain.strategy import Planner
from bot.planners import breakout, ma_cross, mean_reversion, momentum
from bot.planners.indicators import Signal

_MODULES = (ma_cross, breakout, mean_reversion, momentum)

SIGNALS: dict[str, Signal] = {one.SIGNAL.kind: one.SIGNAL for one in _MODULES}
PLANNERS: dict[str, Planner] = {one.SIGNAL.kind: one.PLANNER for one in _MODULES}
