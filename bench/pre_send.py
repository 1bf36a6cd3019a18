"""What the ledger costs a tick, against sqlite-utils' three inserts of 1 tick, 20 intents and 5 events.

The pre-send transaction lasts from BEGIN to COMMIT in `record_decision`, for a tick with 20 intents or more and
five planned orders; on both sides the rows are ready before the clock starts. The line below it is all of
`record_decision`: packing every check of every intent into the blob too, for which the rival has no counterpart.
The whole live tick adds its opening row, the Snapshot, two transitions of each order and the seal. All files lie
on the project's disk in WAL with SQLite's own synchronous=FULL; the rounds take turns.
"""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from msgspec.structs import replace

from bench.desks import SESSION_MOMENT, TWENTY, a_desk
from bench.harness import against, finish, line, median, title
from bot.domain.ledger import Proposal
from bot.domain.orders import OwnOrder
from bot.domain.snapshot import encode_snapshot
from bot.engine.ports import Decision, Journal, TickEnd, TickResult, TickStart, Transition, World
from bot.engine.tick import tick
from bot.store.database import Transaction
from bot.store.journal import LedgerJournal
from bot.wiring import House, load_house, make_book, open_world

ROUNDS, ORDERS = 60, 5


class Listener:
    """Passes everything on to a journal and keeps the decision that went by."""

    def __init__(self, journal: LedgerJournal) -> None:
        self._journal = journal
        self.decision: Decision | None = None

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        """Keep the decision and pass it on."""
        self.decision = decision
        return self._journal.record_decision(tick_id, decision)

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)


def a_decision(house: House, journal: LedgerJournal, at: datetime) -> tuple[TickResult, Decision]:
    """Run two dry ticks and give what the second decided; the first books the account's opening balance."""
    listener = Listener(journal)
    moments = [at]
    book = make_book(house, dry=True)
    with open_world(house, journal, at) as world:
        journal.stamp(world.broker.name, book.environment, world.broker.read_account().id)
        journal.keep_config(house.hash, house.desk_text, house.settings_json, at)
        spied: Journal = listener  # type: ignore[assignment]
        spying = World(world.broker, world.market, spied, lambda: moments[0], world.meter)
        tick(spying, book)
        moments[0] += timedelta(seconds=1)
        result = tick(spying, book)
    assert listener.decision is not None
    return result, listener.decision


def some_orders(result: TickResult, at: datetime, number: int) -> tuple[OwnOrder, ...]:
    """Make five planned orders out of what the tick wanted; their ids are new in every round."""
    return tuple(
        OwnOrder(
            client_order_id=f"bench-{number:06d}-{position}", strategy=intent.strategy, purpose=intent.purpose,
            key=intent.key, underlying=intent.underlying, legs=intent.legs, qty=intent.qty,
            order_type=intent.order_type, limit_price=intent.limit_price, time_in_force=intent.time_in_force,
            state="planned", slot=at, planned_at=at,
        )
        for position, intent in enumerate([verdict.intent for verdict in result.verdicts][:ORDERS])
    )  # fmt: skip


class Timed:
    """A transaction that notes how long it lasted, from before BEGIN to after COMMIT."""

    def __init__(self, inner: Transaction, took: list[float]) -> None:
        self._inner, self._took = inner, took

    def __enter__(self) -> sqlite3.Connection:
        self._begun = time.perf_counter()
        return self._inner.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)
        self._took.append(time.perf_counter() - self._begun)


class Taken(NamedTuple):
    """Seconds of one live tick's writing: the pre-send transaction, all of `record_decision`, everything."""

    transaction: float
    decision: float
    whole: float


