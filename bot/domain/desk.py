"""What `desk.toml` says, as checked facts: limits, strategies' numbers, the universe.

Each key carries its unit, range and one line of meaning; the configuration check, the commented file that
`bot init` writes and the reference in RUNBOOK.md are all made from here. A limit of None is "off".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from bot.domain.facts import Fact


class Key(NamedTuple):
    """Unit, inclusive range and meaning of one configuration key. `off` allows the word "off"."""

    unit: str
    low: str
    high: str
    meaning: str
    off: bool = True


class SymbolInfo(Fact, frozen=True, kw_only=True):
    """One name of the universe."""

    symbol: str
    group: Annotated[str, Key("name", "", "", "names that fall together; one cap for all of them", False)]
    kind: Annotated[Literal["etf", "stock"], Key("etf|stock", "", "", "ETFs are exempt from earnings rules", False)]
    penny: Annotated[bool, Key("true|false", "", "", "options quote in pennies", False)] = True


class Limits(Fact, frozen=True, kw_only=True):
    """Every number a gate compares with. Fractions are of equity unless said otherwise."""

    equity_min: Annotated[Decimal | None, Key("usd", "0", "1000000000", "least equity for new risk")]
    cash_buffer_share: Annotated[Decimal | None, Key("fraction", "0", "1", "cash kept free, share of equity")]
    cash_buffer_min: Annotated[Decimal | None, Key("usd", "0", "1000000000", "cash kept free, at least")]
    symbol_share: Annotated[Decimal | None, Key("fraction", "0", "5", "one underlying: shares and put collateral")]
    symbol_share_first: Annotated[
        Decimal | None, Key("fraction", "0", "5", "the same for the first contract on an underlying without any")
    ]
    group_share: Annotated[Decimal | None, Key("fraction", "0", "5", "one group; an unknown group is refused")]
    put_collateral_share: Annotated[Decimal | None, Key("fraction", "0", "5", "collateral of all short puts")]
    stress_loss_share: Annotated[Decimal | None, Key("fraction", "0", "1", "loss of the book at -20 %")]
    order_loss_share: Annotated[Decimal | None, Key("fraction", "0", "5", "most one order can lose")]
    contracts_per_symbol: Annotated[Decimal | None, Key("contracts", "0", "10000", "short contracts on a symbol")]
    put_series_per_symbol: Annotated[Decimal | None, Key("series", "0", "1000", "short put series on a symbol")]
    put_series_total: Annotated[Decimal | None, Key("series", "0", "10000", "short put series in all")]
    open_underlyings: Annotated[Decimal | None, Key("underlyings", "0", "10000", "underlyings held or shorted")]
    contracts_per_tick: Annotated[Decimal | None, Key("contracts", "0", "10000", "new contracts in a tick")]
    contracts_per_day: Annotated[Decimal | None, Key("contracts", "0", "10000", "new contracts in a session")]
    contracts_per_symbol_day: Annotated[
        Decimal | None, Key("contracts", "0", "10000", "new contracts on one underlying in a session")
    ]
    orders_per_tick: Annotated[Decimal | None, Key("orders", "0", "10000", "openings and reprices in a tick")]
    orders_per_day: Annotated[Decimal | None, Key("orders", "0", "10000", "openings and reprices in a session")]
    exit_orders_per_tick: Annotated[Decimal | None, Key("orders", "0", "10000", "exits in a tick")]
    exit_orders_per_day: Annotated[
        Decimal | None, Key("orders", "0", "10000", "exits in a session, one that follows its market counts once")
    ]
    exit_reprices_per_day: Annotated[
        Decimal | None, Key("orders", "0", "10000", "reprices of one exit in a session; it rests where it is then")
    ]
    round_trips_per_day: Annotated[
        Decimal | None, Key("trips", "1", "10000", "opened and closed in a session, then nothing new is opened")
    ]
    orders_per_window: Annotated[Decimal | None, Key("orders", "0", "10000", "openings and reprices in 5 minutes")]
    turnover_per_window: Annotated[
        Decimal | None, Key("fraction", "0", "50", "notional opened in 5 minutes, share of equity")
    ]
    turnover_per_day: Annotated[
        Decimal | None, Key("fraction", "0", "50", "notional opened in a session, share of equity")
    ]
    cooldown_entry_minutes: Annotated[
        Decimal | None,
        Key("minutes", "0", "3900", "session minutes (390 a session) from a put's first fill to the next"),
    ]
    cooldown_loss_sessions: Annotated[
        Decimal | None, Key("sessions", "0", "250", "no new put on a symbol after a losing chain on it")
    ]
    identical_rejections: Annotated[
        Decimal | None, Key("refusals", "1", "100", "same wish refused by the broker in a session, then no more")
    ]
    daily_loss_share: Annotated[Decimal | None, Key("fraction", "0", "1", "loss of a day, then no new risk")]
    drawdown_no_new_risk: Annotated[Decimal | None, Key("fraction", "0", "1", "fall from the peak, then no new risk")]
    drawdown_reduce_only: Annotated[
        Decimal | None, Key("fraction", "0", "1", "fall from the peak, then only reducing; a person clears it")
    ]
    losing_streak: Annotated[Decimal | None, Key("chains", "1", "1000", "losing chains in a row, then a pause")]
    streak_pause_days: Annotated[Decimal | None, Key("days", "1", "365", "length of that pause, at least a day")]
    halt_confirm_readings: Annotated[
        Decimal | None, Key("readings", "1", "100", "slots in a row over a limit before its halt trips")
    ]
    missed_ticks: Annotated[Decimal | None, Key("ticks", "1", "1000", "slots missed in a row, then no new risk")]
    clock_skew_seconds: Annotated[Decimal | None, Key("seconds", "0", "3600", "our clock against the broker's")]
    disk_free_mb: Annotated[
        Decimal | None, Key("megabytes", "0", "1000000", "room on the home's disk, else no new risk")
    ]
    drill_age_days: Annotated[
        Decimal | None, Key("days", "1", "365", "oldest pass of `bot drill`, else real money only reduces")
    ]
    open_interest_min: Annotated[Decimal | None, Key("contracts", "0", "1000000", "open interest of a series sold")]
    option_spread_fraction: Annotated[Decimal | None, Key("fraction", "0", "2", "option spread over mid, or ...")]
    option_spread_absolute: Annotated[Decimal | None, Key("usd", "0", "100", "... option spread in dollars")]
    underlying_spread_fraction: Annotated[Decimal | None, Key("fraction", "0", "1", "share spread, full feed")]
    underlying_spread_fraction_iex: Annotated[Decimal | None, Key("fraction", "0", "1", "share spread, one venue")]
    quote_age_share_seconds: Annotated[Decimal | None, Key("seconds", "0", "86400", "oldest share quote")]
    quote_age_option_seconds: Annotated[Decimal | None, Key("seconds", "0", "86400", "oldest option quote")]
    quote_age_delayed_seconds: Annotated[
        Decimal | None, Key("seconds", "0", "86400", "oldest option quote on a delayed feed")
    ]
    price_collar_fraction: Annotated[Decimal | None, Key("fraction", "0", "1", "limit against mid, or two steps")]
    entry_after_open_minutes: Annotated[Decimal | None, Key("minutes", "0", "390", "no entry before, after open")]
    entry_before_close_minutes: Annotated[Decimal | None, Key("minutes", "0", "390", "no entry after, before close")]
    expiry_out_minutes: Annotated[
        Decimal | None, Key("minutes", "0", "390", "nothing new in an expiring series; out this long before close")
    ]
    options_level_min: Annotated[Decimal | None, Key("level", "0", "4", "options level for selling puts and calls")]
    covered_calls_under_no_new_risk: Annotated[
        bool, Key("true|false", "", "", "may calls on held shares be sold at no_new_risk", False)
    ]
    accept_delayed_feed: Annotated[
        bool, Key("true|false", "", "", "may real money be opened on a delayed or one-venue feed", False)
    ]


class WheelNumbers(Fact, frozen=True, kw_only=True):
    """The wheel's numbers for one symbol. Deltas are sizes (0 to 1); DTE in calendar days."""

    put_while_holding: Annotated[bool, Key("true|false", "", "", "sell puts where shares are held", False)]
    put_dte_min: Annotated[int, Key("days", "1", "730", "put window", False)]
    put_dte_max: Annotated[int, Key("days", "1", "730", "put window", False)]
    put_dte_target: Annotated[int, Key("days", "1", "730", "put expiry aimed at", False)]
    put_delta_min: Annotated[Decimal, Key("delta", "0", "1", "put delta band", False)]
    put_delta_target: Annotated[Decimal, Key("delta", "0", "1", "put delta aimed at", False)]
    put_delta_max: Annotated[Decimal, Key("delta", "0", "1", "put delta band", False)]
    call_dte_min: Annotated[int, Key("days", "1", "730", "call window", False)]
    call_dte_max: Annotated[int, Key("days", "1", "730", "call window", False)]
    call_dte_target: Annotated[int, Key("days", "1", "730", "call expiry aimed at", False)]
    call_delta_min: Annotated[Decimal, Key("delta", "0", "1", "call delta band", False)]
    call_delta_target: Annotated[Decimal, Key("delta", "0", "1", "call delta aimed at", False)]
    call_delta_max: Annotated[Decimal, Key("delta", "0", "1", "call delta band", False)]
    otm_fallback: Annotated[Decimal | None, Key("fraction", "0", "1", "distance from spot where no delta is known")]
    call_floor: Annotated[
        Literal["strike", "tax", "wheel"], Key("strike|tax|wheel", "", "", "basis no call is sold below", False)
    ]
    put_yield_min: Annotated[Decimal | None, Key("fraction", "0", "10", "least annualised yield of a put")]
    call_yield_min: Annotated[Decimal | None, Key("fraction", "0", "10", "least annualised yield of a call")]
    credit_min: Annotated[Decimal | None, Key("usd", "0", "1000", "least credit per share")]
    profit_share_close: Annotated[Decimal | None, Key("fraction", "0", "1", "close at this share of the credit")]
    time_exit_dte: Annotated[int | None, Key("days", "0", "730", "close puts in profit at this DTE")]
    premium_stop_multiple: Annotated[Decimal | None, Key("times", "1", "100", "close puts at this times the credit")]
    put_roll_dte: Annotated[int | None, Key("days", "0", "730", "roll puts in the money at this DTE or less")]
    rolls_max: Annotated[int, Key("rolls", "0", "100", "rolls of one chain at most", False)]
    roll_net_min: Annotated[Decimal, Key("usd", "0", "100", "least net credit of a roll per share", False)]
    roll_dte_max: Annotated[int, Key("days", "1", "730", "latest expiry a roll takes", False)]
    roll_ticks_max: Annotated[int, Key("ticks", "1", "100", "ticks a roll's opening leg is tried", False)]
    itm_at_expiry_put: Annotated[
        Literal["assign", "roll", "close"], Key("assign|roll|close", "", "", "puts in the money on expiry day", False)
    ]
    itm_at_expiry_call: Annotated[
        Literal["assign", "roll", "close"], Key("assign|roll|close", "", "", "calls in the money on expiry day", False)
    ]
    earnings_avoided_put: Annotated[bool, Key("true|false", "", "", "no put over an earnings date", False)]
    earnings_avoided_call: Annotated[bool, Key("true|false", "", "", "no call over an earnings date", False)]
    ex_date_entry_avoided: Annotated[
        bool, Key("true|false", "", "", "no call sold in the 5 sessions before an ex-date", False)
    ]
    ex_date_exit: Annotated[
        Literal["close", "roll", "accept"],
        Key("close|roll|accept", "", "", "calls at risk of assignment for the dividend", False),
    ]
    covered_call_cap: Annotated[Decimal, Key("fraction", "0", "1", "share of the lots that calls may cover", False)]
    contracts_per_order: Annotated[int, Key("contracts", "1", "1000", "contracts in one order at most", False)]


