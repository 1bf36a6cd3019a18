"""`bot replay`: stored Snapshots decided again under their stored configuration, and the bytes held side by side."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import NamedTuple, cast

import bot
from bot.commands.looking import nothing_yet, print_json, show, typed_before
from bot.commands.opening import warn
from bot.config.codehash import deciding_code
from bot.config.deskfile import examine_desk, read_desk
from bot.config.desktext import upgrade_desk
from bot.domain.errors import BotError, StoreError, UsageError
from bot.domain.replaying import Difference
from bot.domain.sessions import NEW_YORK
from bot.domain.snapshot import Snapshot, decode_snapshot
from bot.engine.ports import DecidedAs
from bot.engine.replay import Chosen, Decided, decide_again, differences, place_of, ways_to_decide
from bot.report.replay_text import WORDS, FilledDesk, PlaceCount, ReplayedTick, ReplayReport, replay_lines
from bot.store.deciding import decode_judged, encode_judged
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.store.recorded import RecordedTick, config_text, first_since, newest_tick, recorded_ticks
from bot.wiring import approved_strategy, load_house, panic_strategy, strategies_of

SHOWN_MOST = 20
"""Ticks that differ and are given whole in --json; the text shows the first of each kind."""
_DAYS = re.compile(r"([1-9]\d{0,4})d")


class Ticks(NamedTuple):
    """Which ticks were asked for: from one number to another, in the words of the question."""

    first: int
    last: int
    asked: str


def run_replay(env: str, *, tick: int, since: str, everything: bool, strict: bool, as_json: bool) -> None:
    """Decide ticks of the record again and print what differs; ends with 1 where the same code decides otherwise.

    `strict` ends with 1 for what other code decided otherwise, and for what cannot be read, too.
    """
    house = load_house(env)
    warn(house)
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, typed_before(env, house)))
    with open_for_questions(house.home) as ledger:
        report = replay(ledger, chosen_ticks(ledger, tick=tick, since=since, everything=everything))
    if tick and report.counts["thinned"] + report.counts["undecided"]:
        raise StoreError(f"tick {tick} cannot be decided again: {report.shown[0].words}")
    if as_json:
        print_json(report)
    else:
        show(replay_lines(report))
    bad = ("differs", "changed", *(("other_code", "unreadable") if strict else ()))
    if any(report.counts[name] for name in bad):
        raise SystemExit(1)


def chosen_ticks(ledger: Ledger, *, tick: int, since: str, everything: bool) -> Ticks:
    """Give the ticks that words name: one number, --since 30d or a New York day, or --all; raises UsageError."""
    if (tick > 0) + bool(since) + everything != 1:
        raise UsageError("name one of: a tick's number, --since (30d, or a day such as 2026-10-01), --all")
    newest = newest_tick(ledger.connection)
    if newest is None:
        return Ticks(1, 0, "the whole record")
    last, newest_at = newest
    if tick:
        if tick > last:
            raise UsageError(f"there is no tick {tick}: the newest that ended is {last}")
        return Ticks(tick, tick, f"tick {tick}")
    if everything:
        return Ticks(1, last, "the whole record")
    cut, words = since_moment(since, newest_at)
    return Ticks(first_since(ledger.connection, cut) or last + 1, last, words)


def since_moment(text: str, newest: datetime) -> tuple[datetime, str]:
    """Read `--since`: days back from the newest tick, or a New York day; gives the moment, and it in words."""
    found = _DAYS.fullmatch(text)
    if found:
        return newest - timedelta(days=int(found[1])), f"{found[1]} days back from the newest tick"
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since takes days such as 30d, or a day as YYYY-MM-DD, got {text!r}") from error
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC), f"since {day}"


class Desks:
    """The desks of a record by their configuration, read once each; an older file lacks keys and is filled."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, Chosen | BotError] = {}
        self.filled: dict[str, tuple[str, ...]] = {}

    def text(self, config: str) -> str:
        """Give the desk file of a configuration with every key of today; raises BotError where that cannot be."""
        text = config_text(self._ledger.connection, config)
        desk, reading = examine_desk(text, name=f"desk file {config[:12]}")
        if desk is not None:
            return text
        upgraded = upgrade_desk(text, name=f"desk file {config[:12]}")
        self.filled[config] = tuple(f"{where}.{key}" for where, key, _ in reading.missing)
        return upgraded

    def chosen(self, config: str) -> Chosen:
        """Give the desk and strategies of a configuration; raises BotError where its file cannot be used."""
        if config not in self._known:
            try:
                self._known[config] = chosen_of(self.text(config))
            except BotError as error:
                self._known[config] = error
        found = self._known[config]
        if isinstance(found, BotError):
            raise found
        return found


def chosen_of(text: str) -> Chosen:
    """Give the desk of a file and everything that plans for it."""
    desk = read_desk(text)
    return Chosen(desk, strategies_of(desk), (panic_strategy(),), (approved_strategy(desk),))


