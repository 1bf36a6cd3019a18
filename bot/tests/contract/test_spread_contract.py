"""Orders of two legs at every broker: fills under the legs' own ids, premium, collateral and books to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import Activity, BrokerOrder
from bot.domain.ledger import Drift
from bot.domain.orders import OrderRequest, leg
from bot.engine.ports import Reads, Settlement
from bot.tests.builders import an_order
from bot.tests.contract.test_broker_contract import EVER, LOW_PUT, PUT, STAGES, TOMORROW, Stage
from bot.tests.engine.settle_world import Desk

D = Decimal
OPENS = (leg(PUT, "sell_to_open"), leg(LOW_PUT, "buy_to_open"))
CLOSES = (leg(PUT, "buy_to_close"), leg(LOW_PUT, "sell_to_close"))
FEES_OPENED, FEES_CLOSED = D("0.21"), D("0.21")
"""Two sold and two bought: 0.08, 0.1074 and 0.00558, each rounded up to a cent; the same to close."""


class Trader:
    """A desk's books beside an account: it sends, reads and settles."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.desk = Desk()
        self.settle()

    def send(self, name: str, legs: Any, qty: str, price: str, purpose: Any) -> BrokerOrder:
        """Send an order of two legs and keep it as the ledger would."""
        request = OrderRequest(
            client_order_id=name, legs=legs, qty=D(qty), order_type="limit", limit_price=D(price), time_in_force="day"
        )
        answer: BrokerOrder = self.stage.broker.submit(request)
        self.desk.orders[name] = an_order(
            PUT, "sell_to_open", qty, client_order_id=name, broker_order_id=answer.broker_order_id, legs=legs,
            purpose=purpose, strategy="spread", underlying="XLF", limit_price=D(price), status=answer.status,
            planned_at=self.stage.at, slot=self.stage.at,
        )  # fmt: skip
        return answer

    def reads(self) -> Reads:
        """Read the whole account."""
        broker = self.stage.broker
        return Reads(
            clock=broker.read_clock(), account=broker.read_account(), positions=broker.read_positions(),
            orders=broker.read_orders(self.desk.memory().orders_since), activities=broker.read_activities(EVER),
        )  # fmt: skip

    def settle(self, **changes: Any) -> Settlement:
        """Settle what the account shows, with some of it changed."""
        return self.desk.settle(replace(self.reads(), **changes), self.stage.at)

    def held(self) -> dict[str, Decimal]:
        """Give what the books hold."""
        return {one.symbol: one.qty for one in self.desk.books.legs}


@pytest.fixture(params=sorted(STAGES))
def trader(request: pytest.FixtureRequest) -> Iterator[Trader]:
    stage = STAGES[request.param]()
    stage.list_option(PUT, "0.55", "0.60")
    stage.list_option(LOW_PUT, "0.20", "0.24")
    yield Trader(stage)
    stage.close()


def opened(trader: Trader, qty: str = "2", size: int | None = None) -> BrokerOrder:
    """Open spreads at a credit of 0.36, as far as the size shown allows."""
    sent = trader.send("open", OPENS, qty, "-0.36", "open")
    trader.stage.quotes({PUT: ("0.60", "0.64"), LOW_PUT: ("0.20", "0.24")}, size)
    return sent


def test_the_fills_of_two_legs_name_the_legs_and_are_ours(trader: Trader) -> None:
    sent = opened(trader)
    assert len(set(sent.leg_ids)) == 2
    assert sent.broker_order_id not in sent.leg_ids
    result = trader.settle()
    assert {fill.broker_order_id for fill in result.fills} == set(sent.leg_ids)
    assert {(fill.client_order_id, fill.strategy, fill.symbol) for fill in result.fills} == {
        ("open", "spread", PUT), ("open", "spread", LOW_PUT),
    }  # fmt: skip
    assert trader.held() == {PUT: D(-2), LOW_PUT: D(2)} == trader.stage.held()
    assert [(held.position.symbol, held.owner) for held in result.held] == [(LOW_PUT, "ours"), (PUT, "ours")]
    assert result.drift == ()


def test_a_spread_secures_its_width_and_its_premium_is_cash(trader: Trader) -> None:
    opened(trader)
    books = trader.settle().books
    account = trader.stage.broker.read_account()
    assert books.cash == account.cash == D(25_072)
    # 2.00 wide, two of them, whatever the premium was; the day's fees may be held back.
    assert account.options_buying_power is not None
    assert D(25_072) - 400 - 1 < account.options_buying_power <= D(25_072) - 400
    (cycle,) = books.cycles
    assert cycle.option_cash == D(72)


