"""A look at the world as it is now, with the ledger's memory: nothing is recorded, nothing sent, no lock held.

A simulated account is looked at through a copy, so that looking does not make its time pass. What a tick would write
goes to a ledger in a folder that is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from sqlite3 import Error
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.accounts import owner_name
from bot.domain.errors import ForeignStore
from bot.domain.ledger import Proposal
from bot.domain.sessions import slot_of
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Strategy
from bot.engine.arrival import arrive
from bot.engine.observe import observe
from bot.engine.ports import Memory, World
from bot.store.database import store_error
from bot.store.journal import LedgerJournal
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.store.remembering import read_memory
from bot.wiring import House, environment_of, looking_broker, make_book, make_market

WINDOW_DAYS = 7
"""How far back activities are read, as a tick does."""


class Looked(NamedTuple):
    """What was seen, and the proposals that stand."""

    snapshot: Snapshot
    proposals: tuple[Proposal, ...] = ()


def fresh_look(house: House, strategies: tuple[Strategy, ...], now: Callable[[], datetime]) -> Looked:
    """Observe the world once with what these strategies ask for; raises ForeignStore in another account's home."""
    at = now()
    market = make_market(house, now)
    # What is only put on record is a tick's business: looking asks for what its strategies need and nothing more.
    book = make_book(house, dry=True)._replace(strategies=strategies, desk=replace(house.desk, record_chains=()))
    with _scratch(house) as journal, _ledger(house) as ledger:
        stamp = None if ledger is None else stamp_of(ledger)
        with looking_broker(house, market, now, account="" if stamp is None else stamp[2]) as broker:
            _refuse_foreign(house, stamp, (broker.name, environment_of(house.settings)))
            arrival = arrive(broker, at)
            _refuse_foreign(house, stamp, (broker.name, environment_of(house.settings), arrival.account.id))
            memory = _memory(ledger, journal, at, arrival.session.day)
            world = World(broker=broker, market=market, journal=journal, now=now)
            if house.settings.broker != "simulator":
                from bot.venues.together import at_once

                world = world._replace(together=at_once)
            snapshot, _ = observe(world, book, memory, at, slot_of(at), arrival)
        return Looked(snapshot, () if ledger is None else ledger.proposals(at))


@contextmanager
def _scratch(house: House) -> Iterator[LedgerJournal]:
    """Give a ledger that nobody keeps."""
    with TemporaryDirectory(prefix="bot-look-") as name:
        journal = LedgerJournal(Path(name) / "home", house.desk.name, synchronous="NORMAL")
        try:
            yield journal
        finally:
            journal.close()


@contextmanager
def _ledger(house: House) -> Iterator[Ledger | None]:
    """Give this home's ledger for questions, or None where no tick has begun one."""
    if not ledger_exists(house.home):
        yield None
        return
    with open_for_questions(house.home) as ledger:
        yield ledger


def stamp_of(ledger: Ledger) -> tuple[str, str, str] | None:
    """Read the broker, environment and account a ledger belongs to; None before its first tick."""
    try:
        row = ledger.connection.execute("SELECT broker, environment, account FROM stamp").fetchone()
    except Error as error:
        raise store_error(ledger.path, error) from error
    return None if row is None else (row[0], row[1], row[2])


def _refuse_foreign(house: House, stamp: tuple[str, ...] | None, ours: tuple[str, ...]) -> None:
    if stamp is not None and stamp[: len(ours)] != ours:
        raise ForeignStore(
            f"{house.home} belongs to {owner_name(*stamp)} and this look is at {owner_name(*ours)}: name the BOT_HOME "
            f"of that account, as BOT_HOME={house.home}-{ours[0]}-{ours[1]}"
        )


def _memory(ledger: Ledger | None, journal: LedgerJournal, at: datetime, day: date) -> Memory:
    """Read what the ledger remembers, all of it at one moment: a tick may be writing."""
    if ledger is None:
        return journal.memory(at, day)
    try:
        ledger.connection.execute("BEGIN")
        try:
            return read_memory(ledger.connection, at, day, WINDOW_DAYS)
        finally:
            ledger.connection.rollback()
    except Error as error:
        raise store_error(ledger.path, error) from error
