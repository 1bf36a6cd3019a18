"""What a run through the past or an imagined market came to, as facts for statistics, tear sheets and the store."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.fills import FillRules


class DayPoint(Fact, frozen=True, kw_only=True):
    """The last tick of a session day; dollars. `flow` is money moved in or out, `premium` what options earned that day.

    `exposure` is shares held plus collateral of short puts; `turnover` the amount traded; `benchmark` a price
    as if nothing had been split; `holding` the same money held in the desk's names from the first day, where they have
    prices.
    """

    day: date
    equity: Decimal
    cash: Decimal
    flow: Decimal = Decimal(0)
    benchmark: Decimal | None = None
    holding: Decimal | None = None
    exposure: Decimal = Decimal(0)
    collateral: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)
    premium: Decimal = Decimal(0)


class Trade(Fact, frozen=True, kw_only=True):
    """One round trip: an option leg until it ended, or shares until they were sold; dollars after fees."""

    symbol: str
    kind: str
    strategy: str
    opened_at: datetime
    closed_at: datetime
    qty: Decimal
    opened_price: Decimal
    closed_price: Decimal
    how: str
    pnl: Decimal


class RunFacts(Fact, frozen=True, kw_only=True):
    """One run: what went in (enough to run it again) and what came out. `modelled` says which prices were not real."""

    name: str
    desk_name: str
    desk_text: str
    desk_hash: str
    code_version: str
    market: str
    modelled: str = ""
    note: str = ""
    """What else differs from the desk as it trades, such as limits that whole days cannot meet."""
    data_hash: str = ""
    seed: int | None = None
    rules: FillRules | None = None
    step_seconds: int
    first_at: datetime
    last_at: datetime
    equity_start: Decimal
    days: tuple[DayPoint, ...]
    trades: tuple[Trade, ...] = ()
    ticks: int = 0
    intents: int = 0
    approved: int = 0
    orders: int = 0
    fills: int = 0
    chains: int = 0
    contracts: int = 0
    ticks_with_three_chains: int = 0
    refusals: tuple[tuple[str, int], ...] = ()
    passed_over: tuple[tuple[str, int], ...] = ()
    errors: tuple[tuple[str, int], ...] = ()
    halts: tuple[tuple[str, int], ...] = ()
    """Ticks at which a halt stood, by its level and reason."""
    fees: Decimal = Decimal(0)
    dividends: Decimal = Decimal(0)
    cash_account: Decimal | None = None
    cash_books: Decimal | None = None
    """At the end, the account's cash and what the books say it is."""
    digest: str = ""
    seconds: float = 0.0
    stages: tuple[tuple[str, float], ...] = ()
    """Milliseconds a tick, by stage."""
