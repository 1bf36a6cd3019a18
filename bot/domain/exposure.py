"""What is open, working and reserved: free cash, exposure, uncovered lots (wheel 2.6, 2.7).

Everything is counted from the broker's positions, the live orders (ours, unresolved ones too, and foreign
ones) and the rolls in flight. A working order counts as filled for what it would use and as filled for what
it would close (design 6). Dollars, shares and contracts; quantities here are never negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from bot.domain.claims import Claim, Row, claim_of, root_of, worst_at_expiry
from bot.domain.instruments import Right, is_option, parse_option
from bot.domain.ledger import Roll
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.snapshot import HeldPosition, Snapshot
from bot.domain.wheelmath import collateral


class Reserve(NamedTuple):
    """Contracts kept free for a roll in flight, at its old strike (wheel 1.5)."""

    contracts: Decimal
    strike: Decimal
    right: Right


class FreeCash(NamedTuple):
    """Free cash in dollars and the terms that were dropped because the broker did not say (wheel 2.6)."""

    value: Decimal
    dropped: tuple[str, ...]


class Line:
    """Everything that stands on one underlying, summed."""

    __slots__ = (
        "calls",
        "cash_working",
        "collateral_open",
        "collateral_reserved",
        "collateral_working",
        "puts",
        "series",
        "shares",
        "shares_claimed",
        "shares_ours",
    )

    def __init__(self) -> None:
        self.shares = self.shares_ours = self.shares_claimed = ZERO
        self.collateral_open = self.collateral_working = self.collateral_reserved = self.cash_working = ZERO
        self.puts = self.calls = ZERO
        self.series: set[str] = set()

    @property
    def collateral(self) -> Decimal:
        """Give the collateral of open, working and reserved puts in dollars."""
        return self.collateral_open + self.collateral_working + self.collateral_reserved


_NOTHING = Line()


class Standing:
    """What stands in a Snapshot before this tick's orders, by underlying, summed once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.lines: dict[str, Line] = {}
        self.ours: dict[str, Decimal] = {}
        self.closing: dict[str, Decimal] = {}
        self.claims: dict[str, Claim] = {}
        self.reserves: dict[str, Reserve] = {}
        self.underlyings: set[str] = set()
        self._add_positions(snapshot)
        for order in snapshot.own_orders:
            if order.alive and order.remaining > 0:
                claim = claim_of(order, order.remaining, snapshot.spot(order.underlying))
                self.claims[order.client_order_id] = claim
                self._add_order(claim)
        for foreign in snapshot.foreign_orders:
            left = foreign.qty - foreign.filled_qty
            if not foreign.terminal and left > 0 and foreign.legs:
                self._add_order(claim_of(foreign, left, snapshot.spot(root_of(foreign.legs[0].symbol))))
        for roll in snapshot.books.rolls:
            if roll.stage in ("closing", "opening"):
                self._add_roll(snapshot, roll)
        self.collateral_open = sum((line.collateral_open for line in self.lines.values()), ZERO)
        self.collateral = sum((line.collateral for line in self.lines.values()), ZERO)
        self.cash_working = sum((line.cash_working for line in self.lines.values()), ZERO)
        self.series_total = sum(len(line.series) for line in self.lines.values())

    def on(self, underlying: str) -> Line:
        """Give the line of an underlying; an empty one where nothing stands."""
        return self.lines.get(underlying, _NOTHING)

    def _line(self, underlying: str) -> Line:
        self.underlyings.add(underlying)
        return self.lines.setdefault(underlying, Line())

    def _add_positions(self, snapshot: Snapshot) -> None:
        puts: dict[tuple[str, str], list[Row]] = {}
        for held in snapshot.positions:
            position = held.position
            if position.qty == 0:
                continue
            line = self._line(root_of(position.symbol))
            self.ours[position.symbol] = _ours(snapshot, held)
            if not position.option:
                line.shares += position.qty
                line.shares_ours += self.ours[position.symbol]
                continue
            contract = parse_option(position.symbol)
            if contract.right == "put":
                group = (root_of(position.symbol), contract.expiry.isoformat())
                puts.setdefault(group, []).append(("put", contract.strike, position.qty))
                if position.qty < 0:
                    line.puts -= position.qty
                    line.series.add(position.symbol)
            elif position.qty < 0:
                line.calls -= position.qty
        for symbol, missing in _shorts_missing(snapshot):
            contract = parse_option(symbol)
            line = self._line(root_of(symbol))
            if contract.right == "call":
                line.calls += missing
                continue
            puts.setdefault((root_of(symbol), contract.expiry.isoformat()), []).append(
                ("put", contract.strike, -missing)
            )
            line.puts += missing
            line.series.add(symbol)
        for (root, _), rows in puts.items():
            worst = worst_at_expiry(rows)
            assert worst is not None, "puts alone are bounded"
            self.lines[root].collateral_open += worst * SHARES_PER_CONTRACT

    def _add_order(self, claim: Claim) -> None:
        for symbol, qty in claim.closing:
            self.closing[symbol] = self.closing.get(symbol, ZERO) + qty
        line = self._line(claim.underlying) if claim.contracts or claim.cash or claim.shares else _NOTHING
        if line is _NOTHING:
            return
        line.collateral_working += claim.collateral
        line.cash_working += claim.cash
        line.puts += claim.puts
        line.calls += claim.calls
        line.series.update(claim.series)
        line.shares_claimed += claim.shares

    def _add_roll(self, snapshot: Snapshot, roll: Roll) -> None:
        contracts = _reserved(snapshot, roll)
        if contracts <= 0:
            return
        self.reserves[roll.id] = Reserve(contracts, roll.old_strike, roll.right)
        line = self._line(roll.underlying)
        if roll.right == "call":
            line.calls += contracts
            return
        line.collateral_reserved += collateral(roll.old_strike, contracts)
        line.puts += contracts
        line.series.add(reserved_series(roll.id))


