"""Pacing is counted from the orders themselves (wheel 1.5): what was sent, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Counters
from bot.domain.orders import OwnOrder, leg
from bot.domain.pacing import count_orders, round_trips_of
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, D
from bot.tests.store.scene import DAY, PUT, a_planned, a_tick, approved

CALL = PUT.replace("P0", "C0")
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"state": "working", "qty": D(2)}, Counters(orders_today=1, contracts_today=(("XLF", 2),))),
        ({"state": "unknown"}, Counters(orders_today=1, contracts_today=(("XLF", 1),))),
        ({"state": "done", "filled_qty": D(0)}, Counters(orders_today=1)),
        ({"state": "done", "qty": D(3), "filled_qty": D(1)}, Counters(orders_today=1, contracts_today=(("XLF", 1),))),
        ({"state": "refused"}, Counters(orders_today=1)),
        ({"state": "not_sent"}, Counters()),
        ({"state": "working", "purpose": "roll_open"}, Counters()),
        ({"state": "working", "purpose": "close"}, Counters(orders_today=1, contracts_today=(("XLF", 1),))),
        ({"state": "working", "purpose": "take_profit", "legs": (leg(PUT, "buy_to_close"),)}, Counters(exits_today=1)),
        ({"state": "working", "purpose": "open", "legs": (leg("XLF", "buy_to_open"),)}, Counters(orders_today=1)),
        (
            {"state": "working", "purpose": "open", "legs": (leg(PUT, "sell_to_open"), leg(CALL, "buy_to_open"))},
            Counters(orders_today=1, contracts_today=(("XLF", 1),)),
        ),
        (
            {"state": "working", "purpose": "open", "legs": (leg(PUT, "sell_to_open", 2), leg(CALL, "sell_to_open"))},
            Counters(orders_today=1, contracts_today=(("XLF", 3),)),
        ),
    ],
)
def test_an_order_counts_for_what_it_used(given: dict[str, Any], counted: Counters) -> None:
    assert replace(count_orders((a_planned(**given),)), openings=()) == counted


def test_a_reprice_is_an_order_and_no_new_contract() -> None:
    first = a_planned(state="done", status="canceled")
    second = a_planned(number=1, state="working", replaces=first.client_order_id, step=1)
    counted = replace(count_orders((first, second)), openings=())
    assert counted == Counters(orders_today=2, contracts_today=(("XLF", 1),))


def an_exit(number: int, **given: Any) -> OwnOrder:
    facts: dict[str, Any] = {"number": number, "purpose": "take_profit", "legs": (leg(PUT, "buy_to_close"),)}
    return a_planned(**(facts | {"state": "done", "status": "canceled"} | given))


def test_an_exit_that_follows_its_market_is_one_exit_and_its_reprices_count_apart() -> None:
    """F14: chasing uses up no other exit, and has a cap of its own."""
    first = an_exit(1)
    second = an_exit(2, key=first.key, replaces=first.client_order_id)
    third = an_exit(3, key=first.key, replaces=second.client_order_id)
    never = an_exit(4, key=first.key, replaces=third.client_order_id, state="not_sent")
    counted = count_orders((first, second, third, never))
    assert (counted.exits_today, [one.count for one in counted.exit_reprices]) == (1, [2])
    assert (counted.exit_reprices[0].purpose, counted.exit_reprices[0].key) == ("take_profit", first.key)
    larger = an_exit(5, key=first.key, replaces=first.client_order_id, qty=first.qty + 1)
    another = an_exit(6, key="another", replaces=first.client_order_id)
    unasked = an_exit(7, key=first.key)
    for order in (larger, another, unasked):
        assert count_orders((first, order)).exits_today == 2


def a_trade(number: int, intent: str, symbol: str = PUT, **given: Any) -> OwnOrder:
    facts: dict[str, Any] = {
        "number": number, "legs": (leg(symbol, intent),), "state": "done", "status": "filled", "filled_qty": D(1),
        "planned_at": NOON + number * MINUTE,
    }  # fmt: skip
    return a_planned(**(facts | given))


def test_what_is_opened_and_closed_in_one_session_is_a_round_trip() -> None:
    """F14: sold, bought back, sold and bought back again are two; one that nothing filled is none."""
    loop = [a_trade(n, "sell_to_open" if n % 2 else "buy_to_close") for n in (1, 2, 3, 4)]
    assert round_trips_of(tuple(loop[:1])) == ()
    assert round_trips_of(tuple(loop[:3])) == (("XLF", 1),)
    assert round_trips_of(tuple(reversed(loop))) == (("XLF", 2),)
    assert count_orders(tuple(loop)).round_trips_total == 2
    nothing = a_trade(2, "buy_to_close", filled_qty=D(0), state="done", status="canceled")
    assert round_trips_of((loop[0], nothing)) == ()
    working = replace(nothing, state="working", status="new")
    assert round_trips_of((loop[0], working)) == (("XLF", 1),), "its fill may have come since"
    assert round_trips_of((replace(loop[0], filled_qty=D(0)), working)) == (), "nothing was opened"
    assert round_trips_of((loop[1], loop[2])) == (), "closed first, then opened"
    assert round_trips_of((loop[0], a_trade(2, "buy_to_close", CALL))) == ()


def test_the_parts_of_a_reprice_are_one_trip() -> None:
    opened = a_trade(1, "sell_to_open", qty=D(2), filled_qty=D(2))
    part = a_trade(2, "buy_to_close", status="canceled")
    rest = a_trade(3, "buy_to_close", replaces=part.client_order_id)
    assert round_trips_of((opened, part, rest)) == (("XLF", 1),)
    shares = (a_trade(4, "buy_to_open", "XLF"), a_trade(5, "sell_to_close", "XLF"))
    assert round_trips_of((opened, part, rest, *shares)) == (("XLF", 2),)


def test_counters_begin_anew_each_session(journal: LedgerJournal) -> None:
    a_tick(journal, verdicts=(approved(),), planned=(a_planned(),))
    assert journal.memory(NOON, NOON.date()).books.counters.contracts_total == 1
    assert journal.memory(NOON + DAY, (NOON + DAY).date()).books.counters == Counters()
