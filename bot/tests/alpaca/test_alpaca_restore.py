"""A home restored from a backup against an account that went on: nothing of ours is foreign, nothing is done twice.

What the backup knew (an order, a leg) is settled as ours whatever became of it since. What was sent after it is named,
counts in risk and holds new risk back until it is over or a person adopts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import timedelta
from pathlib import Path
from shutil import copy as copy_file
from time import perf_counter

import pytest

from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.engine.ports import TickResult
from bot.ops.backup import make_backup
from bot.ops.restore import restore
from bot.store.queries import open_for_questions
from bot.store.verifying import find_faults
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.builders import D

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
    for _ in range(3):
        result = other.tick()
        desk.pass_by()
        assert result.snapshot.halt.level == "no_new_risk"
    sold = [one for one in desk.world.orders if is_call(one.symbol) and underlying_of(one.symbol) == order.underlying]
    assert [one.client_order_id for one in sold] == [calls[0].client_order_id]
    assert is_sound(other)


@pytest.mark.parametrize("fills", [False, True])
def test_an_order_sent_after_the_backup_is_named_and_never_sent_again(desk: AlpacaDesk, fills: bool) -> None:
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(LATER)
    (order,) = desk.tick().orders
    sent = desk.posts()
    assert sent == 1
    if fills:
        desk.world.fill_now(order.client_order_id, "1", "0.61")
    other = restored(desk, backup)
    for number in range(3):  # the very slot it was sent in first: the same wish would get the same id
        result = other.tick()
        assert desk.posts() == sent, number
        assert result.snapshot.halt.level == "no_new_risk"
        assert any(order.client_order_id in error for error in result.errors), result.errors
        desk.pass_by()
    with open_for_questions(other.home) as ledger:
        assert ledger.halt().author == "restore"
    assert [one.symbol for one in desk.world.orders].count(order.legs[0].symbol) == 1
    assert is_sound(other)


def test_what_was_opened_after_the_backup_is_ours_again_by_one_word(desk: AlpacaDesk) -> None:
    desk.tick(dry=True)
    backup = back_up(desk)
    desk.pass_by(LATER)
    (order,) = desk.tick().orders
    desk.world.fill_now(order.client_order_id, "1", "0.61")
    other = restored(desk, backup)
    other.tick()
    done = other.command("adopt", order.legs[0].symbol, "--premium", "0.61")
    assert done.returncode == 0, done.stderr
    desk.pass_by()
    assert owners(other.tick()) == {order.legs[0].symbol: "adopted"}
    desk.pass_by()
    assert other.tick().snapshot.halt.level == "run"
    assert halts(other)[-2:] == ["no_new_risk", "run"]
    assert is_sound(other)
