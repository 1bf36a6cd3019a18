"""`bot parity`: why a live day went otherwise than the same ticks through the simulator, as money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from bot.commands.opening import warn
from bot.commands.parity_account import LiveOrder, at_broker
from bot.commands.parity_market import RecordedTicks, marks_of, quote_in
from bot.commands.parity_runs import WISH_WORDS, Ran, Recorded, booked, label_of, ticked, wish_of
from bot.config.deskfile import read_desk
from bot.domain.errors import StoreError, UsageError
from bot.domain.holdings import Activity
from bot.domain.instruments import is_option
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OwnOrder
from bot.domain.parity import Movement, Pair, Parity, Run, Sent
from bot.domain.sessions import NEW_YORK, next_session, session_on
from bot.domain.snapshot import Snapshot
from bot.engine.ports import Book
from bot.report.parity_text import parity_lines
from bot.report.status import kind_of_money
from bot.report.words import count, json_line, new_york
from bot.research.parity import attribute, gained, parts_of, side_by_side, worth
from bot.store.day_record import (
    StoredTick,
    config_text,
    first_tick_after,
    lines_learned,
    orders_between,
    steps_of,
    ticks_of_day,
)
from bot.store.queries import Ledger, open_for_questions
from bot.wiring import House, load_house, make_book

BEFORE_OPEN = timedelta(minutes=1)
"""A day owns its night: until a minute before the next open, when dividends are paid."""
FLOWS = frozenset({"CSD", "CSW", "JNLC", "TRANS", "ACATC"})
"""Money the owner moved: it is no difference, and counts on neither side."""
GAP = timedelta(minutes=20)


class Facts(NamedTuple):
    """A recorded day with what is needed to price and prove it."""

    recorded: Recorded
    ids: tuple[int, ...]
    accrued: Decimal
    live: Run
    late: tuple[Movement, ...]
    flows: Decimal
    closing: Snapshot
    notes: tuple[str, ...]


def run_parity(env: str, *, day: str, as_json: bool) -> None:
    """Print a day's parity."""
    house = load_house(env)
    warn(house)
    try:
        wanted = date.fromisoformat(day)
    except ValueError as error:
        raise UsageError(f"--day takes a day such as 2026-11-18, got {day!r}") from error
    with open_for_questions(house.home) as ledger:
        found = parity_of(house, ledger, wanted)
    if as_json:
        print(json_line(found))
        return
    print("\n".join(parity_lines(found)))


def parity_of(house: House, ledger: Ledger, day: date) -> Parity:
    """Run a day again and attribute what differs; raises UsageError or StoreError for a day that cannot be."""
    facts = _facts(house, ledger, day)
    recorded, first = facts.recorded, facts.recorded.first
    mended, seen = (RecordedTicks(recorded.seen, mended=one) for one in (True, False))
    swaps = [frozenset[str](), frozenset({"price"}), frozenset({"price", "latency"})]
    swaps.append(swaps[-1] | {"fill"})
    ran = [ticked(recorded, mended, swaps[0]), *(ticked(recorded, seen, one) for one in swaps)]
    runs = [one.run for one in (*ran, booked(recorded, seen))] + [facts.live]
    held = {one.position.symbol for one in (*first.positions, *facts.closing.positions)}
    moved = [*(one for run in runs for one in run.movements), *facts.late]
    traded = {one.symbol for one in moved if one.qty}
    marks, unpriced = _marks(facts, frozenset(held | traded))
    base = _value(first, marks)
    record = _value(facts.closing, marks) - facts.flows - sum((worth(one, marks) for one in facts.late), ZERO)
    live, simulated = (base + gained(run, facts.accrued, marks) for run in (facts.live, runs[0]))
    given = [known for known in recorded.live.values() if known.given]
    made = parts_of(facts.live, facts.accrued, marks)
    return Parity(
        home=str(house.home), day=day, kind=kind_of_money(first.simulated, first.environment), first_at=first.at,
        last_at=recorded.decided[-1][0].at, end_at=recorded.end_at, ticks=len(recorded.decided), equity_start=base,
        equity_simulated=simulated, equity_live=record, difference=record - simulated,
        terms=attribute(runs, facts.accrued, marks), remainder=record - live,
        pairs=_pairs(ledger, facts, ran[0], made, parts_of(runs[0], facts.accrued, marks)),
        unanswered=(*(_cannot(known.order) for known in given), *_unasked(facts, ran[0]), *unpriced),
        unanswered_money=sum((made.get(known.order.client_order_id, ZERO) for known in given), ZERO), notes=facts.notes,
    )  # fmt: skip


