"""A panic in force, as the owner reads it: what it wants, what is left, and when that is worked on."""

from __future__ import annotations

from datetime import datetime

from bot.domain.clearing import Left, left_of
from bot.domain.facts import Fact
from bot.domain.ledger import Panic
from bot.domain.slots import next_open
from bot.domain.snapshot import Snapshot
from bot.report.words import new_york


class PanicLine(Fact, frozen=True, kw_only=True):
    """One panic: who said it and why, and what the newest list of the broker leaves to clear."""

    flatten: bool
    author: str
    reason: str
    at: datetime
    done: bool
    left: str
    worked_at: datetime | None = None
    """The slot that works on it next; none where nothing is left."""


def panic_line(panic: Panic | None, left: Left | None, worked_at: datetime | None) -> PanicLine | None:
    """Put a panic into a line; nothing where none is in force."""
    if panic is None or left is None:
        return None
    return PanicLine(
        flatten=panic.flatten, author=panic.author, reason=panic.reason, at=panic.at, done=left.done,
        left=left.words(), worked_at=None if left.done else worked_at,
    )  # fmt: skip


def panic_of(snapshot: Snapshot) -> PanicLine | None:
    """Give the panic that a tick saw in force, with what the broker's list left to clear at its start."""
    panic = snapshot.books.panic
    if panic is None:
        return None
    positions = ((held.position.symbol, held.position.qty, held.owner) for held in snapshot.positions)
    left = left_of(panic, positions, snapshot.books, snapshot.own_orders, snapshot.foreign_orders, snapshot.desk)
    opens = snapshot.session.open_at if snapshot.at < snapshot.session.open_at else next_open(snapshot.at)
    return panic_line(panic, left, None if snapshot.session.is_open else opens)


def panic_words(line: PanicLine) -> str:
    """Say it in one sentence."""
    word = "flatten" if line.flatten else "panic"
    when = "" if line.worked_at is None else f", worked on at {new_york(line.worked_at)}"
    left = "nothing is left" if line.done else f"pending: {line.left}{when}"
    return f"{word} by {line.author}: {line.reason}; {left}; `bot resume` ends it"
