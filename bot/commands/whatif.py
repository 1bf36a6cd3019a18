"""`bot whatif`: each recorded tick decided again under a changed desk, and in dollars what that would have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import NamedTuple

from bot.commands.looking import nothing_yet, print_json, show, typed_before
from bot.commands.opening import warn
from bot.commands.replaying import Desks, Ticks, as_recorded, chosen_of, chosen_ticks
from bot.config.deskfile import read_desk
from bot.config.deskkeys import shown, toml_value
from bot.config.desksetting import keys_of, with_settings
from bot.domain.errors import BotError, StoreError, UsageError
from bot.domain.instruments import is_option, parse_option
from bot.domain.money import ZERO
from bot.domain.orders import ENTRY_PURPOSES, OrderIntent
from bot.domain.snapshot import decode_snapshot
from bot.engine.replay import Chosen, decide_again
from bot.report.whatif_text import (
    KINDS,
    RECORDED_ALONE,
    TOGETHER,
    ChangeLine,
    FlipLine,
    MoneyLine,
    SetLine,
    UnknownLine,
    WhatIfReport,
    whatif_lines,
)
from bot.report.words import wish
from bot.research.whatif import Change, Compared, compare, unrecorded
from bot.research.whatif_money import NOTHING, Seen, symbols_of, worth_of, worth_of_change
from bot.store.deciding import encode_judged
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.store.recorded import RecordedTick, recorded_ticks
from bot.wiring import load_house

LEFT_OUT = {
    "thinned": "thinned out: their Snapshot is gone",
    "undecided": "ended before anything was decided",
    "changed": "no longer stand as they were sealed (`bot replay` names them)",
    "unreadable": "of a desk file that cannot take the change, or that this program cannot read",
}


class Found(NamedTuple):
    """One change of an order, where and when."""

    tick: int
    at: datetime
    day: date
    change: Change


def run_whatif(env: str, *, sets: Sequence[str], since: str, everything: bool, as_json: bool) -> None:
    """Ask what other values of the desk file's keys would have changed, and print it; nothing is kept."""
    if not sets:
        raise UsageError("say what to change: --set KEY=VALUE, such as --set strategies.wheel.put_delta_target=0.2")
    house = load_house(env)
    warn(house)
    changed = with_settings(house.desk_text, sets)
    read_desk(changed, name="desk.toml with --set")
    before, after = keys_of(house.desk_text), keys_of(changed)
    keys = [one.partition("=")[0].strip() for one in sets]
    lines = tuple(
        SetLine(key=key, was=_written(before[key]) if key in before else "not set", now=_written(after[key]))
        for key in keys
    )
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, typed_before(env, house)))
    with open_for_questions(house.home) as ledger:
        ticks = chosen_ticks(ledger, tick=0, since=since or ("" if everything else "30d"), everything=everything)
        report = what_if(ledger, ticks, sets, lines)
    if as_json:
        print_json(report)
    else:
        show(whatif_lines(report))


def _written(value: object) -> str:
    return toml_value(value) if isinstance(value, list) else shown(value)


class Asking:
    """One question put to ticks one after the other, and what came of it so far."""

    def __init__(self, ledger: Ledger, sets: Sequence[str]) -> None:
        self._desks = Desks(ledger)
        self._sets = sets
        self._changed: dict[str, Chosen | BotError] = {}
        self.found: list[Found] = []
        self.left_out: Counter[str] = Counter()
        self.unknown: dict[str, tuple[int, str]] = {}
        self.flips: dict[str, list[int]] = {}
        self.moments: list[datetime] = []
        self.full = self.part = self.by_code = self.refused = self.unknown_orders = 0

    def ask(self, record: RecordedTick) -> None:
        """Decide one tick by both desks and keep what differs."""
        self.moments = [*self.moments[:1], record.at]
        reason = "changed" if record.fault else "undecided" if not record.judged else ""
        reason = reason or ("thinned" if record.thinned_at else "")
        if reason:
            self.left_out[reason] += 1
            return
        try:
            chosen, changed = self._desks.chosen(record.config_hash), self._changed_desk(record.config_hash)
            snapshot = decode_snapshot(record.stored)
        except BotError:
            self.left_out["unreadable"] += 1
            return
        was, decided_as = as_recorded(record, snapshot, chosen)
        self.by_code += encode_judged(was.verdicts, was.notes) != record.judged
        now = decide_again(snapshot, changed, decided_as)
        missing = unrecorded(snapshot, chosen.planning(decided_as), changed.planning(decided_as))
        self._keep(record, snapshot.session.day, compare(snapshot, was, now, missing))

    def _keep(self, record: RecordedTick, day: date, compared: Compared) -> None:
        self.full += not compared.missing
        self.part += bool(compared.missing)
        self.refused += compared.refused
        self.unknown_orders += compared.unknown
        self.found += [Found(record.id, record.at, day, one) for one in compared.changes]
        for flip in compared.flips:
            self.flips.setdefault(flip.gate, [0, 0])[not flip.allows] += 1
        for symbol, words in compared.missing.items():
            self.unknown[symbol] = self.unknown.get(symbol, (0, ""))[0] + 1, words

    def _changed_desk(self, config: str) -> Chosen:
        if config not in self._changed:
            try:
                self._changed[config] = chosen_of(with_settings(self._desks.text(config), self._sets))
            except BotError as error:
                self._changed[config] = error
        found = self._changed[config]
        if isinstance(found, BotError):
            raise found
        return found