class WheelParams(Fact, frozen=True, kw_only=True):
    """A wheel strategy: numbers by symbol with overrides applied, and the desk's limits."""

    name: str
    numbers: dict[str, WheelNumbers]
    limits: Limits
    universe: dict[str, SymbolInfo]
    protect_wheel_lots: bool = False


class TrailingNumbers(Fact, frozen=True, kw_only=True):
    """Trailing stops on shares."""

    trail_percent: Annotated[Decimal, Key("percent", "0.1", "50", "distance of the stop, 10 means 10 %", False)]
    protect_wheel_lots: Annotated[bool, Key("true|false", "", "", "may a stop claim lots of wheel symbols", False)]


class TrailingParams(Fact, frozen=True, kw_only=True):
    """A trailing-stop strategy: which symbols (empty means all other own shares) and how far."""

    name: str
    numbers: TrailingNumbers
    symbols: tuple[str, ...]
    wheel_symbols: frozenset[str]


class BarNumbers(Fact, frozen=True, kw_only=True):
    """What every strategy on bars says: which bars, when it buys, how much, and its ways out beside the signal."""

    step: Annotated[
        Literal["1min", "15min", "1hour", "1day"],
        Key("1min|15min|1hour|1day", "", "", "bars the signal is read from", False),
    ]
    enter_on: Annotated[
        Literal["turn", "level"],
        Key("turn|level", "", "", "buy on the bar that turns only, or on any while it stands", False),
    ]
    position_share: Annotated[Decimal | None, Key("fraction", "0.0001", "1", "equity that one purchase may cost")]
    units: Annotated[int | None, Key("shares", "1", "10000000", "shares of one purchase")]
    order: Annotated[
        Literal["limit", "market"],
        Key("limit|market", "", "", "a limit at the far side, or the market's price", False),
    ]
    stop_percent: Annotated[Decimal | None, Key("percent", "0.1", "99", "sold this far below what was paid")]
    target_percent: Annotated[Decimal | None, Key("percent", "0.1", "1000", "sold this far above what was paid")]


