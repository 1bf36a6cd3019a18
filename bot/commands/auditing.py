"""`bot audit`: read the whole record back, say where it stands for a witness outside, take an older one as it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from bot.commands.looking import print_json
from bot.commands.opening import open_ledger, say_home, warn
from bot.commands.owner import author
from bot.domain.errors import StoreError, UsageError
from bot.store import chain, kinds
from bot.store.anchor import ANCHOR_NAME, anchor_fault, damage, read_anchor, write_anchor
from bot.store.database import moment_text
from bot.store.queries import Ledger, open_for_questions
from bot.store.verifying import Fault, find_faults
from bot.wiring import House, load_house, wall_clock

FAULTS_SHOWN = 50
HASH_LEAST = 12
SPEAK_EVERY_SECONDS = 2.0


def run_verify(env: str, *, head: str, snapshots: bool, as_json: bool) -> None:
    """Verify the whole record; exits with 1 at any fault."""
    earlier = head.strip().lower()
    if earlier and (len(earlier) < HASH_LEAST or set(earlier) - set("0123456789abcdef")):
        raise UsageError(
            f"--head takes a hash as `bot audit head` prints it ({HASH_LEAST} digits or more), got {head!r}"
        )
    house = load_house(env)
    warn(house)
    with open_for_questions(house.home) as ledger:
        events = ledger.connection.execute("SELECT COALESCE(max(id), 0) FROM events").fetchone()[0]
        begun = time.monotonic()
        progress = _speaker(events) if not as_json else None
        found = find_faults(ledger.connection, house.home if snapshots else None, progress)
        faults = list(islice(found, FAULTS_SHOWN + 1))
        found.close()  # type: ignore[attr-defined]  # a generator, cut short where there are more
        faults += _outside(ledger, house.home, earlier)
        taken = time.monotonic() - begun
    if as_json:
        print_json(_verified_object(faults, events, earlier, snapshots))
        say_home(house)
    else:
        _print_verified(house, faults, events, earlier, snapshots, taken)
    if faults:
        raise SystemExit(1)


def _outside(ledger: Ledger, home: Path, earlier: str) -> list[Fault]:
    """Hold the chain against what stands outside of the database: the anchor, and the head a witness kept."""
    faults = []
    if damage(home):
        faults.append(Fault(None, None, ANCHOR_NAME, f"{damage(home)}: it was damaged; the next tick writes it anew"))
    lost = anchor_fault(ledger.connection, home)
    if lost:
        faults.append(Fault(None, None, "events", f"{lost}: the ledger was cut off, or is an older copy"))
    if earlier:
        row = ledger.connection.execute("SELECT id FROM events WHERE hash >= ? AND hash < ? || 'g'", (earlier, earlier))
        if row.fetchone() is None:
            words = f"the head {earlier[:12]} does not stand in this chain: it was cut off before it, or is another one"
            faults.append(Fault(None, None, "events", words))
    return faults


def _speaker(events: int) -> Callable[[int], None]:
    """Give what says how far a long reading has come, every few seconds, on standard error."""
    said = [time.monotonic()]

    def speak(number: int) -> None:
        now = time.monotonic()
        if now - said[0] >= SPEAK_EVERY_SECONDS:
            said[0] = now
            print(f"{number:,} of {events:,} events", file=sys.stderr)

    return speak


def _verified_object(faults: list[Fault], events: int, earlier: str, snapshots: bool) -> dict[str, Any]:
    return {
        "sound": not faults,
        "events": events,
        "snapshots_read": snapshots,
        "head_asked": earlier or None,
        "first": faults[0]._asdict() if faults else None,
        "faults": [fault._asdict() for fault in faults[:FAULTS_SHOWN]],
        "more_faults": len(faults) > FAULTS_SHOWN,
    }


def _print_verified(
    house: House, faults: list[Fault], events: int, earlier: str, snapshots: bool, taken: float
) -> None:
    beside = "with its Snapshots" if snapshots else "Snapshot files left out"
    if not faults:
        asked = f"; the head {earlier[:12]} stands in it" if earlier else ""
        print(f"sound: {events:,} events and every table they seal, {beside}, in {taken:.1f} s{asked}")
    else:
        print(f"NOT SOUND: first bad record: {_words(faults[0])}")
        for fault in faults[1:FAULTS_SHOWN]:
            print(f"  then: {_words(fault)}")
        if len(faults) > FAULTS_SHOWN:
            print(f"  and more; the first {FAULTS_SHOWN} are listed")
        print(
            "what to do: keep a copy of the home as it is, `bot halt stop --reason ...`, then restore the last backup"
        )
    print(f"home {house.home}")


def _words(fault: Fault) -> str:
    place = "" if fault.event is None else f"event {fault.event}, "
    return f"{place}table {fault.table}: {fault.words}"


def run_head(env: str, *, as_json: bool) -> None:
    """Print what a witness outside keeps of the record."""
    house = load_house(env)
    warn(house)
    with open_for_questions(house.home) as ledger:
        facts = head_facts(ledger, house)
    if as_json:
        print_json(facts)
        return
    print(
        f"{facts['desk']} ..{facts['account_last']} events={facts['events']} head={facts['head']} at={facts['at']}"
        f" snapshots={facts['snapshots']} tick={facts['tick']}"
    )


def head_facts(ledger: Ledger, house: House) -> dict[str, Any]:
    """Give where the chain stands: nothing in it names the account but its last four characters."""
    one = ledger.connection.execute
    newest = one("SELECT id, hash, ts FROM events ORDER BY id DESC LIMIT 1").fetchone() or (0, "", "")
    stamp = one("SELECT account FROM stamp").fetchone()
    return {
        "desk": house.desk.name,
        "account_last": "" if stamp is None else stamp[0][-4:],
        "events": newest[0],
        "head": newest[1],
        "at": newest[2],
        "snapshots": one("SELECT count(*) FROM snapshots").fetchone()[0],
        "tick": one("SELECT COALESCE(max(id), 0) FROM ticks").fetchone()[0],
    }


def run_accept(env: str, *, reason: str) -> None:
    """Take a ledger that ends before its anchor as it stands, on a person's word, which is kept in the chain."""
    if not reason.strip():
        raise UsageError('--reason needs words, as in --reason "restored the copy of Monday by hand"')
    house = load_house(env)
    now = wall_clock()
    with open_ledger(house, "bot audit accept", now) as journal:
        database = journal.database
        lost, anchor = anchor_fault(database.connection, house.home), read_anchor(house.home)
        if not lost or anchor is None:
            raise UsageError("nothing to accept: the ledger reaches its anchor")
        if chain.tail_fault(database.connection):
            raise UsageError(f"{chain.tail_fault(database.connection)}: that is no older copy; `bot audit verify`")
        with database.writing() as connection:
            payload = {"author": author(), "reason": reason, "anchor": anchor.head, "anchor_events": anchor.events}
            head = chain.append(connection, moment_text(now), kinds.ACCEPTED, payload)
            count = connection.execute("SELECT max(id) FROM events").fetchone()[0]
        if not write_anchor(house.home, head, count):
            raise StoreError(f"cannot write the anchor in {house.home}: make it writable for this user, then try again")
    print(f"accepted: {lost}; the next tick begins from event {count}   home {house.home}")
