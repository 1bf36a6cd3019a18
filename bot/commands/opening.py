"""What most commands begin with: load the house, take the lock, open the ledger; and what they say beside an answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal

from bot.domain.errors import BadNumber, UsageError
from bot.domain.money import from_text
from bot.store.lock import home_lock
from bot.store.logbook import Logbook
from bot.store.logged import LoggedJournal
from bot.wiring import House, environment_of, load_house


@contextmanager
def open_ledger(
    house: House, command: str, now: datetime, clock: Callable[[], datetime] | None = None
) -> Iterator[LoggedJournal]:
    """Hold the home's lock and its ledger, and keep its log; raises TryLater (75) naming who holds it.

    `clock` tells the time of each line of the log, `now` without one.
    """
    log = log_of(house, command, clock or (lambda: now))
    try:
        with home_lock(house.home, command, now), closing(LoggedJournal(house.home, house.desk.name, log)) as journal:
            yield journal
            _show_word(house, journal, command, now)
    except (Exception, KeyboardInterrupt) as error:
        log.error(error)
        raise
    finally:
        log.close()


def _show_word(house: House, journal: LoggedJournal, command: str, now: datetime) -> None:
    """Let the board and the alerts show at once what a person's word changed; a tick does so for itself."""
    if command.startswith(("bot tick", "bot loop")):
        return
    from bot.commands.alerting import notice
    from bot.commands.boarding import refresh_halt

    for failed in (refresh_halt(house, journal, now), notice(house, journal, now)):
        if failed:
            print(f"warning: {failed}", file=sys.stderr)


def log_of(house: House, command: str, clock: Callable[[], datetime]) -> Logbook:
    """Open the log of a home for a command; nothing secret that this desk knows of can get into it."""
    return Logbook(house.home, clock, house.settings.secrets.mask, by=command, keep_days=house.desk.keep.log_days)


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
