"""What most commands begin with: load the house, take the lock, open the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bot.store.journal import LedgerJournal
from bot.store.lock import home_lock
from bot.wiring import House, environment_of, load_house


@contextmanager
def open_ledger(house: House, command: str, now: datetime) -> Iterator[LedgerJournal]:
    """Hold the home's lock and its ledger; raises TryLater (75) naming who holds it."""
    with home_lock(house.home, command, now):
        journal = LedgerJournal(house.home, house.desk.name)
        try:
            yield journal
        finally:
            journal.close()


def stamp(journal: LedgerJournal, house: House, account: str) -> None:
    """Stamp the ledger at its first tick, or refuse one that belongs to another account."""
    journal.stamp(house.settings.broker, environment_of(house.settings), account)


__all__ = ["House", "load_house", "open_ledger", "stamp"]
