"""F1, F2, F6, F7: orders that time out, processes that die, orders nobody finds, fills told twice or late."""

from __future__ import annotations

from decimal import Decimal

from bot.domain import invariants as numbers
from bot.domain.errors import StoreError
from bot.domain.orders import OrderRequest
from bot.drill.account import Died
from bot.drill.scene import Play, Scene, filled, first_entry, opened, sent_for, wish_of
from bot.drill.stage import invariant, refused_by, refusing
from bot.drill.wishes import again
from bot.engine.ports import Transition
from bot.store.journal import LedgerJournal

PROOF = ("working", "done")


def looked_up(play: Play) -> None:
    """Play an order that was taken and not answered: it is found by its id in the same tick."""
    with play.stage() as stage:
        stage.account.faults.submit = "timeout"
        order = first_entry(stage.tick())
        play.must(order.state in PROOF, f"the order whose answer timed out is {order.state}, found by its id")
        play.must(stage.twice() == 0, f"{stage.twice()} sent twice")


def blocked_while_unknown(play: Play) -> None:
    """Play the same with no look-up either: it stays unknown, blocks its underlying, and is found later."""
    with play.stage() as stage:
        faults = stage.account.faults
        faults.submit, faults.hidden, faults.blind = "timeout", True, True
        result = stage.tick()
        wish, order = wish_of(result), first_entry(result)
        faults.submit, faults.blind = "", False
        stage.pass_by()
        result = stage.alone(again(wish, "again"))
        state = stage.own()[order.client_order_id].state
        play.must(state == "unknown", f"without any proof it is {state}")
        play.must("nothing_unresolved" in refusing(result), f"a second one: {refused_by(refusing(result))}")
        waits = invariant(result, numbers.OLDEST_UNKNOWN).value
        play.must(waits > 0, f"oldest unknown {waits} s")
        faults.hidden = False
        stage.pass_by()
        result = stage.alone()
        state, waits = stage.own()[order.client_order_id].state, invariant(result, numbers.OLDEST_UNKNOWN).value
        play.must(state in PROOF and waits == 0, f"shown at last it is {state}, oldest unknown {waits} s")
        count = sent_for(stage, order.underlying)
        play.must(count == 1 and stage.twice() == 0, f"{count} order at the broker, {stage.twice()} sent twice")


def died_after_send(play: Play) -> None:
    """Play a process that dies when its order was just taken: the ledger knew before, the next tick adopts it."""
    with play.stage() as stage:
        stage.account.faults.submit = "die"
        try:
            stage.tick()
        except Died:
            play.must(True, "died after the broker took it")
        stage.account.faults.submit = ""
        states = sorted(one.state for one in stage.own().values() if one.client_order_id in stage.account.door)
        play.must(states == ["sending"], f"the ledger said {', '.join(states) or 'nothing'} at that instant")
        stage.pass_by()
        result = stage.alone()
        states = sorted({stage.own()[name].state for name in stage.account.door})
        orphans = invariant(result, numbers.ORPHANS).value
        play.must(set(states) <= set(PROOF), f"the next tick says {', '.join(states)}")
        play.must(orphans == 0 and stage.twice() == 0, f"{orphans} orphans, {stage.twice()} sent twice")


class _Unwritable(LedgerJournal):
    """A ledger on a disk that is full from the moment an order is to leave."""

    def move(self, tick_id: int, step: Transition) -> None:
        if step.state == "sending":
            raise StoreError("the disk is full")
        super().move(tick_id, step)


def nothing_unwritten_leaves(play: Play) -> None:
    """Play a full disk: what cannot be written down first is not sent."""
    with play.stage() as stage:
        stage.ledger = _Unwritable
        try:
            stage.tick()
            play.must(False, "a tick went on although its ledger could not be written")
        except StoreError:
            play.must(True, "the disk was full")
        sent = sum(stage.account.door.values())
        play.must(sent == 0, f"{sent} orders sent")
        stage.ledger = LedgerJournal
        stage.pass_by()
        stage.alone()
        states = sorted({one.state for one in stage.own().values()})
        play.must(states in ([], ["not_sent"]), f"the ledger says {', '.join(states) or 'nothing'} of them")


