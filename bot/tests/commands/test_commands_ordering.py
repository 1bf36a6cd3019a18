"""`bot order`: a person's word on what left without a proven answer, and the broker's record before it (design 11)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.brokers.simulator import SimulatorBroker
from bot.domain.errors import OutcomeUnknown
from bot.domain.holdings import BrokerOrder
from bot.domain.orders import OrderRequest
from bot.store.chain import verify
from bot.store.database import LEDGER_NAME
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.commands.typed import AT, Done, new_home, typed
from bot.venues import alpaca_client

ORDERS, BY_OUR_ID = "/v2/orders$", "/v2/orders:by_client_order_id$"
LATER = timedelta(minutes=6)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pauses between tries out."""
    monkeypatch.setattr(alpaca_client, "_backoff", lambda path, attempt: 0.0)


@pytest.fixture
def desk(tmp_path: Path, quick: None) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as desk:
        yield desk


def lost(desk: AlpacaDesk) -> str:
    """Let the answer to an order be lost that never arrived; give its id."""
    desk.world.spoil(ORDERS, "POST", status=504, processed=False)
    result = desk.tick()
    (order,) = [one for one in result.orders if one.state == "unknown"]
    assert f"{order.client_order_id}: outcome unknown" in result.errors[0]
    assert "`bot order list`" in result.errors[0]
    return order.client_order_id


def hidden(desk: AlpacaDesk) -> str:
    """Let an order arrive whose answer is lost and that the broker does not show yet; give its id."""
    desk.world.spoil(ORDERS, "POST", status=504)
    desk.world.spoil(BY_OUR_ID, "GET", status=404)
    (order,) = [one for one in desk.tick().orders if one.state == "unknown"]
    return order.client_order_id


def say(desk: AlpacaDesk, *words: str) -> Done:
    return typed(desk.folder, "order", *words, now=desk.world.now(), **desk.variables)


def row(desk: AlpacaDesk, name: str) -> tuple[Any, ...]:
    """Give an order's state, status, broker's id and whether it has ended, with its intent's word."""
    with closing(sqlite3.connect(desk.home / LEDGER_NAME)) as ledger:
        found = ledger.execute(
            "SELECT o.state, o.status, o.broker_order_id, o.ended_at IS NOT NULL, i.submitted, i.status FROM orders o"
            " JOIN order_intents i ON i.client_order_id = o.client_order_id WHERE o.client_order_id = ?", (name,),
        ).fetchone()  # fmt: skip
    return tuple(found)


def faults(desk: AlpacaDesk) -> list[str]:
    """Give every fault of the record."""
    with closing(sqlite3.connect(desk.home / LEDGER_NAME)) as ledger:
        return [str(one) for one in verify(ledger, desk.home)]


