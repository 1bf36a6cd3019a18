"""What happens to the account outside the walk: before an open, and at a close.

A minute before an open: splits, and dividends that go ex that day (paid at once on the shares held overnight).
At a close, in this order: day orders expire; options end (positions and cash change at that moment and the
activities carry it); early assignment; orders without a position are cancelled; the day's fees are booked.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from bot.brokers.simulator_account import average_of, options_by_underlying
from bot.brokers.simulator_expiry import assigned_early, taken_at_expiry
from bot.brokers.simulator_state import State
from bot.domain.errors import BadSymbol
from bot.domain.instruments import Contract, is_option, option_symbol, parse_option, underlying_of
from bot.domain.market import Dividend, QuotesRequest, Split
from bot.domain.money import CENT, SHARES_PER_CONTRACT, ZERO, after_split, to_cents
from bot.domain.sessions import Session, next_session, previous_session
from bot.domain.wheelmath import intrinsic
from bot.engine.ports import Market, Path


class WalkableMarket(Market, Path, Protocol):
    """A market that can be read and walked."""


def open_session(state: State, market: WalkableMarket, session: Session, at: datetime) -> None:
    """Apply splits and dividends of the days since the previous session."""
    touched = {underlying_of(symbol) for symbol in state.holdings}
    touched.update(underlying_of(leg.symbol) for order in state.working_orders() for leg in order.legs)
    if not touched:
        return
    before = previous_session(session.day).day
    for symbol in sorted(touched):
        for event in market.events_between(symbol, before, session.day):
            if isinstance(event, Split):
                split(state, market, event, at)
            elif not event.expected:
                pay_dividend(state, event, at)
    state.cancel_uncovered(at)


def pay_dividend(state: State, dividend: Dividend, at: datetime) -> None:
    """Book a dividend on the shares held overnight, in whole cents."""
    shares = state.qty(dividend.symbol)
    if shares > 0:
        net = to_cents(dividend.amount * shares)
        state.book("DIV", at, symbol=dividend.symbol, price=dividend.amount, net=net, description="paid on the ex-date")


def split(state: State, market: WalkableMarket, event: Split, at: datetime) -> None:
    """Multiply shares, convert option positions, cancel working orders on the symbol.

    The market lists standard series only: an option becomes strike / ratio, quantity x ratio where both are
    valid; any other is closed by the broker at its mid of the close before, else at its entry price.
    """
    options = [
        symbol for symbol in sorted(state.holdings) if is_option(symbol) and underlying_of(symbol) == event.symbol
    ]
    ordered = {leg.symbol for order in state.working_orders() for leg in order.legs}
    state.cancel_orders(at, {one for one in ordered if underlying_of(one) == event.symbol})
    if event.symbol in state.holdings:
        _convert_shares(state, market, event, at)
    for symbol in options:
        target = split_series(parse_option(symbol), state.qty(symbol), event.ratio)
        if target is None:
            quotes = market.fetch((QuotesRequest(symbols=(symbol,)),), previous_session(event.day).close_at).quotes
            price = (quotes[0].mid if quotes else None) or state.holdings[symbol].average
            order_id = f"{state.account_id}-split-{event.day:%Y%m%d}-{symbol}"
            note = f"closed by the broker: a split of {event.ratio} leaves no standard series"
            state.trade(symbol, -state.qty(symbol), price, at, order_id, note)
        else:
            _convert(state, event, symbol, target, at)


def split_series(contract: Contract, qty: Decimal, ratio: Decimal) -> str | None:
    """Name the series a position becomes in a split, or None where there is no standard one."""
    strike, after = contract.strike / ratio, after_split(qty, ratio)
    if after != after.to_integral_value():
        return None
    try:
        return option_symbol(contract.root, contract.expiry, contract.right, strike)
    except BadSymbol:
        return None


def _convert_shares(state: State, market: WalkableMarket, event: Split, at: datetime) -> None:
    """Multiply shares; a fraction that the split makes is paid out at the close before, in the split's own line."""
    held = state.holdings[event.symbol]
    before, after = held.qty, after_split(held.qty, event.ratio)
    close = closing_prices(market, (event.symbol,), previous_session(event.day).close_at).get(event.symbol)
    kept = after.to_integral_value(ROUND_FLOOR) if close is not None and before == before.to_integral_value() else after
    net = ZERO if close is None else to_cents((after - kept) * close / event.ratio)
    state.move(event.symbol, -before, held.average)
    if kept:
        state.move(event.symbol, kept, average_of(held.average, event.ratio))
    paid = f", {after - kept} of a share paid out" if net else ""
    state.book(
        "SPLIT", at, symbol=event.symbol, qty=kept - before, price=event.ratio, net=net,
        group_id=f"split-{event.symbol}-{event.day:%Y%m%d}",
        description=f"{event.symbol} split {event.ratio} for 1{paid}",
    )  # fmt: skip


