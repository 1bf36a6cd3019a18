"""A ledger of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store.journal import LedgerJournal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "desk"


@pytest.fixture
def journal(home: Path) -> Iterator[LedgerJournal]:
    opened = LedgerJournal(home, "desk")
    yield opened
    opened.close()
