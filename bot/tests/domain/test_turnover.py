"""The notional an order opens (wheel 2.22): put K M q, shares S q, call S M q."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.orders import leg
from bot.domain.turnover import Notional, notional_of
from bot.tests.builders import an_intent, call, put

D = Decimal
PUT = put("XLF", date(2026, 12, 18), "37")
LOWER = put("XLF", date(2026, 12, 18), "36")
CALL = call("XLF", date(2026, 12, 18), "42")


@pytest.mark.parametrize(
    ("legs", "dollars"),
    [
        ((leg(PUT, "sell_to_open"),), 7400),
        ((leg(CALL, "sell_to_open"),), 8000),
        ((leg("XLF", "buy_to_open"),), 80),
        ((leg(PUT, "sell_to_open"), leg(CALL, "sell_to_open")), 15400),
        ((leg(PUT, "sell_to_open"), leg(LOWER, "buy_to_open")), 7400),
        ((leg(PUT, "buy_to_open"),), 7400),
        ((leg(PUT, "sell_to_open", 2),), 14800),
        ((leg(PUT, "buy_to_close"),), 0),
    ],
)
def test_two_units_open_their_notional_at_a_share_price_of_forty(legs: tuple[Any, ...], dollars: int) -> None:
    assert notional_of(an_intent(PUT, legs=legs), D(2)).dollars(D(40)) == D(dollars)


def test_without_a_share_price_a_call_counts_at_its_strike_and_a_purchase_at_its_limit() -> None:
    assert notional_of(an_intent(CALL), D(1)).dollars(None) == D(4200)
    assert notional_of(an_intent("XLF", "buy_to_open", limit_price=D(39)), D(10)).dollars(None) == D(390)
    assert notional_of(an_intent("XLF", "buy_to_open", limit_price=None), D(10)).dollars(None) is None
    assert Notional(puts=D(5)).dollars(None) == D(5)