def _convert(state: State, event: Split, symbol: str, target: str, at: datetime) -> None:
    held = state.holdings[symbol]
    after = after_split(held.qty, event.ratio)
    group = f"split-{event.symbol}-{event.day:%Y%m%d}"
    state.move(symbol, -held.qty, held.average)
    state.move(target, after, average_of(held.average, event.ratio))
    for name, change in ((symbol, -held.qty), (target, after)):
        note = f"{event.symbol} split {event.ratio} for 1"
        state.book("SPLIT", at, symbol=name, qty=change, price=event.ratio, group_id=group, description=note)


def close_session(state: State, market: WalkableMarket, session: Session) -> None:
    """Do everything that happens at a close, in the order the module states."""
    at = session.close_at
    for key, resting in list(state.working.items()):
        if resting.session_day is not None and resting.session_day <= session.day:
            state.end_order(key, "expired", at)
    listed = options_by_underlying(state.quantities)
    if listed:
        prices = closing_prices(market, tuple(sorted(listed)), at)
        for underlying in sorted(listed):
            spot = prices.get(underlying)
            if spot is not None:
                _end_expiring(
                    state, underlying, [c for c, _ in listed[underlying] if c.expiry <= session.day], spot, at
                )
                _assign_early(state, market, underlying, spot, session)
    ordered = {leg.symbol for order in state.working_orders() for leg in order.legs if is_option(leg.symbol)}
    gone = {symbol for symbol in ordered if parse_option(symbol).expiry <= session.day}
    if gone:
        state.cancel_orders(at, gone, "expired")
    if listed:
        state.cancel_uncovered(at)
    if state.fees:
        state.charge_fees(at)


def closing_prices(market: WalkableMarket, symbols: tuple[str, ...], at: datetime) -> dict[str, Decimal]:
    """Read closing prices: the last trade, else the mid; a symbol without either is missing."""
    found: dict[str, Decimal] = {}
    for quote in market.fetch((QuotesRequest(symbols=symbols),), at).quotes:
        price = quote.last if quote.last is not None else quote.mid
        if price is not None:
            found[quote.symbol] = price
    return found


def _end_expiring(state: State, underlying: str, due: list[Contract], spot: Decimal, at: datetime) -> None:
    """End every series of one underlying that expires: what brings shares goes before what takes them."""
    if not due:
        return
    taken = {
        contract.symbol: taken_at_expiry(contract, state.qty(contract.symbol), spot, state.account_id)
        for contract in due
    }
    assigned = {
        right: sum((taken[c.symbol] for c in due if c.right == right and state.qty(c.symbol) < 0), ZERO)
        for right in ("put", "call")
    }
    ordered = sorted(due, key=lambda c: ((c.right == "call") == (state.qty(c.symbol) < 0), c.symbol))
    for contract in ordered:
        qty, ended = state.qty(contract.symbol), taken[contract.symbol]
        if qty < 0:
            assign(state, contract, ended, spot, at)
        elif ended:
            matched = min(ended, assigned[contract.right])
            assigned[contract.right] -= matched
            _exercise(state, contract, ended, matched, spot, at)
        rest = state.qty(contract.symbol)
        if rest:
            state.move(contract.symbol, -rest, ZERO)
            state.book("OPEXP", at, symbol=contract.symbol, qty=-rest, description=f"expired, {underlying} at {spot}")


