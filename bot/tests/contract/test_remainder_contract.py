"""What is left of an order that filled in part has, at every broker, an owner, an end, and one successor at most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.checks import allowed
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.engine.execute import Sender, execute, plan_orders
from bot.engine.observe import strange_things
from bot.engine.ports import Settlement
from bot.tests.alpaca.hand import AlpacaStage
from bot.tests.builders import a_snapshot, an_intent, an_order
from bot.tests.contract.test_broker_contract import STAGES, TOMORROW, Stage
from bot.tests.contract.test_spread_contract import Trader
from bot.tests.engine.hands import ListJournal

D = Decimal
BOUGHT = "first"


class Buyer(Trader):
    """A desk that buys shares, and the executor over its account."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.journal = ListJournal()

    def buy(self, qty: str = "10") -> None:
        """Rest a purchase at 39.00 and fill four of it."""
        answer = self.stage.send("XLF", "buy_to_open", qty, limit_price="39.00", id=BOUGHT)
        self.desk.orders[BOUGHT] = an_order(
            "XLF", "buy_to_open", qty, client_order_id=BOUGHT, broker_order_id=answer.broker_order_id,
            limit_price=D("39.00"), planned_at=self.stage.at, slot=self.stage.at, purpose="open", status=answer.status,
        )  # fmt: skip
        self.stage.quote("38.98", "39.00", size=4)

    @property
    def order(self) -> OwnOrder:
        """Give the first order as the books have it."""
        return self.desk.orders[BOUGHT]

    def follow(self, qty: Decimal) -> tuple[OwnOrder, ...]:
        """Send what takes its place at a better price, as a tick would."""
        intent: OrderIntent = an_intent(
            "XLF", "buy_to_open", str(qty), limit_price=D("39.10"), replaces=BOUGHT, purpose="open"
        )
        snapshot = a_snapshot(self.stage.at, own_orders=self.desk.memory().own_orders)
        verdicts = (Verdict(intent=intent, checks=(allowed("a_gate", "fine"),)),)
        planned = plan_orders(self.journal, snapshot, verdicts)
        for order, _ in planned:
            self.journal.rows[order.client_order_id] = order
        sender = Sender(
            broker=self.stage.broker, journal=self.journal, tick_id=1, now=lambda: self.stage.at,
            time_is_up=lambda: False,
        )  # fmt: skip
        orders, _ = execute(sender, snapshot, verdicts, planned)
        for order in orders:
            self.desk.orders[order.client_order_id] = order
        return orders

    def shares(self) -> Decimal:
        """Give what the books hold of it."""
        return sum((lot.qty for lot in self.desk.books.lots if lot.symbol == "XLF"), D(0))


@pytest.fixture(params=sorted(STAGES))
def buyer(request: pytest.FixtureRequest) -> Iterator[Buyer]:
    stage = STAGES[request.param]()
    yield Buyer(stage)
    stage.close()


def agrees(buyer: Buyer, result: Settlement, shares: str) -> None:
    """Hold books, account and history against each other."""
    assert result.drift == ()
    assert buyer.shares() == D(shares) == buyer.stage.held().get("XLF", D(0))
    assert result.books.cash == buyer.stage.broker.read_account().cash


def test_a_remainder_works_on_under_the_order_it_belongs_to(buyer: Buyer) -> None:
    buyer.buy()
    result = buyer.settle()
    assert (buyer.order.state, buyer.order.status, buyer.order.remaining) == ("working", "partially_filled", D(6))
    agrees(buyer, result, "4")


def test_a_remainder_that_fills_later_joins_the_same_lot(buyer: Buyer) -> None:
    buyer.buy()
    buyer.settle()
    buyer.stage.quote("38.78", "38.80", size=100)
    result = buyer.settle()
    assert (buyer.order.state, buyer.order.status, buyer.order.remaining) == ("done", "filled", D(0))
    agrees(buyer, result, "10")
    assert [lot.qty for lot in result.books.lots] == [D(10)]


