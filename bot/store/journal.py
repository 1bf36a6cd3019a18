"""The ledger as the engine sees it: one row a tick, one transaction a decision, one durable step an order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from bot.domain.errors import MarketError, StoreError, UsageError
from bot.domain.ledger import Books, Counters, Proposal
from bot.domain.orders import LIVE_STATES, OwnOrder
from bot.domain.sessions import new_york_day, session_on
from bot.domain.trip import stronger, tripped_halt
from bot.engine.ports import Decision, Memory, TickEnd, TickStart, Transition
from bot.store import chain, kinds
from bot.store.anchor import anchor_fault, follow, write_anchor
from bot.store.database import Database, Synchronous, moment_of, moment_text
from bot.store.deciding import Judged, decode_judged, encode_judged, explode, save_planned
from bot.store.invariants import save_invariants
from bot.store.owner import OwnerLedger
from bot.store.panicking import in_force
from bot.store.proposals import count_entry, save_proposals, use_up
from bot.store.recognising import save_recognised
from bot.store.remembering import read_books, read_counters, read_halt, read_marks, read_memory
from bot.store.restored import settle_restored
from bot.store.rows import ORDER_SELECT, order_row, orders_of, text_of, to_json
from bot.store.settling import (
    Before,
    Moment,
    follow_order,
    prices_of,
    save_positions,
    save_prices,
    save_settlement,
)
from bot.store.snapshots import Kept, SnapshotFiles
from bot.store.storage import refuse_sick_storage
from bot.store.strategy_books import save_strategies
from bot.store.tripping import save_trips

MAY_SEND = frozenset({"planned", "sending", "unknown"})


class LedgerJournal(OwnerLedger):
    """One desk's ledger, opened for a tick or for a person's word (implements ports.Journal).

    With `synchronous` FULL, what must not be lost to a power cut waits for the disk: the Snapshot, the decision,
    each order's `sending`, the seal, and everything a person writes. A tick's opening row and the broker's answers
    survive the death of the process at once and reach the disk with the next of those; lost before, they leave a
    tick that did nothing, or an order in `sending`, which ends only by proof anyway. OFF never waits: for
    simulations.
    """

    keeps_snapshots = True

    def __init__(self, home: Path, desk: str, *, synchronous: Synchronous = "FULL", window_days: int = 7) -> None:
        super().__init__(Database(home, synchronous), desk)
        self._files = SnapshotFiles(home, durable=synchronous == "FULL")
        self._window_days = window_days
        self._start: TickStart | None = None
        self._tick_id = 0
        self._before: Before | None = None
        self._decided: tuple[Moment, Decision] | None = None
        self._kept: Kept | None = None

    def close(self) -> None:
        """Close the ledger and the Snapshot file; the anchor follows what is on the disk."""
        self._files.close()
        if self.database.on_disk:
            with suppress(sqlite3.Error):
                follow(self.database.connection, self.database.home)
        self.database.close()

    def begin(self, start: TickStart) -> int:
        """Open a tick's row; refuses one older than the newest (UsageError naming both moments).

        A tick that ended without a seal is sealed here as `died`, from what it had written. Storage that is not fit
        for a tick is refused before anything else (StoreError).
        """
        refuse_sick_storage(self.database.path, start.at)
        stamped = self._check_stamp(start.broker, start.environment, None)
        ts = moment_text(start.at)
        with self.database.relaxed() as connection:
            row = connection.execute("SELECT id, ts FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
            if row is not None and ts < row[1]:
                raise UsageError(
                    f"a tick at {ts} is older than the newest one here ({row[1]}, tick {row[0]}): a ledger only goes "
                    "forward; use a later moment or another BOT_HOME"
                )
            fault = chain.tail_fault(connection)
            if fault:
                raise StoreError(
                    f"{self.database.path}: {fault}: the ledger was edited or damaged. Nothing is sent. Keep a copy of "
                    "the home; `bot audit verify` names the first record at fault and the table it disagrees with"
                )
            lost = anchor_fault(connection, self.database.home)
            if lost:
                raise StoreError(
                    f"{self.database.path}: {lost}: the ledger was cut off, or an older copy was put in its place. "
                    "Nothing is sent: orders since then are not known here. Restore the newest backup (`bot restore`), "
                    "or look with `bot audit verify` and take it as it stands with `bot audit accept`"
                )
            if not stamped and self._claim is not None:
                self.write_stamp(self._claim, ts)
            for (lost,) in connection.execute("SELECT id FROM ticks WHERE status = 'started'").fetchall():
                self._bury(lost, ts)
            tick_id = 1 if row is None else row[0] + 1
            connection.execute(
                "INSERT INTO ticks (id, ts, slot, mode, status, broker, market, environment, config_hash, code_version)"
                " VALUES (?, ?, ?, ?, 'started', ?, ?, ?, ?, ?)",
                (
                    tick_id, ts, moment_text(start.slot), start.mode, start.broker, start.market, start.environment,
                    start.config_hash, start.code_version,
                ),
            )  # fmt: skip
        self._start, self._tick_id = start, tick_id
        self._before = self._decided = self._kept = None
        return tick_id

    def memory(self, at: datetime, session_date: date) -> Memory:
        """Read the ledger's tail: everything open, and what lies within the activities window."""
        with self.database.reading() as connection:
            memory = read_memory(connection, at, session_date, self._window_days)
        said = in_force(memory.halt, memory.books.panic, self.database.home)
        memory = replace(memory, halt=stronger(said, tripped_halt(memory.trips)), halt_said=said)
        self._before = Before(memory.books, memory.previous_marks, memory.halt.level)
        return memory

    def books(self) -> Books:
        """Read the ledger's facts as of the newest tick, or an import before the first one, for commands between."""
        run = self.database.connection.execute
        row = run("SELECT ts FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
        if row is None:
            row = run("SELECT settled_at FROM ledger_state WHERE settled_at IS NOT NULL").fetchone()
        if row is None:
            return Books()
        at = moment_of(row[0])
        return read_books(self.database.connection, at, read_counters(self.database.connection, new_york_day(at)))

    def keep_snapshot(self, tick_id: int, at: datetime, stored: bytes) -> str:
        """Store Snapshot bytes durably and give their SHA-256."""
        assert tick_id == self._tick_id, f"tick {tick_id} is not the one that began ({self._tick_id})"
        self._kept = self._files.append(at, stored)
        return self._kept.hash

    def find_own(self, client_order_id: str) -> OwnOrder | None:
        """Find one order of ours by its id."""
        rows = self.database.connection.execute(f"{ORDER_SELECT} WHERE client_order_id = ?", (client_order_id,))
        found = orders_of(rows)
        return found[0] if found else None

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        """Write settlement, verdicts, proposals and planned orders in one durable transaction.

        Gives every proposal that stands after it.

        Everything is put into rows first, so that the ledger is locked for writing only as long as it takes to
        write. The rows people read (intents, refusals, notes, positions) follow with the seal; the blob written
        here holds all of them.
        """
        start = self._start
        assert start is not None, "a decision belongs to a tick that began"
        assert tick_id == self._tick_id, f"tick {tick_id} is not the one that began ({self._tick_id})"
        assert not (decision.dry and decision.planned), "a dry tick plans no order"
        assert self._kept is None or self._kept.hash == decision.snapshot_hash, "decided on another Snapshot"
        before = self._before or self._read_before(start.at)
        claim = (start.broker, start.environment, decision.account.id)
        stamped = self._check_stamp(*claim)
        now = Moment(tick_id, start.at, moment_text(start.at), decision.session_date.isoformat())
        blob = encode_judged(decision.verdicts, decision.notes)
        planned = [order_row(order, tick_id, now.day) for order in decision.planned]
        first_steps = [(tick_id, order.client_order_id, now.ts, order.state) for order in decision.planned]
        facts = (
            now.day, _session_open(decision.session_date, start.at), decision.halt or before.halt, str(decision.equity),
            str(decision.account.cash), str(decision.account.buying_power), text_of(decision.benchmark_price),
            str(decision.flow), decision.snapshot_hash, len(decision.verdicts),
            sum(1 for verdict in decision.verdicts if verdict.approved), len(planned), tick_id,
        )  # fmt: skip
        with self.database.writing() as connection:
            self._refuse_taken_over(tick_id)
            if not stamped:
                self.write_stamp(claim, now.ts)
            if decision.settlement.recognised:
                save_recognised(connection, now, decision.settlement.recognised, before.books.approvals)
            save_settlement(connection, now, before, decision)
            settle_restored(connection, tick_id, now.ts, decision.settlement, self.desk)
            connection.execute("INSERT INTO tick_checks VALUES (?, ?)", (tick_id, blob))
            save_strategies(connection, now, decision)
            save_invariants(connection, now, decision.invariants)
            save_trips(connection, decision.trips, decision.trips_changed, start.at, tick_id)
            if planned:
                save_planned(connection, planned, first_steps)
                for order in decision.planned:
                    save_prices(connection, tick_id, order.client_order_id, (None, None, None), prices_of(order))
            standing = save_proposals(
                connection, now, start.slot, decision.proposals, decision.planned, before.books.approvals
            )
            self._keep_row(now.ts)
            connection.execute(
                "UPDATE ticks SET session_day = ?, session_open = ?, halt = ?, equity = ?, cash = ?,"
                " buying_power = ?, benchmark_price = ?, flow = ?, snapshot_hash = ?, intents = ?,"
                " approved = ?, planned = ? WHERE id = ?",
                facts,
            )
        self._kept = None
        self._decided = now, decision
        return standing

    def _read_before(self, at: datetime) -> Before:
        connection = self.database.connection
        books = read_books(connection, at, Counters())
        halt = in_force(read_halt(connection), books.panic, self.database.home)
        return Before(books, read_marks(connection), halt.level)

    def move(self, tick_id: int, step: Transition) -> None:
        """Record one transition of an order, durably, before or after the request it stands for.

        Nothing that is terminal, or already at the broker, ever becomes `sending`: that would send it twice.
        """
        sending = step.state == "sending"
        at = moment_text(step.at)
        with self.database.writing() if sending else self.database.relaxed() as connection:
            row = connection.execute(
                "SELECT state, status, broker_order_id, ended_at, strategy, purpose, key, replaces, tick_id,"
                " filled_avg_price, stop_price, high_water_mark FROM orders WHERE client_order_id = ?",
                (step.client_order_id,),
            ).fetchone()
            assert row is not None, f"order {step.client_order_id} was never planned"
            before, status, broker_id, ended_at, strategy, purpose, key, replaces, planned_by, *prices = row
            if sending:
                self._refuse_taken_over(tick_id)
            assert not sending or before in MAY_SEND, f"{step.client_order_id} is {before}: it must not be sent again"
            told = step.status or status
            count_entry(connection, strategy, purpose, replaces, (before, status), (step.state, told))
            status, broker_id = told, step.broker_order_id or broker_id
            filled, price = text_of(step.filled_qty), text_of(step.filled_avg_price)
            told_prices = (price, text_of(step.stop_price), text_of(step.high_water_mark))
            now_prices = [new if new is not None else old for new, old in zip(told_prices, prices, strict=True)]
            save_prices(connection, tick_id, step.client_order_id, prices, now_prices)
            connection.execute(
                "UPDATE orders SET state = ?, status = ?, broker_order_id = ?, filled_qty = COALESCE(?, filled_qty),"
                " filled_avg_price = ?, stop_price = ?, high_water_mark = ? WHERE client_order_id = ?",
                (step.state, status, broker_id, filled, *now_prices, step.client_order_id),
            )
            ended = None if step.state in LIVE_STATES else ended_at or at
            if ended != ended_at:  # apart, for it stands in an index: most steps leave that page alone
                connection.execute(
                    "UPDATE orders SET ended_at = ? WHERE client_order_id = ?", (ended, step.client_order_id)
                )
            connection.execute(
                "INSERT INTO order_transitions (tick_id, client_order_id, at, state_before, state, status,"
                " broker_order_id, filled_qty, filled_avg_price, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    tick_id, step.client_order_id, at, before, step.state, step.status, step.broker_order_id, filled,
                    price, step.reason,
                ),
            )  # fmt: skip
            if sending:
                use_up(connection, step.client_order_id, (strategy, purpose, key), tick_id)
            if self._decided is None or planned_by != tick_id:  # this tick's own are written with the seal
                follow_order(connection, step.client_order_id, step.state, status, broker_id)

    def _refuse_taken_over(self, tick_id: int) -> None:
        """Raise StoreError where another process ended this tick: whatever let it in, only one of the two may send."""
        row = self.database.connection.execute("SELECT status FROM ticks WHERE id = ?", (tick_id,)).fetchone()
        if row != ("started",):
            raise StoreError(
                f"tick {tick_id} was ended by another process in {self.database.home}: nothing more is sent; let one "
                "`bot` alone work there"
            )

    def seal(self, tick_id: int, end: TickEnd) -> str:
        """Close the tick's row, chain its hashes, and give the new head; one that is sealed already stays as it is."""
        assert tick_id == self._tick_id, f"tick {tick_id} is not the one that began ({self._tick_id})"
        ts = moment_text(end.finished_at)
        decided = self._decided
        with self.database.writing() as connection:
            (status,) = connection.execute("SELECT status FROM ticks WHERE id = ?", (tick_id,)).fetchone()
            if status != "started":  # the commit took effect and its answer was lost
                return chain.head(connection)
            if decided is not None:
                now, decision = decided
                judged = Judged(verdicts=decision.verdicts, notes=decision.notes)
                explode(connection, now, judged, dry=decision.dry)
                save_positions(connection, now, decision)
            self._keep_row(moment_text(self._start.at) if self._start else ts)
            connection.execute(
                "UPDATE ticks SET stages_json = ?, duration_ms = ?, errors_json = ? WHERE id = ?",
                (
                    to_json(end.stages).decode(), sum(taken for _, taken in end.stages),
                    to_json(end.errors).decode(), tick_id,
                ),
            )  # fmt: skip
            head = self._seal(tick_id, ts, end.status, end.note, kinds.TICK, _decided_by(self._start))
            count = connection.execute("SELECT max(id) FROM events").fetchone()[0]
        if self.database.full:  # after the commit: an anchor ahead of its ledger would lock the owner out
            write_anchor(self.database.home, head, count)
        self._kept = self._decided = None
        return head

    def _bury(self, tick_id: int, ts: str) -> None:
        """Seal a tick that ended without a seal, from what it had written."""
        connection = self.database.connection
        row = connection.execute(
            "SELECT t.ts, t.session_day, t.mode, c.blob FROM ticks t JOIN tick_checks c ON c.tick_id = t.id"
            " WHERE t.id = ?",
            (tick_id,),
        ).fetchone()
        if row is not None:
            then, day, mode, blob = row
            explode(connection, Moment(tick_id, moment_of(then), then, day), decode_judged(blob), dry=mode == "dry")
        self._seal(tick_id, ts, "died", "the process ended before the tick was sealed", kinds.DIED)

    def _keep_row(self, ts: str) -> None:
        """Write where the Snapshot lies, unless a decision did."""
        if self._kept is not None:
            kept = self._kept
            self.database.connection.execute(
                'INSERT INTO snapshots (hash, tick_id, at, month, "offset", length) VALUES (?, ?, ?, ?, ?, ?)',
                (kept.hash, self._tick_id, ts, kept.month, kept.offset, kept.length),
            )
            self.database.connection.execute(
                "UPDATE ticks SET snapshot_hash = ? WHERE id = ?", (kept.hash, self._tick_id)
            )

    def _seal(
        self, tick_id: int, ts: str, status: str, note: str, kind: str, by: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        connection = self.database.connection
        connection.execute(
            "UPDATE ticks SET status = ?, note = ?, finished_at = ? WHERE id = ?", (status, note, ts, tick_id)
        )
        row = connection.execute(chain.SEALED_ROW, (tick_id,)).fetchone()
        payload: dict[str, Any] = dict(zip(chain.SEALED_FACTS, row, strict=True))
        payload |= {"tick": tick_id, "status": status, "note": note, **by, **chain.digests(connection, tick_id)}
        return chain.append(connection, ts, kind, payload, tick_id)


def _decided_by(start: TickStart | None) -> dict[str, str]:
    """Give what the seal says of who decided: the hash of the code, and who planned if not the desk as it is written.

    A tick that died is sealed by another process, which does not know: its seal says neither.
    """
    if start is None:
        return {}
    named = {"code": start.code, "decided_as": start.decided_as}
    return {name: value for name, value in named.items() if value}


def _session_open(day: date, at: datetime) -> int | None:
    """Say whether the session of a day trades at a moment; None where the calendar ends."""
    try:
        session = session_on(day)
    except MarketError:
        return None
    return int(session is not None and session.holds(at))
