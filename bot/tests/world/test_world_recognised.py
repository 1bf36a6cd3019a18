"""A desk that lost its last ticks beside an account that went on: what it sent is recognised by its id, to the cent.

The same days are lived through twice: by the desk that remembers, and by one restored from a backup of some ticks
ago. After one tick both hold the same lots, legs and cycles and the same cash by strategy; nothing is foreign, nothing
is sent twice, and the next tick runs without a hand (F2, design 10).
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import pytest

from bot.engine.ports import TickResult
from bot.ops.backup import make_backup
from bot.ops.restore import restore
from bot.store.database import LEDGER_NAME
from bot.tests.commands.typed import typed
from bot.tests.faults.played import LIVE, ROLL_TICKS, SLOT, approving, trading
from bot.tests.faults.soaking import SOAK, seed_of
from bot.tests.faults.stands import PROOF, SimulatedStand, Tally, ledger_rows
from bot.tests.world.runs import FOUR_A_DAY, SOME_DAY, choice_of, make_house, moments_in, run_in, sessions_from
from bot.wiring import ACCOUNT_FILE

ROW = (
    "client_order_id, session_day, broker_order_id, strategy, purpose, key, underlying, legs, qty, filled_qty,"
    " filled_avg_price, order_type, limit_price, stop_price, trail_percent, high_water_mark, time_in_force, cycle,"
    " lot, roll, roll_ticks_max, replaces, slot, attempt"
)
SENDING = frozenset({"reprice", "stop and call", "close a put", "close stopped shares", "flatten", "approve"})
"""The scenes whose command sends orders."""

TICKS = ROLL_TICKS[-1] + 14
MOMENTS = list(moments_in(sessions_from(SOME_DAY, TICKS // len(FOUR_A_DAY) + 3)))


class Days(NamedTuple):
    """A desk's days: its home after each tick that is kept, by the number of ticks."""

    homes: dict[int, Path]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    folder = tmp_path_factory.mktemp("days")
    house = make_house(folder / "data", choice_of("balanced", 100_000), 1)
    homes: dict[int, Path] = {}
    with run_in(house) as run:
        for number, at in enumerate(MOMENTS[:TICKS], 1):
            run.tick_at(at)
            homes[number] = folder / f"after-{number}"
            shutil.copytree(house.home, homes[number])
    return Days(homes)


def twin_of(kept: Path, now: Path, folder: Path, at: datetime) -> SimulatedStand:
    """Restore the backup of one home beside the account of a later one."""
    backup = make_backup(kept, folder / "kept", at, perf_counter).path
    home = folder / "twin"
    home.mkdir(parents=True)
    for file in now.glob(f"{ACCOUNT_FILE}*"):
        shutil.copy(file, home / file.name)
    restore(backup, home, at)
    return SimulatedStand(home, at=at)


def sent_since(kept: Path, now: Path) -> dict[str, str]:
    """Give the orders that one home knows at the broker and an earlier home does not, with their purposes."""
    before, after = ledger_rows(kept), ledger_rows(now)
    return {name: row.wish[1] for name, row in after.items() if name not in before and row.state in PROOF}


def compare(kept: Path, whole: SimulatedStand, folder: Path, tally: Tally, where: str) -> set[str]:
    """Let a desk and its twin that lost its last rows go on; give the purposes of what the twin recognised."""
    lost = sent_since(kept, whole.home)
    twin = twin_of(kept, whole.home, folder, whole.at)
    first, remembered = twin.tick(), whole.tick()
    tally.faults += 1
    tally.ticks += 1
    assert {one.client_order_id for one in first.settlement.recognised} == set(lost), where
    assert told(first) == told(remembered), where
    assert rows_of(twin.home, lost) == rows_of(whole.home, lost), where
    assert first.errors == (), where
    tally.look(twin, first, where)
    tally.odd[:] = [one for one in tally.odd if not one.endswith("halted: no_new_risk")]
    twin.at += SLOT
    tally.look(twin, twin.tick(), where)
    return set(lost.values())


def told(result: TickResult) -> dict[str, Any]:
    """Give what two desks with one past must agree on, in the books they settled.

    A flat cycle is closed by the first reading without an outstanding fee, which one of the two may never have made; a
    roll in flight is given up by the halt of a restore, as by any.
    """
    books = result.settlement.books
    going = {one.cycle for one in books.lots} | {one.cycle for one in books.legs}
    return {
        "cash": books.cash,
        "lots": sorted((one.id, one.qty, one.basis_strike, one.basis_tax, one.basis_wheel) for one in books.lots),
        "legs": sorted((one.id, one.symbol, one.qty, one.credit, one.fees, one.rolls, one.chain) for one in books.legs),
        "cycles": sorted(
            (one.id, one.option_cash, one.share_cash, one.dividends, one.fees, one.premium_ended, one.legs)
            for one in books.cycles
            if one.id in going
        ),
        "strategies": [
            (one.strategy, one.cash, one.premium, one.shares, one.fees, one.income, one.tax_income)
            for one in books.strategies
        ],
        "working": sorted((one.client_order_id, one.purpose, one.key) for one in result.snapshot.own_orders),
        "foreign": [one.position.symbol for one in result.settlement.held if one.owner != "ours"],
    }


