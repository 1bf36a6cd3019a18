"""A home restored from a backup against an account that went on: nothing of ours is foreign, nothing is done twice.

What the backup knew (an order, a leg) is settled as ours whatever became of it since. What was sent after it is
recognised by its id and is ours again without a hand. What carries this desk's name and no id of ours is named, counts
in risk and holds new risk back until it is over or a person adopts it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from copy import copy
from datetime import timedelta
from pathlib import Path
from shutil import copy as copy_file
from time import perf_counter
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.engine.ports import TickResult
from bot.ops.backup import make_backup
from bot.ops.restore import restore
from bot.store.database import LEDGER_NAME
from bot.store.queries import open_for_questions
from bot.store.recognising import RECOGNISED
from bot.store.verifying import find_faults
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.builders import D
from bot.tests.commands.typed import typed

LATER = timedelta(minutes=1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path / "first") as desk:
        yield desk


def back_up(desk: AlpacaDesk) -> Path:
    return make_backup(desk.home, desk.folder.parent / "kept", desk.world.at, perf_counter).path


def restored(desk: AlpacaDesk, backup: Path) -> AlpacaDesk:
    """Give another desk on the same account, its home made from a backup."""
    other = copy(desk)
    other.folder = desk.folder.parent / "second"
    other.folder.mkdir()
    copy_file(desk.folder / ".env", other.folder / ".env")
    restore(backup, other.home, desk.world.at)
    return other


def owners(result: TickResult) -> dict[str, str]:
    return {one.position.symbol: one.owner for one in result.settlement.held}


def is_call(symbol: str) -> bool:
    return is_option(symbol) and parse_option(symbol).right == "call"


def halts(desk: AlpacaDesk) -> list[str | None]:
    with open_for_questions(desk.home) as ledger:
        return [one.halt for one in reversed(ledger.ticks())]


def is_sound(desk: AlpacaDesk) -> bool:
    with open_for_questions(desk.home) as ledger:
        return list(find_faults(ledger.connection, desk.home)) == []


def test_an_order_filled_after_the_backup_is_ours_and_frees_the_desk_after_one_tick(desk: AlpacaDesk) -> None:
    (order,) = desk.tick().orders
    backup = back_up(desk)
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    other = restored(desk, backup)
    desk.pass_by()
    first = other.tick()
    (leg,) = first.snapshot.books.legs
    assert (leg.symbol, leg.owner, leg.credit) == (order.legs[0].symbol, "ours", D("0.61"))
    assert owners(first) == {order.legs[0].symbol: "ours"}
    assert first.snapshot.halt.level == "no_new_risk"
    assert desk.posts() == 1
    desk.pass_by()
    second = other.tick()
    assert second.snapshot.halt.level == "run"
    assert [one.symbol for one in desk.world.orders].count(leg.symbol) == 1
    assert is_sound(other)


def test_an_order_cancelled_after_the_backup_is_over_and_its_wish_comes_only_after_a_clean_tick(
    desk: AlpacaDesk,
) -> None:
    (order,) = desk.tick().orders
    backup = back_up(desk)
    with desk.world.lock:
        (at_broker,) = desk.world.working()
        at_broker.end("canceled", desk.world.at)
    other = restored(desk, backup)
    desk.pass_by()
    first = other.tick()
    assert [(one.state, one.status) for one in first.settlement.orders] == [("done", "canceled")]
    assert (first.snapshot.halt.level, desk.posts()) == ("no_new_risk", 1)
    desk.pass_by()
    second = other.tick()
    assert second.snapshot.halt.level == "run"
    assert [one.legs[0].symbol for one in second.orders].count(order.legs[0].symbol) <= 1
    assert len(desk.world.working()) == desk.posts() - 1
    assert is_sound(other)


def test_a_put_assigned_after_the_backup_is_a_lot_of_ours(desk: AlpacaDesk) -> None:
    (order,) = desk.tick().orders
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    desk.pass_by()
    desk.tick()
    backup = back_up(desk)
    (symbol,) = (leg.symbol for leg in order.legs)
    share = order.underlying
    desk.world.assign(symbol)
    other = restored(desk, backup)
    desk.pass_by()
    first = other.tick()
    assert {(one.symbol, one.what) for one in first.settlement.drift} >= {(symbol, "assignment pending")}
    posts = desk.posts()
    desk.pass_by(timedelta(hours=22))  # the broker's lines come the next morning
    result = other.tick()
    assert result.snapshot.halt.level == "no_new_risk"
    assert owners(result)[share] == "ours"
    (lot,) = result.snapshot.books.lots
    assert (lot.symbol, lot.qty, lot.owner) == (share, D(100), "ours")
    assert result.settlement.drift == ()
    assert symbol not in [one.symbol for one in result.snapshot.books.legs]
    opened = [one.body["symbol"] for one in desk.world.requests("POST")[posts:]]
    assert all(is_call(one) for one in opened), f"{opened}: only calls on the lot that is ours"
    desk.pass_by()
    freed = other.tick().snapshot.halt
    assert freed.author != "restore", freed
    assert is_sound(other)


@pytest.mark.parametrize("fills", [False, True])
def test_a_call_sold_after_the_backup_is_not_sold_again_on_the_same_shares(desk: AlpacaDesk, fills: bool) -> None:
    """Covered calls are allowed under no_new_risk: the shares must count as taken by the call this ledger forgot."""
    (order,) = desk.tick().orders
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    desk.pass_by()
    desk.tick()
    for one in desk.world.working():
        one.end("canceled", desk.world.at)
    desk.world.assign(order.legs[0].symbol)
    desk.pass_by(timedelta(hours=17))
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(timedelta(hours=5))
    calls = [one for one in desk.tick().orders if is_call(one.legs[0].symbol)]
    assert [one.underlying for one in calls] == [order.underlying]
    if fills:
        desk.world.fill_now(calls[0].client_order_id, "1", "0.40")
    other = restored(desk, backup)
    authors = []
    for _ in range(3):
        result = other.tick()
        authors.append(result.snapshot.halt.author)
        desk.pass_by()
    assert authors == ["restore", "trip: missed_ticks", "trip: missed_ticks"], "the slots of a day were missed"
    assert [(one.strategy, one.purpose) for one in calls] == [("wheel", "covered_call")]
    legs = [one.symbol for one in result.snapshot.books.legs]
    assert legs in ([[calls[0].legs[0].symbol]] if fills else [[], [calls[0].legs[0].symbol]]), "it may fill later"
    assert set(owners(result).values()) == {"ours"}
    sold = [one for one in desk.world.orders if is_call(one.symbol) and underlying_of(one.symbol) == order.underlying]
    assert [one.client_order_id for one in sold] == [calls[0].client_order_id]
    assert is_sound(other)


def say(desk: AlpacaDesk, *words: str) -> None:
    done = typed(desk.folder, *words, now=desk.world.at, **desk.variables)
    assert done.code == 0, done.err


def books_of(desk: AlpacaDesk, result: TickResult) -> tuple[Any, ...]:
    """Give what a desk that remembers and one that was restored must agree on to the cent."""
    books = result.settlement.books
    cycles = sorted((one.id, one.option_cash, one.share_cash, one.fees, one.legs) for one in books.cycles)
    strategies = [(one.strategy, one.cash, one.premium, one.shares, one.income) for one in books.strategies]
    orders = [(one.client_order_id, one.purpose, one.key, one.state, one.status) for one in result.settlement.orders]
    assert books.cash == desk.world.cash
    return books.lots, books.legs, cycles, strategies, len(orders), result.snapshot.own_orders


@pytest.mark.parametrize("end", ["working", "filled", "canceled"])
def test_an_order_sent_after_the_backup_is_ours_and_never_sent_again(desk: AlpacaDesk, end: str) -> None:
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(LATER)
    (order,) = desk.tick().orders
    if end == "filled":
        desk.world.fill_now(order.client_order_id, "1", "0.61")
    elif end == "canceled":
        with desk.world.lock:
            desk.world.working()[0].end("canceled", desk.world.at)
    other = restored(desk, backup)
    first = other.tick()  # the very slot it was sent in: the same wish would get the same id
    (own,) = first.settlement.orders
    assert (own.client_order_id, own.purpose, own.key) == (order.client_order_id, order.purpose, order.key)
    assert (own.state, own.status) == (("working", "new") if end == "working" else ("done", end))
    assert (first.errors, first.snapshot.halt.level, desk.posts()) == ((), "no_new_risk", 1)
    assert any("recognised by its id" in remark for remark in first.snapshot.remarks)
    assert [one.symbol for one in first.snapshot.books.legs] == ([order.legs[0].symbol] if end == "filled" else [])
    desk.pass_by()
    second = other.tick()
    assert (second.errors, second.snapshot.halt.level) == ((), "run")
    assert second.snapshot.books.counters.orders_today == 1
    assert dict(second.snapshot.books.entries_sent) == {"wheel": 1}
    assert set(owners(second).values()) <= {"ours"}
    wished = [one for one in desk.world.orders if one.symbol == order.legs[0].symbol]
    assert sum(not one.done or one.filled_qty > 0 for one in wished) <= 1
    assert len({one.client_order_id for one in desk.world.orders}) == len(desk.world.orders)
    assert is_sound(other)


def test_a_close_and_a_stop_sent_after_the_backup_leave_the_books_as_if_nothing_was_lost(desk: AlpacaDesk) -> None:
    """A put sold and bought back, and a stop at rest on shares: what two ledgers say of it is equal to the cent."""
    desk.world.hold("SPY", "10", "641.20")
    desk.tick(dry=True)
    say(desk, "adopt", "SPY", "--basis", "641.20")
    backup = back_up(desk)
    desk.pass_by(LATER)
    orders = desk.tick().orders
    (put,) = [one for one in orders if one.purpose == "cash_secured_put"]
    desk.world.fill_now(put.client_order_id, "1", "0.61")
    desk.pass_by()
    desk.tick()
    desk.pass_by()
    say(desk, "close", put.legs[0].symbol)
    (closing,) = [one for one in desk.world.working() if one.symbol == put.legs[0].symbol]
    desk.world.fill_now(closing.client_order_id, "1", "0.40")
    other = restored(desk, backup)
    desk.pass_by()
    remembered, first = desk.tick(dry=True), other.tick()
    sent = {one.client_order_id for one in desk.world.orders}
    purposes = {one.purpose for one in first.settlement.recognised}
    assert purposes >= {"cash_secured_put", "owner_close", "trailing_stop"}, purposes
    assert {one.client_order_id for one in first.settlement.recognised} <= sent
    mine, theirs = books_of(other, first), books_of(desk, remembered)
    assert mine[:4] == theirs[:4]
    stops = [one for one in first.snapshot.own_orders if one.purpose == "trailing_stop"]
    (same,) = [one for one in remembered.snapshot.own_orders if one.purpose == "trailing_stop"]
    assert stops == [replace(same, planned_at=stops[0].planned_at)]
    assert (first.errors, owners(first)) == ((), owners(remembered))
    desk.pass_by()
    second = other.tick()
    assert (second.errors, second.snapshot.halt.level) == ((), "run")
    assert is_sound(other)


def test_the_row_of_an_order_recognised_a_day_later_is_sealed_and_counts_for_its_own_day(desk: AlpacaDesk) -> None:
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(LATER)
    (order,) = desk.tick().orders
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    sent_on = desk.world.today().isoformat()
    other = restored(desk, backup)
    desk.pass_by(timedelta(days=1))
    assert other.tick().snapshot.books.counters.orders_today == 0
    assert is_sound(other)
    with closing(sqlite3.connect(other.home / LEDGER_NAME)) as ledger, ledger:
        (row,) = ledger.execute("SELECT client_order_id, session_day, tick_id FROM orders").fetchall()
        steps = ledger.execute("SELECT state_before, state, reason, tick_id FROM order_transitions ORDER BY id")
        assert row[:2] == (order.client_order_id, sent_on)
        assert steps.fetchall() == [("", "sending", RECOGNISED, row[2]), ("sending", "done", "settled", row[2])]
        ledger.execute("UPDATE orders SET purpose = 'covered_call'")
    assert not is_sound(other)


@pytest.mark.parametrize("fills", [False, True])
def test_an_order_with_our_name_and_no_id_of_ours_is_named_and_holds_new_risk_back(
    desk: AlpacaDesk, fills: bool
) -> None:
    """Forged, of another desk's books, or changed by hand: it is never ours but by the owner's word."""
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(LATER)
    (order,) = desk.tick().orders
    forged = f"{order.client_order_id[:-4]}beef"
    with desk.world.lock:
        desk.world.working()[0].client_order_id = forged
    if fills:
        desk.world.fill_now(forged, "1", "0.61")
    other = restored(desk, backup)
    for number in range(3):
        result = other.tick()
        assert desk.posts() == 1, number
        assert result.settlement.recognised == ()
        assert result.snapshot.halt.level == "no_new_risk"
        assert any(forged in error for error in result.errors), result.errors
        desk.pass_by()
    with open_for_questions(other.home) as ledger:
        assert ledger.halt().author == "restore"
    if fills:
        done = other.command("adopt", order.legs[0].symbol, "--premium", "0.61")
        assert done.returncode == 0, done.stderr
        assert owners(other.tick()) == {order.legs[0].symbol: "adopted"}
        desk.pass_by()
        assert other.tick().snapshot.halt.level == "run"
        assert halts(other)[-2:] == ["no_new_risk", "run"]
    assert is_sound(other)
