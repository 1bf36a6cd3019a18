"""An older ledger put in the place of a newer one shows, and nobody is ever locked out by a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import StoreError
from bot.domain.ledger import Halt
from bot.store import journal as journals
from bot.store.anchor import ANCHOR_NAME, WIDTH, Anchor, damage, read_anchor, write_anchor
from bot.store.chain import head
from bot.store.database import LEDGER_NAME
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import a_start, a_tick, rows, tamper

LATER = NOON + timedelta(minutes=15)


def ticked(home: Path, at: object = NOON) -> None:
    journal = LedgerJournal(home, "desk")
    a_tick(journal, at)  # type: ignore[arg-type]
    journal.close()


def test_each_seal_leaves_its_head_and_count_in_the_home(home: Path) -> None:
    journal = LedgerJournal(home, "desk")
    a_tick(journal)
    assert read_anchor(home) == Anchor(head(journal.database.connection), 2)
    a_tick(journal, LATER)
    assert read_anchor(home) == Anchor(head(journal.database.connection), 3)
    journal.close()
    assert (home / ANCHOR_NAME).stat().st_mode & 0o777 == 0o600
    assert not list(home.glob(f".{ANCHOR_NAME}*"))


def test_an_older_copy_of_the_ledger_is_refused_with_what_to_do(home: Path, tmp_path: Path) -> None:
    ticked(home)
    shutil.copy(home / LEDGER_NAME, tmp_path / "older")
    ticked(home, LATER)
    shutil.copy(tmp_path / "older", home / LEDGER_NAME)
    journal = LedgerJournal(home, "desk")
    with pytest.raises(StoreError, match=r"(?s)ends at event 2 .* after event 3.*bot audit verify.*bot audit accept"):
        journal.begin(a_start(LATER))
    journal.close()
    assert rows(home, "SELECT count(*) FROM ticks") == [(1,)]


def test_another_chain_of_the_same_length_is_refused(home: Path) -> None:
    ticked(home)
    write_anchor(home, "0" * 64, 2)
    journal = LedgerJournal(home, "desk")
    with pytest.raises(StoreError, match="event 2 is not the one"):
        journal.begin(a_start(LATER))
    journal.close()


@pytest.mark.parametrize("left", ["", "{", '{"head": 5}', "[1]", '{"head": "a", "count": "many"}', "\x00"])
def test_an_anchor_that_cannot_be_read_locks_nobody_out(home: Path, left: str) -> None:
    ticked(home)
    (home / ANCHOR_NAME).write_text(left)
    ticked(home, LATER)
    found = read_anchor(home)
    assert found is not None
    assert found.events == 3


def test_a_process_that_dies_between_seal_and_anchor_locks_nobody_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    ticked(home)
    with monkeypatch.context() as then:
        then.setattr(journals, "write_anchor", dies)
        then.setattr(journals, "follow", lambda *_: False)  # a process that died closes nothing
        journal = LedgerJournal(home, "desk")
        with pytest.raises(KeyboardInterrupt):
            a_tick(journal, LATER)
        journal.close()
    found = read_anchor(home)
    assert found is not None
    assert found.events == 2
    ticked(home, LATER + timedelta(minutes=15))
    assert read_anchor(home) != found


def test_a_home_that_refuses_the_anchor_keeps_the_one_before(tmp_path: Path) -> None:
    assert write_anchor(tmp_path, "a", 1)
    assert not write_anchor(tmp_path / "nowhere", "b", 2)
    assert read_anchor(tmp_path) == Anchor("a", 1)


def test_a_simulation_waits_for_no_anchor(home: Path) -> None:
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    a_tick(journal)
    journal.close()
    assert read_anchor(home) is None


def test_a_persons_word_is_anchored_too(home: Path) -> None:
    ticked(home)
    journal = LedgerJournal(home, "desk")
    journal.set_halt(Halt(level="stop", author="owner", reason="away", since=LATER))
    journal.close()
    tamper(home, "DELETE FROM halts")
    tamper(home, "DELETE FROM events WHERE kind = 'halt'")
    journal = LedgerJournal(home, "desk")
    with pytest.raises(StoreError, match=r"ends at event 2 .* after event 3"):
        journal.begin(a_start(LATER))
    journal.close()


def test_a_word_covers_up_no_ledger_that_was_cut_off(home: Path) -> None:
    ticked(home)
    ticked(home, LATER)
    tamper(home, "DELETE FROM events WHERE id = 3")
    for _ in range(2):
        journal = LedgerJournal(home, "desk")
        journal.set_halt(Halt(level="stop", author="owner", reason="away", since=LATER))
        journal.close()
    found = read_anchor(home)
    assert found is not None
    assert found.events == 3
    journal = LedgerJournal(home, "desk")
    with pytest.raises(StoreError, match="event 3 is not the one"):
        journal.begin(a_start(LATER))
    journal.close()


def test_what_a_power_cut_may_still_take_is_not_anchored(home: Path) -> None:
    ticked(home)
    journal = LedgerJournal(home, "desk")
    journal.begin(a_start(LATER))
    journal.close()
    journal = LedgerJournal(home, "desk")
    journal.begin(a_start(LATER))  # buries the one before, in a commit that does not wait for the disk
    journal.close()
    assert rows(home, "SELECT count(*) FROM events") == [(3,)]
    found = read_anchor(home)
    assert found is not None
    assert found.events == 2


def test_half_an_anchor_never_takes_the_place_of_a_whole_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticked(home)
    before = read_anchor(home)
    monkeypatch.setattr(os, "pwrite", lambda handle, words, at: len(words) - 1)
    monkeypatch.setattr(os, "write", lambda handle, words: len(words) - 1)
    assert not write_anchor(home, "f" * 64, 9)
    assert read_anchor(home) == before
    assert not list(home.glob(f".{ANCHOR_NAME}*"))


@pytest.mark.parametrize(("text", "told"), [("", True), ("{", True), (None, False)])
def test_a_damaged_anchor_is_told_and_one_that_is_gone_is_not(home: Path, text: str | None, told: bool) -> None:
    ticked(home)
    (home / ANCHOR_NAME).unlink()
    if text is not None:
        (home / ANCHOR_NAME).write_text(text)
    assert bool(damage(home)) is told


def test_an_anchor_that_stands_is_moved_without_a_wait_for_the_disk(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(exist_ok=True)
    waits: list[int] = []
    monkeypatch.setattr(os, "fsync", waits.append)
    assert write_anchor(home, "a" * 64, 9)
    assert len(waits) == 1
    place = (home / ANCHOR_NAME).stat()
    assert write_anchor(home, "b" * 64, 1_000_000_000)
    assert len(waits) == 1
    assert read_anchor(home) == Anchor("b" * 64, 1_000_000_000)
    assert ((home / ANCHOR_NAME).stat().st_ino, (home / ANCHOR_NAME).stat().st_size) == (place.st_ino, WIDTH)


@pytest.mark.parametrize("linked", [os.link, os.symlink])
def test_a_name_that_shares_the_anchors_bytes_keeps_them(tmp_path: Path, linked: Callable[[Path, Path], None]) -> None:
    kept = tmp_path / "kept"
    write_anchor(tmp_path, "a" * 64, 1)
    (tmp_path / ANCHOR_NAME).rename(kept)
    linked(kept, tmp_path / ANCHOR_NAME)
    before = kept.read_bytes()
    assert write_anchor(tmp_path, "b" * 64, 2)
    assert kept.read_bytes() == before
    assert read_anchor(tmp_path) == Anchor("b" * 64, 2)
