"""A ledger that tells a log what it wrote, after it is written: the record itself depends on nothing here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from bot.domain.ledger import Proposal
from bot.domain.orders import OwnOrder
from bot.engine.ports import Decision, TickEnd, TickStart, Transition
from bot.store.journal import LedgerJournal
from bot.store.logbook import Logbook
from bot.store.logfiles import tidy

HASH_SHOWN = 16


class LoggedJournal(LedgerJournal):
    """A ledger with a log beside it: each tick's beginning, decision, orders, errors and end; each word of a person.

    What people and trip wires did is read back from the hash chain when the ledger is closed, so that nothing that is
    sealed can be left out of the log by a forgotten line of code.
    """

    def __init__(self, home: Path, desk: str, log: Logbook) -> None:
        super().__init__(home, desk)
        self.log = log
        newest = self.database.connection.execute("SELECT COALESCE(max(id), 0) FROM events").fetchone()
        self._told: int = newest[0]

    def begin(self, start: TickStart) -> int:
        """Open a tick's row and its part of the log."""
        tick_id = super().begin(start)
        self._told = self.log.follow(self.database.connection, self._told)
        self.log.say(
            "started", tick=tick_id, moment=start.at, slot=start.slot, mode=start.mode, broker=start.broker,
            market=start.market, environment=start.environment, config=start.config_hash[:HASH_SHOWN],
            version=start.code_version,
        )  # fmt: skip
        return tick_id

    def record_decision(self, tick_id: int, decision: Decision) -> tuple[Proposal, ...]:
        """Write a decision down, then tell what it came to: counts, refusals by gate, orders as they stand."""
        standing = super().record_decision(tick_id, decision)
        refused = Counter(
            check.gate for verdict in decision.verdicts if not verdict.approved for check in verdict.checks
            if not check.ok
        )  # fmt: skip
        settled = decision.settlement
        self.log.say(
            "decided", tick=tick_id, session=decision.session_date, halt=decision.halt, equity=decision.equity,
            intents=len(decision.verdicts), approved=sum(1 for one in decision.verdicts if one.approved),
            refused=dict(refused.most_common()), passed_over=len(decision.notes), planned=len(decision.planned),
            fills=len(settled.fills), drift=[f"{one.symbol} ({one.kind}) {one.what}" for one in settled.drift],
            snapshot=decision.snapshot_hash[:HASH_SHOWN],
        )  # fmt: skip
        for order in settled.orders:
            self._tell(tick_id, order, "the broker's list")
        for fill in settled.fills:
            self.log.say(
                "fill", tick=tick_id, execution=fill.execution_id, order=fill.client_order_id, symbol=fill.symbol,
                side=fill.side, qty=fill.qty, price=fill.price, moment=fill.at,
            )  # fmt: skip
        for order in decision.planned:
            self._tell(tick_id, order, "written down")
        return standing

    def move(self, tick_id: int, step: Transition) -> None:
        """Record one step of an order, then tell it."""
        super().move(tick_id, step)
        self.log.say(
            "order", tick=tick_id, order=step.client_order_id, state=step.state, status=step.status,
            filled=step.filled_qty, price=step.filled_avg_price, broker_order=step.broker_order_id, reason=step.reason,
        )  # fmt: skip

    def seal(self, tick_id: int, end: TickEnd) -> str:
        """Close a tick and its part of the log; where lines were lost, the tick's note says so."""
        if self.log.lost:
            note = f"{end.note}; lines of the log were lost ({self.log.lost})"
            end = replace(end, note=note)
        head = super().seal(tick_id, end)
        for error in end.errors:
            self.log.say("error", tick=tick_id, message=error)
        self.log.say(
            "ended", tick=tick_id, status=end.status, note=end.note, moment=end.finished_at,
            ms=round(sum(taken for _, taken in end.stages), 1), stages=dict(end.stages), errors=len(end.errors) or None,
            head=head[:HASH_SHOWN],
        )  # fmt: skip
        self._told = self.log.follow(self.database.connection, self._told)
        tidy(self.log.folder, self.log.today(), self.log.keep_days, most=1)
        return head

    def close(self) -> None:
        """Tell what was written between ticks, then close ledger and log."""
        self.log.follow(self.database.connection, self._told)
        super().close()
        self.log.close()

    def _tell(self, tick_id: int, order: OwnOrder, how: str) -> None:
        first = order.legs[0]
        self.log.say(
            "order", tick=tick_id, order=order.client_order_id, state=order.state, status=order.status,
            filled=order.filled_qty or None, price=order.filled_avg_price, broker_order=order.broker_order_id,
            reason=how, purpose=order.purpose, qty=order.qty, limit=order.limit_price,
            symbol=first.symbol if len(order.legs) == 1 else order.underlying, side=first.position_intent,
        )  # fmt: skip
