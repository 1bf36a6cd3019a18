"""What the night brings: orders that lapse, options that end, and lines of history that come a day later."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from bot.domain.instruments import is_option, parse_option
from bot.domain.sessions import Session, sessions_between
from bot.tests.alpaca.matching import CENT, in_the_money, move

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

D = Decimal
MORNING = timedelta(hours=8, minutes=30)


def next_morning(moment: datetime) -> datetime:
    """Give when lines about this day are created: 08:30 UTC of the day after."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) + MORNING


def closes_between(world: AlpacaWorld, first: datetime, last: datetime) -> list[Session]:
    """List the sessions of the world's calendar that close after `first` and not after `last`."""
    sessions = sessions_between(first.date() - timedelta(days=1), last.date())
    shown = [one for one in (world.session_of(session.day) for session in sessions) if one is not None]
    return [session for session in shown if first < session.close_at <= last]


def close_day(world: AlpacaWorld, session: Session) -> None:
    """End a session: its day orders lapse, its options are exercised, assigned or expire, its fees are counted."""
    for order in world.working():
        if order.time_in_force == "day" and order.expires_at <= session.close_at:
            order.end("expired", session.close_at)
    for symbol, held in list(world.holdings.items()):
        if is_option(symbol) and parse_option(symbol).expiry <= session.day:
            _end_option(world, symbol, held.qty)
    _count_fees(world)


def _end_option(world: AlpacaWorld, symbol: str, qty: Decimal) -> None:
    tick = world.quotes.get(parse_option(symbol).root)
    spot = None if tick is None else tick.mid
    for order in world.working():
        if any(part.symbol == symbol for part in order.parts):
            order.end("expired", world.at)
    if spot is not None and in_the_money(symbol, spot):
        deliver(world, symbol, abs(qty), "OPASN" if qty < 0 else "OPEXC")
        return
    move(world, symbol, -qty, D(0), paid=False)
    world.write("OPEXP", at=next_morning(world.at), symbol=symbol, qty=-qty, net_amount=D(0), day=world.today(),
                description="Option Expiry")  # fmt: skip


def deliver(world: AlpacaWorld, symbol: str, contracts: Decimal, kind: str) -> None:
    """Assign a short or exercise a long option: position, shares and cash at once, both lines a day later.

    The two lines belong together by `group_id`; the share line carries the cash and the strike as its price.
    """
    contract = parse_option(symbol)
    short = kind == "OPASN"
    shares = contracts * 100 * (1 if (contract.right == "put") == short else -1)
    move(world, symbol, contracts if short else -contracts, D(0), paid=False)
    move(world, contract.root, shares, contract.strike)
    group, at = world.new_id(), next_morning(world.at)
    word = "Assignment" if short else "Exercise"
    world.write(kind, at=at, symbol=symbol, qty=contracts if short else -contracts, net_amount=D(0),
                group_id=group, day=world.today(), description=f"Option {word}")  # fmt: skip
    world.write("OPTRD", at=at, symbol=contract.root, qty=shares, price=contract.strike,
                net_amount=-shares * contract.strike, group_id=group, day=world.today(),
                description="Option Trade")  # fmt: skip


def _count_fees(world: AlpacaWorld) -> None:
    """Turn what accrued today into lines of tomorrow, each kind rounded up to a cent."""
    day, at = world.today(), next_morning(world.at)
    for kind, accrued in sorted(world.fees_today.items()):
        amount = accrued.quantize(CENT, ROUND_CEILING)

        def book(kind: str = kind, accrued: Decimal = accrued, amount: Decimal = amount) -> None:
            world.cash -= amount
            world.fees_booked_later -= accrued
            world.write("FEE", sub_type=kind, net_amount=-amount, day=day, description=f"{kind} fee for {day}")

        world.fees_booked_later += accrued
        world.later(at, book)
    world.fees_today.clear()
