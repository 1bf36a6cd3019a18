"""What this desk's limits would have refused: past entries before the real gates, as far as the past can answer.

Each past order that opened something is judged on the account as it was just before its first fill. Only gates that
ask nothing of the market, of this program's own orders or of the moment an order was sent can be asked; the others
are named. Nothing is modelled: prices are those at which things last traded in the lines themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from bot.domain.checks import CheckResult
from bot.domain.desk import Desk
from bot.domain.errors import MarketError
from bot.domain.facts import Fact
from bot.domain.holdings import Account, Position
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.ledger import Books, Counters, Halt, Lot
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OrderIntent, Purpose
from bot.domain.sessions import new_york_day, slot_of
from bot.domain.snapshot import HeldPosition, Snapshot
from bot.engine.arrival import session_facts
from bot.engine.history import History
from bot.engine.history_orders import STRATEGY
from bot.engine.history_replay import Entry
from bot.engine.valuation import units
from bot.gates import GATES, Case, judge_one

ANSWERABLE = (
    "shape_is_known",
    "quantities_are_whole",
    "expiry_is_later",
    "contract_is_standard",
    "call_is_covered",
    "call_above_basis",
    "equity_is_enough",
    "cash_is_not_negative",
    "collateral_is_free",
    "order_loss_within",
    "symbol_share_within",
    "group_share_within",
    "put_collateral_within",
    "contracts_within_symbol",
    "put_series_within_symbol",
    "put_series_within_total",
    "underlyings_within",
    "contracts_within_day",
    "contracts_within_symbol_day",
)
"""Gates that need only the account, the order and the desk's numbers."""

UNASKED = tuple(name for name, _ in GATES if name not in ANSWERABLE)
"""Gates that cannot be asked of the past."""

PACING = frozenset({"contracts_within_day", "contracts_within_symbol_day"})
ASSUMPTIONS = (
    "equity is cash plus shares and options at the price each last traded or was delivered at, for no market data of "
    "that time is read",
    "an order is judged whole, at its mean price, at the moment of its first fill",
    "orders that never filled are not in the lines: they tied up cash that is counted as free here",
)


class PastRefusal(Fact, frozen=True, kw_only=True):
    """One gate over all past entries: how many it refused, how many it alone refused, and its worst case."""

    gate: str
    times: int
    sole: int
    symbol: str
    at: datetime
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""


class PastJudgement(Fact, frozen=True, kw_only=True):
    """What asking the gates came to. `outside` names symbols that this desk does not trade at all."""

    entries: int
    refused: int
    gates: tuple[PastRefusal, ...] = ()
    outside: tuple[str, ...] = ()
    unasked: tuple[str, ...] = UNASKED
    assumptions: tuple[str, ...] = ASSUMPTIONS


class _Found:
    """One gate's refusals while they are counted."""

    def __init__(self) -> None:
        self.times = self.sole = 0
        self.worst: tuple[CheckResult, Entry] | None = None

    def add(self, check: CheckResult, entry: Entry, *, alone: bool) -> None:
        self.times += 1
        self.sole += alone
        if self.worst is None or _miss(check) > _miss(self.worst[0]):
            self.worst = (check, entry)


def past_refusals(history: History, desk: Desk) -> PastJudgement:
    """Put every past entry before the desk's gates that can be asked; counts by gate, most first."""
    found: dict[str, _Found] = {}
    counted: dict[str, int] = {}
    day = None
    refused = 0
    opening_cash = history.cash_broker - history.cash
    for entry in history.entries:
        today = new_york_day(entry.at)
        if today != day:
            day, counted = today, {}
        checks = list(_checks(entry, desk, counted, opening_cash))
        against = [check for check in checks if not check.ok]
        refused += bool(against)
        for check in against:
            found.setdefault(check.gate, _Found()).add(check, entry, alone=len(against) == 1)
        sold = _contracts(entry)
        if sold and not entry.reopens:
            root = entry.order.underlying
            counted[root] = counted.get(root, 0) + sold
    gates = (_told(gate, one) for gate, one in found.items())
    known = set(desk.universe) | {symbol for _, _, wheel in desk.wheels for symbol in wheel.numbers}
    return PastJudgement(
        entries=len(history.entries),
        refused=refused,
        gates=tuple(sorted(gates, key=lambda one: (-one.times, one.gate))),
        outside=tuple(sorted({entry.order.underlying for entry in history.entries} - known)),
    )