def _facts(house: House, ledger: Ledger, day: date) -> Facts:
    stored = _ticks(ledger, day)
    read = [(one, ledger.snapshot(one.snapshot_hash)) for one in stored]
    start = next(place for place, one in enumerate(stored) if one.mode == "live")
    read = read[start:]
    after = first_tick_after(ledger, stored[-1].id, day)
    closing, end_at, until = read[-1][1], read[-1][1].at, stored[-1].id
    notes = _notes(ledger, day, stored, [snapshot for _, snapshot in read])
    if after is not None and not after.thinned:
        morning = ledger.snapshot(after.snapshot_hash)
        if morning.session.day == next_session(day).day:
            closing, end_at, until = morning, morning.session.open_at - BEFORE_OPEN, after.id
    if closing is read[-1][1]:
        notes.append("no tick of the next session is recorded: the day ends with its last tick, without its night")
    lines = lines_learned(ledger, stored[start].id, until)
    inside = [(line, order) for line, order in lines if line.at <= end_at]
    moved = tuple(_movement(line, order) for line, order in inside if line.kind not in FLOWS)
    first = read[0][1]
    books = lru_cache(_book_of(house, ledger))
    decided = tuple(
        (snapshot, books(one.config_hash)._replace(environment=snapshot.environment, follow_up=snapshot.follow_up))
        for one, snapshot in read
        if one.mode == "live"
    )
    live = _live(ledger, tuple(snapshot for _, snapshot in read), moved)
    recorded = Recorded(
        tuple(snapshot for _, snapshot in read), decided, live,
        tuple(one for one in moved if one.kind == "FILL" and one.order), end_at, ledger.drill_pass(),
    )  # fmt: skip
    return Facts(
        recorded, tuple(one.id for one, _ in read), first.account.accrued_fees or ZERO,
        Run(movements=moved, accrued=closing.account.accrued_fees or ZERO),
        tuple(_movement(line, order) for line, order in lines if line.at > end_at),
        sum((line.net_amount for line, _ in inside if line.kind in FLOWS), ZERO), closing, tuple(notes),
    )  # fmt: skip


def _ticks(ledger: Ledger, day: date) -> list[StoredTick]:
    """List the day's ticks, or say why they cannot be run again."""
    stored = ticks_of_day(ledger, day)
    if not stored:
        days = ", ".join(f"{one}" for one in ledger.session_days(5)) or "none yet"
        why = "no session" if session_on(day) is None else "no tick of an open session is recorded"
        raise UsageError(f"{day}: {why}, so there is nothing to run again; the newest days with ticks: {days}")
    gone = sum(one.thinned for one in stored)
    if gone:
        raise StoreError(
            f"{day}: {gone} of {count(len(stored), 'tick')} {'were' if gone > 1 else 'was'} thinned out; what they saw "
            "is gone, so what a simulation would have done there cannot be told. A backup from before may still hold it"
        )
    if all(one.mode != "live" for one in stored):
        raise UsageError(f"{day}: every tick was dry: nothing could be sent, so nothing can have gone otherwise")
    return stored


def _notes(ledger: Ledger, day: date, stored: list[StoredTick], ticks: list[Snapshot]) -> list[str]:
    session = ticks[0].session
    notes = []
    if session.close_at - session.open_at < timedelta(hours=6, minutes=30):
        notes.append(f"a half day: the session closed at {session.close_at.astimezone(NEW_YORK):%H:%M} New York")
    moments = [session.open_at, *(one.at for one in ticks), session.close_at]
    for before, after in pairwise(moments):
        if after - before > GAP:
            notes.append(
                f"no tick from {before.astimezone(NEW_YORK):%H:%M} to {after.astimezone(NEW_YORK):%H:%M} New York: "
                "nothing is decided or priced between in any simulated run"
            )
    failed = sum(one.status not in ("done", "started") for one in ledger.ticks_between(day, day))
    if failed:
        notes.append(f"{count(failed, 'tick')} failed and saw nothing: no run has {'them' if failed > 1 else 'it'}")
    if len({one.config_hash for one in stored}) > 1:
        notes.append("desk.toml or the settings changed during the day: each tick ran under its own")
    unproved = len(ticks[0].own_orders) - len(at_broker(ticks[0]))
    if unproved:
        notes.append(f"{count(unproved, 'order')} without a proven answer at the first tick: in no simulated run")
    return notes


def _book_of(house: House, ledger: Ledger) -> Callable[[str], Book]:
    def book(config_hash: str) -> Book:
        text = config_text(ledger, config_hash) or house.desk_text
        desk = read_desk(text, name=f"desk.toml of {config_hash[:12]}")
        then = house._replace(desk=desk, desk_text=text, hash=config_hash)
        made = make_book(then, dry=False)
        return made._replace(desk=replace(desk, approvals=()), dry=False, decide_on_decoded=False)

    return book


def _live(ledger: Ledger, ticks: tuple[Snapshot, ...], moved: tuple[Movement, ...]) -> dict[str, LiveOrder]:
    """Give what became of every order that worked at the first tick or was planned on the day."""
    standing = at_broker(ticks[0])
    since = min([ticks[0].at, *(one.planned_at for one in standing)])
    names = {one.client_order_id for one in standing}
    found = {}
    for order in orders_between(ledger, since, ticks[-1].at):
        if order.client_order_id not in names and order.planned_at < ticks[0].at:
            continue
        steps = steps_of(ledger, order)
        fills = tuple(one for one in moved if one.kind == "FILL" and one.order == order.client_order_id)
        later = [tick for tick in ticks if tick.at > order.planned_at]
        priced = all(any(quote_in(tick, leg.symbol) for tick in later) for leg in order.legs)
        found[order.client_order_id] = LiveOrder(
            order, steps.arrived_at, steps.ended_at, steps.cancelled, fills, given=not priced
        )
    return found


