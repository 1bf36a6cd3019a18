"""`bot panic` against a pretended Alpaca: item by item, each read, done only by the broker's list (A043)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.commands.typed import Done, typed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    """A desk with two puts working at the broker, one on each of its names."""
    with AlpacaDesk(tmp_path) as desk:
        desk.tick()
        desk.pass_by()
        desk.tick()
        assert len({order.symbol[:3] for order in desk.world.working()}) == 2
        yield desk


def panic(desk: AlpacaDesk, *words: str) -> tuple[Done, dict[str, Any]]:
    done = typed(desk.folder, "panic", *words, "--json", now=desk.world.now(), **desk.variables)
    return done, json.loads(done.out)


def test_every_item_is_cancelled_and_read_by_itself_and_the_list_is_read_again(desk: AlpacaDesk) -> None:
    before, working = len(desk.world.seen), desk.world.working()
    done, told = panic(desk)
    assert (done.code, told["done"], told["left"]["openings"]) == (0, True, []), done.err
    seen = desk.world.seen[before:]
    removed = [one.path for one in seen if one.method == "DELETE"]
    assert sorted(removed) == sorted(f"/v2/orders/{order.id}" for order in working), "never all at once"
    last = max(place for place, one in enumerate(seen) if one.method == "DELETE")
    after = [one.path for one in seen[last + 1 :] if one.method == "GET"]
    assert "/v2/orders:by_client_order_id" in after
    assert "/v2/orders" in after
    assert desk.world.working() == []


def test_a_cancellation_that_is_stuck_is_left_and_said_and_the_next_tick_sees_it_end(desk: AlpacaDesk) -> None:
    desk.world.pending_cancel_reads = 1000
    posts = desk.posts()
    done, told = panic(desk)
    assert done.code == 1
    assert len(told["left"]["openings"]) == 2
    assert told["next"].startswith("the next tick works on it")
    assert desk.posts() == posts, "nothing was sent"
    for order in desk.world.working():
        order.end("canceled", desk.world.at)
    desk.pass_by()
    done, told = panic(desk)
    assert (done.code, told["done"]) == (0, True)


def test_a_fill_that_overtakes_the_cancellation_is_bought_back_by_a_flatten(desk: AlpacaDesk) -> None:
    desk.world.on_cancel = "fill"
    symbols = {order.symbol for order in desk.world.working()}
    posts = desk.posts()
    done, told = panic(desk, "--flatten")
    assert (done.code, told["left"]) == (0, {"openings": [], "closings": [], "held": {}}), done.err
    assert desk.posts() == posts + len(symbols), "one purchase each"
    assert {desk.world.qty(symbol) for symbol in symbols} == {0}
    assert desk.world.working() == []


def test_one_refused_item_does_not_keep_the_others(desk: AlpacaDesk) -> None:
    first = desk.world.working()[0]
    desk.world.spoil(f"/v2/orders/{first.id}", method="DELETE", status=500)
    done, told = panic(desk)
    assert len(desk.world.working()) <= 1
    assert (done.code == 0) == (desk.world.working() == [])
    assert told["errors"] != []