def test_a_remainder_of_the_day_ends_with_its_session_and_nothing_follows_it(buyer: Buyer) -> None:
    buyer.buy()
    buyer.settle()
    buyer.stage.pass_to(TOMORROW)
    result = buyer.settle()
    assert (buyer.order.state, buyer.order.status, buyer.order.filled_qty) == ("done", "expired", D(4))
    assert [order for order in buyer.desk.memory().own_orders if order.alive] == []
    agrees(buyer, result, "4")


def test_a_remainder_that_is_cancelled_ends_with_what_it_filled(buyer: Buyer) -> None:
    buyer.buy()
    buyer.settle()
    buyer.stage.broker.cancel(buyer.order.broker_order_id)
    buyer.stage.quote("38.00", "38.02")
    result = buyer.settle()
    assert (buyer.order.state, buyer.order.status, buyer.order.filled_qty) == ("done", "canceled", D(4))
    agrees(buyer, result, "4")


def test_a_remainder_is_followed_by_one_order_for_no_more_than_is_left(buyer: Buyer) -> None:
    buyer.buy()
    buyer.settle()
    (successor,) = buyer.follow(buyer.order.remaining)
    assert (successor.state, successor.qty) == ("working", D(6))
    buyer.settle()
    assert (buyer.order.state, buyer.order.status) == ("done", "canceled")
    # The same wish once more: what it would replace is gone, and nothing is sent.
    assert all(order.state == "not_sent" for order in buyer.follow(D(6)))
    buyer.stage.quote("38.98", "39.00")
    result = buyer.settle()
    agrees(buyer, result, "10")
    assert len(buyer.stage.broker.read_orders(buyer.stage.at - timedelta(days=1))) == 2


def test_a_fill_during_the_cancellation_leaves_nothing_to_follow(buyer: Buyer) -> None:
    buyer.buy()
    buyer.settle()
    buyer.stage.overtake("39.00")
    (successor,) = buyer.follow(buyer.order.remaining)
    assert successor.state == "not_sent"
    result = buyer.settle()
    assert (buyer.order.state, buyer.order.status) == ("done", "filled")
    agrees(buyer, result, "10")


def test_a_sale_in_part_leaves_odd_shares_that_are_named_with_what_ends_them(buyer: Buyer) -> None:
    buyer.buy("100")
    buyer.stage.quote("38.98", "39.00", size=96)
    assert [note for note in buyer.settle().notes if "whole hundred" in note] == []
    buyer.desk.orders["stop"] = an_order(
        "XLF", "sell_to_close", "100", client_order_id="stop", order_type="limit", limit_price=D("39.50"),
        planned_at=buyer.stage.at, slot=buyer.stage.at, purpose="trailing_stop",
        broker_order_id=buyer.stage.send("XLF", "sell_to_close", "100", limit_price="39.50", id="stop").broker_order_id,
    )  # fmt: skip
    buyer.stage.quote("39.50", "39.52", size=60)
    result = buyer.settle()
    agrees(buyer, result, "40")
    (note,) = [note for note in result.notes if "whole hundred" in note]
    assert note.startswith("XLF: 40 shares are left that make no whole hundred")
    assert "`bot close XLF` sells all of XLF" in note
    assert buyer.settle().notes == (), "said once"


def test_a_cancellation_that_never_ends_is_named_and_nothing_takes_its_place() -> None:
    stage: Any = AlpacaStage()
    try:
        buyer = Buyer(stage)
        buyer.buy()
        buyer.settle()
        stage.world.pending_cancel_reads = 10**6
        (successor,) = buyer.follow(buyer.order.remaining)
        assert successor.state == "not_sent"
        assert strange_things(buyer.reads()) == ()
        stage.pass_to(stage.at + timedelta(minutes=21))
        assert "its cancellation was taken at" in strange_things(buyer.reads())[0]
        buyer.settle()
        assert (buyer.order.state, buyer.order.status, buyer.order.remaining) == ("working", "pending_cancel", D(6))
        assert buyer.follow(buyer.order.remaining)[0].state == "not_sent"
        stage.pass_to(TOMORROW)
        agrees(buyer, buyer.settle(), "4")
        assert buyer.order.state == "done"
    finally:
        stage.close()
