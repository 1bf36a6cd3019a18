"""Whole ticks against a pretended Alpaca: what they cost, what they send, and what becomes of it day after day."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from bot.commands.ticking import one_tick
from bot.domain.errors import BrokerUnreachable
from bot.engine.ports import TickResult
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.alpaca.world import ACCOUNT, KEY, NOON, SECRET
from bot.wiring import load_house

D = Decimal
TOMORROW = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as desk:
        yield desk


def one_put(desk: AlpacaDesk) -> str:
    """Let the desk sell its first put, and give the series."""
    desk.tick()
    (order,) = desk.world.working()
    desk.world.fill_now(order.client_order_id, "1", "0.60")
    desk.pass_by()
    result = desk.tick()
    assert [fill.symbol for fill in result.settlement.fills] == [order.symbol]
    for other in desk.world.working():
        other.end("canceled", desk.world.at)
    return order.symbol


def reads_of(desk: AlpacaDesk, before: int) -> Counter[str]:
    return Counter(one.path for one in desk.world.seen[before:] if one.method == "GET")


def unexplained(result: TickResult) -> list[str]:
    return [one.symbol for one in result.settlement.drift if one.kind == "unexplained"]


# What a tick does


def test_a_dry_tick_wants_the_same_and_sends_nothing(desk: AlpacaDesk) -> None:
    dry = desk.tick(dry=True)
    assert desk.posts() == 0
    assert dry.mode == "dry"
    desk.pass_by(timedelta(seconds=1))
    live = desk.tick()
    approved = [[v.intent.symbol for v in result.verdicts if v.approved] for result in (dry, live)]
    assert approved[0] == approved[1] != []
    assert desk.posts() == 1


def test_the_same_market_makes_the_same_decisions_at_the_simulator_and_at_alpaca(
    desk: AlpacaDesk, tmp_path: Path
) -> None:
    with AlpacaDesk(tmp_path / "simulated") as other:
        house = load_house(str(other.folder / ".env"))
        assert house.settings.broker == "simulator"
        simulated = one_tick(house, dry=True, at=NOON, command="bot tick")
    at_alpaca = desk.tick(dry=True)
    wanted = [
        [(one.intent.symbol, one.intent.side, one.intent.limit_price, one.intent.qty, one.approved) for one in verdicts]
        for verdicts in (simulated.verdicts, at_alpaca.verdicts)
    ]
    assert wanted[0] == wanted[1] != []
    assert simulated.notes == at_alpaca.notes


def test_a_live_tick_sells_a_put_and_the_next_one_books_the_fill(desk: AlpacaDesk) -> None:
    first = desk.tick()
    (sent,) = desk.world.requests("POST")
    (order,) = first.orders
    assert (order.state, order.status) == ("working", "pending_new")
    assert sent.body["position_intent"] == "sell_to_open"
    assert sent.body["client_order_id"] == order.client_order_id
    assert sent.body["time_in_force"] == "day"
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    desk.pass_by()
    second = desk.tick()
    (leg,) = second.snapshot.books.legs
    assert (leg.symbol, leg.qty, leg.credit) == (order.legs[0].symbol, D(-1), D("0.61"))
    assert second.snapshot.books.cash == D(25061) == desk.world.cash
    assert second.settlement.drift == ()


def test_an_order_that_does_not_fill_is_replaced_only_once_it_is_gone(desk: AlpacaDesk) -> None:
    first = desk.tick()
    desk.world.pass_to(NOON + SLOT)
    before = len(desk.world.seen)
    desk.tick()
    changes = [(one.method, one.path.count("/")) for one in desk.world.seen[before:] if one.method != "GET"]
    assert changes[:2] == [("DELETE", 3), ("POST", 2)]
    old, new = (order for order in desk.world.orders if order.symbol == first.orders[0].legs[0].symbol)
    assert (old.status, new.done) == ("canceled", False)
    assert new.limit_price is not None
    assert old.limit_price is not None
    assert new.limit_price < old.limit_price


def test_a_fill_that_overtakes_the_cancellation_is_never_sold_twice(desk: AlpacaDesk) -> None:
    desk.tick()
    (order,) = desk.world.working()
    desk.world.on_cancel = "fill"
    desk.world.pass_to(NOON + SLOT)
    result = desk.tick()
    assert [one.symbol for one in desk.world.orders].count(order.symbol) == 1
    assert desk.world.qty(order.symbol) == D(-1)
    desk.world.on_cancel = "cancel"
    desk.pass_by()
    result = desk.tick()
    assert [leg.qty for leg in result.snapshot.books.legs if leg.symbol == order.symbol] == [D(-1)]
    assert result.settlement.drift == ()


# Lost answers


@pytest.mark.parametrize("how", [{"cut": True}, {"status": 504}, {"status": 500}, {"body": b"<html>"}], ids=str)
def test_a_lost_answer_is_adopted_by_its_id_in_the_same_tick(desk: AlpacaDesk, how: dict[str, Any]) -> None:
    desk.world.spoil("/orders$", "POST", **how)
    result = desk.tick()
    assert [(order.state, order.status) for order in result.orders] == [("working", "new")]
    assert result.orders[0].broker_order_id == desk.world.orders[0].id
    assert desk.posts() == 1
    desk.world.pass_to(desk.world.at + timedelta(seconds=20))
    desk.tick()
    assert len({one.symbol for one in desk.world.orders}) == len(desk.world.orders)


def test_an_order_nobody_knows_blocks_its_underlying_and_costs_one_look_a_tick(desk: AlpacaDesk) -> None:
    desk.world.spoil("/orders$", "POST", status=504, processed=False)
    first = desk.tick()
    assert [order.state for order in first.orders] == ["unknown"]
    underlying = first.orders[0].underlying
    desk.pass_by()
    before = len(desk.world.seen)
    desk.tick()
    assert reads_of(desk, before)["/v2/orders:by_client_order_id"] == 1
    assert not [one for one in desk.world.orders if one.symbol.startswith(underlying)]


def test_a_second_tick_of_the_slot_sends_nothing_again(desk: AlpacaDesk) -> None:
    for _ in range(3):
        desk.tick()
        desk.world.pass_to(desk.world.at + timedelta(seconds=5))
    ids = [one.body["client_order_id"] for one in desk.world.requests("POST")]
    assert len(ids) == len(set(ids)) == len({one.body["symbol"] for one in desk.world.requests("POST")})


# What a day and a minute cost


def test_calendar_and_dividends_are_read_once_a_day(desk: AlpacaDesk) -> None:
    def daily() -> list[int]:
        return [len(desk.world.requests("GET", path)) for path in ("/v2/calendar$", "/v1/corporate-actions$")]

    desk.tick(dry=True)
    assert daily() == [1, 1]
    desk.pass_by()
    desk.tick(dry=True)
    assert daily() == [1, 1]
    desk.world.pass_to(TOMORROW)
    desk.renew()
    desk.tick(dry=True)
    assert daily() == [2, 2]


def test_a_tick_near_the_accounts_limit_leaves_chains_unread_and_names_them(desk: AlpacaDesk) -> None:
    desk.world.requests_a_minute = 100
    for _ in range(88):
        desk.world.count_request(data=False)
    result = desk.tick()
    assert result.snapshot.chains == ()
    assert sum("requests for this minute are nearly used" in error for error in result.errors) == 2
    assert desk.posts() == 0
    assert 429 not in {one.status for one in desk.world.seen}


# Days


def test_an_assignment_is_pending_today_and_booked_tomorrow(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    desk.world.assign(put)
    desk.pass_by()
    sent = desk.posts()
    today = desk.tick()
    assert {one.symbol: one.kind for one in today.settlement.drift} == dict.fromkeys(("EWZ", put, "CASH"), "pending")
    assert today.snapshot.halt.level == "run"
    assert not [one for one in desk.world.requests("POST")[sent:] if one.body["symbol"].startswith("EWZ")]

    desk.world.pass_to(TOMORROW)
    desk.renew()
    booked = desk.tick()
    strike = D(put[-8:]) / 1000
    assert booked.settlement.drift == ()
    (lot,) = booked.snapshot.books.lots
    assert (lot.symbol, lot.qty, lot.basis_strike, lot.basis_tax) == ("EWZ", D(100), strike, strike - D("0.60"))
    (cycle,) = [one for one in booked.snapshot.books.cycles if one.symbol == "EWZ"]
    assert (cycle.assignments, cycle.option_cash, cycle.share_cash) == (1, D(60), -strike * 100)
    assert [v.intent.purpose for v in booked.verdicts if v.intent.underlying == "EWZ"] == ["covered_call"]


def test_a_put_that_expires_worthless_ends_its_cycle_once_the_line_has_come(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    expiry = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)
    desk.world.pass_to(expiry)
    evening = desk.tick(dry=True)
    assert put not in desk.world.holdings
    assert unexplained(evening) == []
    desk.world.pass_to(datetime(2026, 12, 28, 16, 0, tzinfo=UTC))
    desk.renew()
    result = desk.tick(dry=True)
    assert [(end.leg.symbol, end.how, end.income) for end in result.settlement.leg_ends] == [(put, "expired", D(60))]
    assert result.settlement.drift == ()


def test_fees_deposits_and_dividends_leave_the_books_right_to_the_cent(desk: AlpacaDesk) -> None:
    desk.world.charges_fees = True
    put = one_put(desk)
    desk.world.deposit("1000")
    desk.pass_by()
    paid_in = desk.tick(dry=True)
    assert (paid_in.settlement.flow, paid_in.settlement.drift) == (D(1000), ())
    desk.world.pass_to(TOMORROW)
    desk.renew()
    result = desk.tick(dry=True)
    assert result.snapshot.books.cash == desk.world.cash == D(26060) - D("0.06")
    assert result.settlement.drift == ()
    (leg,) = result.snapshot.books.legs
    assert (leg.symbol, leg.fees) == (put, D("0.06"))


def test_a_sale_by_somebody_else_is_named_and_not_taken_for_ours(desk: AlpacaDesk) -> None:
    desk.world.trade("SPY", "3", "700.00")
    desk.tick(dry=True)
    desk.world.trade("SPY", "-1", "710.00")
    desk.pass_by()
    result = desk.tick(dry=True)
    assert [(held.position.symbol, held.position.qty, held.owner) for held in result.snapshot.positions] == [
        ("SPY", D(2), "foreign")
    ]
    assert unexplained(result) == []
    assert result.snapshot.books.lots == ()


def test_a_day_the_broker_does_not_trade_is_no_session(desk: AlpacaDesk) -> None:
    desk.world.calendar_changes[NOON.date()] = None
    result = desk.tick()
    assert not result.snapshot.session.is_open
    assert desk.posts() == 0


# In a process of its own


def test_a_tick_in_a_process_of_its_own_reads_the_account(desk: AlpacaDesk) -> None:
    desk.world.pass_to(datetime.now(UTC))
    done = desk.command("tick", "--dry", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tick"]["mode"] == "dry"
    assert desk.posts() == 0
    assert desk.world.requests("GET", "/v2/account$")
    for output in (done.stdout, done.stderr):
        assert SECRET not in output
        assert KEY not in output
    assert ACCOUNT[-4:] in done.stdout


def test_a_server_that_drips_one_answer_for_ever_does_not_hold_a_tick(desk: AlpacaDesk) -> None:
    """The exchange ends with its own ten seconds, the read is made once more, and no thread keeps the process."""
    desk.world.pass_to(datetime.now(UTC))
    drip = desk.world.spoil("/v2/account$", drip=5.0)
    began = monotonic()
    done = desk.command("tick", "--dry", "--json")
    assert 9 < monotonic() - began < 25
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["tick"]["mode"] == "dry"
    assert result["errors"] == []
    assert drip not in desk.world.faults
    assert len(desk.world.requests("GET", "/v2/account$")) == 2
    assert desk.posts() == 0


def test_a_tick_that_cannot_read_says_so_and_the_next_one_is_well(desk: AlpacaDesk) -> None:
    desk.world.spoil("/v2/positions$", body=b"<html>maintenance</html>")
    with pytest.raises(BrokerUnreachable, match="positions"):
        desk.tick()
    assert desk.posts() == 0
    desk.pass_by()
    assert desk.tick().settlement.drift == ()
