"""A market in which one put, one call and one stop are fine, and the words to spoil it in one respect."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.checks import CheckResult
from bot.domain.desk import BarParams, MaCrossNumbers, TrailingNumbers, TrailingParams, WheelNumbers
from bot.domain.ledger import Books, Proposal, Roll
from bot.domain.market import Quote
from bot.domain.orders import OrderIntent
from bot.gates import GATES, Case
from bot.tests.builders import (
    NOON,
    a_desk,
    a_lot,
    a_quote,
    a_snapshot,
    an_intent,
    call,
    held,
    put,
    some_limits,
    symbols,
    wheel_numbers,
    wheel_params,
)

D = Decimal
EXPIRY = date(2026, 12, 18)
PUT = put("XLF", EXPIRY, "37")
PUT_LOWER = put("XLF", EXPIRY, "36")
CALL = call("XLF", EXPIRY, "42")
TODAY_PUT = put("XLF", date(2026, 11, 18), "39")
GATE_OF = dict(GATES)


def quotes(**changed: Any) -> tuple[Quote, ...]:
    """Every series at 0.58 x 0.62; `changed` spoils them all."""
    facts: dict[str, Any] = {"bid": "0.58", "ask": "0.62", "open_interest": 500} | changed
    return (a_quote("XLF"), *(a_quote(symbol, **facts) for symbol in (PUT, PUT_LOWER, CALL, TODAY_PUT)))


def a_case(
    *accepted: OrderIntent, limits: dict[str, Any] | None = None, numbers: WheelNumbers | None = None,
    universe: Any = None, protect: bool = False, approvals: Any = (), **snapshot: Any,
) -> Case:  # fmt: skip
    wheel = wheel_params("XLF", "XLU", numbers=numbers or wheel_numbers())
    stops = TrailingParams(
        name="stops",
        numbers=TrailingNumbers(trail_percent=D(12), protect_wheel_lots=protect),
        symbols=(),
        wheel_symbols=frozenset({"XLU"}),
    )
    desk = a_desk(
        universe=symbols("XLF", "XLU") if universe is None else universe,
        limits=some_limits(**(limits or {})),
        wheels=((1, True, wheel),),
        trailing_stops=((2, True, stops),),
        bars=tuple((3, True, bars_of(name, order)) for name, order in (("cross", "market"), ("patient", "limit"))),
        approvals=approvals,
    )
    facts: dict[str, Any] = {"quotes": quotes()}
    return Case(snapshot=a_snapshot(**(facts | snapshot)), desk=desk, accepted=accepted)


def bars_of(name: str, order: Any) -> BarParams:
    """A strategy on bars that buys XLF."""
    numbers = MaCrossNumbers(
        step="1day", enter_on="turn", position_share=D("0.1"), units=None, order=order, stop_percent=None,
        target_percent=None, fast=10, slow=50,
    )  # fmt: skip
    return BarParams(name=name, kind="ma_cross", numbers=numbers, symbols=("XLF",))


def a_proposal(intent: OrderIntent, **given: Any) -> Proposal:
    """An intent the owner approved a minute ago, and that stands until the next slot."""
    facts: dict[str, Any] = {
        "number": 3, "intent": intent, "proposed_at": NOON - timedelta(minutes=2),
        "lapses_at": NOON + timedelta(minutes=15), "approved_at": NOON - timedelta(minutes=1), "author": "ada",
    }  # fmt: skip
    return Proposal(**(facts | given))


def with_shares(qty: str = "100", symbol: str = "XLF", **books: Any) -> dict[str, Any]:
    """Shares of ours with one lot for each hundred."""
    count = int(D(qty) // 100)
    lots = tuple(a_lot(symbol, id=f"lot-{symbol}-{n}") for n in range(1, count + 1))
    return {"positions": (held(symbol, qty),), "books": Books(**({"lots": lots} | books))}


def a_put(symbol: str = PUT, **given: Any) -> OrderIntent:
    return an_intent(symbol, **given)


def a_call(symbol: str = CALL, **given: Any) -> OrderIntent:
    return an_intent(symbol, **({"purpose": "covered_call", "lot": "lot-XLF-1"} | given))


def a_buy_back(symbol: str = PUT, **given: Any) -> OrderIntent:
    return an_intent(symbol, "buy_to_close", **({"purpose": "take_profit"} | given))


def a_stop(symbol: str = "XLF", qty: str = "100", **given: Any) -> OrderIntent:
    facts: dict[str, Any] = {
        "strategy": "stops", "purpose": "trailing_stop", "order_type": "trailing_stop", "limit_price": None,
        "trail_percent": D(12), "time_in_force": "gtc", "lot": f"lot-{symbol}-1",
    }  # fmt: skip
    return an_intent(symbol, "sell_to_close", qty, **(facts | given))


def a_sale(symbol: str = "XLF", qty: str = "100", **given: Any) -> OrderIntent:
    return an_intent(symbol, "sell_to_close", qty, **({"purpose": "owner_close", "limit_price": D("39.99")} | given))


def a_purchase(symbol: str = "XLF", qty: str = "10", **given: Any) -> OrderIntent:
    return an_intent(symbol, "buy_to_open", qty, **({"purpose": "open", "limit_price": D("40.00")} | given))


def a_cancel(order_id: str, purpose: Any = "cancel_stale", **given: Any) -> OrderIntent:
    facts: dict[str, Any] = {
        "purpose": purpose, "action": "cancel", "legs": (), "qty": D(0), "limit_price": None, "replaces": order_id,
    }  # fmt: skip
    return an_intent(PUT, **(facts | given))


def a_roll(**given: Any) -> Roll:
    facts: dict[str, Any] = {
        "id": "r1", "underlying": "XLF", "right": "put", "old_symbol": put("XLF", date(2026, 11, 20), "41"),
        "old_strike": D(41), "qty": D(1), "strategy": "wheel", "cycle": "c1", "chain": "l1", "rolls": 1,
        "stage": "opening", "budget": D(45), "ticks_left": 8, "started_at": NOON - timedelta(minutes=15),
    }  # fmt: skip
    return Roll(**(facts | given))


def ask(gate: str, intent: OrderIntent, case: Case) -> CheckResult:
    """Ask one gate by its name."""
    result = GATE_OF[gate](intent, case)
    assert result.gate == gate
    return result


def changed(intent: OrderIntent, **given: Any) -> OrderIntent:
    return msgspec.structs.replace(intent, **given)
