"""What a stranger tried to break: exits left behind by the market."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.ledger import Books, Instruction
from bot.planners.owner import PLANNER, OwnerParams
from bot.planners.wheel_ladder import next_rung
from bot.tests.builders import NOON, D, a_lot, a_quote, a_snapshot, an_order, held
from bot.tests.gates.scenes import PUT


@pytest.mark.parametrize(("ask", "follows"), [("1.20", "1.20"), ("1.10", None), ("1.00", None)])
def test_an_exit_at_the_last_step_follows_the_ask_away_and_never_back(ask: str, follows: Any) -> None:
    """wheel 2.3: an exit that rests where the ask once was never ends the position."""
    order = an_order(PUT, "buy_to_close", limit_price=D("1.10"), step=3, purpose="premium_stop")
    rung = next_rung(order, a_quote(PUT, "0.98", ask), sell=False)
    assert (None if rung is None else str(rung.limit)) == follows


def test_an_entry_at_the_last_step_stays() -> None:
    order = an_order(PUT, limit_price=D("1.10"), step=3)
    assert next_rung(order, a_quote(PUT, "0.90", "1.00"), sell=True) is None


@pytest.mark.parametrize(("bid", "ask", "limit"), [("39.00", "39.02", "39.00"), ("39.99", "40.01", None)])
def test_the_owners_sale_follows_a_falling_market_after_its_last_step(bid: str, ask: str, limit: Any) -> None:
    said = Instruction(contract="XLF", word="close", at=datetime(2026, 11, 18, 15, tzinfo=UTC), author="owner")
    sale = an_order(
        "XLF", "sell_to_close", "100", purpose="owner_close", key="lot-lot-XLF", lot="lot-XLF", strategy="owner",
        limit_price=D("39.99"), step=3,
    )  # fmt: skip
    snapshot = a_snapshot(
        positions=(held("XLF", "100"),), books=Books(lots=(a_lot(),), instructions=(said,)), own_orders=(sale,),
        quotes=(a_quote("XLF", bid, ask, at=NOON),),
    )  # fmt: skip
    intents = PLANNER.plan(snapshot, OwnerParams()).intents
    assert [str(one.limit_price) for one in intents] == ([] if limit is None else [limit])
    assert all(one.replaces == sale.client_order_id and one.step == 3 for one in intents)
