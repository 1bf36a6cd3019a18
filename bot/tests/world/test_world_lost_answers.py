"""Lose the answers of a pretended Alpaca, or let them come late: at most one order for a wish, and none unknown.

An order is accepted and the connection is cut, or the gateway says 504; an accepted order is missing from several
listings; a cancellation hangs. What the broker shows is known at the next tick; what it does not have stays unknown
and is never sent again as another order (design 10, 11; F1, F2, F6).
"""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.brokers import alpaca
from bot.brokers.simulator import SimulatorBroker
from bot.domain.errors import BotError, OutcomeUnknown
from bot.domain.holdings import BrokerOrder
from bot.domain.invariants import OLDEST_UNKNOWN
from bot.domain.orders import OrderRequest
from bot.domain.sessions import new_york_day, next_session
from bot.engine.ports import TickResult
from bot.tests.alpaca.facts import Fault
from bot.tests.alpaca.world import AlpacaWorld
from bot.tests.faults.soaking import many, seed_of
from bot.tests.faults.stands import AlpacaStand, SimulatedStand, Tally, ledger_rows
from bot.venues import alpaca_client

SOON, SLOT = timedelta(minutes=1), timedelta(minutes=15)
ORDERS, BY_OUR_ID, ONE_ORDER = "/v2/orders$", "/v2/orders:by_client_order_id$", "/v2/orders/"
LOST: dict[str, dict[str, Any]] = {
    "cut after acceptance": {"cut": True},
    "504 after acceptance": {"status": 504},
    "500 after acceptance": {"status": 500},
    "nonsense after acceptance": {"body": b"<html>bad gateway</html>"},
    "504 and never taken": {"status": 504, "processed": False},
}
TRIES = alpaca_client.Bounds().attempts


def hide_new(world: AlpacaWorld, listings: int) -> None:
    """Keep orders accepted from now on out of the next listings and look-ups."""
    old = {order.client_order_id for order in world.orders}

    def without(rows: Any) -> Any:
        return [row for row in rows if row["client_order_id"] in old] if isinstance(rows, list) else rows

    world.spoil(ORDERS, "GET", times=listings, change=without)
    world.spoil(BY_OUR_ID, "GET", times=listings, status=404)


def go_wrong(world: AlpacaWorld, dice: random.Random) -> tuple[str, list[Fault]]:
    """Let some of the next tick's exchanges go wrong; give what, and the faults that must be met."""
    lost = dice.choice(sorted(LOST))
    posts = [world.spoil(ORDERS, "POST", **LOST[lost])]
    kind = dice.choice(("alone", "twice", "late", "look-up fails", "cancel lost", "cancel stuck"))
    if kind == "twice":
        posts.append(world.spoil(ORDERS, "POST", **LOST[dice.choice(sorted(LOST))]))
    elif kind == "late":
        hide_new(world, dice.randint(2, 5))
    elif kind == "look-up fails":
        world.spoil(BY_OUR_ID, "GET", times=TRIES, status=503)
    elif kind == "cancel lost":
        posts.append(world.spoil(ONE_ORDER, "DELETE", **dice.choice(({"cut": True}, {"status": 504}))))
    elif kind == "cancel stuck":
        world.pending_cancel_reads = dice.randint(2, 9)
    return f"{lost}, {kind}", posts


def met(world: AlpacaWorld, faults: list[Fault]) -> int:
    """Count the faults that an exchange ran into."""
    return sum(1 for fault in faults if fault not in world.faults)


