"""Strategies on bars: one signal read from finished bars, whole shares, long only; every kind shares what is here.

The phase is read, never remembered: a strategy holds a symbol while one of its own lots does. It buys when flat and its
signal wants in, sells its own lots when the signal wants out, at its target, or at its stop. Lots of others are never
counted, sold or added to. A trailing stop resting on a lot goes by the order that sells that lot, never before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import NamedTuple

from bot.domain.desk import BarParams
from bot.domain.instruments import equity_grid
from bot.domain.ledger import Lot
from bot.domain.market import Bars, BarsRequest, Quote, QuotesRequest, Request
from bot.domain.money import HUNDRED, ONE, ZERO, plain, to_grid
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.risk import STOP_TYPES
from bot.domain.sessions import new_york_day, sessions_from
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner
from bot.planners.indicators import LastBar, Signal

BAR_LENGTHS = {"1min": timedelta(minutes=1), "15min": timedelta(minutes=15), "1hour": timedelta(hours=1)}
"""How long bars within a day are; of days only those of sessions before today are finished."""
OLDEST_SESSIONS = 3
"""Nothing is bought on bars of which the newest is older than this: their source has stopped."""
_IDLE = {"turn": "its signal did not turn on the last bar", "level": "its signal does not want in"}


class Read(NamedTuple):
    """What the last finished bar says."""

    enters: bool
    leaves: bool
    close: Decimal
    at: datetime


def planner_of(signal: Signal) -> Planner:
    """Make the planner of a signal."""
    return Planner(
        kind=signal.kind, params=BarParams, needs=partial(_needs, signal), plan=partial(_plan, signal)
    )  # fmt: skip


def bars_needed(signal: Signal, params: BarParams) -> int:
    """Give how many finished bars a decision needs: one more where the turn of the signal counts."""
    return signal.reach(params.numbers) + (params.numbers.enter_on == "turn")


def read_bars(signal: Signal, params: BarParams, bars: Bars) -> Read | None:
    """Read the signal on the last of some bars, or None where there are too few."""
    needed = bars_needed(signal, params)
    if len(bars.bars) < needed:
        return None
    kept = bars.bars[-needed:]
    columns = [one.close for one in kept], [one.high for one in kept], [one.low for one in kept]
    now = LastBar(*columns)
    enters = bool(signal.enters(now, params.numbers))
    if enters and params.numbers.enter_on == "turn":
        enters = not signal.enters(LastBar(*columns, back=1), params.numbers)
    return Read(enters, bool(signal.leaves(now, params.numbers)), now.close, kept[-1].at)


def _needs(signal: Signal, holdings: Holdings, params: BarParams, at: datetime) -> tuple[Request, ...]:
    """Ask for quotes and bars of its symbols; nothing outside the session."""
    if not holdings.session.is_open:
        return ()
    step, count = params.numbers.step, bars_needed(signal, params)
    bars = (BarsRequest(symbol=symbol, step=step, count=count) for symbol in params.symbols)
    return (QuotesRequest(symbols=params.symbols), *bars)


def _plan(signal: Signal, snapshot: Snapshot, params: BarParams) -> Plan:
    """Want sales first, then purchases; in a follow-up sales and reprices only."""
    if not snapshot.session.is_open or snapshot.halt.level == "stop":
        return Plan()
    known = {one.symbol: one for one in snapshot.bars if one.step == params.numbers.step}
    sales: list[OrderIntent] = []
    purchases: list[OrderIntent] = []
    notes: list[Note] = []
    for symbol in params.symbols:
        if any(one.contract == symbol and one.word == "close" for one in snapshot.books.instructions):
            notes.append(_note(params, symbol, "the owner is closing these shares"))
            continue
        lots = [lot for lot in snapshot.lots_of.get(symbol, ()) if _own(lot, params)]
        buying = _working(snapshot, params, symbol, "open")
        bars, quote = known.get(symbol), snapshot.quote_of.get(symbol)
        read = None if bars is None else read_bars(signal, params, bars)
        if read is None:
            count = 0 if bars is None else len(bars.bars)
            reason = "too few finished bars for its signal"
            notes.append(_note(params, symbol, reason, Decimal(count), Decimal(bars_needed(signal, params)), "bars"))
        sold: list[OrderIntent] = []
        for lot in lots:
            _sell(snapshot, params, lot, quote, read, sold, notes)
        if sold:
            # Purchases go before shares do, whosever they are: no broker takes both sides at once, and a stop that is
            # refused for it is none.
            sales += [_take_back(params, one, "shares of it are being sold") for one in _buying(snapshot, symbol)]
            sales += sold
        elif buying is not None:
            _carry_on(params, buying, quote, read, purchases)
        if buying is not None:
            continue
        if not lots and read is not None and not snapshot.follow_up:
            if read.enters:
                _buy(snapshot, params, symbol, quote, read, purchases, notes)
            else:
                notes.append(_note(params, symbol, _IDLE[params.numbers.enter_on]))
    return Plan(intents=(*sales, *purchases), notes=tuple(notes))


def _own(lot: Lot, params: BarParams) -> bool:
    return lot.strategy == params.name and lot.owner != "foreign" and lot.qty >= 1


def _working(snapshot: Snapshot, params: BarParams, symbol: str, purpose: str, lot: str = "") -> OwnOrder | None:
    for order in snapshot.orders_on.get(symbol, ()):
        if order.alive and order.strategy == params.name and order.purpose == purpose and order.lot == lot:
            return order
    return None


def _sell(
    snapshot: Snapshot, params: BarParams, lot: Lot, quote: Quote | None, read: Read | None,
    intents: list[OrderIntent], notes: list[Note],
) -> None:  # fmt: skip
    """Want out of one lot: at its stop at the market, else as `order` says."""
    if quote is not None and quote.halted:
        notes.append(_note(params, lot.symbol, "trading in it is halted: it is sold when it trades again"))
        return
    stopped, why = _way_out(params, lot, quote, read)
    if stopped and quote is not None and not _is_believed(params, lot, quote):
        # Sold at the market on a bid that nobody stands behind, shares go without their stop having been reached.
        what = f"{why}, and the quote around it is wider than the stop is far, or has no ask: not sold on it"
        notes.append(_note(params, lot.symbol, what, quote.ask, lot.basis_strike, "usd"))
        stopped, why = False, f"the {params.kind} signal wants out" if read is not None and read.leaves else ""
    if not why:
        return
    market = stopped or params.numbers.order == "market"
    limit = None if market else _far_side(quote, sell=True)
    if not market and limit is None:
        notes.append(_note(params, lot.symbol, f"{why}, and there is no bid to sell to"))
        return
    selling = _working(snapshot, params, lot.symbol, "close", lot.id)
    if selling is not None and (selling.state != "working" or selling.limit_price in (None, limit)):
        return
    # A resting stop on the lot is cancelled directly before the sale, by the order that replaces it.
    stop = next(
        (one for one in snapshot.orders_on.get(lot.symbol, ()) if one.alive and one.purpose == "trailing_stop"
         and one.lot == lot.id), None,
    )  # fmt: skip
    replaced = selling or stop
    qty = lot.qty.to_integral_value(ROUND_FLOOR) if selling is None else selling.remaining
    intents.append(
        OrderIntent(
            strategy=params.name, purpose="close", key=f"lot-{lot.id}", underlying=lot.symbol,
            legs=(leg(lot.symbol, "sell_to_close"),), qty=qty, order_type="market" if market else "limit",
            limit_price=limit, replaces="" if replaced is None else replaced.client_order_id, cycle=lot.cycle,
            lot=lot.id, reason=why, numbers=_numbers(quote, read),
        )
    )  # fmt: skip


def _way_out(params: BarParams, lot: Lot, quote: Quote | None, read: Read | None) -> tuple[bool, str]:
    """Say whether a lot is at its stop, and why it is to be sold; no reason keeps it."""
    numbers, paid = params.numbers, lot.basis_strike
    bid = None if quote is None else quote.bid
    if bid is not None and paid is not None:
        if numbers.stop_percent is not None and bid <= paid * (ONE - numbers.stop_percent / HUNDRED):
            return True, f"its stop: the bid {plain(bid)} is {plain(numbers.stop_percent)} % below {plain(paid)} paid"
        if numbers.target_percent is not None and bid >= paid * (ONE + numbers.target_percent / HUNDRED):
            what = f"the bid {plain(bid)} is {plain(numbers.target_percent)} % above {plain(paid)} paid"
            return False, f"its target: {what}"
    return False, f"the {params.kind} signal wants out" if read is not None and read.leaves else ""


def _is_believed(params: BarParams, lot: Lot, quote: Quote) -> bool:
    """Say whether a bid at the stop is the market's: the ask is there as well, or nearer to the bid than the stop is
    to what was paid."""
    paid, percent, width = lot.basis_strike, params.numbers.stop_percent, quote.spread_fraction
    if paid is None or percent is None or width is None or quote.ask is None:
        return False
    return width <= percent / HUNDRED or quote.ask <= paid * (ONE - percent / HUNDRED)


def _keeps_out(snapshot: Snapshot, params: BarParams, symbol: str, read: Read) -> str:
    """Say why a bar that wants in is not bought on: its source has stopped, or it was bought on and sold already."""
    day = new_york_day(read.at)
    if sessions_from(day, snapshot.session.day) > OLDEST_SESSIONS:
        return f"its newest bar is of {day}: too old to buy on"
    counters = snapshot.books.counters
    length = BAR_LENGTHS.get(params.numbers.step)
    bought = any(
        one.underlying == symbol and one.shares > 0 and (length is None or one.at >= read.at + length)
        for one in counters.openings
    )
    if bought and any(count for name, count in counters.round_trips if name == symbol):
        return "it was bought on this bar and sold again: the next bar decides anew"
    return ""


def _buy(
    snapshot: Snapshot, params: BarParams, symbol: str, quote: Quote | None, read: Read,
    intents: list[OrderIntent], notes: list[Note],
) -> None:  # fmt: skip
    if quote is None or quote.ask is None or not quote.valid:
        notes.append(_note(params, symbol, "it has no valid quote now; the next tick tries again"))
        return
    if any(one.alive and _sells_now(one) for one in snapshot.orders_on.get(symbol, ())):
        notes.append(_note(params, symbol, "a sale of it is working: a broker takes no order against one's own"))
        return
    kept_out = _keeps_out(snapshot, params, symbol, read)
    if kept_out:
        notes.append(_note(params, symbol, kept_out))
        return
    numbers, ask = params.numbers, quote.ask
    if numbers.stop_percent is not None and ask <= read.close * (ONE - numbers.stop_percent / HUNDRED):
        notes.append(_note(params, symbol, "it fell past its stop since the bar that wants in", ask, read.close, "usd"))
        return
    if numbers.target_percent is not None and ask >= read.close * (ONE + numbers.target_percent / HUNDRED):
        notes.append(_note(params, symbol, "it rose past its target since that bar", ask, read.close, "usd"))
        return
    qty = _size(snapshot, params, ask)
    if qty < 1:
        share = numbers.position_share or ZERO
        notes.append(_note(params, symbol, "one share costs more than its part", ask, share * snapshot.equity, "usd"))
        return
    market = numbers.order == "market"
    intents.append(
        OrderIntent(
            strategy=params.name, purpose="open", key=symbol, underlying=symbol,
            legs=(leg(symbol, "buy_to_open"),), qty=qty, order_type="market" if market else "limit",
            limit_price=None if market else _far_side(quote, sell=False), reason=f"the {params.kind} signal wants in",
            numbers=_numbers(quote, read),
        )
    )  # fmt: skip


def _sells_now(order: OwnOrder) -> bool:
    shares = any(one.side == "sell" and one.symbol == order.underlying for one in order.legs)
    return shares and order.order_type not in STOP_TYPES


def _size(snapshot: Snapshot, params: BarParams, price: Decimal) -> Decimal:
    numbers = params.numbers
    if numbers.units is not None:
        return Decimal(numbers.units)
    share = numbers.position_share or ZERO
    return (share * snapshot.equity / price).to_integral_value(ROUND_FLOOR)


def _buying(snapshot: Snapshot, symbol: str) -> list[OwnOrder]:
    """List the purchases of a share, of any strategy, that can still be taken back."""
    return [
        order for order in snapshot.orders_on.get(symbol, ())
        if order.state == "working" and order.status != "pending_cancel"
        and any((one.symbol, one.position_intent) == (symbol, "buy_to_open") for one in order.legs)
    ]  # fmt: skip


def _take_back(params: BarParams, order: OwnOrder, reason: str) -> OrderIntent:
    return OrderIntent(
        strategy=params.name, purpose="cancel_stale", key=f"cancel-{order.client_order_id}",
        underlying=order.underlying, action="cancel", replaces=order.client_order_id, cycle=order.cycle, reason=reason,
    )  # fmt: skip


def _carry_on(
    params: BarParams, order: OwnOrder, quote: Quote | None, read: Read | None, intents: list[OrderIntent]
) -> None:  # fmt: skip
    """Take a working purchase back once the signal wants out, else move its limit with the market."""
    if order.state != "working" or order.status == "pending_cancel":
        return
    if read is not None and read.leaves:
        intents.append(_take_back(params, order, f"the {params.kind} signal wants out before it bought"))
        return
    limit = None if order.limit_price is None else _far_side(quote, sell=False)
    if limit is None or limit == order.limit_price or quote is None or not quote.valid:
        return
    intents.append(
        OrderIntent(
            strategy=params.name, purpose="open", key=order.key, underlying=order.underlying, legs=order.legs,
            qty=order.remaining, limit_price=limit, replaces=order.client_order_id,
            cycle=order.cycle, reason="its limit follows the market", numbers=_numbers(quote, read),
        )
    )  # fmt: skip


def _far_side(quote: Quote | None, *, sell: bool) -> Decimal | None:
    """Give the far side of a quote on the grid of shares, rounded so that it never goes past it."""
    price = None if quote is None else quote.bid if sell else quote.ask
    if price is None or price <= 0:
        return None
    limit = to_grid(price, equity_grid(price), up=sell)
    return limit if limit > 0 else None


def _numbers(quote: Quote | None, read: Read | None) -> tuple[tuple[str, str], ...]:
    found = [] if read is None else [("close", plain(read.close))]
    if quote is not None and quote.bid is not None and quote.ask is not None:
        found += [("bid", plain(quote.bid)), ("ask", plain(quote.ask))]
    return tuple(found)


def _note(
    params: BarParams, symbol: str, reason: str, value: Decimal | None = None, limit: Decimal | None = None,
    unit: str = "",
) -> Note:  # fmt: skip
    return Note(
        strategy=params.name, symbol=symbol, subject="shares", reason=reason, value=value, limit=limit, unit=unit
    )  # fmt: skip
