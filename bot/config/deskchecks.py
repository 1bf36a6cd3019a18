"""Checks between keys of a desk file: each key may be in range and the pair still make no sense."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from bot.config.deskkeys import hours_fault
from bot.domain.desk import (
    AlertNumbers,
    BarNumbers,
    Limits,
    MaCrossNumbers,
    MomentumNumbers,
    SimulatorNumbers,
    WheelNumbers,
)
from bot.domain.money import plain

Wrong = tuple[str, str]
"""(key, what is wrong with it)."""


def check_limits(limits: Limits) -> Iterator[Wrong]:
    """Name limits that contradict each other."""
    pairs = (
        ("symbol_share", "symbol_share_first"),
        ("contracts_per_tick", "contracts_per_day"),
        ("contracts_per_symbol_day", "contracts_per_day"),
        ("put_series_per_symbol", "put_series_total"),
        ("orders_per_tick", "orders_per_day"),
        ("exit_orders_per_tick", "exit_orders_per_day"),
        ("turnover_per_window", "turnover_per_day"),
        ("drawdown_no_new_risk", "drawdown_reduce_only"),
    )
    for low, high in pairs:
        small: Decimal | None = getattr(limits, low)
        large: Decimal | None = getattr(limits, high)
        if small is not None and large is not None and small > large:
            yield low, f"{plain(small)} must not be above {high} {plain(large)}"
    before, after = limits.entry_before_close_minutes, limits.entry_after_open_minutes
    if before is not None and after is not None and before + after >= 390:
        yield (
            "entry_before_close_minutes",
            f"{plain(before)} with entry_after_open_minutes {plain(after)} leaves no time",
        )


def check_simulator(numbers: SimulatorNumbers) -> Iterator[Wrong]:
    """Name what no simulated account can be."""
    if numbers.multiplier not in (1, 2, 4):
        yield "multiplier", f"expected 1, 2 or 4, got {numbers.multiplier}"


def check_alerts(numbers: AlertNumbers) -> Iterator[Wrong]:
    """Name hours that nobody can read."""
    wrong = hours_fault(numbers.quiet_hours)
    if wrong:
        yield "quiet_hours", wrong


def check_wheel(numbers: WheelNumbers) -> Iterator[Wrong]:
    """Name wheel numbers that contradict each other (wheel.md section 3)."""
    for what in ("put_dte", "put_delta", "call_dte", "call_delta"):
        low, target, high = (getattr(numbers, f"{what}_{end}") for end in ("min", "target", "max"))
        if not low <= target <= high:
            yield (
                f"{what}_target",
                f"expected {what}_min <= {what}_target <= {what}_max, got {_text(low)}, {_text(target)}, {_text(high)}",
            )
    if numbers.time_exit_dte is not None and numbers.time_exit_dte >= numbers.put_dte_min:
        yield (
            "time_exit_dte",
            f"{numbers.time_exit_dte} must be below put_dte_min {numbers.put_dte_min}, or a put is closed as it opens",
        )
    if numbers.put_roll_dte is not None and numbers.roll_dte_max <= numbers.put_roll_dte:
        yield (
            "roll_dte_max",
            f"{numbers.roll_dte_max} must be above put_roll_dte {numbers.put_roll_dte}, or no later expiry is found",
        )


def check_bars(numbers: BarNumbers) -> Iterator[Wrong]:
    """Name numbers of a strategy on bars that contradict each other."""
    if (numbers.position_share is None) == (numbers.units is None):
        said = "both are off" if numbers.units is None else f"got both, units {numbers.units}"
        yield "position_share", f'expected exactly one of position_share and units, the other "off"; {said}'
    ways_out = [key for key in ("stop_percent", "target_percent") if getattr(numbers, key) is not None]
    if ways_out and numbers.enter_on == "level":
        yield "enter_on", f'"level" buys back what {ways_out[0]} sold on the next bar: say "turn", or {ways_out[0]} off'
    if isinstance(numbers, MaCrossNumbers) and numbers.fast >= numbers.slow:
        yield "fast", f"{numbers.fast} must be below slow {numbers.slow}"
    if isinstance(numbers, MomentumNumbers) and numbers.exit_gain > numbers.entry_gain:
        yield "exit_gain", f"{plain(numbers.exit_gain)} must not be above entry_gain {plain(numbers.entry_gain)}"


def _text(value: Decimal | int) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
