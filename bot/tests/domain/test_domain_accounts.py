"""An account's number in words: its end only, except of an account that nobody owns."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.accounts import account_name, owner_name
from bot.domain.errors import ForeignStore
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import begin


def test_only_the_end_is_shown_and_a_simulated_one_is_no_secret() -> None:
    assert account_name("PA3XYZ901234", simulated=False) == "...1234"
    assert account_name("1234", simulated=False) == "1234"
    assert owner_name("simulator", "simulated", "SIM-3f22d6d8") == "simulator simulated SIM-3f22d6d8"
    assert owner_name("alpaca", "live", "987654321") == "alpaca live ...4321"


def test_a_ledger_of_another_account_names_both_by_their_ends(tmp_path: Path) -> None:
    journal = LedgerJournal(tmp_path / "desk", "desk", synchronous="NORMAL")
    journal.stamp("alpaca", "paper", "PA3TEST00001")
    begin(journal, NOON, broker="alpaca", environment="paper")
    with pytest.raises(ForeignStore) as refusal:
        journal.stamp("alpaca", "paper", "PA3TEST00002")
    journal.close()
    words = str(refusal.value)
    assert "alpaca paper ...0001 and this run is alpaca paper ...0002" in words
    assert "PA3TEST" not in words


def test_two_accounts_whose_ends_agree_are_still_told_apart(tmp_path: Path) -> None:
    journal = LedgerJournal(tmp_path / "desk", "desk", synchronous="NORMAL")
    journal.stamp("alpaca", "paper", "PA3TEST00001")
    begin(journal, NOON, broker="alpaca", environment="paper")
    with pytest.raises(ForeignStore, match="another account with the same end"):
        journal.stamp("alpaca", "paper", "PA3OTHER00001")
    journal.close()
