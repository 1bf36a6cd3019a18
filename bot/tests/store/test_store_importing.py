"""Keeping a rebuilt past: once, sealed, never met twice by a tick; and an older ledger brought to where it can."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.commands.history import past_of
from bot.domain.errors import ForeignStore, StoreError, UsageError
from bot.domain.holdings import Activity
from bot.domain.ledger import Books
from bot.engine.history import History, rebuild
from bot.engine.ports import Fill
from bot.store import chain, kinds
from bot.store.adopting import Adoption, adopt, moved_since, waiting
from bot.store.database import LEDGER_NAME, Database, migrations
from bot.store.imported import decode_past
from bot.store.importing import Kept, Seen, keep_import, refuse_import
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON, call, put
from bot.tests.engine.settle_world import BrokerLedger
from bot.tests.store.scene import a_settlement, a_tick, rows, tamper

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
CALL = call("XLF", date(2026, 3, 8), "52")


def lived() -> BrokerLedger:
    """A cycle that is over on EWZ; on XLF an assigned put, a dividend, half the shares sold, and an open call."""
    world = BrokerLedger("20000")
    over = put("EWZ", date(2026, 2, 6), "20")
    world.trade(over, "sell_to_open", 1, "0.50")
    world.trade(PUT, "sell_to_open", 2, "1.20", "1.20")
    world.wait(days=1)
    world.charge_fees()
    world.wait(days=31)
    world.expire(over)
    world.assign(PUT)
    world.wait(days=1)
    world.trade("XLF", "sell_to_close", 100, "51")
    world.trade(CALL, "sell_to_open", 1, "0.80")
    world.wait(days=1)
    world.charge_fees()
    world.pay_dividend("XLF", "0.25")
    return world


def history_of(world: BrokerLedger) -> History:
    reads = world.reads()
    return rebuild(reads.activities, reads.positions, reads.account, world.at)


def bring(journal: LedgerJournal, world: BrokerLedger, **given: Any) -> Kept:
    """Import an account's past into a ledger, as the command does."""
    reads, history = world.reads(), history_of(world)
    facts: dict[str, Any] = {
        "broker": "simulator", "environment": "simulated", "account": "SIM-1", "cash": reads.account.cash,
        "fees_accrued": D(0), "positions": reads.positions, "at": world.at, "author": "ada",
        "first_day": history.first_day, "last_day": history.last_day, "lines": history.lines,
    }  # fmt: skip
    refuse_import(journal, history.activities)
    return keep_import(journal, past_of(history), Seen(**(facts | given)))


def faults(journal: LedgerJournal, home: Path) -> list[str]:
    return list(chain.verify(journal.database.connection, home))


def test_an_import_stands_in_the_tables_everybody_reads(home: Path, journal: LedgerJournal) -> None:
    kept = bring(journal, lived())
    assert (kept.number, kept.lines, kept.legs, kept.lots, kept.cycles) == (1, 12, 2, 1, 1)
    with open_for_questions(home) as ledger:
        (closed,) = ledger.closed_cycles()
        assert (closed.cycle.symbol, closed.cycle.strategy, closed.pnl) == ("EWZ", "history", D("49.95"))
        sums = {
            (one.group, one.kind): one.income for one in ledger.income(date(2026, 1, 1), date(2026, 12, 31), "total")
        }
        assert sums["", "premium"] == D("49.95") + D("239.90")
        assert sums["", "shares"] == D(100)
        assert sums["", "dividends"] == D(25)
        assert (ledger.open_lots(), ledger.open_legs(), ledger.open_cycles()) == ((), (), ()), "nothing is ours yet"
    assert rows(home, "SELECT count(*) FROM activities WHERE tick_id IS NULL") == [(12,)]
    assert rows(home, "SELECT kind FROM events ORDER BY id") == [(kinds.STAMP,), (kinds.IMPORT,)]
    assert rows(home, "SELECT pnl, pnl_sort FROM cycles") == [("49.95", 49.95)]
    assert faults(journal, home) == []


