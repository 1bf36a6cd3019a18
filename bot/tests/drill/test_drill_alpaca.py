"""The Alpaca in memory answers as the adapter needs it, and its faults are the wire's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.brokers.alpaca import AlpacaBroker
from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.domain.orders import OrderRequest, leg
from bot.drill.account import ACCOUNT, Died
from bot.drill.stage import Stage
from bot.tests.drill.drill_setting import a_setting


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path / "home", a_setting("alpaca"))
    yield found
    found.close()


def an_order(name: str = "main-1", symbol: str = "XLF", qty: str = "3") -> OrderRequest:
    return OrderRequest(
        client_order_id=name, legs=(leg(symbol, "buy_to_open"),), qty=Decimal(qty), order_type="limit",
        limit_price=Decimal("5.00"), time_in_force="day",
    )  # fmt: skip


def test_the_adapter_reads_the_same_account_as_the_simulator(stage: Stage) -> None:
    broker = stage.broker()
    assert isinstance(broker, AlpacaBroker)
    stage.account.trade("XLF", Decimal(10), Decimal(40), "by-hand")
    direct, through = stage.account.read_account(), broker.read_account()
    assert (through.id, through.cash, through.options_level) == (ACCOUNT, direct.cash, direct.options_level)
    assert broker.read_clock() == stage.account.read_clock()
    assert [(one.symbol, one.qty) for one in broker.read_positions()] == [("XLF", Decimal(10))]
    mine, theirs = (
        [(one.id, one.kind, one.symbol, one.qty, one.at) for one in lines.read_activities(stage.at.date())]
        for lines in (stage.account, broker)
    )
    assert theirs == mine


def test_an_order_goes_and_comes_back_as_it_was(stage: Stage) -> None:
    broker = stage.broker()
    sent = broker.submit(an_order())
    assert broker.find_order("main-1") == stage.account.find_order("main-1") == sent
    assert broker.read_orders(stage.at) == (sent,)
    broker.cancel(sent.broker_order_id)
    found = broker.find_order("main-1")
    assert found is not None
    assert found.status == "canceled"
    assert broker.find_order("nobody") is None


def test_a_refusal_keeps_its_code_and_a_second_id_is_a_duplicate(stage: Stage) -> None:
    broker = stage.broker()
    broker.submit(an_order())
    with pytest.raises(BrokerRefused) as refused:
        broker.submit(an_order())
    assert refused.value.code is RefusalCode.DUPLICATE_ID
    with pytest.raises(BrokerRefused) as refused:
        broker.submit(an_order("main-2", qty="900000"))
    assert refused.value.code is RefusalCode.INSUFFICIENT_FUNDS


def test_what_goes_wrong_with_the_account_goes_wrong_on_the_wire(stage: Stage) -> None:
    broker = stage.broker()
    stage.account.faults.submit = "timeout"
    with pytest.raises(OutcomeUnknown):
        broker.submit(an_order())
    stage.account.faults.blind = True
    with pytest.raises(BrokerUnreachable):
        broker.find_order("main-1")
    stage.account.faults.blind = False
    assert broker.find_order("main-1") is not None
    stage.account.faults.submit = "die"
    with pytest.raises(Died):
        broker.submit(an_order("main-2"))
    assert stage.account.find_order("main-2") is not None
    assert stage.account.door == {"main-1": 1, "main-2": 1}
