"""The only place in the project that sends an order (design 10, 11).

Every step is written, durably, before the request it stands for leaves. A send that brings no proof back
stays `unknown`; nothing is sent twice; the rest of the tick goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.errors import BrokerError, BrokerRefused, RefusalCode
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Halt
from bot.domain.orders import OrderIntent, OrderRequest, OrderState, OwnOrder, Verdict, client_order_id
from bot.domain.risk import is_protective, predecessor_of
from bot.domain.snapshot import Snapshot
from bot.engine.ports import Broker, Journal, Transition, nothing_halts

ATTEMPTS_MAX = 16
SPARE = "-again"
"""Ends the key of a stop written down to rest again if what takes its place is refused."""


class Sender(NamedTuple):
    """What sending needs: where to, where it is written down, and when to stop starting requests."""

    broker: Broker
    journal: Journal
    tick_id: int
    now: Callable[[], datetime]
    time_is_up: Callable[[], bool]
    halted: Callable[[], Halt | None] = nothing_halts


def plan_orders(
    journal: Journal, snapshot: Snapshot, verdicts: tuple[Verdict, ...], recognised: tuple[OwnOrder, ...] = ()
) -> tuple[tuple[OwnOrder, OrderIntent], ...]:
    """Give each approved submission its id and its row, not yet sent.

    The attempt rises only past orders that are terminal by proof, or that the order itself takes the place of (it
    is sent only after their end is proved). An id that is still unresolved gets no row: the gate that forbids new
    risk beside it has already refused, this is the second lock. `recognised` are orders whose rows this tick writes.
    """
    planned: list[tuple[OwnOrder, OrderIntent]] = []
    taken: set[str] = set()
    lost = {order.client_order_id: order for order in recognised}
    for verdict in verdicts:
        intent = verdict.intent
        if not verdict.approved or intent.action != "submit":
            continue
        found = _free_id(journal, snapshot, intent, lost)
        if found is None or found[0] in taken:
            continue
        order_id, attempt = found
        taken.add(order_id)
        planned.append((_planned_row(snapshot, intent, order_id, attempt), intent))
        spare = _spare_stop(snapshot, intent, order_id)
        again = None if spare is None else _free_id(journal, snapshot, spare, lost)
        if spare is not None and again is not None and again[0] not in taken:
            taken.add(again[0])
            planned.append((_planned_row(snapshot, spare, *again), spare))
    return tuple(planned)


def _spare_stop(snapshot: Snapshot, intent: OrderIntent, order_id: str) -> OrderIntent | None:
    """Give the stop to rest again should the broker refuse the order that takes its place (design 15).

    It is written down with the order it stands behind, and sent only on that order's definite refusal.
    """
    stop = predecessor_of(intent, snapshot)
    if stop is None or not is_protective(stop):
        return None
    return OrderIntent(
        strategy=stop.strategy, purpose=stop.purpose, key=f"{stop.key}{SPARE}", underlying=stop.underlying,
        legs=stop.legs, qty=stop.remaining, order_type=stop.order_type, limit_price=stop.limit_price,
        stop_price=None if stop.order_type == "trailing_stop" else stop.stop_price, trail_percent=stop.trail_percent,
        high_water_mark=stop.high_water_mark, time_in_force=stop.time_in_force, replaces=order_id, cycle=stop.cycle,
        lot=stop.lot, reason="the order that took its place was refused: the stop rests again",
    )  # fmt: skip


def _free_id(
    journal: Journal, snapshot: Snapshot, intent: OrderIntent, lost: Mapping[str, OwnOrder]
) -> tuple[str, int] | None:
    alive = {order.client_order_id for order in snapshot.own_orders}
    for attempt in range(ATTEMPTS_MAX):
        order_id = client_order_id(snapshot.desk, intent, snapshot.slot, attempt)
        known = lost.get(order_id) or journal.find_own(order_id)
        if known is None:
            return order_id, attempt
        # A reprice within the slot: what it replaces is proved gone before its successor is sent, or that stays.
        if order_id == intent.replaces:
            continue
        # A row still `planned` that is not among the live orders was proved unsent by this tick's settlement.
        if known.alive and (known.state != "planned" or order_id in alive):
            return None
    return None


def _planned_row(snapshot: Snapshot, intent: OrderIntent, order_id: str, attempt: int) -> OwnOrder:
    return OwnOrder(
        client_order_id=order_id,
        strategy=intent.strategy,
        purpose=intent.purpose,
        key=intent.key,
        underlying=intent.underlying,
        legs=intent.legs,
        qty=intent.qty,
        order_type=intent.order_type,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        trail_percent=intent.trail_percent,
        high_water_mark=intent.high_water_mark,
        time_in_force=intent.time_in_force,
        state="planned",
        step=intent.step,
        cycle=intent.cycle,
        lot=intent.lot,
        roll=intent.roll,
        roll_ticks_max=intent.roll_ticks_max,
        replaces=intent.replaces,
        slot=snapshot.slot,
        planned_at=snapshot.at,
        attempt=attempt,
    )


def execute(
    sender: Sender,
    snapshot: Snapshot,
    verdicts: tuple[Verdict, ...],
    planned: tuple[tuple[OwnOrder, OrderIntent], ...],
) -> tuple[tuple[OwnOrder, ...], tuple[str, ...]]:
    """Carry out approved intents in their order; give the orders as they ended and what went wrong."""
    rows = {id(intent): order for order, intent in planned}
    spares = {order.replaces: order for order, intent in planned if intent.key.endswith(SPARE)}
    known = {order.client_order_id: order for order in snapshot.own_orders}
    orders: list[OwnOrder] = []
    errors: list[str] = []
    for verdict in verdicts:
        intent = verdict.intent
        order = rows.get(id(intent))
        if not verdict.approved:
            continue
        if intent.action == "submit" and order is None:
            errors.append(f"{intent.symbol} {intent.purpose}: an order with its id is unresolved; not sent again")
            continue
        hindrance, halted = "", _halted(sender)
        if sender.time_is_up():
            hindrance = "the tick's time was up before it could be sent"
        elif halted:
            hindrance = halted
        elif intent.replaces:
            hindrance = _cancel(sender, known.get(intent.replaces), intent, errors)
            # What it takes the place of is gone now. A halt that came meanwhile holds it back all the same.
            halted = "" if hindrance or order is None else _halted(sender)
        if order is None:
            if hindrance:
                errors.append(f"{intent.underlying} {intent.purpose}: {hindrance}")
            continue
        if hindrance or halted:
            orders.append(_step(sender, order, "not_sent", reason=hindrance or halted))
            errors += [f"{order.underlying} {order.purpose}: {halted}"] if halted else []
        else:
            orders.append(_send(sender, order, errors))
        spare = spares.get(order.client_order_id)
        if spare is None:
            continue
        if (halted and not hindrance) or _came_to_nothing(orders[-1]):
            orders.append(_send(sender, spare, errors))  # a stop that was taken off rests again, whatever halts
        else:
            _step(sender, spare, "not_sent", reason="not needed: what takes the stop's place was not refused")
    return tuple(orders), tuple(errors)


def _halted(sender: Sender) -> str:
    """Say what halts at this very moment, or nothing; a look that fails halts too."""
    try:
        halt = sender.halted()
    except Exception as error:  # noqa: BLE001  nobody can say that nothing halts: nothing is sent
        return f"whether a HALT file lies in the home could not be seen ({type(error).__name__}: {error})"
    return "" if halt is None else f"halt {halt.level} by {halt.author} came during the tick: {halt.reason}"


def _came_to_nothing(order: OwnOrder) -> bool:
    """Say whether an order was refused, or ended at the broker without any fill.

    An answer that says filled and no quantity has filled: a stop beside it would sell the same shares again.
    """
    if order.state == "refused":
        return True
    return order.state == "done" and order.filled_qty == 0 and order.status != "filled"


def _cancel(sender: Sender, old: OwnOrder | None, intent: OrderIntent, errors: list[str]) -> str:
    """Cancel an order of ours and prove it gone; give what stands against going on, or nothing.

    A successor is only sent for the quantity that was judged: if the old order filled further meanwhile,
    the next tick decides anew.
    """
    if old is None:
        return f"the order it replaces ({intent.replaces}) is no longer alive"
    if not old.broker_order_id:
        # Without the broker's own id nothing names the order; an empty one may mean "all orders" to a broker.
        return f"the broker's id of {old.client_order_id} is not known: it cannot be cancelled yet"
    sender.journal.move(
        sender.tick_id,
        Transition(
            client_order_id=old.client_order_id, state=old.state, at=sender.now(), status="pending_cancel",
            broker_order_id=old.broker_order_id, reason=f"{intent.purpose}: {intent.reason}",
        ),
    )  # fmt: skip
    try:
        sender.broker.cancel(old.broker_order_id)
    except BrokerRefused as refusal:
        if refusal.code not in (RefusalCode.NOT_CANCELABLE, RefusalCode.NOT_FOUND):
            errors.append(f"cancel {old.client_order_id}: {refusal}")
    except BrokerError as error:
        errors.append(f"cancel {old.client_order_id}: {error}")
    try:
        shown = find_shown(sender.broker, old)
    except BrokerError as error:
        return f"the cancellation of {old.client_order_id} could not be confirmed: {error}"
    if shown is None or not shown.terminal:
        return f"the cancellation of {old.client_order_id} is not confirmed yet"
    if shown.status == "replaced":
        return f"{old.client_order_id} was replaced at the broker by an order that is not shown: that one may rest"
    _answered(sender, old, shown, reason=intent.reason)
    if shown.filled_qty != old.filled_qty:
        return f"{old.client_order_id} filled further before it was cancelled"
    return ""


def _send(sender: Sender, order: OwnOrder, errors: list[str]) -> OwnOrder:
    """Send one planned order once: written as `sending` first, answered or left `unknown` after."""
    sending = _step(sender, order, "sending")
    request = OrderRequest(
        client_order_id=order.client_order_id, legs=order.legs, qty=order.qty, order_type=order.order_type,
        limit_price=order.limit_price, stop_price=order.stop_price, trail_percent=order.trail_percent,
        high_water_mark=order.high_water_mark, time_in_force=order.time_in_force,
    )  # fmt: skip
    try:
        answer = sender.broker.submit(request)
    except BrokerRefused as refusal:
        if refusal.code is RefusalCode.DUPLICATE_ID:
            return _adopt(sender, sending, errors)
        errors.append(f"{order.client_order_id}: the broker refused ({refusal.code.value}): {refusal}")
        return _step(sender, sending, "refused", status="rejected", reason=f"{refusal.code.value}: {refusal}")
    except BrokerError as error:
        return _look_up(sender, sending, str(error), errors)
    return _answered(sender, sending, answer)


def _adopt(sender: Sender, order: OwnOrder, errors: list[str]) -> OwnOrder:
    """A refusal for a duplicate id proves the order exists: find it and take its state."""
    return _look_up(sender, order, "the broker says this id exists already", errors)


def find_shown(broker: Broker, order: OwnOrder) -> BrokerOrder | None:
    """Give what a broker shows of an order: looked up by our id where it can be, else found in its list."""
    if broker.traits.lookup_by_id:
        return broker.find_order(order.client_order_id)
    listed = broker.read_orders(order.planned_at)
    return next((one for one in listed if one.client_order_id == order.client_order_id), None)


def _look_up(sender: Sender, order: OwnOrder, why: str, errors: list[str]) -> OwnOrder:
    """After a send without proof, ask once by id; not found proves nothing and stays `unknown`."""
    try:
        shown = find_shown(sender.broker, order)
    except BrokerError as error:
        shown, why = None, f"{why}; looking it up failed too: {error}"
    if shown is not None:
        return _answered(sender, order, shown, reason=why)
    errors.append(
        f"{order.client_order_id}: outcome unknown ({why}); {order.underlying} takes no new risk until it is proved "
        "(`bot order list`)"
    )
    return _step(sender, order, "unknown", reason=why)


def _answered(sender: Sender, order: OwnOrder, shown: BrokerOrder, reason: str = "") -> OwnOrder:
    state: OrderState = "done" if shown.terminal else "working"
    step = Transition(
        client_order_id=order.client_order_id, state=state, at=sender.now(), status=shown.status,
        broker_order_id=shown.broker_order_id, filled_qty=shown.filled_qty,
        filled_avg_price=shown.filled_avg_price, stop_price=shown.stop_price,
        high_water_mark=shown.high_water_mark, reason=shown.refusal or reason,
    )  # fmt: skip
    sender.journal.move(sender.tick_id, step)
    return replace(
        order, state=state, status=shown.status, broker_order_id=shown.broker_order_id, filled_qty=shown.filled_qty,
        filled_avg_price=shown.filled_avg_price, high_water_mark=shown.high_water_mark or order.high_water_mark,
        stop_price=shown.stop_price or order.stop_price,
    )  # fmt: skip


def _step(sender: Sender, order: OwnOrder, state: OrderState, *, status: str = "", reason: str = "") -> OwnOrder:
    sender.journal.move(
        sender.tick_id,
        Transition(client_order_id=order.client_order_id, state=state, at=sender.now(), status=status, reason=reason),
    )
    return replace(order, state=state, status=status or order.status)