def what_if(ledger: Ledger, ticks: Ticks, sets: Sequence[str], lines: tuple[SetLine, ...]) -> WhatIfReport:
    """Ask ticks what a changed desk would have done, then value every order that differs."""
    began, asking = perf_counter(), Asking(ledger, sets)
    for record in recorded_ticks(ledger.connection, ledger.home, ticks.first, ticks.last):
        asking.ask(record)
    seen = _follow(ledger, ticks, asking.found)
    told = changes_told(asking.found, seen)
    kinds = Counter(one.kind for one in told)
    return WhatIfReport(
        home=str(ledger.home), asked_words=ticks.asked, sets=lines,
        first_at=asking.moments[0] if asking.moments else None,
        last_at=asking.moments[-1] if asking.moments else None,
        asked=asking.full + asking.part + asking.left_out.total(), full=asking.full, part=asking.part,
        left_out={LEFT_OUT[name]: number for name, number in asking.left_out.items()},
        by_code=asking.by_code, unknown_orders=asking.unknown_orders,
        unanswerable=tuple(
            UnknownLine(symbol=symbol, ticks=number, what=what)
            for symbol, (number, what) in sorted(asking.unknown.items())
        ),
        appear=kinds["appears"], vanish=kinds["vanishes"], change=kinds["changes"],
        repeats=sum(1 for one in told if not one.counted), refused=asking.refused, lines=told,
        flips=tuple(
            FlipLine(gate=gate, allows=allows, refuses=refuses)
            for gate, (allows, refuses) in sorted(asking.flips.items(), key=lambda one: (-sum(one[1]), one[0]))
        ),
        money=money_of(told), seconds=round(perf_counter() - began, 3),
    )  # fmt: skip


def _follow(ledger: Ledger, ticks: Ticks, found: Sequence[Found]) -> Seen:
    """Read the record once more for the quotes of everything that differs."""
    names: set[str] = set()
    for one in found:
        for intent in (one.change.was, one.change.now):
            names |= set() if intent is None else symbols_of(intent)
    seen = Seen(names)
    if names:
        first = min(one.tick for one in found)
        for record in recorded_ticks(ledger.connection, ledger.home, first, ticks.last):
            if record.stored and not record.fault:
                seen.add(record.id, decode_snapshot(record.stored))
    return seen


def changes_told(found: Sequence[Found], seen: Seen) -> tuple[ChangeLine, ...]:
    """Value each change once: one that comes again while the first would still be held is told and not counted."""
    held: dict[tuple[str, ...], date] = {}
    told: list[ChangeLine] = []
    for one in found:
        was, now, kind = one.change.was, one.change.now, one.change.kind
        wanted = now if now is not None else was
        assert wanted is not None
        key = _same_wish(kind, wanted, was)
        counted = held.get(key, date.min) <= one.day
        worth = NOTHING
        if counted:
            held[key] = _held_until(wanted, kind, one.day)
            parts = [NOTHING if each is None else worth_of(each, one.tick, one.day, seen) for each in (was, now)]
            same = was is not None and now is not None and (was.legs, was.qty) == (now.legs, now.qty)
            worth = worth_of_change(kind, *parts, price_only=same)
        told.append(
            ChangeLine(
                tick=one.tick, at=one.at, kind=kind, strategy=wanted.strategy, purpose=wanted.purpose,
                was="" if was is None else wish(was), now="" if now is None else wish(now), far=worth.far,
                mid=worth.mid, how=worth.how, words=worth.words, counted=counted,
            )
        )  # fmt: skip
    return tuple(told)


def _same_wish(kind: str, wanted: OrderIntent, was: OrderIntent | None) -> tuple[str, ...]:
    """Name what makes two changes the same order again: an entry that appears is one for its underlying."""
    own = was if was is not None else wanted
    what = wanted.underlying if kind == "appears" and wanted.purpose in ENTRY_PURPOSES else own.symbol
    return kind, wanted.strategy, wanted.purpose, what


def _held_until(intent: OrderIntent, kind: str, day: date) -> date:
    """Give the day from which the same wish is another order: the one after an option's expiry.

    Shares that were never bought are held to the end of the record; real orders for shares that vanish or change come
    and go, and are one a session.
    """
    ends = [parse_option(leg.symbol).expiry for leg in intent.legs if is_option(leg.symbol)]
    if not ends and kind == "appears":
        return date.max
    return max(ends, default=day) + timedelta(days=1)


def money_of(told: Sequence[ChangeLine]) -> tuple[MoneyLine, ...]:
    """Sum the dollars of counted changes by kind, all together, and of those alone that the record prices."""
    lines = []
    for kind in (*KINDS, TOGETHER, RECORDED_ALONE):
        of_kind = [
            one for one in told
            if one.counted and (kind in (one.kind, TOGETHER) or (kind == RECORDED_ALONE and one.how == "recorded"))
        ]  # fmt: skip
        hows = Counter(one.how for one in of_kind)
        lines.append(
            MoneyLine(
                kind=kind, far=sum((one.far for one in of_kind), ZERO), mid=sum((one.mid for one in of_kind), ZERO),
                recorded=hows["recorded"], modelled=hows["modelled"], not_valued=hows["not valued"],
            )
        )  # fmt: skip
    return tuple(lines)
