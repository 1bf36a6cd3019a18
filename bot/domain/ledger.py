"""What our own books remember: lots, option legs, cycles, rolls, counters, the owner's words.

The broker decides how much there is; these explain it (design 12).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from bot.domain.facts import Fact
from bot.domain.holdings import Owner
from bot.domain.instruments import Right
from bot.domain.orders import OrderIntent


class Lot(Fact, frozen=True, kw_only=True):
    """Shares bought or assigned together, FIFO. Bases in dollars per share (wheel.md 2.11).

    `basis_strike` is what was paid (the strike of an assigned put). `basis_tax` is that less the assigned put's
    premium. `basis_wheel` is the tax basis less all other ended legs' net premium and dividends of the cycle,
    per share held. None is unknown: a call on it is refused.
    """

    id: str
    symbol: str
    qty: Decimal
    opened_at: datetime
    strategy: str
    owner: Owner
    cycle: str = ""
    basis_strike: Decimal | None
    basis_tax: Decimal | None
    basis_wheel: Decimal | None
    high_water_mark: Decimal | None = None
    """Highest price seen by the last trailing stop on this lot, for re-arming it."""


class OptionLeg(Fact, frozen=True, kw_only=True):
    """An open option position of ours: contracts negative when short; prices per share.

    `credit` is the fill-weighted opening price, `fees` what the leg has cost so far (dollars, all
    contracts). `chain` names the first leg of a series of rolls and `rolls` counts them.
    """

    id: str
    symbol: str
    underlying: str
    right: Right
    strike: Decimal
    expiry: date
    qty: Decimal
    opened_at: datetime
    strategy: str
    owner: Owner
    cycle: str = ""
    chain: str = ""
    rolls: int = 0
    credit: Decimal | None
    fees: Decimal = Decimal(0)
    premium_stop_readings: int = 0


class Cycle(Fact, frozen=True, kw_only=True):
    """One turn of the wheel: first opening fill in a flat symbol to flat again (wheel.md 2.13). Dollars.

    `option_cash` and `share_cash` are signed cash flows so far; `premium_ended` is the net premium after
    fees of the legs that have ended, apart from the put that was assigned. `capital_days` is the sum of the
    daily capital up to `capital_day`.
    """

    id: str
    symbol: str
    strategy: str
    opened_at: datetime
    closed_at: datetime | None = None
    option_cash: Decimal = Decimal(0)
    share_cash: Decimal = Decimal(0)
    dividends: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    premium_ended: Decimal = Decimal(0)
    capital_days: Decimal = Decimal(0)
    capital_day: date | None = None
    legs: int = 0
    assignments: int = 0


class Roll(Fact, frozen=True, kw_only=True):
    """A roll in flight: two orders across ticks with a durable budget (wheel.md 1.5).

    `budget` is the actual buy-back debit plus both legs' fees in dollars for all contracts; it is known once
    the closing leg filled. `ticks_left` counts the ticks still allowed for the opening leg.
    """

    id: str
    underlying: str
    right: Right
    old_symbol: str
    old_strike: Decimal
    qty: Decimal
    strategy: str
    cycle: str
    chain: str
    rolls: int
    stage: Literal["closing", "opening", "done", "abandoned"]
    budget: Decimal = Decimal(0)
    ticks_left: int
    started_at: datetime


class Instruction(Fact, frozen=True, kw_only=True):
    """The owner's word on one contract; the newest one stands."""

    contract: str
    word: Literal["hold", "let_assign", "no_roll", "close"]
    at: datetime
    author: str


class Panic(Fact, frozen=True, kw_only=True):
    """The owner's panic, in force until a person resumes: openings are cancelled, with `flatten` everything is closed.

    It is worked by every live tick (wheel 1.8).
    """

    at: datetime
    author: str
    reason: str
    flatten: bool = False

    @property
    def word(self) -> str:
        """Name it as the owner reads it."""
        return "flatten" if self.flatten else "panic"


