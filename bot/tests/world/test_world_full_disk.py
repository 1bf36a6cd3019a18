"""A disk that is full or turns read-only at every stage of a trading tick: nothing is sent that was not written first.

The ledger may grow by so many pages and no further, for every number of pages until a whole tick fits. Whatever the
broker has then stands in the ledger as sent, and once there is room the desk goes on with nobody's help.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BotError
from bot.store.database import Database, Transaction
from bot.tests.faults.soaking import many
from bot.tests.faults.stands import SimulatedStand, Tally, ledger_rows

SLOT = timedelta(minutes=15)
SENT = frozenset({"sending", "unknown", "working", "done", "refused"})


@contextmanager
def room_for(pages: int) -> Iterator[None]:
    """Let every ledger opened inside grow by so many pages from where it is."""
    real = Database.__init__

    def small(self: Database, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        (there,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {there + pages}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "__init__", small)
        yield


@contextmanager
def read_only_after(commits: int) -> Iterator[None]:
    """Let so many commits of a ledger take effect; after those the disk is read-only, as a failing one is set."""
    real, seen = Transaction.__enter__, [0]

    def enter(self: Transaction) -> sqlite3.Connection:
        seen[0] += 1
        if seen[0] > commits:
            self._database.connection.execute("PRAGMA query_only = ON")
        return real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "__enter__", enter)
        yield


def goes_on(stand: SimulatedStand, tally: Tally, where: str) -> None:
    """Look at what was sent against what was written, then at the next ticks with room again."""
    rows = ledger_rows(stand.home)
    for order in stand.account().orders:
        row = rows.get(order.client_order_id)
        assert row is not None, f"{where}: {order.client_order_id} was sent and never written"
        assert row.state in SENT, f"{where}: {order.client_order_id} was sent and is {row.state}"
    stand.pass_by(SLOT)
    tally.look(stand, stand.tick(), where)
    tally.faults += 1


def tick_or_refusal(stand: SimulatedStand) -> bool:
    """Run a tick; say whether it ended well. Only words for a person may end it, never a traceback."""
    try:
        stand.tick()
    except BotError:
        return False
    return True


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[SimulatedStand]:
    made = SimulatedStand(tmp_path / "home")
    made.tick()
    made.pass_by(SLOT)
    yield made
    made.close()


def test_a_disk_that_fills_up_anywhere_in_a_tick_loses_and_doubles_nothing(
    stand: SimulatedStand, tmp_path: Path
) -> None:
    tally = Tally("disk full after n pages")
    pages, ended_well = 0, False
    while not ended_well:
        tried = stand.fork(tmp_path / f"pages{pages}")
        with room_for(pages):
            ended_well = tick_or_refusal(tried)
        goes_on(tried, tally, f"{pages} pages")
        pages += many(2, 1)
    tally.must_be_clean()
    assert tally.faults > many(3, 6)


def test_a_disk_that_turns_read_only_anywhere_in_a_tick_loses_and_doubles_nothing(
    stand: SimulatedStand, tmp_path: Path
) -> None:
    tally = Tally("disk read-only after n commits")
    commits, ended_well = 0, False
    while not ended_well:
        tried = stand.fork(tmp_path / f"commits{commits}")
        with read_only_after(commits):
            ended_well = tick_or_refusal(tried)
        goes_on(tried, tally, f"{commits} commits")
        commits += 1
    tally.must_be_clean()
    assert commits > 5, "a tick with an order commits more often than that"
