"""What people write between ticks is kept, chained, and stands in the next tick."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from bot.domain.ledger import Halt, Instruction, Pause
from bot.store import chain, kinds
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON, D, a_lot, an_option_leg
from bot.tests.store.scene import DAY, PUT, a_settlement, a_tick, rows

LATER = NOON + timedelta(minutes=15)


def newest_kind(home: Path) -> str:
    found: str = rows(home, "SELECT kind FROM events ORDER BY id DESC LIMIT 1")[0][0]
    return found


def test_a_halt_stands_until_the_next_word(home: Path, journal: LedgerJournal) -> None:
    halt = Halt(level="reduce_only", author="ada", reason="a test", since=NOON, clears="a person: `bot resume`")
    journal.set_halt(halt)
    assert journal.memory(LATER, NOON.date()).halt == halt
    journal.set_halt(Halt(level="run", author="ada", reason="done", since=LATER))
    assert journal.memory(LATER, NOON.date()).halt.level == "run"
    assert rows(home, "SELECT level FROM halts ORDER BY id") == [("reduce_only",), ("run",)]
    assert newest_kind(home) == kinds.HALT
    assert list(chain.verify(journal.database.connection, home)) == []


def test_the_newest_word_on_a_contract_stands_while_it_is_held(home: Path, journal: LedgerJournal) -> None:
    books = a_settlement().books
    held = type(books)(legs=(an_option_leg(PUT),), lots=(a_lot("KO"),), cash=D(1), settled_at=NOON)
    a_tick(journal, settlement=a_settlement(books=held))
    journal.add_instruction(Instruction(contract=PUT, word="hold", at=NOON, author="ada"))
    close = Instruction(contract=PUT, word="close", at=LATER, author="ada")
    share = Instruction(contract="KO", word="close", at=LATER, author="ada")
    journal.add_instruction(close)
    journal.add_instruction(share)
    journal.add_instruction(Instruction(contract="XLF261218C00040000", word="hold", at=LATER, author="ada"))
    assert journal.memory(LATER, NOON.date()).books.instructions == (close, share)
    assert newest_kind(home) == kinds.INSTRUCTION


def test_a_word_on_a_former_position_says_nothing_about_a_new_one(journal: LedgerJournal) -> None:
    journal.add_instruction(Instruction(contract=PUT, word="let_assign", at=NOON - 30 * DAY, author="ada"))
    books = type(a_settlement().books)(legs=(an_option_leg(PUT, opened_at=NOON),))
    a_tick(journal, settlement=a_settlement(books=books))
    assert journal.memory(LATER, NOON.date()).books.instructions == ()


def test_a_pause_ends_by_itself_or_by_a_word(home: Path, journal: LedgerJournal) -> None:
    pause = Pause(symbol="XLF", until=NOON + DAY, reason="news")
    journal.add_pause(pause, NOON, "ada")
    assert journal.memory(LATER, NOON.date()).books.pauses == (pause,)
    assert journal.memory(NOON + DAY, NOON.date()).books.pauses == ()
    assert journal.lift_pause("XLF", LATER, "ada") == 1
    assert journal.memory(LATER, NOON.date()).books.pauses == ()
    assert journal.lift_pause("XLF", LATER, "ada") == 0
    assert newest_kind(home) == kinds.PAUSE


def test_a_configuration_is_kept_once_and_approved_by_a_person(home: Path, journal: LedgerJournal) -> None:
    assert journal.keep_config("c0ffee", "[desk]", "{}", NOON)
    assert not journal.keep_config("c0ffee", "[desk]", "{}", LATER)
    assert not journal.config_is_approved("c0ffee")
    journal.approve_config("c0ffee", LATER, "ada")
    assert journal.config_is_approved("c0ffee")
    kept = [kind for (kind,) in rows(home, "SELECT kind FROM events ORDER BY id")]
    assert kept == [kinds.CONFIG, kinds.APPROVAL]


def test_an_unknown_configuration_cannot_be_approved(journal: LedgerJournal) -> None:
    with pytest.raises(UsageError, match="run a dry tick with it first"):
        journal.approve_config("c0ffee", NOON, "ada")