def test_a_spread_opened_and_closed_leaves_its_difference_to_the_cent(trader: Trader) -> None:
    opened(trader)
    trader.settle()
    trader.send("close", CLOSES, "2", "0.20", "close")
    trader.stage.quotes({LOW_PUT: ("0.10", "0.12"), PUT: ("0.28", "0.30")})
    closed = trader.settle()
    assert trader.held() == {} == trader.stage.held()
    assert closed.drift == ()
    assert sum(end.income for end in closed.leg_ends) == D(32)
    assert closed.books.cash == trader.stage.broker.read_account().cash == D(25_032)
    trader.stage.pass_to(TOMORROW)
    done = trader.settle()
    fees = -sum((line.net_amount for line in done.activities if line.kind == "FEE"), D(0))
    assert FEES_OPENED < fees <= FEES_OPENED + FEES_CLOSED
    assert done.books.cash == trader.stage.broker.read_account().cash == D(25_032) - fees
    (cycle,) = done.cycles_closed
    assert (cycle.option_cash, cycle.fees, cycle.legs) == (D(32), fees, 2)


def test_a_part_of_a_spread_fills_in_its_ratio_and_the_rest_ends_with_its_cancellation(trader: Trader) -> None:
    sent = opened(trader, "3", size=2)
    part = trader.settle()
    assert trader.held() == {PUT: D(-2), LOW_PUT: D(2)}
    assert part.drift == ()
    (order,) = part.orders
    assert (order.state, order.status, order.filled_qty, order.remaining) == ("working", "partially_filled", D(2), D(1))
    trader.stage.broker.cancel(sent.broker_order_id)
    (order,) = trader.settle().orders
    assert (order.state, order.status, order.filled_qty) == ("done", "canceled", D(2))
    assert trader.desk.books.cash == trader.stage.broker.read_account().cash == D(25_072)


def test_a_fill_that_the_order_shows_and_the_history_does_not_is_pending_on_each_leg(trader: Trader) -> None:
    opened(trader)
    late = trader.settle(activities=before_fills(trader), orders=trader.reads().orders)
    assert {(one.symbol, one.kind) for one in late.drift if one.symbol != "CASH"} == {
        (PUT, "pending"), (LOW_PUT, "pending"),
    }  # fmt: skip
    assert trader.settle().drift == ()


def before_fills(trader: Trader) -> tuple[Activity, ...]:
    """Give the history without the fills."""
    return tuple(line for line in trader.reads().activities if line.kind != "FILL")


def half(trader: Trader) -> dict[str, Any]:
    """Give an account in which only the put sold of a spread filled: the one bought as cover did not."""
    reads = trader.reads()
    missing = next(line for line in reads.activities if line.symbol == LOW_PUT)
    assert missing.price is not None
    paid = missing.qty * missing.price * 100
    return {
        "activities": tuple(line for line in reads.activities if line is not missing),
        "positions": tuple(one for one in reads.positions if one.symbol != LOW_PUT),
        "account": replace(reads.account, cash=reads.account.cash + paid),
        "orders": tuple(
            replace(one, status="canceled", filled_qty=D(0)) if one.client_order_id == "open" else one
            for one in reads.orders
        ),
    }


def uneven(result: Settlement) -> tuple[Drift, ...]:
    """Give what is told of legs that filled unevenly."""
    return tuple(one for one in result.drift if "filled unevenly" in one.what)


def test_a_leg_without_its_other_is_pending_for_a_moment_and_then_unexplained(trader: Trader) -> None:
    opened(trader)
    wrong = half(trader)
    (one,) = uneven(trader.settle(**wrong))
    assert (one.symbol, one.kind, one.broker, one.ours) == (LOW_PUT, "pending", D(0), D(2))
    trader.stage.quotes({PUT: ("0.60", "0.64")})
    trader.stage.quotes({PUT: ("0.60", "0.64")})
    trader.stage.quotes({PUT: ("0.60", "0.64")})
    (one,) = uneven(trader.settle(**wrong))
    assert (one.symbol, one.kind) == (LOW_PUT, "unexplained")
    assert "order open filled unevenly: 0 of 2 here" in one.what
    assert trader.desk.books.drift == (one,)


def test_a_leg_that_was_alone_is_no_worry_once_it_is_gone(trader: Trader) -> None:
    opened(trader)
    wrong = half(trader)
    trader.settle(**wrong)
    (bought,) = [line for line in wrong["activities"] if line.symbol == PUT]
    gone = replace(bought, id="by-hand", qty=D(2), order_id="by-hand", net_amount=D(0))
    cash = replace(wrong["account"], cash=D(25_000))
    result = trader.settle(
        **(wrong | {"activities": (*wrong["activities"], gone), "positions": (), "account": cash})
    )  # fmt: skip
    assert uneven(result) == ()
    assert trader.held() == {}
