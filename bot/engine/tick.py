"""The tick: observe, decide, execute, record. Nothing else in the project can place an order.

`decide` is pure: a Snapshot and a Book in, verdicts out. A backtest, a paper account, a live account and a
replay of last Tuesday are this same function with another World.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.domain.consent import waits
from bot.domain.desk import Desk
from bot.domain.errors import BotError
from bot.domain.orders import OrderIntent, OwnOrder, Verdict
from bot.domain.sessions import slot_of
from bot.domain.snapshot import Snapshot, decode_snapshot, encode_snapshot
from bot.domain.strategy import Note, Strategy
from bot.engine.arrival import arrive
from bot.engine.drilled import drilled
from bot.engine.execute import Sender, execute, plan_orders
from bot.engine.observe import observe
from bot.engine.ports import Book, Decision, Settlement, TickEnd, TickResult, TickStart, World
from bot.engine.proposing import proposals_of, still_standing
from bot.engine.recognise import recognised_now
from bot.engine.trips import changed, counted
from bot.gates.case import Case
from bot.gates.judge import judge


class Stages:
    """How long each stage took, in milliseconds, by the world's meter."""

    def __init__(self, meter: Callable[[], float]) -> None:
        self._meter = meter
        self._last = self.start = meter()
        self.taken: list[tuple[str, float]] = []

    def done(self, name: str) -> None:
        """Close a stage under a name."""
        now = self._meter()
        self.taken.append((name, round((now - self._last) * 1000, 3)))
        self._last = now

    def elapsed(self) -> float:
        """Give the seconds since the tick began."""
        return self._meter() - self.start


def decide(
    snapshot: Snapshot, strategies: tuple[Strategy, ...], desk: Desk
) -> tuple[tuple[Verdict, ...], tuple[Note, ...], tuple[str, ...]]:
    """Let every strategy plan, then judge the whole fold. Pure.

    A planner that raises loses its turn; its failure is named in the third part. While a flatten stands only what
    flattens and what protects plans: nothing else may move an order that closes the account (wheel 1.8).
    """
    flattening = snapshot.books.panic is not None and snapshot.books.panic.flatten
    intents: list[OrderIntent] = []
    notes: list[Note] = []
    errors: list[str] = []
    for strategy in strategies:
        if not strategy.enabled or (flattening and not strategy.while_flattening):
            continue
        try:
            plan = strategy.planner.plan(snapshot, strategy.params)
        except Exception as error:  # noqa: BLE001  a planner is a guest: its failure is its own
            errors.append(f"strategy {strategy.name} could not plan: {type(error).__name__}: {error}")
            continue
        intents.extend(plan.intents)
        notes.extend(plan.notes)
    priorities = {strategy.name: strategy.priority for strategy in strategies}
    verdicts = judge(intents, Case(snapshot=snapshot, desk=desk), priorities)
    return verdicts, tuple(notes), tuple(errors)


def tick(world: World, book: Book) -> TickResult:
    """Run one tick to its seal and give what it saw, wanted, judged, sent and recorded.

    Raises BotError when the world could not be observed or recorded; the tick's row then says `failed`
    with the reason, and nothing was sent after it.
    """
    at = world.now()
    slot = slot_of(at, book.slot_seconds)
    stages = Stages(world.meter)
    tick_id = world.journal.begin(
        TickStart(
            at=at, slot=slot, mode="dry" if book.dry else "live", broker=world.broker.name, market=world.market.name,
            environment=book.environment, config_hash=book.config_hash, code_version=book.code_version,
            code=book.code, decided_as=book.decided_as,
        )
    )  # fmt: skip
    try:
        return _run(world, book, tick_id, at, stages)
    except BotError as error:
        end = TickEnd(
            status="failed", note=str(error), stages=tuple(stages.taken), errors=(str(error),), finished_at=world.now()
        )
        world.journal.seal(tick_id, end)
        raise


