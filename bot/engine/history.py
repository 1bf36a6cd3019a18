"""The past rebuilt from the broker's own lines: cycles, what each leg and lot earned, what is open, what is missing.

Pure. The lines run through the settlement code that books every tick, so a past put, its assignment and its calls
become the same cycle, with the same three bases, as if a desk had traded them. What the lines do not explain is
named as a gap with what to do about it; nothing is invented to close one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from bot.domain.facts import Fact
from bot.domain.holdings import Account, Activity, Position
from bot.domain.ledger import Cycle, KindTotal, Lot, OptionLeg, YearIncome
from bot.domain.money import ZERO
from bot.domain.sessions import new_york_day
from bot.engine.history_gaps import Gap, explained_less, gaps_in
from bot.engine.history_parts import Reader, opening_balances
from bot.engine.history_replay import Entry, Replay, replayed
from bot.engine.ports import Fill, LegEnd, LotEnd
from bot.engine.settle import unseen
from bot.engine.settle_ledger import cash_effect
from bot.engine.settle_lines import FLOW_KINDS


class History(Fact, frozen=True, kw_only=True):
    """Everything the lines tell. `cash` is what they add up to, `cash_broker` what the account shows (dollars).

    `lots`, `legs` and `open_cycles` are what is still open of what the lines explain; `withheld` names symbols of
    them that the broker holds less of than the lines say: those explain nothing and are not offered for adoption.
    """

    at: datetime
    lines: int
    first_day: date | None
    last_day: date | None
    cash: Decimal
    cash_broker: Decimal
    cycles: tuple[Cycle, ...] = ()
    open_cycles: tuple[Cycle, ...] = ()
    lots: tuple[Lot, ...] = ()
    legs: tuple[OptionLeg, ...] = ()
    lot_ends: tuple[LotEnd, ...] = ()
    leg_ends: tuple[LegEnd, ...] = ()
    fills: tuple[Fill, ...] = ()
    activities: tuple[Activity, ...] = ()
    transfers: tuple[Activity, ...] = ()
    totals: tuple[KindTotal, ...] = ()
    income: tuple[YearIncome, ...] = ()
    entries: tuple[Entry, ...] = ()
    gaps: tuple[Gap, ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def offered_lots(self) -> tuple[Lot, ...]:
        """Open lots that the broker holds too, oldest first."""
        return tuple(lot for lot in self.lots if lot.symbol not in self.withheld)

    @property
    def offered_legs(self) -> tuple[OptionLeg, ...]:
        """Open option legs that the broker holds too, oldest first."""
        return tuple(leg for leg in self.legs if leg.symbol not in self.withheld)

    @property
    def offered_cycles(self) -> tuple[Cycle, ...]:
        """Open cycles all of whose parts are offered."""
        wanting = {lot.cycle for lot in self.lots if lot.symbol in self.withheld}
        wanting |= {leg.cycle for leg in self.legs if leg.symbol in self.withheld}
        held = {lot.cycle for lot in self.lots} | {leg.cycle for leg in self.legs}
        return tuple(cycle for cycle in self.open_cycles if cycle.id in held - wanting)


def rebuild(activities: Iterable[Activity], positions: tuple[Position, ...], account: Account, at: datetime) -> History:
    """Rebuild the past from every line of an account and what the account shows at `at`.

    Lines may come in any order and twice. Raises nothing for strange ones: they are counted and named.
    """
    lines = unseen(tuple(activities), frozenset())
    before = opening_balances(lines, positions)
    reading = Reader(lines, before).read()
    replay = replayed(account, positions, reading, at)
    days = [new_york_day(line.at) for line in lines]
    withheld = explained_less(replay, positions)
    return History(
        at=at,
        lines=len(lines),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        cash=replay.cash,
        cash_broker=account.cash,
        cycles=tuple(sorted(replay.cycles_closed, key=lambda one: (one.closed_at or at, one.id))),
        open_cycles=tuple(sorted(replay.cycles.values(), key=lambda one: (one.opened_at, one.id))),
        lots=tuple(sorted(replay.lots, key=lambda one: (one.opened_at, one.id))),
        legs=tuple(sorted(replay.legs, key=lambda one: (one.opened_at, one.id))),
        lot_ends=tuple(replay.lot_ends),
        leg_ends=tuple(replay.leg_ends),
        fills=tuple(replay.fills),
        activities=tuple(lines),
        transfers=tuple(line for line in lines if line.kind in FLOW_KINDS),
        totals=_totals(lines),
        income=_income(replay, lines),
        entries=tuple(replay.entries),
        gaps=gaps_in(replay, lines, positions, account),
        withheld=withheld,
    )


def _totals(lines: Iterable[Activity]) -> tuple[KindTotal, ...]:
    counts: dict[str, int] = {}
    amounts: dict[str, Decimal] = {}
    for line in lines:
        kind = line.kind if line.kind != "OTHER" else line.raw_type or "OTHER"
        counts[kind] = counts.get(kind, 0) + 1
        amounts[kind] = amounts.get(kind, ZERO) + cash_effect(line)
    return tuple(KindTotal(kind=kind, count=counts[kind], amount=amounts[kind]) for kind in sorted(counts))


def _income(replay: Replay, lines: Iterable[Activity]) -> tuple[YearIncome, ...]:
    """Sum what was earned by New York year (wheel 2.21)."""
    sums: dict[int, dict[str, Decimal]] = {}

    def add(at: datetime, kind: str, amount: Decimal, tax: Decimal = ZERO) -> None:
        year = sums.setdefault(new_york_day(at).year, {})
        year[kind] = year.get(kind, ZERO) + amount
        year["tax"] = year.get("tax", ZERO) + tax

    for end in replay.leg_ends:
        add(end.at, "premium", end.income, end.tax_income)
    for sale in replay.lot_ends:
        add(sale.at, "shares", sale.income, sale.tax_income)
    for line in lines:
        if line.kind in ("DIV", "INT"):
            add(line.at, "dividends" if line.kind == "DIV" else "interest", line.net_amount)
    kinds = ("premium", "shares", "dividends", "interest", "tax")
    return tuple(YearIncome(year=year, **{kind: sums[year].get(kind, ZERO) for kind in kinds}) for year in sorted(sums))