def _assign_early(state: State, market: WalkableMarket, underlying: str, spot: Decimal, session: Session) -> None:
    shorts = [
        contract
        for contract, qty in options_by_underlying(state.quantities).get(underlying, ())
        if qty < 0 and intrinsic(contract.right, contract.strike, spot) >= CENT
    ]
    if not shorts:
        return
    coming = market.events_between(underlying, session.day, next_session(session.day).day)
    dividend = sum((e.amount for e in coming if isinstance(e, Dividend) and not e.expected), ZERO)
    asked = tuple(sorted(c.symbol for c in shorts if c.right == "put" or dividend > 0))
    if not asked:
        return
    quotes = market.fetch((QuotesRequest(symbols=asked),), session.close_at).quotes
    mids = {quote.symbol: quote.mid for quote in quotes}
    for contract in sorted(shorts, key=lambda one: one.symbol):
        if contract.symbol in asked:
            qty, mid = state.qty(contract.symbol), mids.get(contract.symbol)
            ended = assigned_early(contract, qty, spot, mid, dividend, session.day, state.account_id)
            assign(state, contract, ended, spot, session.close_at)


def assign(state: State, contract: Contract, contracts: Decimal, spot: Decimal, at: datetime) -> None:
    """Assign short contracts: the option leaves, shares change hands at the strike.

    Shares that a call must deliver and are not there are bought in at the close first (short shares never exist).
    """
    if contracts <= 0:
        return
    shares = contracts * SHARES_PER_CONTRACT
    if contract.right == "call":
        missing = shares - state.qty(contract.root)
        if missing > 0:
            order_id = f"{state.account_id}-buy-in-{at:%Y%m%d}-{contract.symbol}"
            state.trade(contract.root, missing, spot, at, order_id, "bought in by the broker to deliver")
    change = shares if contract.right == "put" else -shares
    _deliver(state, contract, contracts, change, at, assigned=True)


def _exercise(
    state: State, contract: Contract, contracts: Decimal, matched: Decimal, spot: Decimal, at: datetime
) -> None:
    """Exercise long contracts: those a short beside them pays for, and those the account can afford.

    Any other is sold by the broker at its intrinsic value, as it would be before the close.
    """
    spare = contracts - matched
    if contract.right == "call":
        free = state.cash - state.reserves() - state.collateral
        affordable = max((free / (contract.strike * SHARES_PER_CONTRACT)).to_integral_value(ROUND_FLOOR), ZERO)
    else:
        available = state.qty(contract.root) - state.shares_locked(contract.root) - matched * SHARES_PER_CONTRACT
        affordable = max((available / SHARES_PER_CONTRACT).to_integral_value(ROUND_FLOOR), ZERO)
    exercised = matched + min(spare, affordable)
    if exercised:
        change = exercised * SHARES_PER_CONTRACT * (1 if contract.right == "call" else -1)
        _deliver(state, contract, exercised, change, at, assigned=False)
    sold = contracts - exercised
    if sold:
        price = intrinsic(contract.right, contract.strike, spot).quantize(CENT, ROUND_FLOOR)
        order_id = f"{state.account_id}-liquidation-{at:%Y%m%d}-{contract.symbol}"
        state.trade(contract.symbol, -sold, price, at, order_id, "sold by the broker: exercise was not affordable")


def _deliver(
    state: State, contract: Contract, contracts: Decimal, change: Decimal, at: datetime, *, assigned: bool
) -> None:
    """Take contracts out and move shares at the strike: two lines of history that share a group."""
    group = f"{'assign' if assigned else 'exercise'}-{at:%Y%m%d}-{contract.symbol}"
    closing = contracts if assigned else -contracts
    state.move(contract.symbol, closing, ZERO)
    state.book("OPASN" if assigned else "OPEXC", at, symbol=contract.symbol, qty=closing, group_id=group)
    state.move(contract.root, change, contract.strike)
    state.book(
        "OPTRD",
        at,
        symbol=contract.root,
        qty=change,
        price=contract.strike,
        net=-change * contract.strike,
        group_id=group,
    )