def _run(world: World, book: Book, tick_id: int, at: datetime, stages: Stages) -> TickResult:
    def time_is_up() -> bool:
        return stages.elapsed() > book.deadline_seconds

    arrival = arrive(world.broker, at, time_is_up)
    world.claim(arrival.account.id)
    stages.done("arrive")
    memory = drilled(world.journal.memory(at, arrival.session.day), book, at)
    stages.done("remember")
    slot = slot_of(at, book.slot_seconds)
    snapshot, settlement = observe(world, book, memory, at, slot, arrival, time_is_up)
    stages.done("observe")
    keeps = book.decide_on_decoded or world.journal.keeps_snapshots
    stored = encode_snapshot(snapshot) if keeps else b""
    stored_hash = world.journal.keep_snapshot(tick_id, at, stored)
    if book.decide_on_decoded:
        snapshot = decode_snapshot(stored)
    stages.done("keep")
    verdicts, notes, plan_errors = decide(snapshot, book.strategies, book.desk)
    stages.done("decide")
    trips = counted(memory.trips, snapshot.trips)
    planned = () if book.dry else plan_orders(world.journal, snapshot, verdicts, recognised_now(settlement))
    proposals = world.journal.record_decision(
        tick_id,
        Decision(
            snapshot_hash=stored_hash, settlement=settlement, account=snapshot.account, equity=snapshot.equity,
            benchmark_price=snapshot.spot(book.desk.benchmark), flow=settlement.flow, verdicts=verdicts, notes=notes,
            planned=tuple(order for order, _ in planned), dry=book.dry, session_date=snapshot.session.day,
            marks=tuple((mark.symbol, mark.price, mark.source) for mark in snapshot.marks),
            proposals=proposals_of(verdicts, snapshot, book.desk, book.slot_seconds),
            invariants=snapshot.invariants, halt=snapshot.halt.level, trips=trips,
            trips_changed=changed(memory.trips, trips),
        ),
    )  # fmt: skip
    stages.done("record")
    orders: tuple[OwnOrder, ...] = ()
    send_errors: tuple[str, ...] = ()
    if not book.dry:
        sender = Sender(
            broker=world.broker, journal=world.journal, tick_id=tick_id, now=world.now, time_is_up=time_is_up,
            halted=world.halted,
        )  # fmt: skip
        orders, send_errors = execute(sender, snapshot, verdicts, planned)
    stages.done("execute")
    errors = (*snapshot.errors, *plan_errors, *send_errors)
    end = TickEnd(
        status="done", note=tick_note(snapshot, settlement, verdicts, book.dry), stages=tuple(stages.taken),
        errors=errors, finished_at=world.now(),
    )  # fmt: skip
    head = world.journal.seal(tick_id, end)
    stages.done("seal")
    return TickResult(
        tick_id=tick_id, snapshot=snapshot, settlement=settlement, verdicts=verdicts, notes=notes, orders=orders,
        errors=errors, stages=tuple(stages.taken), head=head, mode="dry" if book.dry else "live",
        proposals=still_standing(proposals, orders),
    )  # fmt: skip


def tick_note(snapshot: Snapshot, settlement: Settlement, verdicts: tuple[Verdict, ...], dry: bool) -> str:
    """Say in one line what a tick came to."""
    approved = sum(1 for verdict in verdicts if verdict.approved)
    word = "would be sent" if dry else "to send"
    waiting = sum(1 for verdict in verdicts if waits(verdict))
    parts = [f"{len(verdicts)} wanted", f"{approved} {word}", f"{len(verdicts) - approved - waiting} refused"]
    if waiting:
        parts.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for your word")
    if snapshot.follow_up:
        parts.insert(0, f"follow-up {snapshot.follow_up}")
    if not snapshot.session.is_open:
        parts.insert(0, "market closed")
    elif snapshot.broker_open is False:
        parts.insert(0, "the broker says closed")
    if settlement.fills:
        parts.append(f"{len(settlement.fills)} fills")
    return ", ".join(parts)