def test_what_is_open_waits_first_in_first_out(journal: LedgerJournal) -> None:
    bring(journal, lived())
    found = waiting(journal.database.connection)
    assert [(lot.symbol, lot.qty, lot.basis_strike) for lot in found.lots] == [("XLF", D(100), D(50))]
    assert [(leg.symbol, leg.qty, leg.credit) for leg in found.legs] == [(CALL, D(-1), D("0.80"))]
    assert [cycle.symbol for cycle in found.cycles] == ["XLF"]
    assert len(found.parts) == 2


def test_importing_twice_brings_nothing_new(home: Path, journal: LedgerJournal) -> None:
    bring(journal, lived())
    before = rows(home, "SELECT * FROM income_daily")
    again = bring(journal, lived())
    assert again.number is None
    assert rows(home, "SELECT count(*) FROM imports") == [(1,)]
    assert rows(home, "SELECT * FROM income_daily") == before
    assert faults(journal, home) == []


def test_an_import_before_the_first_tick_is_the_books_first_settlement(journal: LedgerJournal) -> None:
    world = lived()
    bring(journal, world)
    books = journal.books()
    assert (books.cash, books.settled_at) == (world.cash, world.at)
    assert dict(books.last_positions) == {"XLF": D(100), CALL: D(-1)}
    memory = journal.memory(NOON, NOON.date())
    assert memory.books.cash == world.cash
    assert memory.last_slot is None
    assert {line.key for line in world.lines if line.at > world.at - timedelta(days=7)} <= memory.seen


