"""What the ledger costs a tick, against sqlite-utils' three inserts of 1 tick, 20 intents and 5 events.

The pre-send transaction is `record_decision` of a tick with 20 intents or more and five planned orders. The
whole live tick adds its opening row, the Snapshot, two transitions of each order and the seal. All files lie
on the project's disk in WAL with synchronous=FULL; the rounds take turns.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from bench.desks import SESSION_MOMENT, TWENTY, a_desk
from bench.harness import against, finish, line, median, title
from bot.domain.orders import OwnOrder
from bot.domain.snapshot import encode_snapshot
from bot.engine.ports import Decision, Journal, TickEnd, TickResult, TickStart, Transition, World
from bot.engine.tick import tick
from bot.store.journal import LedgerJournal
from bot.wiring import House, load_house, make_book, make_world

ROUNDS, ORDERS = 60, 5


class Listener:
    """Passes everything on to a journal and keeps the decision that went by."""

    def __init__(self, journal: LedgerJournal) -> None:
        self._journal = journal
        self.decision: Decision | None = None

    def record_decision(self, tick_id: int, decision: Decision) -> None:
        """Keep the decision and pass it on."""
        self.decision = decision
        self._journal.record_decision(tick_id, decision)

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)


def a_decision(house: House, journal: LedgerJournal, at: datetime) -> tuple[TickResult, Decision]:
    """Run two dry ticks and give what the second decided; the first books the account's opening balance."""
    listener = Listener(journal)
    moments = [at]
    world, book = make_world(house, journal, at), make_book(house, dry=True)
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


def live_tick(
    journal: LedgerJournal, house: House, result: TickResult, decision: Decision, at: datetime
) -> tuple[float, float]:
    """Write everything a live tick with five orders writes; give the seconds of the pre-send transaction and of all.

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
    journal.record_decision(tick_id, decision)
    pre_send = time.perf_counter() - kept
    for order in decision.planned:
        journal.move(tick_id, Transition(client_order_id=order.client_order_id, state="sending", at=at))
        answer = Transition(
            client_order_id=order.client_order_id, state="done", at=at, status="canceled",
            broker_order_id=f"broker-{order.client_order_id}",
        )  # fmt: skip
        journal.move(tick_id, answer)
    journal.seal(tick_id, TickEnd(status="done", note="bench", finished_at=at))
    return pre_send, opened + time.perf_counter() - begun


class Rival:
    """Three tables written as the reference writes them."""

    def __init__(self, path: Path) -> None:
        import sqlite_utils

        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous=FULL")
        self.database = sqlite_utils.Database(connection)
        self.database.enable_wal()

    def write(self, number: int, at: str) -> float:
        """Write one tick with its 20 intents and 5 events; give the seconds it took."""
        one = {
            "id": number, "ts": at, "equity": 25_000.0, "cash": 25_000.0, "buying_power": 25_000.0, "mode": "dry",
            "note": "20 wanted",
        }  # fmt: skip
        intents = [
            {
                "ts": at, "strategy": "wheel", "symbol": f"S{row}", "side": "sell_to_open", "qty": 1.0,
                "order_type": "limit", "limit_price": 0.6, "details_json": "{}", "submitted": 0, "status": "dry_run",
            }
            for row in range(20)
        ]  # fmt: skip
        events = [{"ts": at, "kind": "note", "payload_json": "{}"} for _ in range(5)]
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
        pre_send, whole, theirs = [], [], []
        for number in range(ROUNDS + 5):
            then = at + timedelta(seconds=number + 2)
            fresh = replace(decision, planned=some_orders(result, then, number), dry=False)
            inserts = rival.write(number, then.isoformat())
            first, ended = live_tick(journal, house, result, fresh, then)
            if number >= 5:
                pre_send.append(first)
                whole.append(ended)
                theirs.append(inserts)
        journal.close()
    three = median(theirs)
    line("sqlite-utils, three inserts (26 rows, not atomic)", f"{three * 1000:.2f} ms")
    line(f"pre-send transaction ({len(result.verdicts)} intents, {ORDERS} orders)", f"{median(pre_send) * 1000:.2f} ms")
    line("everything a live tick writes", f"{median(whole) * 1000:.2f} ms")
    finish([
        against("pre-send transaction over the three inserts", median(pre_send) / three, "x", at_most=0.4),
        against("whole live tick over the three inserts", median(whole) / three, "x", at_most=2),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