def scenes(folder: Path) -> list[AlpacaStand]:
    """Give desks about to send a first order, to replace it, and to replace another beside a fill."""
    stand = AlpacaStand(folder / "first")
    found = [stand]
    for number in range(2):
        stand = stand.fork(folder / f"scene-{number}")
        stand.tick()
        stand.pass_by(SLOT)
        found.append(stand)
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pauses between tries out."""
    monkeypatch.setattr(alpaca, "SECOND_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(alpaca_client, "_backoff", lambda path, attempt: 0.0)


@pytest.mark.usefixtures("quick")
def test_lost_and_late_answers_never_double_or_lose_an_order(tmp_path: Path) -> None:
    seed, count = seed_of(1905), many(16, 500)
    dice = random.Random(seed)
    tally = Tally("lost and late answers, Alpaca")
    begun = scenes(tmp_path)
    played = 0
    while tally.faults < count:
        played += 1
        stand = dice.choice(begun).fork(tmp_path / f"played-{played}")
        world = stand.world
        try:
            told, faults = go_wrong(world, dice)
            where = f"seed {seed}, play {played}: {told}"
            with suppress(BotError):
                stand.tick()
            tally.faults += met(world, faults)
            for fault in faults:
                if fault in world.faults:
                    world.faults.remove(fault)
            late = bool(world.faults)
            for time in (SOON, SLOT, SLOT):
                stand.pass_by(time)
                result = stand.tick()
                tally.ticks += 1
                tally.look(stand, result, f"{where}, {time} after", known=not late)
                late = late and bool(world.faults)
            world.faults.clear()
            world.pending_cancel_reads = 0
            stand.pass_by(SLOT)
            tally.look(stand, stand.tick(), f"{where}, all shown")
            tally.ticks += 1
            if played % 8 == 0:
                tally.ticks += must_end_by_proof(stand, where)
            ids = [one.client_order_id for one in world.orders]
            rows = ledger_rows(stand.home)
            assert set(ids) <= set(rows), f"{where}: an order that nobody wrote down first"
        finally:
            stand.close()
    for scene in begun:
        scene.close()
    tally.must_be_clean(seed)
    assert tally.unresolved > 0, "no answer was lost for an order that never came to be"


def must_end_by_proof(stand: AlpacaStand | SimulatedStand, where: str) -> int:
    """Look twice after the session, which ends what never arrived (design 11); healthy means that and nothing else.

    One look proves nothing yet. Gives how many ticks that took.
    """
    missing = unproved(stand)
    held = {name: row for name, row in ledger_rows(stand.home).items() if name in missing}
    stand.at = next_session(new_york_day(stand.at)).open_at + timedelta(minutes=45)
    first = stand.tick()
    assert healthy(first) == (not missing), f"{where}: unproved {missing}, {broken(first)}"
    assert unproved(stand) - missing == set() == missing - unproved(stand), f"{where}: ended by one reading"
    stand.pass_by(SLOT)
    stand.tick()
    for name in missing:
        row = ledger_rows(stand.home)[name]
        assert (row.state, row.status) == ("not_sent", ""), f"{where}: {held[name]} became {row}"
    stand.pass_by(SLOT)
    after = stand.tick()
    assert unproved(stand) or healthy(after), f"{where}: {broken(after)}"
    return 3


def unproved(stand: AlpacaStand | SimulatedStand) -> set[str]:
    """Give the ids of what left without a proven answer."""
    return {name for name, row in ledger_rows(stand.home).items() if row.state in ("sending", "unknown")}


def broken(result: TickResult) -> list[str]:
    """Name the house's numbers that do not hold."""
    return [f"{one.name} {one.value} {one.detail}" for one in result.snapshot.invariants if not one.ok]


def healthy(result: TickResult) -> bool:
    """Say whether every order is accounted for, by the house's own numbers."""
    return all(one.ok for one in result.snapshot.invariants if one.name == OLDEST_UNKNOWN)


class LosingBroker:
    """Loses answers of a simulated account: before or after it took the order, and hides the order for some looks."""

    def __init__(self, patch: pytest.MonkeyPatch, *, taken: bool, looks: int) -> None:
        self.taken, self.looks, self.lost = taken, looks, 0
        self.hidden: set[str] = set()
        submit, read, find = SimulatorBroker.submit, SimulatorBroker.read_orders, SimulatorBroker.find_order

        def losing(broker: SimulatorBroker, request: OrderRequest) -> BrokerOrder:
            if self.lost:
                return submit(broker, request)
            self.lost += 1
            self.hidden.add(request.client_order_id)
            if self.taken:
                submit(broker, request)
            raise OutcomeUnknown("the line went dead")

        def listed(broker: SimulatorBroker, since: datetime) -> tuple[BrokerOrder, ...]:
            return tuple(one for one in read(broker, since) if self.seen(one.client_order_id))

        def found(broker: SimulatorBroker, client_order_id: str) -> BrokerOrder | None:
            order = find(broker, client_order_id) if self.seen(client_order_id) else None
            self.looks -= 1
            return order

        patch.setattr(SimulatorBroker, "submit", losing)
        patch.setattr(SimulatorBroker, "read_orders", listed)
        patch.setattr(SimulatorBroker, "find_order", found)

    def seen(self, client_order_id: str) -> bool:
        """Say whether an order shows by now."""
        return client_order_id not in self.hidden or self.looks <= 0


def test_lost_answers_of_a_simulated_account_end_the_same_way(tmp_path: Path) -> None:
    seed, count = seed_of(1906), many(6, 120)
    dice = random.Random(seed)
    tally = Tally("lost and late answers, simulator")
    fresh = SimulatedStand(tmp_path / "fresh")
    unknown = 0
    for played in range(count):
        stand = fresh.fork(tmp_path / f"simulated-{played}")
        stand.pass_by(SLOT * dice.randrange(12))
        where = f"seed {seed}, play {played}"
        with pytest.MonkeyPatch.context() as patch:
            losing = LosingBroker(patch, taken=played % 3 != 0, looks=dice.choice((0, 0, 1, 2)))
            stand.tick()
            if not losing.lost:
                continue
            tally.faults += losing.lost
            stand.pass_by(SOON)
            known = losing.looks <= 0  # before the tick: its own look is one of those that see nothing
            tally.look(stand, stand.tick(), where, known=known)
        stand.pass_by(SLOT)
        tally.look(stand, stand.tick(), where)
        tally.ticks += 3
        unknown += len(unproved(stand))
        assert bool(unproved(stand)) == (not losing.taken), where
        tally.ticks += must_end_by_proof(stand, where)
    tally.must_be_clean(seed)
    assert tally.faults > count // 2
    assert unknown > 0