class MaCrossNumbers(BarNumbers, frozen=True, kw_only=True):
    """Held while the fast average of closes is above the slow one."""

    fast: Annotated[int, Key("bars", "1", "500", "bars of the fast average", False)]
    slow: Annotated[int, Key("bars", "2", "1000", "bars of the slow average", False)]


class BreakoutNumbers(BarNumbers, frozen=True, kw_only=True):
    """Bought above the highest high of the bars before, sold below their lowest low."""

    entry_bars: Annotated[int, Key("bars", "1", "1000", "bought above the highest high of so many", False)]
    exit_bars: Annotated[int, Key("bars", "1", "1000", "sold below the lowest low of so many", False)]


class MeanReversionNumbers(BarNumbers, frozen=True, kw_only=True):
    """Bought far below the average close, sold when it is back there."""

    window: Annotated[int, Key("bars", "2", "500", "bars of the average and the deviation", False)]
    entry_deviations: Annotated[
        Decimal, Key("deviations", "0.1", "10", "bought so many deviations below the average", False)
    ]


class MomentumNumbers(BarNumbers, frozen=True, kw_only=True):
    """Held while the close has risen enough over a span of bars."""

    window: Annotated[int, Key("bars", "1", "1000", "bars the rise is measured over", False)]
    entry_gain: Annotated[Decimal, Key("fraction", "-0.9", "9", "bought on a rise above this", False)]
    exit_gain: Annotated[Decimal, Key("fraction", "-0.9", "9", "sold on a rise of this or less", False)]