def standing_of(snapshot: Snapshot) -> Standing:
    """Give what stands in a Snapshot; computed once and kept beside its fields."""
    found: Standing | None = snapshot.__dict__.get("standing")
    if found is None:
        found = snapshot.__dict__["standing"] = Standing(snapshot)
    return found


def reserved_series(roll_id: str) -> str:
    """Name the place that a roll in flight keeps among the put series."""
    return f"roll {roll_id}"


def _shorts_missing(snapshot: Snapshot) -> Iterator[tuple[str, Decimal]]:
    """Give short options of our books that the broker does not show and nothing has ended yet (design 12).

    What they tie up stays tied up: a partial read must not free cash, lots or places on any symbol.
    """
    for drift in snapshot.books.drift:
        if is_option(drift.symbol) and drift.ours < min(drift.broker, ZERO):
            yield drift.symbol, min(drift.broker, ZERO) - drift.ours


def _ours(snapshot: Snapshot, held: HeldPosition) -> Decimal:
    """Size of what is ours or adopted of a position; of a mixed one what our books explain."""
    size = abs(held.position.qty)
    if held.owner in ("ours", "adopted"):
        return size
    if held.owner == "foreign":
        return ZERO
    symbol = held.position.symbol
    lots = sum((lot.qty for lot in snapshot.books.lots if lot.symbol == symbol and lot.owner != "foreign"), ZERO)
    legs = sum((leg.qty for leg in snapshot.books.legs if leg.symbol == symbol and leg.owner != "foreign"), ZERO)
    return min(size, abs(lots + legs))


def _reserved(snapshot: Snapshot, roll: Roll) -> Decimal:
    """Contracts of a roll that neither the old position nor a live opening order stands for."""
    orders = [order for order in snapshot.own_orders if order.roll == roll.id]
    if roll.stage == "opening":
        opening = sum((order.qty for order in orders if order.opens and order.alive), ZERO)
        return max(ZERO, roll.qty - opening)
    closed = sum((order.filled_qty for order in orders if not order.opens), ZERO)
    position = snapshot.position_of.get(roll.old_symbol)
    still_short = max(ZERO, -position.qty) if position is not None else ZERO
    return max(min(closed, roll.qty), roll.qty - still_short, ZERO)


def free_cash(snapshot: Snapshot, accepted: Iterable[Claim] = ()) -> FreeCash:
    """Give free cash before any buffer, in dollars (wheel 2.6).

    min(cash, non-marginable buying power + collateral of open short puts) - collateral (open, working, accepted
    in this tick, reserved for rolls) - purchases working and accepted - pending transfers out - accrued fees.
    """
    standing = standing_of(snapshot)
    account = snapshot.account
    dropped: list[str] = []
    value = account.cash
    if account.non_marginable_buying_power is None:
        dropped.append("non_marginable_buying_power")
    else:
        value = min(value, account.non_marginable_buying_power + standing.collateral_open)
    value -= standing.collateral + standing.cash_working
    for claim in accepted:
        value -= claim.collateral + claim.cash
    for name, term in (
        ("pending_transfers_out", account.pending_transfers_out),
        ("accrued_fees", account.accrued_fees),
    ):
        if term is None:
            dropped.append(name)
        else:
            value -= term
    return FreeCash(value, tuple(dropped))


def price_of(snapshot: Snapshot, symbol: str) -> Decimal | None:
    """Price a share: the quote, else our mark, else what the broker shows, else what was paid."""
    spot = snapshot.spot(symbol)
    if spot is not None:
        return spot
    mark = snapshot.mark_of.get(symbol)
    if mark is not None:
        return mark.price
    position = snapshot.position_of.get(symbol)
    if position is None:
        return None
    return position.price if position.price is not None else position.avg_entry_price


def symbol_exposure(snapshot: Snapshot, symbol: str, accepted: Iterable[Claim] = ()) -> Decimal | None:
    """Give shares x S + K M of puts open, working, accepted and reserved, in dollars (wheel 2.7).

    None when shares are held that have no price at all.
    """
    line = standing_of(snapshot).on(symbol)
    value = line.collateral + line.cash_working
    if line.shares != 0:
        price = price_of(snapshot, symbol)
        if price is None:
            return None
        value += abs(line.shares) * price
    return value + sum((claim.exposure for claim in accepted if claim.underlying == symbol), ZERO)


def shares_free(snapshot: Snapshot, symbol: str, accepted: Iterable[Claim] = ()) -> Decimal:
    """Give shares of ours that no sale, stop, short call or call roll has claimed; negative when short of them."""
    line = standing_of(snapshot).on(symbol)
    free = line.shares_ours if line.shares > 0 else ZERO
    free -= line.shares_claimed + line.calls * SHARES_PER_CONTRACT
    for claim in accepted:
        if claim.underlying == symbol:
            free -= claim.shares + claim.calls * SHARES_PER_CONTRACT
    return free


def lots_uncovered(snapshot: Snapshot, symbol: str, accepted: Iterable[Claim] = ()) -> Decimal:
    """Count the whole lots that a call could still be sold on (C016)."""
    return max(ZERO, shares_free(snapshot, symbol, accepted) // SHARES_PER_CONTRACT)