def live_tick(journal: LedgerJournal, house: House, result: TickResult, decision: Decision, at: datetime) -> Taken:
    """Write everything a live tick with five orders writes.

    The broker ends each order at once, so that no round leaves working orders to the next. The ledger's tail
    is read outside the clock: it is a read, and grows with the bench's own rounds.
    """
    begun = time.perf_counter()
    tick_id = journal.begin(
        TickStart(
            at=at, slot=at, mode="live", broker=result.snapshot.broker, market=result.snapshot.market,
            environment=result.snapshot.environment, config_hash=house.hash, code_version="bench",
        )
    )  # fmt: skip
    opened = time.perf_counter() - begun
    journal.memory(at, result.snapshot.session.day)
    stored = encode_snapshot(replace(result.snapshot, at=at))
    begun = time.perf_counter()
    decision = replace(decision, snapshot_hash=journal.keep_snapshot(tick_id, at, stored))
    kept = time.perf_counter()
    took: list[float] = []
    open_one = journal.database.writing
    journal.database.writing = lambda: Timed(open_one(), took)  # type: ignore[method-assign,assignment,return-value]
    journal.record_decision(tick_id, decision)
    del journal.database.writing
    recorded = time.perf_counter() - kept
    for order in decision.planned:
        journal.move(tick_id, Transition(client_order_id=order.client_order_id, state="sending", at=at))
        answer = Transition(
            client_order_id=order.client_order_id, state="done", at=at, status="canceled",
            broker_order_id=f"broker-{order.client_order_id}",
        )  # fmt: skip
        journal.move(tick_id, answer)
    journal.seal(tick_id, TickEnd(status="done", note="bench", finished_at=at))
    return Taken(took[0], recorded, opened + time.perf_counter() - begun)


class Rival:
    """Three tables written as the reference writes them: the same tick, intents and orders, the checks left out."""

    def __init__(self, path: Path) -> None:
        import sqlite_utils

        self.database = sqlite_utils.Database(path)
        self.database.enable_wal()
        assert self.database.execute("PRAGMA synchronous").fetchone() == (2,), "expected FULL"

    def write(self, number: int, at: str, decision: Decision) -> float:
        """Write one tick with its intents and five events; give the seconds it took."""
        one = {
            "id": number, "ts": at, "equity": float(decision.equity), "cash": float(decision.account.cash),
            "buying_power": float(decision.account.buying_power), "mode": "live",
            "note": f"{len(decision.verdicts)} wanted",
        }  # fmt: skip
        intents = [
            {
                "ts": at, "strategy": intent.strategy, "symbol": intent.symbol, "side": intent.side,
                "qty": float(intent.qty), "order_type": intent.order_type,
                "limit_price": float(intent.limit_price or 0), "submitted": 0, "status": "planned",
                "details_json": json.dumps({"reason": intent.reason, **dict(intent.numbers)}),
            }
            for intent in [verdict.intent for verdict in decision.verdicts]
        ]  # fmt: skip
        events = [
            {"ts": at, "kind": "order", "payload_json": json.dumps({"id": order.client_order_id, "key": order.key})}
            for order in decision.planned
        ]
        begun = time.perf_counter()
        self.database.table("ticks").insert(one, pk="id")
        self.database.table("order_intents").insert_all(intents)
        self.database.table("events").insert_all(events)
        return time.perf_counter() - begun


def main() -> None:
    """Compare and print."""
    title(f"what the ledger costs: the pre-send transaction, and a live tick with {ORDERS} orders")
    at = datetime.fromisoformat(SESSION_MOMENT)
    with a_desk(TWENTY, "20000000", "aggressive") as env:
        house = load_house(str(env))
        journal = LedgerJournal(house.home, house.desk.name)
        rival = Rival(env.parent / "rival.sqlite")
        result, decision = a_decision(house, journal, at)
        ours: list[Taken] = []
        theirs: list[float] = []
        for number in range(ROUNDS + 5):
            then = at + timedelta(seconds=number + 2)
            fresh = replace(decision, planned=some_orders(result, then, number), dry=False)
            inserts = rival.write(number, then.isoformat(), fresh)
            taken = live_tick(journal, house, result, fresh, then)
            if number >= 5:
                ours.append(taken)
                theirs.append(inserts)
        journal.close()
    three = median(theirs)
    pre_send, deciding, whole = (median(list(times)) for times in zip(*ours, strict=True))
    line("sqlite-utils, three inserts (26 rows, not atomic)", f"{three * 1000:.2f} ms")
    line(f"pre-send transaction ({len(result.verdicts)} intents, {ORDERS} orders)", f"{pre_send * 1000:.2f} ms")
    line("all of record_decision, packing the checks too", f"{deciding * 1000:.2f} ms  {deciding / three:.2f}x")
    line("everything a live tick writes", f"{whole * 1000:.2f} ms")
    finish([
        against("pre-send transaction over the three inserts", pre_send / three, "x", at_most=0.4),
        against("whole live tick over the three inserts", whole / three, "x", at_most=2),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