class Pause(Fact, frozen=True, kw_only=True):
    """No new risk on a symbol (or `*`) until a moment."""

    symbol: str
    until: datetime
    reason: str


class Proposal(Fact, frozen=True, kw_only=True):
    """An intent that waits for the owner's word, or (`approved_at` set) has it and was not sent yet.

    `number` is what the owner types (`bot approve 3`); 0 before the journal numbered it. It lapses at `lapses_at`.
    """

    number: int = 0
    intent: OrderIntent
    proposed_at: datetime
    lapses_at: datetime
    approved_at: datetime | None = None
    author: str = ""


class Halt(Fact, frozen=True, kw_only=True):
    """The halt in force: persisted, with author, reason, time and how it clears."""

    level: Literal["run", "no_new_risk", "reduce_only", "stop"] = "run"
    author: str = ""
    reason: str = ""
    since: datetime | None = None
    clears: str = ""


HALT_RANK = {"run": 0, "no_new_risk": 1, "reduce_only": 2, "stop": 3}


class Opening(Fact, frozen=True, kw_only=True):
    """An opening or reprice sent in this session day, with the notional filled or still working (wheel 2.22).

    `puts` is K M q in dollars; `shares` is counted at the share's price, or at `price` (a call's strike, a
    purchase's limit) where the share shows none. `since` is when that notional was first sent: a reprice within
    what its predecessor left inherits its moment.
    """

    underlying: str
    at: datetime
    since: datetime
    puts: Decimal = Decimal(0)
    shares: Decimal = Decimal(0)
    price: Decimal | None = None


class Rejections(Fact, frozen=True, kw_only=True):
    """How often the broker definitely refused the same wish in this session day, and its newest reason."""

    strategy: str
    purpose: str
    underlying: str
    count: int
    reason: str = ""


class Reprices(Fact, frozen=True, kw_only=True):
    """How often one exit was repriced in this session: the wish, and the orders that took an earlier one's place."""

    strategy: str
    purpose: str
    key: str
    count: int


class Counters(Fact, frozen=True, kw_only=True):
    """What has been sent in this session day (New York), for pacing (dollars and counts).

    `contracts_today` counts new contracts opened or working per underlying, rolls apart. A reprice of an opening counts
    as an order, not as a new contract; one of an exit counts apart, in `exit_reprices`. `round_trips` counts what was
    opened and closed again in one session, by underlying.
    """

    orders_today: int = 0
    exits_today: int = 0
    contracts_today: tuple[tuple[str, int], ...] = ()
    openings: tuple[Opening, ...] = ()
    rejections: tuple[Rejections, ...] = ()
    exit_reprices: tuple[Reprices, ...] = ()
    round_trips: tuple[tuple[str, int], ...] = ()

    @property
    def round_trips_total(self) -> int:
        """Sum the round trips of today over all underlyings."""
        return sum(count for _, count in self.round_trips)

    @property
    def contracts_total(self) -> int:
        """Sum the new contracts of today over all symbols."""
        return sum(count for _, count in self.contracts_today)


class PutEntry(Fact, frozen=True, kw_only=True):
    """The last put entry on an underlying that filled: the order it began with, and its first fill."""

    underlying: str
    order: str
    filled_at: datetime


class ChainSoFar(Fact, frozen=True, kw_only=True):
    """What the ended parts of a chain in flight (a leg and its rolls) earned, income book after fees, dollars.

    `bare` says that all of them ended by assignment, `assigned` that one of them did or was exercised.
    """

    chain: str
    underlying: str
    income: Decimal
    bare: bool
    assigned: bool = False


class Loss(Fact, frozen=True, kw_only=True):
    """The last chain, or cycle with an assignment, that ended at a loss on an underlying (wheel 2.19), dollars."""

    underlying: str
    what: str
    day: date
    income: Decimal


