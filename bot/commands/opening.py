"""What most commands begin with: load the house, take the lock, open the ledger; and what they say beside an answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from bot.domain.errors import BadNumber, UsageError
from bot.domain.money import from_text
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


def warn(house: House) -> None:
    """Say on standard error what is odd about the settings: a stale environment, a readable secret."""
    for warning in house.settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def say_home(house: House) -> None:
    """Say on standard error which home was used, where standard output is for another program."""
    print(f"home {house.home}", file=sys.stderr)


def amount(text: str, option: str) -> Decimal:
    """Read an option's number that must be above zero, or raise UsageError naming the option.

    >>> amount("25000", "--equity")
    Decimal('25000')
    """
    try:
        value = from_text(text, option)
    except BadNumber as error:
        raise UsageError(str(error)) from error
    if value <= 0:
        raise UsageError(f"{option}: expected a number above zero, got {text!r}")
    return value


__all__ = ["House", "amount", "load_house", "open_ledger", "say_home", "warn"]


def other_money(house: House, kept_for: str) -> tuple[str, ...]:
    """Say where the settings name other money than the home is kept for: every tick is refused there."""
    named = environment_of(house.settings)
    if named == kept_for:
        return ()
    return (
        f"the settings name {named} money, and this home is kept for {kept_for}: no tick runs here with them; give "
        "each account a home of its own (BOT_HOME)",
    )
