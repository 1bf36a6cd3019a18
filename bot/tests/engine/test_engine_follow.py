"""Follow-up ticks: while orders work, within slot, session and deadline; exits and reprices only (design 14)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.desk import TickNumbers
from bot.domain.errors import BrokerUnreachable, TryLater
from bot.domain.holdings import BrokerOrder
from bot.domain.orders import OrderIntent, OrderRequest, OwnOrder
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Plan
from bot.engine.follow import ROOM_SECONDS, FollowUp, Span, follow_ups, has_room, orders_after, wants_follow_up
from bot.engine.ports import Book, TickResult, World
from bot.engine.tick import tick
from bot.tests.builders import NOON, D, a_desk, a_quote, a_snapshot, an_intent, an_order, put
from bot.tests.engine.hands import HandBroker, HandMarket, ListJournal, a_memory
from bot.tests.engine.test_engine_tick import A_PUT, PUT, wishing

DESK = a_desk("XLF", "SPY")
OTHER = put("XLF", date(2026, 12, 18), "37")


class Scene:
    """A broker, a market and a ledger that live through several ticks, and a clock that moves when told."""

    def __init__(self) -> None:
        self.broker, self.journal = HandBroker(), ListJournal()
        self.market = HandMarket(
            a_quote("XLF"), a_quote("SPY", "599.99", "600.01"),
            a_quote(PUT, "0.60", "0.64", delta=-0.25, open_interest=900),
            a_quote(OTHER, "0.40", "0.44", delta=-0.20, open_interest=900),
        )  # fmt: skip
        self.at = NOON
        self.first: Any = None

    def world(self) -> World:
        alive = tuple(one for one in self.journal.rows.values() if one.alive)
        shown = [replace(one, broker_order_id=f"b-{one.client_order_id}", status="accepted") for one in alive]
        self.journal._memory = a_memory(own_orders=tuple(shown), last_slot=self.first)
        return World(broker=self.broker, market=self.market, journal=self.journal, now=lambda: self.at)

    def run(self, *intents: OrderIntent, follow_up: int = 0, later: float = 45.0) -> TickResult:
        if follow_up:
            self.at += timedelta(seconds=later)
            self.market.quotes = {name: replace(one, at=self.at) for name, one in self.market.quotes.items()}
        return tick(self.world(), book_of(*intents, follow_up=follow_up))


def book_of(*intents: OrderIntent, follow_up: int = 0) -> Book:
    return Book(
        desk=DESK, strategies=(wishing(*intents),), dry=False, environment="simulated", config_hash="c",
        code_version="test", follow_up=follow_up,
    )  # fmt: skip


def a_reprice(order: OwnOrder, limit: str, **given: Any) -> OrderIntent:
    facts: dict[str, Any] = {"limit_price": D(limit), "replaces": order.client_order_id, "key": order.key}
    return an_intent(PUT, **(facts | given))


def ended(*orders: OwnOrder, sent: tuple[OwnOrder, ...] = (), mode: str = "live", **facts: Any) -> TickResult:
    """What a tick left behind: `orders` worked when it began, `sent` are its own."""
    base = Scene().run(A_PUT)
    snapshot: Snapshot = replace(a_snapshot(own_orders=orders), **facts)
    return replace(base, snapshot=snapshot, orders=sent, mode=mode)


def test_two_reprices_in_one_slot_have_ids_of_their_own_and_one_order_works_at_the_end() -> None:
    """C018: the attempt rises past an order whose end is proved before its successor is sent."""
    scene = Scene()
    (first,) = scene.run(A_PUT).orders
    (second,) = scene.run(a_reprice(first, "0.61"), follow_up=1).orders
    (third,) = scene.run(a_reprice(second, "0.60"), follow_up=2).orders
    assert [one.attempt for one in (first, second, third)] == [0, 1, 2]
    assert first.slot == second.slot == third.slot
    assert len({*scene.broker.submitted}) == 3
    alive = [one.limit_price for one in scene.broker.book.values() if not one.terminal]
    assert alive == [D("0.60")]


def test_a_crash_between_cancelling_and_sending_doubles_nothing() -> None:
    scene = Scene()
    (first,) = scene.run(A_PUT).orders

    def die(request: OrderRequest) -> BrokerOrder | None:
        raise KeyboardInterrupt

    scene.broker.on_submit = die
    with pytest.raises(KeyboardInterrupt):
        scene.run(a_reprice(first, "0.61"), follow_up=1)
    assert [one for one in scene.broker.book.values() if not one.terminal] == []
    # Written as `sending` and never answered: what is asked again in the slot finds it unresolved and is refused.
    scene.broker.on_submit = None
    lost = [one for one in scene.journal.rows.values() if one.state == "sending"]
    assert len(lost) == 1
    again = scene.run(A_PUT)
    assert [verdict.approved for verdict in again.verdicts] == [False]
    assert len(scene.broker.submitted) == 2
    follow = scene.run(a_reprice(lost[0], "0.60"), follow_up=2)
    assert all(order.state == "not_sent" for order in follow.orders)
    assert len(scene.broker.submitted) == 2


def test_a_reprice_whose_predecessor_is_not_proved_gone_is_not_sent_and_the_next_has_another_id() -> None:
    scene = Scene()
    (first,) = scene.run(A_PUT).orders
    scene.broker.on_cancel = lambda broker_order_id: None
    (waiting,) = scene.run(a_reprice(first, "0.61"), follow_up=1).orders
    assert waiting.state == "not_sent"
    scene.broker.on_cancel = None
    (second,) = scene.run(a_reprice(first, "0.60"), follow_up=2).orders
    assert (second.state, second.attempt) == ("working", 2)
    assert len(scene.broker.submitted) == 2


def test_a_guests_new_entry_in_a_follow_up_is_refused_by_its_gate() -> None:
    scene = Scene()
    (first,) = scene.run(A_PUT).orders
    result = scene.run(a_reprice(first, "0.61"), an_intent(OTHER, limit_price=D("0.42")), follow_up=1)
    assert [verdict.approved for verdict in result.verdicts] == [True, False]
    assert "follow_up_allows: follow-up 1 of its slot" in result.verdicts[1].reason
    assert len(result.orders) == 1


def test_a_tick_with_a_working_order_wants_a_follow_up() -> None:
    assert wants_follow_up(Scene().run(A_PUT), DESK)
    assert wants_follow_up(ended(an_order(PUT)), DESK)
    assert wants_follow_up(ended(an_order(PUT, state="unknown")), DESK)


STOP = {"order_type": "trailing_stop", "limit_price": None, "time_in_force": "gtc"}


def a_resting_stop(**given: Any) -> OwnOrder:
    return an_order("XLF", "sell_to_close", "100", client_order_id="s1", **(STOP | given))


def a_sale_after(state: Any) -> OwnOrder:
    """What takes the place of the stop."""
    return an_order("XLF", "sell_to_close", "100", client_order_id="x1", replaces="s1", state=state)


def test_an_order_whose_cancellation_is_not_proved_wants_a_follow_up_whatever_it_is() -> None:
    assert wants_follow_up(ended(a_resting_stop(status="pending_cancel")), DESK)
    assert wants_follow_up(ended(replace(a_resting_stop(), order_type="limit", status="pending_cancel")), DESK)
    assert not wants_follow_up(ended(a_resting_stop(status="pending_cancel", filled_qty=D(100))), DESK)


def test_a_sale_that_waits_for_its_stops_end_is_tried_again_soon() -> None:
    """The tick that asked for the end read the stop before it asked: what was not sent tells."""
    assert wants_follow_up(ended(a_resting_stop(), sent=(a_sale_after("not_sent"),)), DESK)
    sold = replace(a_sale_after("done"), status="filled")
    assert not wants_follow_up(ended(a_resting_stop(), sent=(sold,)), DESK)


QUIET: list[tuple[str, TickResult]] = [
    ("nothing works", ended()),
    ("a resting stop", ended(an_order("XLF", "sell_to_close", "100", **STOP))),
    ("good till cancelled", ended(an_order("XLF", "sell_to_close", "100", time_in_force="gtc"))),
    ("a dry tick", ended(an_order(PUT), mode="dry")),
    ("filled at once", ended(sent=(an_order(PUT, state="done", status="filled"),))),
    ("refused", ended(sent=(an_order(PUT, state="refused"),))),
    ("the broker says closed", ended(an_order(PUT), broker_open=False)),
    ("market closed", ended(an_order(PUT), session=replace(a_snapshot().session, is_open=False))),
    ("replaced and filled", ended(
        an_order(PUT, client_order_id="old"),
        sent=(an_order(PUT, client_order_id="new", replaces="old", state="done", status="filled"),),
    )),
]  # fmt: skip


@pytest.mark.parametrize(("why", "result"), QUIET, ids=[why for why, _ in QUIET])
def test_no_follow_up_is_wanted(why: str, result: TickResult) -> None:
    assert not wants_follow_up(result, DESK)


def test_a_desk_may_want_none() -> None:
    none = replace(DESK, tick=TickNumbers(follow_ups_max=0, follow_up_seconds=45))
    assert not wants_follow_up(ended(an_order(PUT)), none)


def test_an_order_whose_successor_was_not_sent_still_works() -> None:
    old = an_order(PUT, client_order_id="old")
    waiting = an_order(PUT, client_order_id="new", replaces="old", state="not_sent")
    assert [one.client_order_id for one in orders_after(ended(old, sent=(waiting,)))] == ["old"]
    gone = replace(waiting, state="working")
    assert [one.client_order_id for one in orders_after(ended(old, sent=(gone,)))] == ["new"]


def test_a_follow_up_begins_only_well_before_deadline_slot_and_close() -> None:
    result = ended(an_order(PUT))
    slot_end, close = NOON + timedelta(minutes=15), result.snapshot.session.close_at
    room = timedelta(seconds=ROOM_SECONDS)
    second, moment = timedelta(seconds=1), NOON + timedelta(seconds=45)
    assert has_room(result, moment, 220.0, Span(240.0))
    assert not has_room(result, moment, 220.1, Span(240.0))
    assert has_room(result, slot_end - room - second, 45.0, Span(240.0))
    assert not has_room(result, slot_end - room, 45.0, Span(240.0))
    late = replace(result, snapshot=replace(result.snapshot, slot=close - timedelta(minutes=15)))
    assert has_room(late, close - room - second, 45.0, Span(240.0))
    assert not has_room(late, close - room + second, 45.0, Span(240.0, 3600))


class Watch:
    """A meter that moves when somebody pauses."""

    def __init__(self) -> None:
        self.seconds = 2.0
        self.paused: list[float] = []

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.seconds += seconds

    def elapsed(self) -> float:
        return self.seconds


def series(watch: Watch, first: TickResult, *answers: Any, seconds: float = 240.0) -> tuple[list[FollowUp], list[Any]]:
    """Run a series in which `answers` are results or failures; give it with what each run was given."""
    waiting, given = list(answers), []

    def again(number: int, left: float) -> TickResult:
        given.append((number, left))
        watch.seconds += 3.0
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    found = follow_ups(first, DESK, again, pause=watch.pause, elapsed=watch.elapsed, span=Span(seconds))
    return list(found), given


def test_follow_ups_share_the_deadline_of_their_tick() -> None:
    watch, busy = Watch(), ended(an_order(PUT))
    found, given = series(watch, busy, busy, busy, busy)
    assert [one.number for one in found] == [1, 2, 3]
    assert given == [(1, 193.0), (2, 145.0), (3, 97.0)]
    assert watch.paused == [45.0, 45.0, 45.0]


def test_a_series_ends_when_nothing_works_any_more() -> None:
    found, _ = series(Watch(), ended(an_order(PUT)), ended())
    assert [one.number for one in found] == [1]
    assert series(Watch(), ended()) == ([], [])


def test_a_series_ends_when_its_deadline_leaves_no_room() -> None:
    busy = ended(an_order(PUT))
    found, _ = series(Watch(), busy, busy, busy, busy, seconds=120.0)
    assert [one.number for one in found] == [1, 2]
    assert series(Watch(), busy, seconds=60.0) == ([], [])


@pytest.mark.parametrize("fault", [BrokerUnreachable("no answer in 10 s"), TryLater("in use by bot halt")])
def test_a_follow_up_that_fails_ends_the_series_and_is_said(fault: Exception) -> None:
    busy = ended(an_order(PUT))
    found, given = series(Watch(), busy, busy, fault, busy)
    assert [(one.number, one.failure) for one in found] == [(1, ""), (2, str(fault))]
    assert found[1].result is None
    assert len(given) == 2


def test_a_follow_up_that_fails_leaves_what_the_first_tick_did() -> None:
    scene = Scene()
    scene.run(A_PUT)

    def down() -> None:
        raise BrokerUnreachable("no answer in 10 s")

    scene.broker.on_read = down
    with pytest.raises(BrokerUnreachable):
        scene.run(A_PUT, follow_up=1)
    assert [end.status for end in scene.journal.ends] == ["done", "failed"]
    assert [one.state for one in scene.journal.rows.values()] == ["working"]


def test_a_planner_knows_that_it_is_asked_in_a_follow_up() -> None:
    scene, seen = Scene(), []

    def plan(snapshot: Snapshot, params: Any) -> Plan:
        seen.append(snapshot.follow_up)
        return Plan()

    tick(scene.world(), book_of(follow_up=3)._replace(strategies=(wishing(plan=plan),)))
    assert seen == [3]


def test_a_part_that_filled_is_not_sold_again() -> None:
    """A reprice is for what is left; a larger one is refused with both numbers."""
    scene = Scene()
    (first,) = scene.run(A_PUT).orders
    result = scene.run(a_reprice(first, "0.61", qty=Decimal(2)), follow_up=1)
    (verdict,) = result.verdicts
    refusals = {check.gate: (check.value, check.limit) for check in verdict.checks if not check.ok}
    assert refusals["follow_up_allows"] == (Decimal(2), Decimal(1))
    assert refusals["reprice_stays_in_bounds"] == (Decimal(2), Decimal(1))