def rows_of(home: Path, names: Iterable[str]) -> list[tuple[Any, ...]]:
    """Read what a ledger says of some orders, its own numbers of ticks apart."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        query = f"SELECT {ROW} FROM orders WHERE client_order_id = ?"
        return [ledger.execute(query, (name,)).fetchone() for name in sorted(names)]


def test_what_was_sent_after_the_backup_is_ours_to_the_cent_and_nothing_is_doubled(days: Days, tmp_path: Path) -> None:
    seed = seed_of(2211)
    dice = random.Random(seed)
    pairs = [(kept, kept + lost) for kept in range(1, TICKS - 9) for lost in (1, 2, 5, 9)]
    pairs = pairs if SOAK else [(ROLL_TICKS[0] - 1, TICKS - 1), *dice.sample(pairs, 4)]
    tally = Tally(f"ledgers that lost their last ticks, {len(pairs)} of them")
    purposes: set[str] = set()
    for kept, now in pairs:
        folder = tmp_path / f"{kept}-{now}"
        shutil.copytree(days.homes[now], folder / "whole")
        whole = SimulatedStand(folder / "whole", at=MOMENTS[now])
        where = f"seed {seed}: the backup of tick {kept}, restored after tick {now}"
        purposes |= compare(days.homes[kept], whole, folder, tally, where)
        shutil.rmtree(folder)
    tally.must_be_clean(seed)
    assert purposes >= {"cash_secured_put", "roll_close", "roll_open"}, purposes


def test_a_ledger_whose_last_ticks_never_reached_the_disk_sends_what_it_would_have_sent(
    days: Days, tmp_path: Path
) -> None:
    """No restore holds it back: an older copy of all files lies in the home, as after a power cut on a lying disk."""
    seed = seed_of(2212)
    pairs = [(kept, kept + lost) for kept in range(8, TICKS - 9) for lost in (1, 2, 3)]
    pairs = pairs if SOAK else random.Random(seed).sample(pairs, 5)
    tally = Tally(f"ledgers that are older than their account, {len(pairs)} of them")
    for kept, now in pairs:
        folder = tmp_path / f"{kept}-{now}"
        where = f"seed {seed}: the files of tick {kept} beside the account after tick {now}"
        shutil.copytree(days.homes[now], folder / "whole")
        shutil.copytree(days.homes[kept], folder / "old")
        for file in days.homes[now].glob(f"{ACCOUNT_FILE}*"):
            shutil.copy(file, folder / "old" / file.name)
        old, whole = (SimulatedStand(folder / name, at=MOMENTS[now]) for name in ("old", "whole"))
        lost = sent_since(days.homes[kept], days.homes[now])
        first, remembered = old.tick(), whole.tick()
        tally.faults += 1
        tally.ticks += 1
        assert {one.client_order_id for one in first.settlement.recognised} == set(lost), where
        assert told(first) == told(remembered), where
        assert [one.client_order_id for one in first.orders] == [one.client_order_id for one in remembered.orders], (
            where
        )
        tally.look(old, first, where)
        shutil.rmtree(folder)
    tally.must_be_clean(seed)


def test_stops_calls_closes_and_approved_orders_sent_after_the_backup_are_ours(tmp_path: Path) -> None:
    """Each command runs after the copy was made; the copy is restored, and knows all that the command sent."""
    tally, purposes = Tally("commands that a restored ledger never ran"), set[str]()
    for scene in (*trading(tmp_path / "scenes"), *approving(tmp_path / "scenes")):
        if scene.name not in SENDING:
            continue
        tally.strangers = scene.strangers
        after = scene.fork(tmp_path / "after" / scene.name)
        done = typed(after.folder, *after.words, now=after.at, **LIVE)
        assert done.code in (0, 1), done.err
        whole = SimulatedStand(after.folder / "data", at=scene.at + SLOT)
        purposes |= compare(scene.folder / "data", whole, tmp_path / "twins" / scene.name, tally, scene.name)
    tally.must_be_clean()
    assert purposes >= {"cash_secured_put", "covered_call", "trailing_stop", "owner_close"}, purposes