BAR_KINDS: dict[str, type[BarNumbers]] = {
    "ma_cross": MaCrossNumbers,
    "breakout": BreakoutNumbers,
    "mean_reversion": MeanReversionNumbers,
    "momentum": MomentumNumbers,
}
"""The strategies on bars and their numbers, by the word `kind` has in desk.toml."""


class BarParams(Fact, frozen=True, kw_only=True):
    """A strategy on bars: its kind, its numbers and the shares it trades, each on its own."""

    name: str
    kind: str
    numbers: BarNumbers
    symbols: tuple[str, ...]


class ApproveRule(Fact, frozen=True, kw_only=True):
    """Which entries of a strategy wait for the owner's word: all, none, or the first ones.

    A proposal lapses `minutes` after it was made; None means with its slot.
    """

    word: Literal["always", "never", "first"] = "never"
    first: int = 0
    minutes: int | None = None


class TickNumbers(Fact, frozen=True, kw_only=True):
    """Follow-up ticks while orders work (design 14)."""

    follow_ups_max: Annotated[
        int, Key("ticks", "0", "6", "follow-ups of one tick while its orders work; exits and reprices only", False)
    ]
    follow_up_seconds: Annotated[int, Key("seconds", "30", "60", "from one follow-up to the next", False)]


class KeepNumbers(Fact, frozen=True, kw_only=True):
    """How long a home keeps what nothing but reading needs. None is for ever."""

    log_days: Annotated[int | None, Key("days", "1", "36500", "days a log is kept; compressed after 30")] = 400
    snapshots_full_days: Annotated[
        int | None, Key("days", "35", "36500", "days with every Snapshot; `bot vacuum` thins the months before")
    ] = 400