def orphan_seen(play: Play) -> None:
    """Play an order in the desk's name that the ledger never planned: counted, and no new risk beside it."""
    with play.stage() as stage:
        wish = wish_of(stage.tick(dry=True))
        name = f"{stage.desk.name}-{'0' * 24}"
        with_name = OrderRequest(
            client_order_id=name, legs=wish.legs, qty=Decimal(1), order_type="limit", limit_price=Decimal(90),
            time_in_force="day",
        )  # fmt: skip
        stage.account.place(with_name, checked=False)
        stage.pass_by()
        result = stage.alone(again(wish, "beside"))
        count = invariant(result, numbers.ORPHANS).value
        play.must(count == 1, f"{count} orphan order")
        play.must("invariants_hold" in refusing(result), f"new risk beside it: {refused_by(refusing(result))}")
        stage.account.end(name)
        stage.pass_by()
        count = invariant(stage.alone(), numbers.ORPHANS).value
        play.must(count == 0, f"{count} once it is gone")


def absence_is_no_verdict(play: Play) -> None:
    """Play an order that nobody finds: unknown all session, not sent only after two readings past its close."""
    with play.stage() as stage:
        stage.account.faults.submit = "lost"
        result = stage.tick()
        wish, order = wish_of(result), first_entry(result)
        stage.account.faults.submit = ""
        states = []
        for _ in range(3):
            stage.pass_by()
            result = stage.alone(again(wish, "again"))
            states.append(stage.own()[order.client_order_id].state)
            play.must("nothing_unresolved" in refusing(result), "a second one refused")
        play.must(states == ["unknown"] * 3, f"three readings in its session: {', '.join(states)}")
        stage.after_close()
        states = []
        for _ in range(2):
            stage.alone()
            states.append(stage.own()[order.client_order_id].state)
            stage.pass_by()
        play.must(states == ["unknown", "not_sent"], f"two after its close: {', '.join(states)}")
        sent = stage.account.door[order.client_order_id]
        play.must(sent == 1, f"{sent} sent, {sent_for(stage, order.underlying)} at the broker")


def fills_once(play: Play) -> None:
    """Play a history that comes twice, and two restarts: one fill, the same books."""
    with play.stage() as stage:
        _, order = filled(stage)
        before = stage.count("fills")
        stage.account.faults.twice = True
        books = []
        for _ in range(2):
            stage.pass_by()
            found = stage.alone().snapshot.books
            books.append((found.lots, found.legs, found.cash))
        fills = stage.count("fills")
        play.must(fills == before == 1, f"{before} fill, {fills} after two readings that told it twice")
        play.must(books[0] == books[1], "two restarts left the same lots, legs and cash")
        short = sum((leg.qty for leg in found.legs), Decimal(0))
        play.must(short == -order.qty, f"{short} contracts in the books, the broker filled {order.qty}")


def late_fill(play: Play) -> None:
    """Play a fill that the history does not list yet: nothing is made up, and nothing new begins beside it."""
    with play.stage() as stage:
        wish, order = opened(stage)
        stage.account.faults.late = True
        stage.account.fill(order.client_order_id)
        stage.pass_by()
        result = stage.alone(again(wish, "again"))
        made_up = stage.count("fills")
        play.must(made_up == 0, f"{made_up} fills made up while it is not listed")
        play.must("no_drift" in refusing(result), f"new risk meanwhile: {refused_by(refusing(result))}")
        stage.account.faults.late = False
        stage.pass_by()
        found = stage.alone().snapshot.books
        play.must(stage.count("fills") == 1 and not found.drift, "listed at last: 1 fill, no difference left")


SCENES = (
    Scene("F1", "answer lost", "an order is taken, its answer times out", looked_up),
    Scene("F1", "unknown blocks", "the same, and no look-up is answered", blocked_while_unknown),
    Scene("F2", "death after sending", "the process dies as the broker takes its order", died_after_send),
    Scene("F2", "disk full", "the ledger cannot be written as an order is to leave", nothing_unwritten_leaves),
    Scene("F2", "orphan", "the broker has an order in our name that the ledger does not", orphan_seen),
    Scene("F6", "not found", "an order leaves, and every look-up says: not found", absence_is_no_verdict),
    Scene("F7", "told twice", "the history tells a fill twice, the program starts twice", fills_once),
    Scene("F7", "told late", "an order shows a fill that the history does not list", late_fill),
)
