"""The whole way with real money: an Alpaca account of the live environment, pretended, without and with a drill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.drills import keep_drill
from bot.store.journal import LedgerJournal
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.commands.typed import clock_at, typed
from bot.tests.drill.test_drill_money import a_drill
from bot.wiring import House, load_house

NUMBER = "123456789"
REAL: dict[str, Any] = {"ALPACA_ENV": "live", "ALPACA_ACCOUNT": NUMBER}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path / "real") as desk:
        desk.world.account_number = NUMBER
        path = desk.home / "desk.toml"
        path.write_text(path.read_text().replace("accept_delayed_feed = false", "accept_delayed_feed = true", 1))
        yield desk


def house_of(desk: AlpacaDesk) -> House:
    with desk.settings(**REAL):
        return load_house(str(desk.folder / ".env"))


def approved(desk: AlpacaDesk) -> str:
    with desk.settings(**REAL), clock_at(desk.world.at):
        done = typed(desk.folder, "config", "approve")
    assert done.code == 0, done.err
    return done.err


def drilled(desk: AlpacaDesk, ago: timedelta) -> None:
    house = house_of(desk)
    journal = LedgerJournal(house.home, house.desk.name)
    keep_drill(journal.database, a_drill(house.desk_hash, desk.world.at - ago))
    journal.close()


def test_an_old_pass_leaves_real_money_at_reduce_only_and_a_new_one_lets_it_trade(desk: AlpacaDesk) -> None:
    assert "no drill has passed here" in approved(desk)
    drilled(desk, timedelta(days=31))
    result = desk.tick(**REAL)
    assert (result.snapshot.halt.level, result.snapshot.halt.author) == ("reduce_only", "drill")
    assert "31 days old" in result.snapshot.halt.reason
    assert desk.posts() == 0
    with desk.settings(**REAL), clock_at(desk.world.at):
        shown = typed(desk.folder, "status").out
    assert "REDUCE_ONLY by drill" in shown
    assert "bot drill" in shown
    drilled(desk, timedelta(0))
    desk.pass_by(SLOT)
    result = desk.tick(**REAL)
    assert result.snapshot.halt.level == "run"
    assert desk.posts() == len(result.orders) > 0