def _movement(line: Activity, order: str) -> Movement:
    """Turn a line of history into what it moved; a broker's line of a fill may leave the dollars to its price."""
    held = line.kind in ("FILL", "OPASN", "OPEXC", "OPEXP", "OPTRD", "SPLIT", "ACATS")
    net = line.net_amount
    if line.kind == "FILL" and line.price is not None:
        net = -line.qty * line.price * _unit(line.symbol)
    return Movement(
        order=order, kind=line.kind, symbol=line.symbol, qty=line.qty if held else ZERO, price=line.price, net=net,
        at=line.at,
    )  # fmt: skip


def _unit(symbol: str) -> Decimal:
    return SHARES_PER_CONTRACT if is_option(symbol) else ONE


def _marks(facts: Facts, symbols: frozenset[str]) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """Give a price of every symbol; one that no tick saw has what it last traded at or was held at, and is named."""
    marks = marks_of(facts.recorded.seen, symbols)
    named = []
    for symbol in sorted(symbols - marks.keys()):
        traded = [one.price for one in (*facts.live.movements, *facts.late) if one.symbol == symbol and one.price]
        ticks = (facts.recorded.first, facts.closing)
        held = [tick.mark_of[symbol].price for tick in ticks if symbol in tick.mark_of]
        marks[symbol] = next(iter([*traded[-1:], *held]), ZERO)
        named.append(
            f"{symbol}: no tick of the day saw a price of it; it counts at {marks[symbol]} on both sides, and what its "
            "price did is in no term"
        )
    return marks, tuple(named)


def _value(snapshot: Snapshot, marks: dict[str, Decimal]) -> Decimal:
    """Give cash less fees owed plus everything held at the day's marks."""
    total = snapshot.account.cash - (snapshot.account.accrued_fees or ZERO)
    for held in snapshot.positions:
        total += held.position.qty * marks[held.position.symbol] * _unit(held.position.symbol)
    return total


def _cannot(order: OwnOrder) -> str:
    return (
        f"{label_of(order)}, sent {new_york(order.planned_at)}: no later tick of the day saw a quote of it, so how it "
        "would have filled cannot be told; every run has it as live did"
    )


def _unasked(facts: Facts, simulated: Ran) -> list[str]:
    """Name what only the simulation sent and no later tick of the day asked for: it can fill in no run."""
    found = []
    for one in simulated.sent:
        later = [tick for tick in facts.recorded.seen if tick.at > one.at]
        seen = all(any(quote_in(tick, symbol) for tick in later) for symbol in one.wish[WISH_WORDS:])
        if one.order not in facts.recorded.live and not seen:
            found.append(
                f"{one.label}, which only the simulation sent, {new_york(one.at)}: no later tick of the day asked for "
                "a quote of it, so it fills in no run"
            )
    return found


def _pairs(
    ledger: Ledger, facts: Facts, simulated: Ran, made: dict[str, Decimal], imagined: dict[str, Decimal]
) -> tuple[Pair, ...]:
    first = facts.recorded.first.at
    live = [_shown(known) for known in facts.recorded.live.values() if known.order.planned_at >= first or known.fills]
    refused: dict[tuple[datetime, tuple[str, ...]], tuple[str, ...]] = {}
    for number, snapshot in zip(facts.ids, facts.recorded.seen, strict=True):
        for verdict in ledger.verdicts_of_tick(number):
            gates = tuple(one.gate for one in verdict.checks if not one.ok)
            refused[snapshot.at, wish_of(verdict.intent)] = gates
    pairs = []
    for pair in side_by_side(live, simulated.sent):
        why = ""
        if pair.live is None and pair.simulated is not None:
            why = _why(refused.get((pair.simulated.at, pair.simulated.wish)))
        elif pair.simulated is None and pair.live is not None:
            why = _why(simulated.refused.get((pair.live.at, pair.live.wish)))
        pairs.append(
            replace(
                pair, why=why, live_money=made.get(pair.live.order, ZERO) if pair.live else ZERO,
                simulated_money=imagined.get(pair.simulated.order, ZERO) if pair.simulated else ZERO,
            )
        )  # fmt: skip
    return tuple(pairs)


def _why(gates: tuple[str, ...] | None) -> str:
    if gates is None:
        return "not wanted then"
    if not gates:
        return "wanted, not sent"
    return f"refused: {gates[0]}" + (f" and {len(gates) - 1} more" if len(gates) > 1 else "")


def _shown(known: LiveOrder) -> Sent:
    order, fills = known.order, known.fills
    return Sent(
        order=order.client_order_id, wish=wish_of(order), label=label_of(order), at=order.planned_at,
        limit=order.limit_price, status=order.status or order.state, filled=order.filled_qty,
        price=order.filled_avg_price, filled_at=fills[-1].at if fills else None,
    )  # fmt: skip
