"""Count the operations of a tick, and let the Nth of them go wrong in one of four ways."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, cast

import pytest

from bot.brokers.simulator_store import Store
from bot.commands import ticking
from bot.domain.errors import BrokerUnreachable, OutcomeUnknown, StoreError
from bot.engine import tick as engine
from bot.engine.ports import Book, Broker, Journal, TickResult, World, one_after_another
from bot.store import snapshots
from bot.store.database import Transaction

WAYS = ("fails", "answer lost", "dies before", "dies after")
"""It raises and had no effect; it raises and had its effect; the process dies before it; the process dies after it."""
JOURNAL = ("begin", "memory", "keep_snapshot", "find_own", "record_decision", "move", "seal")
BROKER = (
    "read_clock", "read_account", "read_positions", "read_orders", "read_activities", "find_order", "submit", "cancel",
    "read_calendar",
)  # fmt: skip


class Death(BaseException):
    """The process ends here: nothing catches this, and what was not committed is gone."""


class Operations:
    """Counts operations; the one numbered `nth` goes wrong in a way (0 lets all be)."""

    def __init__(self, nth: int = 0, way: str = "fails") -> None:
        self.nth, self.way = nth, way
        self.names: list[str] = []
        self.hit = ""

    def around(self, name: str, call: Callable[[], Any], failure: Exception) -> Any:
        """Carry an operation out, unless it is the one."""
        self.names.append(name)
        if len(self.names) != self.nth:
            return call()
        self.hit = name
        if self.way == "dies before":
            raise Death(name)
        if self.way == "fails":
            raise failure
        call()
        if self.way == "dies after":
            raise Death(name)
        raise failure


class Watched:
    """A journal or broker whose named methods are operations."""

    def __init__(self, inner: Any, operations: Operations, names: tuple[str, ...], what: str) -> None:
        self._inner, self._operations, self._names, self._what = inner, operations, names, what

    def __getattr__(self, name: str) -> Any:
        """Give a method that counts, or what the inner one has."""
        found = getattr(self._inner, name)
        if name not in self._names:
            return found

        def counted(*given: Any, **named: Any) -> Any:
            whole = f"{self._what}.{name}"
            return self._operations.around(whole, lambda: found(*given, **named), self._failure(name))

        return counted

    def _failure(self, name: str) -> Exception:
        if self._what == "journal":
            return StoreError(f"{name}: the disk refused")
        return OutcomeUnknown("no answer came") if name in ("submit", "cancel") else BrokerUnreachable("no answer came")


@contextmanager
def watching(operations: Operations) -> Iterator[None]:
    """Count every journal method, broker request, commit, snapshot append and sync of the ticks inside."""
    real_tick, real_exit, real_save = engine.tick, Transaction.__exit__, Store.save

    def tick(world: World, book: Book) -> TickResult:
        journal = cast(Journal, Watched(world.journal, operations, JOURNAL, "journal"))
        broker = cast(Broker, Watched(world.broker, operations, BROKER, "broker"))
        return real_tick(world._replace(journal=journal, broker=broker, together=one_after_another), book)

    def leave(
        self: Transaction, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            return real_exit(self, kind, error, trace)
        try:
            operations.around(
                "ledger commit", lambda: real_exit(self, None, None, None), StoreError("the disk refused a commit")
            )
        except BaseException:
            if self._database.connection.in_transaction:
                self._database.connection.execute("ROLLBACK")
            raise
        return None

    def save(self: Store, state: Any) -> bool:
        failure = sqlite3.OperationalError("disk I/O error")
        return bool(operations.around("account commit", lambda: real_save(self, state), failure))

    def disk(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: operations.around(name, lambda: real(*given), OSError(5, "the disk refused"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticking, "tick", tick)
        patch.setattr(Transaction, "__exit__", leave)
        patch.setattr(Store, "save", save)
        patch.setattr(snapshots, "_sync", disk("snapshot sync", snapshots._sync))
        patch.setattr(snapshots, "sync_folder", disk("folder sync", snapshots.sync_folder))
        patch.setattr(snapshots.SnapshotFiles, "_open", disk("snapshot open", snapshots.SnapshotFiles._open))
        yield
