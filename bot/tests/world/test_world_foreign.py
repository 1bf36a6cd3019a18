"""An order the owner placed by hand counts in risk and does not silence the wheel (design 12)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from bot.domain.orders import OrderRequest, leg
from bot.tests.world.runs import FOUR_A_DAY, SOME_DAY, choice_of, make_house, run_in, sessions_from


def test_a_resting_order_placed_by_hand_is_priced_and_the_wheel_goes_on(tmp_path: Path) -> None:
    opened = sessions_from(SOME_DAY, 1)[0].open_at
    by_hand = OrderRequest(
        client_order_id="by-hand", legs=(leg("ZETA", "buy_to_open"),), qty=Decimal(1), order_type="limit",
        limit_price=Decimal("1.00"), time_in_force="gtc",
    )  # fmt: skip
    with run_in(make_house(tmp_path / "home", choice_of("balanced", 25_000), 1)) as run:
        run.tick_at(opened + FOUR_A_DAY[0])
        run.broker.submit(by_hand)
        result = run.tick_at(opened + FOUR_A_DAY[1])
    assert [order.client_order_id for order in result.snapshot.foreign_orders] == ["by-hand"]
    assert result.snapshot.spot("ZETA") is not None
    assert result.verdicts
    refusals = [check.reason for verdict in result.verdicts for check in verdict.checks if not check.ok]
    assert [reason for reason in refusals if "has no price" in reason] == []
