"""The three profiles: conservative, balanced, aggressive (wheel.md section 3), and the shipped universe.

A profile is where numbers come from when `bot init` writes a desk; the desk file decides from then on.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeVar, get_args

import msgspec

from bot.domain.desk import (
    AlertNumbers,
    BreakoutNumbers,
    KeepNumbers,
    Limits,
    MaCrossNumbers,
    MeanReversionNumbers,
    MomentumNumbers,
    SimulatorNumbers,
    SymbolInfo,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.errors import UsageError
from bot.domain.facts import Fact

Profile = Literal["conservative", "balanced", "aggressive"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
EQUITY_DEFAULT = Decimal(25_000)

GROUPS: dict[str, str] = {
    "broad": "SPY QQQ IWM",
    "financials": "XLF",
    "energy": "XLE",
    "utilities": "XLU",
    "abroad": "EEM EFA FXI EWZ",
    "bonds": "TLT HYG",
    "metals": "GLD SLV GDX",
}
UNSORTED = "unsorted"
"""The group of a name nobody sorted: one cap for all of them until the owner does."""

# key: conservative, balanced, aggressive
_LIMITS = """
equity_min                        2000   2000   2000
cash_buffer_share                 0.15   0.10   0.05
cash_buffer_min                   250    250    250
symbol_share                      0.20   0.25   0.35
symbol_share_first                0.30   0.40   0.50
group_share                       0.35   0.45   0.60
put_collateral_share              0.60   0.80   0.95
stress_loss_share                 0.12   0.16   0.22
order_loss_share                  0.30   0.40   0.50
contracts_per_symbol              3      5      10
put_series_per_symbol             1      1      2
put_series_total                  3      5      8
open_underlyings                  4      6      10
contracts_per_tick                1      1      2
contracts_per_day                 1      2      4
contracts_per_symbol_day          1      1      2
orders_per_tick                   3      4      6
orders_per_day                    6      10     20
exit_orders_per_tick              9      12     18
exit_orders_per_day               18     30     60
exit_reprices_per_day             60    100    200
round_trips_per_day                1      2      4
open_interest_min                 250    100    50
option_spread_fraction            0.10   0.15   0.20
option_spread_absolute            0.05   0.10   0.10
underlying_spread_fraction        0.002  0.003  0.005
underlying_spread_fraction_iex    0.01   0.01   0.015
orders_per_window                 2      3      4
turnover_per_window               0.30   0.40   0.60
turnover_per_day                  0.50   1.00   1.50
cooldown_entry_minutes            390    120    30
cooldown_loss_sessions            5      3      1
identical_rejections              3      3      3
daily_loss_share                  0.03   0.04   0.06
drawdown_no_new_risk              0.08   0.12   0.18
drawdown_reduce_only              0.12   0.18   0.25
losing_streak                     3      4      5
streak_pause_days                 14     7      3
halt_confirm_readings             3      3      2
missed_ticks                      3      3      3
clock_skew_seconds                2      5      5
disk_free_mb                      1000   500    500
drill_age_days                    14     30     30
quote_age_share_seconds           30     60     60
quote_age_option_seconds          120    300    300
quote_age_delayed_seconds         1200   1200   1200
price_collar_fraction             0.10   0.15   0.20
entry_after_open_minutes          30     20     15
entry_before_close_minutes        30     20     15
expiry_out_minutes                60     60     60
options_level_min                 1      1      1
covered_calls_under_no_new_risk   true   true   true
accept_delayed_feed               false  false  false
"""

_WHEEL = """
put_while_holding                 false  false  true
put_dte_min                       30     25     14
put_dte_max                       45     45     35
put_dte_target                    37     35     21
put_delta_min                     0.12   0.18   0.22
put_delta_target                  0.20   0.25   0.30
put_delta_max                     0.25   0.30   0.38
call_dte_min                      21     14     7
call_dte_max                      45     40     30
call_dte_target                   30     28     14
call_delta_min                    0.12   0.18   0.20
call_delta_target                 0.20   0.25   0.30
call_delta_max                    0.27   0.35   0.40
otm_fallback                      off    0.06   0.04
call_floor                        tax    tax    wheel
put_yield_min                     0.05   0.07   0.11
call_yield_min                    0.03   0.04   0.06
credit_min                        0.15   0.10   0.05
profit_share_close                0.50   0.60   0.75
time_exit_dte                     21     14     7
premium_stop_multiple             off    off    off
put_roll_dte                      7      7      5
rolls_max                         1      2      3
roll_net_min                      0.05   0.05   0.02
roll_dte_max                      60     60     45
roll_ticks_max                    8      8      8
itm_at_expiry_put                 assign assign assign
itm_at_expiry_call                assign assign roll
earnings_avoided_put              true   true   true
earnings_avoided_call             true   true   false
ex_date_entry_avoided             true   true   false
ex_date_exit                      close  close  close
covered_call_cap                  1      1      1
contracts_per_order               1      1      2
"""

_STOPS = """
trail_percent                     8      12     15
protect_wheel_lots                false  false  false
"""

# What every strategy on bars says, before the numbers of its kind.
_BARS = """
step                              1day   1day   1day
enter_on                          turn   turn   turn
position_share                    0.10   0.15   0.20
units                             off    off    off
order                             limit  limit  limit
stop_percent                      8      12     off
target_percent                    off    off    off
"""

_MA_CROSS = """
fast                              20     10     10
slow                              100    50     30
"""

_BREAKOUT = """
entry_bars                        55     20     20
exit_bars                         20     10     10
"""

_MEAN_REVERSION = """
window                            20     20     10
entry_deviations                  2.5    2      1.5
"""

_MOMENTUM = """
window                            120    60     20
entry_gain                        0.10   0.05   0.03
exit_gain                         0      0      0
"""

# Fees a contract as published for 2026 (wheel.md 2.20).
_SIMULATOR = """
equity                            25000  25000  25000
multiplier                        1      1      1
options_level                     3      3      3
seed                              1      1      1
fee_occ                           0.02   0.02   0.02
fee_orf                           0.02685 0.02685 0.02685
fee_taf                           0.00279 0.00279 0.00279
"""

_TICK = """
follow_ups_max                    3      3      3
follow_up_seconds                 45     45     45
"""

_KEEP = """
log_days                          400    400    400
snapshots_full_days               400    400    400
"""

_ALERTS = """
discord                           info     info     info
telegram                          warning  warning  warning
email                             high     high     high
quiet_hours                       off      off      off
repeat_minutes                    30       30       30
same_minutes                      60       60       60
messages_per_hour                 20       20       20
"""

_TABLES: dict[type[Fact], str] = {
    Limits: _LIMITS,
    TickNumbers: _TICK,
    KeepNumbers: _KEEP,
    AlertNumbers: _ALERTS,
    WheelNumbers: _WHEEL,
    TrailingNumbers: _STOPS,
    SimulatorNumbers: _SIMULATOR,
    MaCrossNumbers: _BARS + _MA_CROSS,
    BreakoutNumbers: _BARS + _BREAKOUT,
    MeanReversionNumbers: _BARS + _MEAN_REVERSION,
    MomentumNumbers: _BARS + _MOMENTUM,
}
_Numbers = TypeVar("_Numbers", bound=Fact)


def check_profile(name: str) -> Profile:
    """Give a profile's name, or raise UsageError with the names there are."""
    if name not in PROFILES:
        raise UsageError(f"expected a profile of {', '.join(PROFILES)}, got {name!r}")
    return name


def profile_values(table: type[_Numbers], profile: Profile) -> _Numbers:
    """Give a profile's numbers for one of the tables that desk.toml has.

    >>> profile_values(Limits, "balanced").symbol_share
    Decimal('0.25')
    """
    column = PROFILES.index(profile) + 1
    rows = [row for line in _TABLES[table].splitlines() if (row := line.split())]
    raw = {row[0]: None if row[column] == "off" else row[column] for row in rows}
    return msgspec.convert(raw, table, strict=False)


def shipped_universe() -> dict[str, SymbolInfo]:
    """Give the fifteen funds of the shipped universe, each with its group."""
    return {
        symbol: SymbolInfo(symbol=symbol, group=group, kind="etf", penny=True)
        for group, names in GROUPS.items()
        for symbol in names.split()
    }


def universe_with(names: tuple[str, ...]) -> dict[str, SymbolInfo]:
    """Give the facts of the named symbols.

    A name that is not shipped counts as a stock in the unsorted group on the coarse price grid, which is
    valid for every class: each of the three is the cautious reading until the owner corrects it.
    """
    shipped = shipped_universe()
    return {
        name: shipped.get(name) or SymbolInfo(symbol=name, group=UNSORTED, kind="stock", penny=False) for name in names
    }
