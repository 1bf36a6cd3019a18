"""`bot panic` against a pretended Alpaca: item by item, each read, done only by the broker's list (A043)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError
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


NUMBER = "123456789"
REAL: dict[str, Any] = {"ALPACA_ENV": "live", "ALPACA_ACCOUNT": NUMBER}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[AlpacaDesk]:
    """A desk of real money that holds 100 XLF it took over, under a configuration that was approved and then edited."""
    with AlpacaDesk(tmp_path) as desk:
        desk.world.account_number = NUMBER
        desk.world.hold("XLF", "100", "37")
        assert typed(desk.folder, "config", "approve", **(desk.variables | REAL)).code == 0
        desk.tick(**REAL)
        desk.pass_by()
        now = desk.world.now()
        done = typed(desk.folder, "adopt", "XLF", "--basis", "37", now=now, **(desk.variables | REAL))
        assert done.code == 0, done.err
        toml = desk.home / "desk.toml"
        toml.write_text(toml.read_text() + "\n# a word more\n")
        desk.pass_by()
        with pytest.raises(ConfigError, match="a configuration that a person approved"):
            desk.tick(**REAL)
        yield desk


def test_an_edited_configuration_keeps_nobody_from_getting_out(real: AlpacaDesk) -> None:
    """Design 20 forbids to trade by it: a panic only cancels and closes."""
    done = typed(real.folder, "panic", "--flatten", "--json", now=real.world.now(), **(real.variables | REAL))
    assert done.code == 0, done.err + done.out
    assert "is not approved: nothing but the panic is worked" in done.err
    assert real.world.qty("XLF") == 0


def test_an_ordinary_tick_works_a_panic_that_stands_and_nothing_else(real: AlpacaDesk) -> None:
    real.world.quotes["XLF"] = replace(real.world.quotes["XLF"], bid=None)
    done = typed(real.folder, "panic", "--flatten", "--json", now=real.world.now(), **(real.variables | REAL))
    assert done.code == 1, "nobody bids for it"
    real.pass_by()
    result = real.tick(**REAL)
    assert {verdict.intent.strategy for verdict in result.verdicts} == {"panic"}
    assert [order.purpose for order in result.orders] == ["owner_close"]
    real.pass_by()
    assert typed(real.folder, "resume", now=real.world.now(), **(real.variables | REAL)).code == 0
    with pytest.raises(ConfigError, match="a configuration that a person approved"):
        real.tick(**REAL)