class Drift(Fact, frozen=True, kw_only=True):
    """A difference between the broker and our books: pending with what is expected, or unexplained."""

    symbol: str
    kind: Literal["pending", "unexplained"]
    what: str
    broker: Decimal
    ours: Decimal
    expected_until: datetime | None = None
    since: datetime | None = None


class StrategyBook(Fact, frozen=True, kw_only=True):
    """One strategy's sub-ledger since the books began, dollars; each part is its signed effect on cash.

    `moved` is what holdings taken over from another book cost, or brought (adopted, transferred out); `opening` the
    cash with which the books began. `income` and `tax_income` are what ended options and shares earned in both books
    (wheel 2.10), `carried` what is still open cost. The cash of all books together is the ledger's.
    """

    strategy: str
    opening: Decimal = Decimal(0)
    premium: Decimal = Decimal(0)
    shares: Decimal = Decimal(0)
    dividends: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    transfers: Decimal = Decimal(0)
    moved: Decimal = Decimal(0)
    other: Decimal = Decimal(0)
    income: Decimal = Decimal(0)
    tax_income: Decimal = Decimal(0)
    carried: Decimal = Decimal(0)

    @property
    def cash(self) -> Decimal:
        """Sum every part that is cash."""
        parts = (self.opening, self.premium, self.shares, self.dividends, self.interest, self.fees, self.transfers)
        return sum(parts, self.moved + self.other)


class Books(Fact, frozen=True, kw_only=True):
    """The ledger's facts at one moment: everything open, and what the day has used.

    `cash` is ledger cash in dollars (None before the first settlement adopted the broker's);
    `nav` and `nav_peak` are per-unit net asset values starting at 1 (wheel.md 2.16), `equity_previous` the
    equity on own marks at the previous session's close; `dividends_paid` what past payments are known.
    """

    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    rolls: tuple[Roll, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    pauses: tuple[Pause, ...] = ()
    counters: Counters = Counters()
    drift: tuple[Drift, ...] = ()
    cash: Decimal | None = None
    fees_accrued: Decimal = Decimal(0)
    equity_previous: Decimal | None = None
    nav: Decimal = Decimal(1)
    nav_peak: Decimal = Decimal(1)
    last_positions: tuple[tuple[str, Decimal], ...] = ()
    """The broker's positions at the last complete settlement: an empty list after a full one is doubted."""
    equity_last: Decimal | None = None
    """Equity on own marks at the last tick: what the next step of `nav` divides by."""
    flow_session: Decimal = Decimal(0)
    """Money moved in (positive) or out since the previous session's close."""
    session_day: date | None = None
    """Session day of the last tick: another one makes `equity_last` the previous close."""
    settled_at: datetime | None = None
    approvals: tuple[Proposal, ...] = ()
    """Proposals that the owner approved, still standing and not sent yet."""
    entries_sent: tuple[tuple[str, int], ...] = ()
    """Entries ever sent by strategy, reprices apart: what `approve = "first N"` counts."""
    put_entries: tuple[PutEntry, ...] = ()
    """The last filled put entry of each underlying: where its cooldown begins."""
    chains: tuple[ChainSoFar, ...] = ()
    """Chains in flight of which a part has ended."""
    losses: tuple[Loss, ...] = ()
    """The last losing chain of each underlying."""
    panic: Panic | None = None
    """The panic in force: what every tick works on before anything else."""
    strategies: tuple[StrategyBook, ...] = ()
    """A sub-ledger for each strategy, by name; together they are the ledger's cash to the cent."""


class KindTotal(Fact, frozen=True, kw_only=True):
    """Lines of one kind: how many, and what they did to cash in dollars."""

    kind: str
    count: int
    amount: Decimal


class YearIncome(Fact, frozen=True, kw_only=True):
    """Income of one New York year in dollars, income book; fees are inside `premium` where a leg bore them."""

    year: int
    premium: Decimal
    shares: Decimal
    dividends: Decimal
    interest: Decimal
    tax: Decimal
    """The same ended legs and lots in the tax book (wheel 2.10)."""
