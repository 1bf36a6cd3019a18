"""The owner's orders: `bot close SYMBOL` for shares, and for options no wheel looks after.

An option leg under a wheel is closed by the wheel itself, where the owner's word stands first among the exits.
Here the word closes what is left: whole lots of shares, oldest first, and legs whose symbol no wheel trades. The
orders pass the same gates and the same executor as any other.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from bot.domain.facts import Fact
from bot.domain.holdings import PositionIntent
from bot.domain.instruments import is_option
from bot.domain.ledger import Lot, OptionLeg
from bot.domain.market import QuotesRequest, Request
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner
from bot.domain.wheelmath import LADDER_LAST, ladder_limit, share_ladder_limit

NAME = "owner"


class OwnerParams(Fact, frozen=True, kw_only=True):
    """Which legs a wheel closes itself: pairs of (strategy, underlying) of the wheels that are switched on."""

    wheels: frozenset[tuple[str, str]] = frozenset()

    def looked_after(self, leg: OptionLeg) -> bool:
        """Say whether a wheel acts on the owner's word for this leg; one without a strategy is any wheel's."""
        if leg.strategy:
            return (leg.strategy, leg.underlying) in self.wheels
        return any(symbol == leg.underlying for _, symbol in self.wheels)


def _closing(contracts: tuple[tuple[str, str], ...]) -> list[str]:
    return sorted({contract for contract, word in contracts if word == "close"})


def needs(holdings: Holdings, params: OwnerParams, at: datetime) -> tuple[Request, ...]:
    """Ask for quotes of what the owner wants closed."""
    words = tuple((one.contract, one.word) for one in holdings.books.instructions)
    symbols = _closing(words)
    return (QuotesRequest(symbols=tuple(symbols)),) if symbols else ()


def plan(snapshot: Snapshot, params: OwnerParams) -> Plan:
    """Want a closing order for every lot and orphaned leg under the owner's word `close`."""
    words = tuple((one.contract, one.word) for one in snapshot.books.instructions)
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    for symbol in _closing(words):
        if is_option(symbol):
            legs = [one for one in snapshot.books.legs if one.symbol == symbol]
            for one in legs:
                if not params.looked_after(one):
                    _close_leg(snapshot, one, intents, notes)
        else:
            for lot in snapshot.lots_of.get(symbol, ()):
                _close_lot(snapshot, lot, intents, notes)
    return Plan(intents=tuple(intents), notes=tuple(notes))


def _close_lot(snapshot: Snapshot, lot: Lot, intents: list[OrderIntent], notes: list[Note]) -> None:
    qty = lot.qty.to_integral_value(ROUND_FLOOR)
    if qty <= 0:
        notes.append(_note(lot.symbol, "shares", f"lot {lot.id} holds less than one whole share; sell it by hand"))
        return
    _close(snapshot, lot.symbol, lot.symbol, "sell_to_close", qty, f"lot-{lot.id}", lot.cycle, lot.id, intents, notes)


def _close_leg(snapshot: Snapshot, one: OptionLeg, intents: list[OrderIntent], notes: list[Note]) -> None:
    side: PositionIntent = "buy_to_close" if one.qty < 0 else "sell_to_close"
    _close(snapshot, one.symbol, one.underlying, side, abs(one.qty), f"leg-{one.id}", one.cycle, "", intents, notes)


def _close(
    snapshot: Snapshot, symbol: str, underlying: str, side: PositionIntent, qty: Decimal, key: str, cycle: str,
    lot: str, intents: list[OrderIntent], notes: list[Note],
) -> None:  # fmt: skip
    quote = snapshot.quote_of.get(symbol)
    if quote is None or quote.bid is None or quote.ask is None or not quote.valid:
        notes.append(_note(underlying, symbol, "it has no valid quote now; the next tick tries again"))
        return
    working = _working_on(snapshot, symbol, lot)
    own = next((order for order in working if order.purpose == "owner_close" and order.key == key), None)
    if own is not None and own.slot >= snapshot.slot and not (snapshot.follow_up and own.planned_at < snapshot.at):
        return  # one step a tick: in its own slot it moves in follow-ups only (design 14)
    step = 0 if own is None else min(own.step + 1, LADDER_LAST)
    # A resting stop on the lot is cancelled directly before the sale, by the order that replaces it.
    stop = next((order for order in working if order.purpose == "trailing_stop"), None)
    replaced = own or stop
    sell = side == "sell_to_close"
    if is_option(symbol):
        limit = ladder_limit(underlying, quote.bid, quote.ask, step, sell=sell, penny=quote.penny)
    else:
        limit = share_ladder_limit(quote.bid, quote.ask, step, sell=sell)
    if limit <= 0:
        notes.append(_note(underlying, symbol, f"no price between {quote.bid} and {quote.ask} lies on the grid"))
        return
    if own is not None and own.step >= LADDER_LAST and not _concedes(own, limit, sell=sell):
        return  # at the last step it follows the market away, never back: a lot under sale has no stop to rely on
    intents.append(
        OrderIntent(
            strategy=NAME, purpose="owner_close", key=key, underlying=underlying, legs=(leg(symbol, side),),
            qty=qty if own is None else own.remaining, limit_price=limit,
            replaces="" if replaced is None else replaced.client_order_id, step=step, cycle=cycle, lot=lot,
            reason="the owner asked to close it",
            numbers=(("bid", str(quote.bid)), ("ask", str(quote.ask)), ("step", str(step))),
        )
    )  # fmt: skip


def _concedes(order: OwnOrder, limit: Decimal, *, sell: bool) -> bool:
    """Say whether a limit gives way against that of a working order."""
    return order.limit_price is not None and (limit < order.limit_price if sell else limit > order.limit_price)


def _working_on(snapshot: Snapshot, symbol: str, lot: str) -> list[OwnOrder]:
    orders = [order for order in snapshot.own_orders if any(one.symbol == symbol for one in order.legs)]
    return [order for order in orders if order.alive and (not lot or order.lot in ("", lot))]


def _note(symbol: str, subject: str, reason: str) -> Note:
    return Note(strategy=NAME, symbol=symbol, subject=subject, reason=reason)


PLANNER = Planner(kind="owner", params=OwnerParams, needs=needs, plan=plan)