def replay(ledger: Ledger, ticks: Ticks) -> ReplayReport:
    """Decide ticks again and gather what came of each."""
    desks, began = Desks(ledger), perf_counter()
    counts, codes, alone = Counter(dict.fromkeys(WORDS, 0)), Counter[str](), Counter[str]()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    shown: list[ReplayedTick] = []
    moments: list[datetime] = []
    dry = 0
    for record in recorded_ticks(ledger.connection, ledger.home, ticks.first, ticks.last):
        one = replay_tick(record, desks)
        counts[one.outcome] += 1
        codes[one.code] += 1
        alone.update([one.decided_as] if one.decided_as else [])
        dry += record.mode == "dry"
        moments = [*moments[:1], one.at]
        for place in {place_of(each) for each in one.differences}:
            number, first = found.get((place, one.outcome), (0, one.tick))
            found[place, one.outcome] = number + 1, first
        telling = one.outcome in ("differs", "changed", "other_code", "unreadable") and len(shown) < SHOWN_MOST
        if telling or ticks.first == ticks.last:
            shown.append(one)
    return ReplayReport(
        home=str(ledger.home), asked=ticks.asked, ticks=counts.total(), first_at=moments[0] if moments else None,
        last_at=moments[-1] if moments else None, counts=dict(counts), dry=dry, alone=dict(alone),
        codes=dict(codes), code=code_name(bot.__version__, deciding_code()),
        places=tuple(
            PlaceCount(place=place, ticks=number, first=first, outcome=outcome)
            for (place, outcome), (number, first) in sorted(found.items(), key=lambda each: (-each[1][0], each[0]))
        ),
        filled=tuple(FilledDesk(config=config[:12], keys=keys) for config, keys in desks.filled.items()),
        shown=tuple(shown), seconds=round(perf_counter() - began, 3),
    )  # fmt: skip


def code_name(version: str, code: str) -> str:
    """Name a program by its version and the hash of what decides, where that is known."""
    return f"{version} ({code})" if code else f"{version} (hash not on record)"


def replay_tick(record: RecordedTick, desks: Desks) -> ReplayedTick:
    """Decide one tick again and say what came of it."""

    def ended(outcome: str, words: str = "") -> ReplayedTick:
        return ReplayedTick(
            tick=record.id, at=record.at, outcome=outcome, code=code_name(record.code_version, record.seal.code),
            decided_as=record.seal.decided_as, words=words,
        )  # fmt: skip

    if not record.judged:
        if record.fault:
            return ended("changed", f"{record.fault}.")
        return ended("undecided", f"it is {record.status} and had decided nothing")
    if record.thinned_at:
        if record.fault:
            return ended("changed", f"{record.fault}.")
        return ended("thinned", f"its Snapshot was thinned out on {record.thinned_at[:10]}; what it judged is kept")
    try:
        chosen = desks.chosen(record.config_hash)
    except StoreError as error:
        return ended("changed", f"{error}.")
    except BotError as error:
        return ended("unreadable", f"its desk file cannot be used by this program: {error}")
    try:
        snapshot, judged = decode_snapshot(record.stored), decode_judged(record.judged)
    except BotError as error:
        words = f"{record.fault}: {error}" if record.fault else str(error)
        return ended("changed" if record.fault else "unreadable", words)
    again, decided_as = as_recorded(record, snapshot, chosen)
    packed = encode_judged(again.verdicts, again.notes)
    same = packed == record.judged or zlib.decompress(packed) == zlib.decompress(record.judged)
    found: tuple[Difference, ...] = ()
    if not same:
        found = differences(Decided(judged.verdicts, judged.notes), again)
        found = found or (Difference(part="bytes", place="bytes", field="bytes", was="as stored", now="others"),)
    if record.fault:
        outcome = "changed"
    elif same:
        outcome = "same"
    else:
        outcome = "differs" if same_code(record) and record.config_hash not in desks.filled else "other_code"
    return ReplayedTick(
        tick=record.id, at=record.at, outcome=outcome, code=code_name(record.code_version, record.seal.code),
        decided_as=decided_as, verdicts=len(judged.verdicts), notes=len(judged.notes),
        words=f"{record.fault}." if record.fault else "", differences=found,
    )  # fmt: skip


def as_recorded(record: RecordedTick, snapshot: Snapshot, chosen: Chosen) -> tuple[Decided, DecidedAs]:
    """Decide a Snapshot as its seal says; where that does not say, in the first way that gives what is on record."""
    if record.seal.code or record.seal.decided_as:
        return decide_again(snapshot, chosen, record.seal.decided_as), record.seal.decided_as
    first: Decided | None = None
    for way in ways_to_decide(snapshot):
        again = decide_again(snapshot, chosen, way)
        first = first or again
        if encode_judged(again.verdicts, again.notes) == record.judged:
            return again, way
    return cast(Decided, first), ""


def same_code(record: RecordedTick) -> bool:
    """Say whether the code that decided a tick is this one: by its hash, by its version where no hash is on record."""
    return record.seal.code == deciding_code() if record.seal.code else record.code_version == bot.__version__