def _told(gate: str, found: _Found) -> PastRefusal:
    assert found.worst is not None
    check, entry = found.worst
    return PastRefusal(
        gate=gate, times=found.times, sole=found.sole, symbol=entry.order.underlying, at=entry.at,
        reason=check.reason, value=check.value, limit=check.limit, unit=check.unit,
    )  # fmt: skip


def _miss(check: CheckResult) -> Decimal:
    return ZERO if check.distance is None else -check.distance


def _contracts(entry: Entry) -> int:
    legs = [leg for leg in entry.order.legs if leg.position_intent.endswith("_to_open") and is_option(leg.symbol)]
    sold = sum(leg.ratio for leg in legs if leg.side == "sell") or sum(leg.ratio for leg in legs)
    return int(entry.order.qty * sold)


def _checks(entry: Entry, desk: Desk, counted: dict[str, int], opening_cash: Decimal) -> Iterator[CheckResult]:
    """Ask each gate that can answer for this entry."""
    try:
        snapshot = _snapshot(entry, desk, counted, opening_cash)
    except MarketError:  # a day no calendar here covers: nothing of it can be judged
        return
    wheel = next((one.name for _, _, one in desk.wheels if entry.order.underlying in one.numbers), "")
    intent = _intent(entry, wheel)
    unasked = set(PACING) if entry.reopens else set()
    if not wheel or not intent.lot:
        unasked.add("call_above_basis")  # no floor is set for this name, or what the shares cost is not in the lines
    gates = tuple((name, gate) for name, gate in GATES if name in ANSWERABLE and name not in unasked)
    yield from judge_one(intent, Case(snapshot=snapshot, desk=desk), gates).checks


def _snapshot(entry: Entry, desk: Desk, counted: dict[str, int], opening_cash: Decimal) -> Snapshot:
    cash = entry.cash + opening_cash
    equity = cash + sum((one.qty * (one.price or ZERO) * units(one.symbol) for one in entry.positions), ZERO)
    account = Account(
        id="past", status="ACTIVE", cash=cash, equity=equity, buying_power=cash, options_level=3,
        non_marginable_buying_power=cash, accrued_fees=ZERO, pending_transfers_out=ZERO,
    )  # fmt: skip
    return Snapshot(
        desk=desk.name,
        at=entry.at,
        slot=slot_of(entry.at),
        broker="history",
        market="history",
        environment="past",
        simulated=True,
        session=session_facts(entry.at),
        account=account,
        equity=equity,
        positions=tuple(HeldPosition(position=one, owner="ours") for one in entry.positions),
        own_orders=(),
        requests=(),
        quotes=(),
        chains=(),
        books=Books(
            lots=entry.lots,
            legs=entry.legs,
            cycles=entry.cycles,
            cash=cash,
            counters=Counters(contracts_today=tuple(sorted(counted.items()))),
        ),
        halt=Halt(),
    )


def _intent(entry: Entry, wheel: str) -> OrderIntent:
    """Give the past order as a wish of the desk's wheel on that name."""
    order = entry.order
    first = order.legs[0]
    single = len(order.legs) == 1 and is_option(first.symbol) and first.position_intent == "sell_to_open"
    purpose: Purpose = "open"
    lot = ""
    if single:
        right = parse_option(first.symbol).right
        purpose = "cash_secured_put" if right == "put" else "covered_call"
        lot = _lot_under(entry.lots, entry.positions, order.underlying) if right == "call" else ""
    return OrderIntent(
        strategy=wheel or STRATEGY,
        purpose=purpose,
        key=order.key,
        underlying=order.underlying,
        legs=order.legs,
        qty=order.qty,
        limit_price=order.limit_price,
        lot=lot,
        reason="it was done",
    )


def _lot_under(lots: Iterable[Lot], positions: Iterable[Position], symbol: str) -> str:
    """Name the oldest lot that the calls standing then did not cover; the oldest of all where every one was."""
    mine = [lot for lot in lots if lot.symbol == symbol]
    covered = sum(
        (
            -one.qty * SHARES_PER_CONTRACT
            for one in positions
            if is_option(one.symbol) and one.qty < 0 and underlying_of(one.symbol) == symbol
            and parse_option(one.symbol).right == "call"
        ),
        ZERO,
    )  # fmt: skip
    for lot in mine:
        if covered < lot.qty:
            return lot.id
        covered -= lot.qty
    return mine[0].id if mine else ""
