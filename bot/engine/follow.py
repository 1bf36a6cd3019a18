"""Follow-up ticks: while orders work, look again within the slot, so that a price need not wait for the next one.

Each follow-up is a whole tick with its own Snapshot, its own judgement and its own row; it plans exits and reprices
only (design 14). Whether there is one is decided here; who runs it holds the home's lock for that tick alone, so that
a person can halt in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.desk import Desk
from bot.domain.errors import BotError
from bot.domain.orders import OwnOrder
from bot.domain.risk import STOP_TYPES
from bot.domain.sessions import slot_of
from bot.engine.ports import TickResult

ROOM_SECONDS = 20.0
"""A follow-up begins only where at least this much of its tick's time is left."""


class FollowUp(NamedTuple):
    """One follow-up: which one, and its result or why it failed (its own row in `ticks` says so too)."""

    number: int
    result: TickResult | None
    failure: str = ""


class Span(NamedTuple):
    """What all follow-ups of a tick share: its deadline, counted from its start, and its slot."""

    deadline_seconds: float
    slot_seconds: int = 900


def orders_after(result: TickResult) -> tuple[OwnOrder, ...]:
    """Give our orders that may still fill when a tick has ended, as far as it knows."""
    orders = {order.client_order_id: order for order in result.snapshot.own_orders}
    for order in result.orders:
        orders[order.client_order_id] = order
        if order.replaces and order.state not in ("planned", "not_sent"):
            orders.pop(order.replaces, None)  # its end was proved before its successor was sent
    return tuple(order for order in orders.values() if order.alive and order.state != "planned")


def wants_follow_up(result: TickResult, desk: Desk) -> bool:
    """Say whether a tick left something that may be repriced soon, or whose end is not proved yet.

    Orders that rest for good are left alone: stops, and whatever is good till cancelled. One whose cancellation is
    not proved yet counts whatever it is: something waits for its end.
    """
    if desk.tick.follow_ups_max < 1 or result.mode != "live" or not result.snapshot.session.is_open:
        return False
    if result.snapshot.broker_open is False:
        return False
    leaving = {order.replaces for order in result.orders if order.state == "not_sent"}
    return any(
        order.remaining > 0
        and (
            order.status == "pending_cancel"
            or order.client_order_id in leaving  # its successor waits: this tick asked for its end and saw no proof
            or (order.order_type not in STOP_TYPES and order.time_in_force != "gtc")
        )
        for order in orders_after(result)
    )


def has_room(result: TickResult, begins_at: datetime, elapsed_seconds: float, span: Span) -> bool:
    """Say whether a follow-up may begin at a moment: well before its tick's deadline, slot and session end."""
    snapshot = result.snapshot
    ends_at = begins_at + timedelta(seconds=ROOM_SECONDS)
    same_slot = slot_of(ends_at, span.slot_seconds) == snapshot.slot
    in_session = ends_at <= snapshot.session.close_at
    return same_slot and in_session and elapsed_seconds + ROOM_SECONDS <= span.deadline_seconds


def follow_ups(
    first: TickResult,
    desk: Desk,
    again: Callable[[int, float], TickResult],
    *,
    pause: Callable[[float], None],
    elapsed: Callable[[], float],
    span: Span,
) -> Iterator[FollowUp]:
    """Run up to `follow_ups_max` follow-ups of a tick, one after each pause, while its orders work.

    `again` runs one by its number in the seconds that are left; `elapsed` counts seconds since the first tick began.
    A failure ends the series and is given as a value: what the first tick did stands.
    """
    apart = float(desk.tick.follow_up_seconds)
    result = first
    for number in range(1, desk.tick.follow_ups_max + 1):
        waited = elapsed() + apart
        begins_at = first.snapshot.at + timedelta(seconds=waited)
        if not wants_follow_up(result, desk) or not has_room(first, begins_at, waited, span):
            return
        pause(apart)
        passed = elapsed()  # a pause may last longer than asked for
        if not has_room(first, first.snapshot.at + timedelta(seconds=passed), passed, span):
            return
        try:
            result = again(number, span.deadline_seconds - passed)
        except BotError as error:
            yield FollowUp(number, None, str(error))
            return
        yield FollowUp(number, result)