def test_an_import_leaves_settled_books_as_they_are(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    a_tick(
        journal, settlement=a_settlement(activities=tuple(world.lines), books=Books(cash=D(77), settled_at=world.at))
    )
    kept = bring(journal, world)
    assert (kept.lines, kept.cycles) == (0, 1)
    assert journal.books().cash == D(77)
    assert rows(home, "SELECT DISTINCT tick_id FROM activities") == [(1,)]
    dividends = rows(home, "SELECT income FROM income_daily WHERE kind = 'dividends'")
    assert dividends == [("25.00",)], "a line that a tick booked is not counted again"
    assert faults(journal, home) == []


def test_lines_that_no_tick_has_booked_yet_are_left_to_the_next_tick(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    settled = a_settlement(activities=tuple(world.lines[:-1]), books=Books(cash=D(77), settled_at=world.at))
    a_tick(journal, settlement=settled)
    with pytest.raises(UsageError, match=r"1 line came since the books were settled.*`bot tick --dry` books them"):
        bring(journal, world)
    assert rows(home, "SELECT count(*) FROM imports") == [(0,)]


def test_lines_older_than_any_tick_will_ask_for_are_taken_in(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    recent = tuple(line for line in world.lines if line.at > world.at - timedelta(days=8))
    a_tick(journal, settlement=a_settlement(activities=recent, books=Books(cash=D(77), settled_at=world.at)))
    kept = bring(journal, world)
    assert kept.lines == len(world.lines) - len(recent) > 0
    assert faults(journal, home) == []


def test_a_ledger_whose_own_orders_have_filled_is_no_place_for_an_import(journal: LedgerJournal) -> None:
    fill = Fill(
        execution_id="e", broker_order_id="b", client_order_id="desk-1", symbol=PUT, side="sell", qty=D(1), price=D(1),
        at=NOON,
    )  # fmt: skip
    a_tick(journal, settlement=a_settlement(fills=(fill,)))
    with pytest.raises(UsageError, match=r"1 fills of this desk's own orders.*BOT_HOME=.*-history"):
        bring(journal, lived())


def test_a_fill_of_others_that_a_tick_booked_is_kept_as_it_was_sealed(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    line = next(one for one in world.lines if one.kind == "FILL")
    fill = Fill(
        execution_id=line.id, broker_order_id="b", symbol=line.symbol, side="sell", qty=D(1), price=D(1), at=line.at,
        strategy="foreign",
    )  # fmt: skip
    books = Books(cash=D(77), settled_at=world.at)
    a_tick(journal, settlement=a_settlement(fills=(fill,), activities=tuple(world.lines), books=books))
    bring(journal, world)
    assert rows(home, "SELECT strategy FROM fills WHERE execution_id = ?", line.id) == [("foreign",)]
    assert faults(journal, home) == []


def test_another_accounts_past_is_refused(journal: LedgerJournal) -> None:
    bring(journal, lived())
    with pytest.raises(ForeignStore, match="SIM-1"):
        bring(journal, lived(), account="SIM-2")


def test_a_later_import_brings_what_ended_since_and_keeps_what_stood(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    bring(journal, world)
    seen = len(world.lines)
    world.wait(days=2)
    world.trade(CALL, "buy_to_close", 1, "0.10")
    world.trade("XLF", "sell_to_close", 40, "52")
    a_tick(journal, settlement=a_settlement(
        activities=tuple(world.lines[seen:]), books=Books(cash=world.cash, settled_at=world.at)
    ))  # fmt: skip
    assert moved_since(journal.database.connection) == {"XLF"}
    kept = bring(journal, world)
    assert (kept.number, kept.lines, kept.legs, kept.lots) == (2, 0, 1, 0)
    found = waiting(journal.database.connection)
    assert [lot.qty for lot in found.lots] == [D(60)]
    assert found.legs == ()
    assert moved_since(journal.database.connection) == frozenset()
    assert rows(home, "SELECT count(*), count(DISTINCT lot_id) FROM lot_ends") == [(2, 1)]
    assert faults(journal, home) == []


def test_two_equal_ends_of_one_lot_are_both_kept(home: Path, journal: LedgerJournal) -> None:
    world = BrokerLedger("9000")
    world.trade("XLF", "buy_to_open", 100, "40")
    world.wait(days=1)
    for order in ("a", "b"):
        world.line("FILL", "XLF", D(-50), D(2000), price=D(40), order_id=order)
    bring(journal, world)
    assert rows(home, "SELECT count(*) FROM lot_ends") == [(2,)]
    assert bring(journal, world).number is None


def adopted_of(journal: LedgerJournal) -> Adoption:
    found = waiting(journal.database.connection)
    lots = tuple(replace(lot, id=f"adopted-{lot.id}", owner="adopted", strategy="wheel") for lot in found.lots)
    cycles = tuple(replace(cycle, strategy="wheel") for cycle in found.cycles)
    taken = tuple(("lot", lot.id, lot.qty) for lot in found.lots)
    return Adoption(lots, (), cycles, (*taken, *(("cycle", one.id, D(1)) for one in found.cycles)))


def test_what_is_adopted_waits_no_longer_and_later_imports_leave_it_alone(home: Path, journal: LedgerJournal) -> None:
    world = lived()
    bring(journal, world)
    adopt(journal, adopted_of(journal), NOON, "ada")
    found = waiting(journal.database.connection)
    assert (found.lots, found.cycles) == ((), ())
    assert [leg.symbol for leg in found.legs] == [CALL]
    assert [lot.owner for lot in journal.books().lots] == ["adopted"]
    assert len(journal.books().cycles) == 1
    again = bring(journal, world)
    assert again.number is None
    assert faults(journal, home) == []
    assert rows(home, "SELECT kind FROM events ORDER BY id DESC LIMIT 2") == [(kinds.ADOPTION,), (kinds.ADOPTION,)]


def test_adopting_without_saying_so_is_our_own_bug(journal: LedgerJournal) -> None:
    bring(journal, lived())
    with pytest.raises(AssertionError, match="what is adopted says so"):
        adopt(journal, Adoption(lots=waiting(journal.database.connection).lots), NOON, "ada")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE imports SET blob = x'00'", "what it brought is not what was sealed"),
        ("UPDATE activities SET net_amount = '1' WHERE type = 'DIV'", "activities:"),
        ("DELETE FROM activities WHERE type = 'DIV'", "activities:"),
        ("UPDATE fills SET price = '9' WHERE symbol = 'XLF'", "fills:"),
        ("UPDATE leg_ends SET income = '9' WHERE underlying = 'EWZ'", "leg_ends:"),
        ("DELETE FROM lot_ends", "lot_ends:"),
        ("INSERT INTO fills SELECT 'x', NULL, '', '', 'XLF', 'buy', '1', '1', '', '', '', ''", "fills:"),
        ("UPDATE cycles SET option_cash = '999'", "cycle EWZ"),
        ("UPDATE cycles SET pnl = '999'", "the result of cycle EWZ"),
        ("UPDATE lots SET basis_tax = '1'", "lot lot-"),
        ("UPDATE option_legs SET credit = '9' WHERE underlying = 'EWZ'", "leg leg-"),
        ("UPDATE past_holdings SET fact_json = '{}' WHERE kind = 'lot'", "the open lot"),
    ],
)
def test_whatever_of_an_import_is_changed_afterwards_shows(
    home: Path, journal: LedgerJournal, change: str, found: str
) -> None:
    bring(journal, lived())
    journal.close()
    tamper(home, change)
    database = Database(home)
    told = list(chain.verify(database.connection, home))
    database.close()
    assert [words for words in told if found in words] != [], told


def test_bytes_that_are_no_import_are_a_stated_failure() -> None:
    with pytest.raises(StoreError, match="a stored import cannot be read"):
        decode_past(b"nonsense")


# The migration


def an_old_ledger(home: Path) -> None:
    """Make a ledger of the second version with a row in every table that the third builds anew."""
    home.mkdir()
    connection = sqlite3.connect(home / LEDGER_NAME)
    for number, path in migrations()[:2]:
        connection.executescript(f"BEGIN;\n{path.read_text()}\nPRAGMA user_version={number};\nCOMMIT;")
    connection.executescript(
        """
        INSERT INTO ticks (id, ts, slot, mode, status, broker, market, environment, config_hash, code_version)
        VALUES (1, '2026-11-18T17:00:00.000000Z', '2026-11-18T17:00:00.000000Z', 'live', 'done', 'simulator',
            'synthetic', 'simulated', 'c', '1');
        INSERT INTO activities VALUES ('a1', 'DIV', 'XLF', 1, 't', 'd', '0', NULL, '25.00', '', 'g', '', 'paid');
        INSERT INTO fills VALUES ('e1', 1, 'b', 'c', 'XLF', 'buy', '100', '40', 't', 'wheel', 'open', 'turn');
        INSERT INTO lots VALUES ('l1', 'XLF', '100', 't', 'wheel', 'ours', 'turn', '40', '40', '40', NULL, 1, 't');
        INSERT INTO option_legs VALUES ('o1', 'S', 'XLF', 'put', '40', 'd', '-1', 't', 'wheel', 'ours', 'turn', 'o1', 0,
            '1', '0', 0, 1, 't');
        INSERT INTO leg_ends VALUES (7, 1, 'o1', 'S', 'XLF', '1', 'expired', 't', 'd', '0', '100', '100');
        INSERT INTO lot_ends VALUES (9, 1, 'l1', 'XLF', '100', 'sold', 't', 'd', '41', '100', '100');
        """
    )
    connection.commit()
    connection.close()


REBUILT = ("activities", "fills", "leg_ends", "lot_ends")


def test_a_ledger_of_the_second_version_keeps_every_row(home: Path) -> None:
    an_old_ledger(home)
    before = {table: rows(home, f"SELECT * FROM {table}") for table in REBUILT}
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%' AND tbl_name = ?"
    named = {table: sorted(rows(home, indexes, table)) for table in REBUILT}
    Database(home).close()
    assert rows(home, "PRAGMA user_version") == [(migrations()[-1][0],)]
    assert {table: rows(home, f"SELECT * FROM {table}") for table in REBUILT} == before
    assert all(set(named[table]) <= set(rows(home, indexes, table)) for table in REBUILT)
    assert rows(home, "PRAGMA foreign_key_check") == []
    assert rows(home, "PRAGMA integrity_check") == [("ok",)]
    assert rows(home, "SELECT name FROM sqlite_master WHERE name LIKE '%_before'") == []
    for (name,) in rows(home, "SELECT name FROM sqlite_master WHERE type = 'view'"):
        rows(home, f"SELECT * FROM {name}")


def test_a_migrated_ledger_holds_ticks_and_imports(home: Path) -> None:
    an_old_ledger(home)
    journal = LedgerJournal(home, "desk")
    line = Activity(id="a2", kind="DIV", symbol="XLF", at=NOON, net_amount=D(3))
    a_tick(journal, settlement=a_settlement(activities=(line,)))
    assert rows(home, "SELECT id, tick_id FROM activities ORDER BY id") == [("a1", 1), ("a2", 2)]
    with pytest.raises(UsageError, match="own orders"):
        bring(journal, lived())
    journal.close()