def test_what_is_unresolved_is_listed_with_since_why_and_what_to_type(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(LATER)
    listed = say(desk, "list")
    assert listed.code == 0
    told = " ".join(listed.out.split())
    assert f"{name}: 1 sell_to_open" in told
    assert "unknown since Wed 2026-11-18 12:00 New York (6 minutes ago)" in told
    assert f"bot order resolve {name} --never-arrived" in told
    assert f"bot order resolve {name} --at-broker BROKER_ID" in told
    (one,) = json.loads(say(desk, "list", "--json").out)["orders"]
    assert (one["client_order_id"], one["state"]) == (name, "unknown")
    assert "504" in one["why"]


def test_where_all_is_proved_the_list_says_so(desk: AlpacaDesk) -> None:
    desk.tick()
    assert "every order of ours is accounted for" in say(desk, "list").out
    assert json.loads(say(desk, "list", "--json").out)["orders"] == []


def test_a_word_ends_what_never_arrived_and_the_record_holds_it(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(LATER)
    asked = len(desk.world.requests("GET"))
    done = say(desk, "resolve", name, "--never-arrived", "--reason", "support says so")
    assert done.code == 0, done.err
    assert f"{name} (1 sell_to_open" in done.out
    assert "it never reached the broker, by the word of" in done.out
    assert len(desk.world.requests("GET")) > asked, "the broker was asked first"
    assert len(desk.world.requests("POST")) == 1
    assert row(desk, name) == ("not_sent", "", "", True, 0, "error")
    with closing(sqlite3.connect(desk.home / LEDGER_NAME)) as ledger:
        kind, payload = ledger.execute("SELECT kind, payload_json FROM events ORDER BY id DESC LIMIT 1").fetchone()
    sealed = json.loads(payload)
    assert (kind, sealed["word"], sealed["reason"]) == ("resolution", "never_arrived", "support says so")
    assert (sealed["state_before"], sealed["state"], sealed["client_order_id"]) == ("unknown", "not_sent", name)
    assert faults(desk) == []
    told = " ".join(typed(desk.folder, "why", name, now=desk.world.now(), **desk.variables).out.split())
    assert "says never arrived: support says so" in told
    # The wish is free again, under an id of its own.
    desk.pass_by()
    result = desk.tick()
    assert name not in {one.client_order_id for one in result.orders}
    assert faults(desk) == []


def test_an_order_that_shows_after_all_is_taken_up_again_and_its_wish_is_not_sent_beside_it(desk: AlpacaDesk) -> None:
    """A word is no more than a word: the broker's record goes before it for as long as it is read."""
    name = hidden(desk)
    (order,) = desk.world.orders
    desk.world.orders.clear()
    desk.pass_by(LATER)
    assert say(desk, "resolve", name, "--never-arrived").code == 0
    desk.world.orders.append(order)
    desk.pass_by(LATER)
    desk.tick()
    assert row(desk, name)[0] in ("working", "done")
    assert faults(desk) == []
    sold = [one.symbol for one in desk.world.orders if not one.done or one.filled_qty]
    assert len(sold) == len(set(sold)), "the same series twice"


def test_the_wish_of_an_order_that_never_arrived_may_be_sent_again_under_another_id(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(LATER)
    assert say(desk, "resolve", name, "--never-arrived").code == 0
    sent = desk.tick().orders
    assert sent != ()
    assert name not in {one.client_order_id for one in sent}
    assert len(desk.world.working()) == len(sent)


def test_within_minutes_of_sending_nobody_can_say_that_it_never_arrived(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(timedelta(minutes=4, seconds=59))
    early = say(desk, "resolve", name, "--never-arrived")
    assert early.code == 75
    assert "a request may still arrive; nothing was changed" in early.err
    desk.pass_by(timedelta(seconds=1))
    assert say(desk, "resolve", name, "--never-arrived").code == 0


def test_what_the_broker_shows_is_never_talked_away(desk: AlpacaDesk) -> None:
    name = hidden(desk)
    desk.pass_by(LATER)
    (order,) = desk.world.orders
    before = row(desk, name)
    refused = say(desk, "resolve", name, "--never-arrived")
    assert refused.code == 1
    assert f"the broker shows order {name} as {order.id}" in refused.err
    assert f"bot order resolve {name} --at-broker {order.id}" in refused.err
    assert row(desk, name) == before
    assert faults(desk) == []


def test_a_word_takes_up_what_the_broker_has_and_the_next_tick_its_fills(desk: AlpacaDesk) -> None:
    name = hidden(desk)
    desk.pass_by(LATER)
    (order,) = desk.world.orders
    done = say(desk, "resolve", name, "--at-broker", order.id)
    assert done.code == 0, done.err
    assert f"the broker has it as {order.id}" in done.out
    assert row(desk, name)[:4] == ("working", order.status, order.id, False)
    assert faults(desk) == []
    assert order.limit_price is not None
    desk.world.fill_now(name, "1", str(order.limit_price))
    desk.pass_by()
    result = desk.tick()
    assert [fill.client_order_id for fill in result.settlement.fills] == [name]
    assert row(desk, name)[:2] == ("done", "filled")
    assert faults(desk) == []


def test_an_order_the_broker_keeps_under_another_name_is_followed_by_its_own_id(desk: AlpacaDesk) -> None:
    name = hidden(desk)
    desk.pass_by(LATER)
    (order,) = desk.world.orders
    order.client_order_id = "a-name-the-broker-gave"
    assert say(desk, "resolve", name, "--at-broker", order.id).code == 0
    desk.pass_by()
    result = desk.tick()
    assert result.snapshot.foreign_orders == ()
    assert row(desk, name)[0] in ("working", "done")
    assert order.limit_price is not None
    if not order.done:
        desk.world.fill_now("a-name-the-broker-gave", "1", str(order.limit_price))
        desk.pass_by()
        assert [fill.client_order_id for fill in desk.tick().settlement.fills] == [name]
    assert faults(desk) == []


def test_what_the_broker_does_not_show_is_never_talked_into_being(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(LATER)
    refused = say(desk, "resolve", name, "--at-broker", "no-such-order")
    assert refused.code == 1
    assert "the broker shows no order no-such-order" in refused.err
    assert row(desk, name)[0] == "unknown"


def test_another_order_is_not_taken_for_it(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.world.trade("XLF", "3", "40")
    (other,) = desk.world.orders
    desk.pass_by(LATER)
    refused = say(desk, "resolve", name, "--at-broker", other.id)
    assert refused.code == 1
    assert f"{other.id} is another order" in refused.err
    assert row(desk, name)[0] == "unknown"


def test_a_fill_that_nobody_explains_keeps_it_from_being_called_absent(desk: AlpacaDesk) -> None:
    name = hidden(desk)
    (order,) = desk.world.orders
    assert order.limit_price is not None
    desk.world.fill_now(name, "1", str(order.limit_price))
    desk.pass_by(LATER)
    desk.world.orders.remove(order)
    refused = say(desk, "resolve", name, "--never-arrived")
    assert refused.code == 1
    assert f"under its order {order.id}, which nobody here knows" in refused.err


def test_nothing_can_be_said_of_an_order_that_is_proved_or_unknown_here(desk: AlpacaDesk) -> None:
    (order,) = desk.tick().orders
    for words, told in (
        ((order.client_order_id, "--never-arrived"), "nothing about it is unproved"),
        (("desk-0123", "--never-arrived"), "no order 'desk-0123' is known here"),
        ((order.client_order_id,), "say what became of it"),
        ((order.client_order_id, "--never-arrived", "--at-broker", "x"), "say what became of it"),
    ):
        refused = say(desk, "resolve", *words)
        assert (refused.code, told in refused.err) == (2, True), refused.err


def test_a_broker_that_does_not_answer_leaves_it_as_it_is(desk: AlpacaDesk) -> None:
    name = lost(desk)
    desk.pass_by(LATER)
    desk.world.spoil(ORDERS, "GET", times=10, status=503)
    refused = say(desk, "resolve", name, "--never-arrived")
    assert refused.code == 1
    assert row(desk, name)[0] == "unknown"


def test_status_names_the_command(desk: AlpacaDesk) -> None:
    name = lost(desk)
    told = " ".join(typed(desk.folder, "status", now=desk.world.now(), **desk.variables).out.split())
    assert f"bot order resolve {name}" in told


def test_it_is_the_same_for_a_simulated_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = new_home(tmp_path)

    def lose(broker: SimulatorBroker, request: OrderRequest) -> BrokerOrder:
        raise OutcomeUnknown("the line went dead")

    with monkeypatch.context() as patch:
        patch.setattr(SimulatorBroker, "submit", lose)
        assert typed(tmp_path, "tick", "--at", AT, BOT_MODE="live").code == 0
    (one, *_) = json.loads(typed(tmp_path, "order", "list", "--json").out)["orders"]
    name = one["client_order_id"]
    assert "the line went dead" in one["why"]
    early = typed(tmp_path, "order", "resolve", name, "--never-arrived", "--at", AT)
    assert early.code == 75, early.err
    later = "2026-11-18T17:05:00+00:00"
    refused = typed(tmp_path, "order", "resolve", name, "--at-broker", "b-1", "--at", later)
    assert (refused.code, "the broker shows no order b-1" in refused.err) == (1, True)
    done = typed(tmp_path, "order", "resolve", name, "--never-arrived", "--at", later)
    assert done.code == 0, done.err
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        assert ledger.execute("SELECT state FROM orders WHERE client_order_id = ?", (name,)).fetchone() == ("not_sent",)
        assert list(verify(ledger, home)) == []
    assert typed(tmp_path, "tick", "--at", later, BOT_MODE="live").code == 0, "its time did not pass while it was asked"
