"""Pacing is counted from the orders themselves (wheel 1.5): what was sent, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Counters
from bot.domain.orders import leg
from bot.store.journal import LedgerJournal
from bot.store.remembering import count_orders
from bot.tests.builders import NOON, D
from bot.tests.store.scene import DAY, PUT, a_planned, a_tick, approved

CALL = PUT.replace("P0", "C0")


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


def test_counters_begin_anew_each_session(journal: LedgerJournal) -> None:
    a_tick(journal, verdicts=(approved(),), planned=(a_planned(),))
    assert journal.memory(NOON, NOON.date()).books.counters.contracts_total == 1
    assert journal.memory(NOON + DAY, (NOON + DAY).date()).books.counters == Counters()
