"""A stored Snapshot decided again: what differs, field by field. Pure: the record in, differences out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import asdict, replace

from bot.domain.checks import CheckResult
from bot.domain.desk import Desk
from bot.domain.money import plain
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.replaying import Difference
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note, Strategy
from bot.engine.ports import DecidedAs
from bot.engine.tick import decide

T = TypeVar("T")
_CHECK_FIELDS = ("ok", "value", "limit", "distance", "unit", "reason")
_NOTE_FIELDS = ("reason", "value", "limit", "unit")


class Decided(NamedTuple):
    """What one Snapshot is decided to: verdicts in the order of judgement, notes, and planners that failed."""

    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...]
    errors: tuple[str, ...] = ()


class Chosen(NamedTuple):
    """Everything chosen about a decision: the desk's numbers, its strategies, and those that may plan alone."""

    desk: Desk
    strategies: tuple[Strategy, ...]
    panic: tuple[Strategy, ...]
    approved: tuple[Strategy, ...]

    def planning(self, decided_as: DecidedAs) -> tuple[Strategy, ...]:
        """Give the strategies that plan in a tick: the desk's own, or those that were alone in it."""
        return {"panic": self.panic, "approved": self.approved}.get(decided_as, self.strategies)


def decide_again(snapshot: Snapshot, chosen: Chosen, decided_as: DecidedAs = "") -> Decided:
    """Decide a stored Snapshot as it was decided: by the desk, by the panic alone, by the approvals alone."""
    desk = replace(chosen.desk, approvals=()) if decided_as == "unasked" else chosen.desk
    return Decided(*decide(snapshot, chosen.planning(decided_as), desk))


def ways_to_decide(snapshot: Snapshot) -> tuple[DecidedAs, ...]:
    """Say who may have planned a tick whose seal does not tell: the desk, or alone what a person had just said."""
    found: list[DecidedAs] = [""]
    if snapshot.books.panic is not None:
        found.append("panic")
    if any(one.approved_at is not None for one in snapshot.books.approvals):
        found.append("approved")
    return tuple(found)


def differences(was: Decided, now: Decided) -> tuple[Difference, ...]:
    """Give every field in which two decisions differ, in the order of the record.

    Gates are compared where both wanted the same: what a planner changed, it changed for every gate.
    """
    found = [Difference(part="planner", place=one.split(" ")[1], field="failed", now=one) for one in now.errors]
    pairs, alone = _paired(was.verdicts, now.verdicts, lambda one: _wish_key(one.intent))
    for old, new in pairs:
        if new is None:
            found.append(_presence(old.intent, "wanted", "not wanted"))
            continue
        changed = list(_intent_fields(old.intent, new.intent))
        found += changed or _check_fields(old, new)
    found += [_presence(one.intent, "not wanted", "wanted") for one in alone]
    kept = [(one, two) for one, two in pairs if two is not None]
    order = [_wish_key(one.intent) for one in now.verdicts if any(one is two for _, two in kept)]
    if order != [_wish_key(one.intent) for one, _ in kept]:
        found.append(Difference(part="order", place="judge", field="order", was="as recorded", now="another"))
    return (*found, *_note_differences(was.notes, now.notes))


def places(found: Iterable[Difference]) -> Counter[str]:
    """Count the places that differ in one tick, each once: "gate NAME" or "planner NAME"."""
    return Counter({place_of(one): 1 for one in found})


def place_of(one: Difference) -> str:
    """Name what a difference is to be laid to."""
    kinds = {"gate": "gate", "order": "order of judgement", "bytes": "bytes"}
    kind = kinds.get(one.part, "planner")
    return f"{kind} {one.place}" if kind in ("gate", "planner") else kind


def subject_of(intent: OrderIntent) -> str:
    """Name a wish in one line: who, why, what."""
    return f"{intent.strategy} {intent.purpose} {intent.symbol}"


def _wish_key(intent: OrderIntent) -> Hashable:
    return intent.strategy, intent.purpose, intent.key


def _paired(
    was: Sequence[T], now: Sequence[T], key: Callable[[T], Hashable]
) -> tuple[list[tuple[T, T | None]], list[T]]:
    """Pair what has one key, the first with the first; gives the pairs of the old ones, and the new ones left over."""
    waiting: dict[Hashable, list[T]] = {}
    for one in reversed(now):
        waiting.setdefault(key(one), []).append(one)
    pairs: list[tuple[T, T | None]] = []
    for old in was:
        found = waiting.get(key(old))
        pairs.append((old, found.pop() if found else None))
    left = {id(one) for ones in waiting.values() for one in ones}
    return pairs, [one for one in now if id(one) in left]


def _presence(intent: OrderIntent, was: str, now: str) -> Difference:
    return Difference(part="intent", place=intent.strategy, subject=subject_of(intent), field="wish", was=was, now=now)


def _intent_fields(old: OrderIntent, new: OrderIntent) -> Iterator[Difference]:
    if old == new:
        return
    before, after = asdict(old), asdict(new)
    numbers, numbers_now = dict(before.pop("numbers")), dict(after.pop("numbers"))
    before |= {f"number {name}": value for name, value in numbers.items()}
    after |= {f"number {name}": value for name, value in numbers_now.items()}
    for name in (*before, *(name for name in after if name not in before)):
        if before.get(name) != after.get(name):
            yield Difference(
                part="intent", place=old.strategy, subject=subject_of(old), field=name,
                was=value_text(before.get(name)), now=value_text(after.get(name)),
            )  # fmt: skip


def _check_fields(old: Verdict, new: Verdict) -> list[Difference]:
    if old.checks == new.checks:
        return []
    found: list[Difference] = []
    pairs, alone = _paired(old.checks, new.checks, lambda one: one.gate)
    for one, other in pairs:
        if other is None:
            found.append(_gate(one, old, "gate", "asked", "not asked"))
            continue
        for name in _CHECK_FIELDS:
            was, now = getattr(one, name), getattr(other, name)
            if was != now:
                found.append(_gate(one, old, name, value_text(was), value_text(now)))
    return found + [_gate(one, old, "gate", "not asked", "asked") for one in alone]


def _gate(check: CheckResult, verdict: Verdict, field: str, was: str, now: str) -> Difference:
    return Difference(part="gate", place=check.gate, subject=subject_of(verdict.intent), field=field, was=was, now=now)


def _note_differences(was: Sequence[Note], now: Sequence[Note]) -> Iterator[Difference]:
    pairs, alone = _paired(was, now, lambda one: (one.strategy, one.symbol, one.subject))
    for old, new in pairs:
        if new is None:
            yield _note(old, "note", old.reason, "nothing said")
            continue
        for name in _NOTE_FIELDS:
            if getattr(old, name) != getattr(new, name):
                yield _note(old, name, value_text(getattr(old, name)), value_text(getattr(new, name)))
    for one in alone:
        yield _note(one, "note", "nothing said", one.reason)


def _note(note: Note, field: str, was: str, now: str) -> Difference:
    subject = f"{note.symbol} {note.subject}"
    return Difference(part="note", place=note.strategy, subject=subject, field=field, was=was, now=now)


def value_text(value: Any) -> str:
    """Write a field's value as a person reads it.

    >>> value_text(Decimal("1.50")), value_text(None), value_text(True), value_text("")
    ('1.5', 'none', 'yes', 'nothing')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return ", ".join(f"{one.position_intent} {one.ratio} {one.symbol}" for one in value) or "nothing"
    return str(value) or "nothing"