Route = Literal["info", "warning", "high", "critical"]


class AlertNumbers(Fact, frozen=True, kw_only=True):
    """Who is told what, and how often. A route is the least severity a channel is told; None tells it nothing."""

    discord: Annotated[Route | None, Key("severity", "", "", "least severity that goes to Discord")] = "info"
    telegram: Annotated[Route | None, Key("severity", "", "", "least severity that goes to Telegram")] = "warning"
    email: Annotated[Route | None, Key("severity", "", "", "least severity that goes out by mail")] = "high"
    quiet_hours: Annotated[
        str | None, Key("span", "", "", "hours in which only critical alerts are sent: HH:MM-HH:MM, New York")
    ] = None
    repeat_minutes: Annotated[
        int | None, Key("minutes", "5", "1440", "a critical alert is said again until somebody acknowledges it")
    ] = 30
    same_minutes: Annotated[
        int, Key("minutes", "0", "10080", "the same thing again within this time is counted, not told", False)
    ] = 60
    messages_per_hour: Annotated[
        int, Key("messages", "1", "600", "messages to one channel in an hour; more are folded into one", False)
    ] = 20


class SimulatorNumbers(Fact, frozen=True, kw_only=True):
    """The simulated account and the embedded market. Fees per contract (wheel.md 2.20), dated 2026."""

    equity: Annotated[Decimal, Key("usd", "1000", "1000000000", "cash the simulated account starts with", False)]
    multiplier: Annotated[int, Key("times", "1", "4", "margin multiplier: 1, 2 or 4", False)]
    options_level: Annotated[int, Key("level", "0", "3", "options level of the simulated account", False)]
    seed: Annotated[int, Key("number", "0", "4294967295", "seed of the embedded market", False)]
    fee_occ: Annotated[Decimal, Key("usd", "0", "10", "clearing fee per contract, both sides", False)]
    fee_orf: Annotated[Decimal, Key("usd", "0", "10", "regulatory fee per contract, both sides", False)]
    fee_taf: Annotated[Decimal, Key("usd", "0", "10", "trading activity fee per contract sold", False)]


class Desk(Fact, frozen=True, kw_only=True):
    """One desk, checked and complete. `profile` only says where the numbers came from."""

    config_version: int
    name: str
    profile: str
    universe: dict[str, SymbolInfo]
    limits: Limits
    simulator: SimulatorNumbers
    benchmark: str = "SPY"
    wheels: tuple[tuple[int, bool, WheelParams], ...] = ()
    """(priority, enabled, numbers) of each wheel strategy."""
    trailing_stops: tuple[tuple[int, bool, TrailingParams], ...] = ()
    """(priority, enabled, numbers) of each trailing-stop strategy."""
    bars: tuple[tuple[int, bool, BarParams], ...] = ()
    """(priority, enabled, numbers) of each strategy on bars."""
    tick: TickNumbers = TickNumbers(follow_ups_max=3, follow_up_seconds=45)
    keep: KeepNumbers = KeepNumbers()
    alerts: AlertNumbers = AlertNumbers()
    approvals: tuple[tuple[str, ApproveRule], ...] = ()
    """Which entries wait for the owner's word, by strategy; absent means never."""
    record_chains: tuple[str, ...] = ()
    """Underlyings whose chains are recorded although no strategy needs them."""
