"""Ticks started together: of one home, and of two homes that share an account. One wish is one order, whoever wins."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.commands.ticking import one_tick
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.faults.processes import child, exit_of
from bot.tests.faults.soaking import many, seed_of
from bot.tests.faults.stands import AlpacaStand, doubled, ledger_rows, lost
from bot.wiring import load_house


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[AlpacaStand]:
    made = AlpacaStand(tmp_path / "first")
    yield made
    made.close()


def second_home(desk: AlpacaDesk) -> Path:
    """Copy a desk that never ticked, as an owner would who wants to try something beside it."""
    folder = desk.folder.parent / "second"
    shutil.copytree(desk.folder, folder)
    return folder


def tick_in(folder: Path, desk: AlpacaDesk, read: int) -> int:
    """Start a live tick of a folder's home in a process of its own; it waits for its starting shot."""
    at = desk.world.at

    def work() -> None:
        os.read(read, 1)
        os.environ.update(desk.variables)
        house = load_house(str(folder / ".env"))
        one_tick(house, dry=False, at=None, command="bot tick", clock=lambda: at)

    return child(work)


def together(folders: tuple[Path, ...], desk: AlpacaDesk) -> list[int]:
    """Start a tick in each folder at once and give how they ended."""
    read, write = os.pipe()
    started = [tick_in(folder, desk, read) for folder in folders]
    os.write(write, b"x" * len(started))
    ended = [exit_of(one) for one in started]
    os.close(read)
    os.close(write)
    return ended


def wrong(stand: AlpacaStand, homes: tuple[Path, ...]) -> list[str]:
    """Name what is doubled or lost at the broker, by what all the homes together know."""
    orders = stand.account().orders
    rows = {name: row for home in homes for name, row in ledger_rows(home).items()}
    openings = Counter(one.symbol for one in stand.world.working() if one.side == "sell")
    twice = [f"{symbol} works {count} times" for symbol, count in openings.items() if count > 1]
    return [*doubled(orders, rows), *lost(orders, rows), *twice]


@pytest.mark.parametrize("homes", [1, 2])
def test_ticks_started_together_end_with_0_or_75_and_never_do_one_wish_twice(stand: AlpacaStand, homes: int) -> None:
    seed = seed_of(7)
    dice = random.Random(seed)
    desk = stand.desk
    folders = (desk.folder, desk.folder if homes == 1 else second_home(desk))
    ends: Counter[int] = Counter()
    orders = 0
    for pair in range(many(4, 100)):
        ended = together(folders, desk)
        ends.update(ended)
        homes_now = tuple({folder / "data" for folder in folders if (folder / "data" / "ledger.sqlite").exists()})
        found = wrong(stand, homes_now)
        assert found == [], f"pair {pair}, seed {seed}: {found}"
        assert set(ended) <= {0, 75}, f"pair {pair}, seed {seed}: {ended}"
        assert 0 in ended, f"pair {pair}, seed {seed}: nobody ticked"
        for order in stand.world.working():
            if dice.random() < 0.3:
                stand.world.fill_now(order.client_order_id, str(order.left), str(order.limit_price or 1))
        desk.pass_by(SLOT)
        orders = len(stand.account().orders)
    print(f"\n{sum(ends.values()) // 2} pairs, {homes} home(s): ends {dict(ends)}, {orders} orders, seed {seed}")
    assert orders > 0
