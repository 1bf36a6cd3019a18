"""A purchase at the market is counted at what it will cost: the ask, up to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.tests.builders import a_quote
from bot.tests.gates.scenes import a_case, a_purchase, ask

D = Decimal
WIDE: dict[str, Any] = {"quotes": (a_quote("XLF", "36.00", "44.00"),)}
"""Within a collar of 15 % of the mid, 40."""


def buying(qty: str, **given: Any) -> Any:
    return a_purchase("XLF", qty, strategy="cross", **({"order_type": "market", "limit_price": None} | given))


@pytest.mark.parametrize("gate", ["order_loss_within", "symbol_share_within"])
def test_a_share_of_equity_bought_at_the_market_is_reached_at_the_ask(gate: str) -> None:
    limit = {"order_loss_share": D("0.1"), "symbol_share": D("0.1")}
    assert ask(gate, buying("10"), a_case(limits=limit, equity=D(4400), **WIDE)).ok
    found = ask(gate, buying("10"), a_case(limits=limit, equity=D(4399), **WIDE))
    assert (found.ok, found.value) == (False, D("0.100023"))
    assert ask(
        gate, buying("10", order_type="limit", limit_price=D(40)), a_case(limits=limit, equity=D(4000), **WIDE)
    ).ok


def test_the_cash_and_the_loss_shown_are_those_of_the_ask() -> None:
    case = a_case(**WIDE)
    wish = case.wish(buying("10"))
    assert (wish.loss, wish.added.cash) == (D(440), D(440))
    assert ask("shape_is_known", buying("10"), case).value == D(440)


def test_its_stress_falls_from_the_ask_to_a_fifth_below_the_mid() -> None:
    assert a_case(**WIDE).wish(buying("10")).stress == D(120)  # 440 paid, 10 at 0.80 x 40 left


def test_what_is_accepted_ties_up_the_ask_for_the_next() -> None:
    first = a_case(**WIDE)
    assert first.free_cash.value - first.accepting(buying("10")).free_cash.value == D(440)


def test_without_a_collar_nothing_is_bought_at_the_market() -> None:
    """A limit still bounds what a purchase pays; at the market the collar is all that does."""
    off = a_case(limits={"price_collar_fraction": None})
    found = ask("price_within_collar", buying("10"), off)
    assert (found.ok, "price_collar_fraction is off" in found.reason) == (False, True)
    assert ask("price_within_collar", buying("10", order_type="limit", limit_price=D(40)), off).ok
