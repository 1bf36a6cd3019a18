"""The drill's own planners: one that wants exactly what it is told, and one that never stops wanting."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from msgspec.structs import replace

from bot.domain.facts import Fact
from bot.domain.holdings import OrderType, PositionIntent
from bot.domain.instruments import underlying_of
from bot.domain.market import ChainRequest, QuotesRequest, Request
from bot.domain.money import CENT
from bot.domain.orders import OrderIntent, Purpose, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan, Planner, Strategy

NAME = "drill"
WISHES_A_TICK = 9
NICKEL = Decimal("0.05")


class Wishes(Fact, frozen=True, kw_only=True):
    """What the drill wants, word for word."""

    intents: tuple[OrderIntent, ...] = ()
    symbols: tuple[str, ...] = ()
    """Symbols it must see a quote of."""


class Runaway(Fact, frozen=True, kw_only=True):
    """On which underlyings a planner that has lost its mind sells puts, and in which days to expiry."""

    symbols: tuple[str, ...]
    dte_min: int
    dte_max: int


def wishing(*intents: OrderIntent) -> Strategy:
    """Give the strategy that wants these."""
    symbols = {leg.symbol for one in intents for leg in one.legs} | {one.underlying for one in intents}
    return Strategy(NAME, _WISHES, Wishes(intents=intents, symbols=tuple(sorted(symbols))), 50)


def running_away(params: Runaway) -> Strategy:
    """Give the strategy that wants new puts at every tick, each time under new names."""
    return Strategy(NAME, _RUNAWAY, params, 50)


def again(intent: OrderIntent, key: str, **changes: object) -> OrderIntent:
    """Give a former wish once more, in the drill's own name."""
    return replace(intent, strategy=NAME, key=key, replaces="", reason="the drill wants it again", **changes)


def want(
    symbol: str, side: PositionIntent, qty: Decimal, *, purpose: Purpose, key: str, limit: Decimal | None = None,
    trail: Decimal | None = None, lot: str = "",
) -> OrderIntent:  # fmt: skip
    """Give a plain wish for one symbol: at a limit, with a trail, or at the market."""
    kind: OrderType = "limit" if limit is not None else "trailing_stop" if trail is not None else "market"
    return OrderIntent(
        strategy=NAME, purpose=purpose, key=key, underlying=underlying_of(symbol), legs=(leg(symbol, side),), qty=qty,
        order_type=kind, limit_price=limit, trail_percent=trail, time_in_force="gtc" if trail else "day", lot=lot,
        reason="the drill wants it",
    )  # fmt: skip


def _needs(holdings: Holdings, params: Wishes, at: datetime) -> tuple[Request, ...]:
    return (QuotesRequest(symbols=params.symbols),) if params.symbols else ()


def _plan(snapshot: Snapshot, params: Wishes) -> Plan:
    return Plan(intents=params.intents)


def _runaway_needs(holdings: Holdings, params: Runaway, at: datetime) -> tuple[Request, ...]:
    quotes = QuotesRequest(symbols=params.symbols)
    return (quotes, *(_chain(symbol, params) for symbol in params.symbols))


def _chain(symbol: str, params: Runaway) -> ChainRequest:
    return ChainRequest(
        underlying=symbol, right="put", dte_min=params.dte_min, dte_max=params.dte_max, moneyness_min=Decimal("0.85"),
        moneyness_max=Decimal(1),
    )  # fmt: skip


def _runaway(snapshot: Snapshot, params: Runaway) -> Plan:
    found: list[OrderIntent] = []
    each = -(-WISHES_A_TICK // max(len(params.symbols), 1))
    for chain in snapshot.chains:
        spot = snapshot.spot(chain.underlying)
        if chain.right != "put" or spot is None:
            continue
        offers = [one for one in chain.offers() if one.strike < spot and one.bid and one.ask and one.standard]
        offers.sort(key=lambda one: (abs(one.strike - spot * Decimal("0.94")), one.expiry))
        for number, offer in enumerate(offers[:each]):
            assert offer.bid is not None
            assert offer.ask is not None
            middle = (offer.bid + offer.ask) / 2
            limit = (middle / NICKEL).to_integral_value(ROUND_FLOOR) * NICKEL
            wish = want(
                offer.symbol, "sell_to_open", Decimal(1), purpose="cash_secured_put",
                key=f"{chain.underlying}-{snapshot.at:%H%M%S}-{number}", limit=max(limit, offer.bid, CENT),
            )  # fmt: skip
            found.append(wish)
    return Plan(intents=tuple(found))


_WISHES = Planner(kind="drill", params=Wishes, needs=_needs, plan=_plan)
_RUNAWAY = Planner(kind="drill", params=Runaway, needs=_runaway_needs, plan=_runaway)
