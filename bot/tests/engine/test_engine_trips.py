"""Trip wires: each below its limit, at it, over it, confirmed and cleared (design 15, wheel 2.12 to 2.19)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, Halt
from bot.domain.sessions import session_on
from bot.domain.trip import Trip, measured, stronger, tripped_halt
from bot.engine.observe import skew_of
from bot.engine.trips import Seen, changed, counted, missed_slots, pause_of, read_trips, with_pause
from bot.tests.builders import NOON, D, a_session, some_limits

SLOT = timedelta(minutes=15)


def seen(number: int = 0, at: datetime | None = None, **given: Any) -> Seen:
    """A tick in the n-th slot after noon, where nothing is wrong."""
    moment = at or NOON + number * SLOT
    facts: dict[str, Any] = {
        "at": moment, "slot": moment, "session": a_session(moment), "books": Books(equity_previous=D(10_000)),
        "equity": D(10_000), "skew_seconds": D(0), "disk_free_mb": D(9_000), "streak": 0, "live": True,
    }  # fmt: skip
    return Seen(**(facts | given))


def fallen(nav: str) -> Books:
    return Books(equity_previous=D(10_000), nav=D(nav), nav_peak=D(1))


def named(trips: tuple[Trip, ...], name: str) -> Trip:
    return next(trip for trip in trips if trip.name == name)


def after(*ticks: Seen, former: tuple[Trip, ...] = (), **limits: Any) -> tuple[Trip, ...]:
    trips = former
    for one in ticks:
        trips = read_trips(trips, some_limits(**limits), one)
    return trips


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("daily_loss_share", {"equity": D("9600.01")}, {"equity": D(9600)}, "no_new_risk"),
    ("drawdown_no_new_risk", {"books": fallen("0.8801")}, {"books": fallen("0.88")}, "no_new_risk"),
    ("drawdown_reduce_only", {"books": fallen("0.8201")}, {"books": fallen("0.82")}, "reduce_only"),
    ("clock_skew_seconds", {"skew_seconds": D("4.999")}, {"skew_seconds": D(5)}, "no_new_risk"),
    ("disk_free_mb", {"disk_free_mb": D(500)}, {"disk_free_mb": D(499)}, "no_new_risk"),
]


@pytest.mark.parametrize(("name", "below", "reached", "level"), CASES)
def test_a_trip_wire_halts_at_its_limit_and_not_below_after_the_readings_it_takes(
    name: str, below: dict[str, Any], reached: dict[str, Any], level: str
) -> None:
    for number in range(1, 7):
        assert not named(after(*(seen(n, **below) for n in range(number))), name).tripped
    first, second = after(seen(0, **reached)), after(seen(0, **reached), seen(1, **reached))
    assert [(one.readings, one.tripped) for one in (named(first, name), named(second, name))] == [
        (1, False),
        (2, False),
    ]
    assert tripped_halt(second) == Halt()
    third = after(seen(2, **reached), former=second)
    assert named(third, name).tripped
    assert named(third, name).tripped_at == NOON + 2 * SLOT
    halt = tripped_halt(third)
    assert (halt.level, halt.author) == (level, f"trip: {name}")
    assert name in halt.reason


@pytest.mark.parametrize(("name", "below", "reached", "level"), CASES)
def test_one_good_reading_between_two_bad_ones_starts_the_count_again(
    name: str, below: dict[str, Any], reached: dict[str, Any], level: str
) -> None:
    trips = after(seen(0, **reached), seen(1, **reached), seen(2, **below), seen(3, **reached), seen(4, **reached))
    assert (named(trips, name).readings, named(trips, name).tripped) == (2, False)


@pytest.mark.parametrize("name", ["drawdown_no_new_risk", "clock_skew_seconds", "disk_free_mb"])
def test_what_clears_by_itself_clears_after_three_good_slots_in_a_row(name: str) -> None:
    _, below, reached, _ = next(case for case in CASES if case[0] == name)
    tripped = after(*(seen(n, **reached) for n in range(3)))
    assert named(tripped, name).tripped
    wavering = after(seen(3, **below), seen(4, **below), seen(5, **reached), former=tripped)
    assert (named(wavering, name).good, named(wavering, name).tripped) == (0, True)
    cleared = after(seen(6, **below), seen(7, **below), seen(8, **below), former=wavering)
    assert not named(cleared, name).tripped
    assert named(cleared, name).cleared_at == NOON + 8 * SLOT
    assert tripped_halt(cleared) == Halt()


def test_a_fall_to_reduce_only_is_cleared_by_no_number_of_good_slots() -> None:
    tripped = after(*(seen(n, books=fallen("0.80")) for n in range(3)))
    recovered = after(*(seen(n) for n in range(3, 12)), former=tripped)
    assert named(recovered, "drawdown_reduce_only").tripped
    assert not named(recovered, "drawdown_no_new_risk").tripped
    assert tripped_halt(recovered).level == "reduce_only"
    assert "bot resume" in tripped_halt(recovered).clears


def test_the_strongest_tripped_wire_is_the_halt() -> None:
    both = after(*(seen(n, books=fallen("0.80")) for n in range(3)))
    assert [trip.name for trip in both if trip.tripped] == ["drawdown_no_new_risk", "drawdown_reduce_only"]
    assert tripped_halt(both).author == "trip: drawdown_reduce_only"


def test_a_day_s_loss_clears_at_the_next_session_whatever_the_mode() -> None:
    tripped = after(*(seen(n, equity=D(9_000)) for n in range(3)))
    assert named(tripped, "daily_loss_share").tripped
    same_day = after(*(seen(n) for n in range(3, 8)), former=tripped)
    assert named(same_day, "daily_loss_share").tripped
    next_day = after(seen(at=NOON + timedelta(days=1), live=False), former=same_day)
    assert not named(next_day, "daily_loss_share").tripped


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss() -> None:
    paid_out = Books(equity_previous=D(10_000), flow_session=D(-2_000))
    assert named(after(seen(0, books=paid_out, equity=D(8_000))), "daily_loss_share").value == 0
    paid_in = Books(equity_previous=D(10_000), flow_session=D(2_000))
    assert named(after(seen(0, books=paid_in, equity=D(11_400))), "daily_loss_share").value == D("0.05")


def test_dry_ticks_follow_ups_and_a_second_tick_in_a_slot_count_nothing() -> None:
    bad: dict[str, Any] = {"books": fallen("0.80")}
    once = after(seen(0, **bad))
    again = after(seen(0, at=NOON, **bad), seen(1, live=False, **bad), seen(2, live=False, **bad), former=once)
    assert named(again, "drawdown_reduce_only").readings == 1
    assert counted(once, again) == ()
    assert counted((), once) == once


def test_money_is_not_read_while_the_market_is_closed() -> None:
    night = NOON + timedelta(hours=9)
    trips = after(*(seen(at=night + n * SLOT, books=fallen("0.80")) for n in range(5)))
    assert named(trips, "drawdown_reduce_only").readings == 0
    assert named(trips, "clock_skew_seconds").slot == night + 4 * SLOT


def test_what_is_unknown_trips_nothing_clears_nothing_and_is_named() -> None:
    blind: dict[str, Any] = {"skew_seconds": None, "disk_free_mb": None, "streak": None, "books": Books()}
    trips = after(*(seen(n, **blind) for n in range(6)))
    assert not any(trip.tripped for trip in trips)
    assert [trip.name for trip in trips if trip.value is None] == [
        "daily_loss_share", "losing_streak", "clock_skew_seconds", "disk_free_mb",
    ]  # fmt: skip
    assert "disk_free_mb unknown" in measured(named(trips, "disk_free_mb"))
    short = after(*(seen(n, disk_free_mb=D(1)) for n in range(3)))
    assert named(after(*(seen(n, disk_free_mb=None) for n in range(3, 9)), former=short), "disk_free_mb").tripped


@pytest.mark.parametrize(
    ("nav", "warned"), [("0.9281", 0), ("0.928", 60), ("0.9041", 60), ("0.904", 80), ("0.8801", 80), ("0.88", 100)]
)
def test_it_warns_at_60_and_at_80_percent_of_a_limit(nav: str, warned: int) -> None:
    assert named(after(seen(0, books=fallen(nav))), "drawdown_no_new_risk").warned == warned


@pytest.mark.parametrize(("free", "warned"), [(900, 0), (833, 60), (626, 60), (625, 80), (500, 80), (499, 100)])
def test_room_on_the_disk_warns_before_it_is_short(free: int, warned: int) -> None:
    assert named(after(seen(0, disk_free_mb=D(free))), "disk_free_mb").warned == warned


def test_a_limit_that_is_off_has_no_wire_and_lets_go_what_it_held() -> None:
    tripped = after(*(seen(n, books=fallen("0.80")) for n in range(3)))
    off = after(seen(3, books=fallen("0.80")), former=tripped, drawdown_reduce_only=None)
    assert named(off, "drawdown_reduce_only").cleared_at == NOON + 3 * SLOT
    assert tripped_halt(off).level == "no_new_risk"
    later = after(seen(4, books=fallen("0.80")), former=off, drawdown_reduce_only=None)
    assert "drawdown_reduce_only" not in [trip.name for trip in later]


def test_a_limit_of_zero_allows_no_loss_and_none_is_no_loss() -> None:
    assert not named(after(*(seen(n) for n in range(4)), daily_loss_share=D(0)), "daily_loss_share").tripped
    losing = after(*(seen(n, equity=D(9_999)) for n in range(3)), daily_loss_share=D(0))
    assert named(losing, "daily_loss_share").tripped


def test_missed_slots_are_counted_inside_sessions_only() -> None:
    session = session_on(NOON.date())
    assert session is not None
    last = session.close_at - SLOT
    monday_open = session_on(NOON.date() + timedelta(days=1))
    assert monday_open is not None
    assert missed_slots(None, NOON) == 0
    assert missed_slots(NOON, NOON + SLOT) == 0
    assert missed_slots(NOON, NOON + 4 * SLOT) == 3
    assert missed_slots(last, monday_open.open_at) == 0
    assert missed_slots(last - SLOT, monday_open.open_at + SLOT) == 2
    friday, monday = NOON + timedelta(days=2), NOON + timedelta(days=5)
    assert missed_slots(friday, monday) == 25
    assert missed_slots(NOON - timedelta(days=20_000), NOON) is None


@pytest.mark.parametrize(("gap", "tripped"), [(1, False), (3, False), (4, True), (9, True)])
def test_slots_missed_in_a_row_halt_at_once_and_three_good_slots_clear_it(gap: int, tripped: bool) -> None:
    trips = after(seen(0), seen(gap))
    wire = named(trips, "missed_ticks")
    assert (wire.tripped, wire.value) == (tripped, D(gap - 1))
    cleared = after(*(seen(gap + n) for n in (1, 2, 3)), former=trips)
    assert not named(cleared, "missed_ticks").tripped
    assert named(after(seen(gap + 1), seen(gap + 2), former=trips), "missed_ticks").tripped == tripped


def test_a_losing_streak_pauses_for_its_days_and_is_no_halt() -> None:
    assert not named(after(seen(0, streak=3)), "losing_streak").tripped
    trips = after(seen(0, streak=4))
    wire = named(trips, "losing_streak")
    assert (wire.tripped, wire.until) == (True, NOON + timedelta(days=7))
    assert tripped_halt(trips) == Halt()
    pause = pause_of(wire)
    assert pause is not None
    assert (pause.symbol, pause.until) == ("*", NOON + timedelta(days=7))
    assert with_pause(Books(), (), trips).pauses == (pause,)
    next_tick = after(seen(1), former=trips)
    assert with_pause(Books(), trips, next_tick).pauses == ()
    over = after(seen(at=NOON + timedelta(days=7)), former=next_tick)
    assert not named(over, "losing_streak").tripped


def test_a_pause_lasts_a_day_at_least() -> None:
    wire = named(after(seen(0, streak=4), streak_pause_days=None), "losing_streak")
    assert wire.until == NOON + timedelta(days=1)


def test_what_changed_is_what_tripped_or_cleared() -> None:
    two = after(*(seen(n, books=fallen("0.87")) for n in range(2)))
    three = after(seen(2, books=fallen("0.87")), former=two)
    assert changed(two, two) == changed((), two) == ()
    assert [trip.name for trip in changed(two, three)] == ["drawdown_no_new_risk"]


def test_a_person_s_halt_and_an_automatic_one_are_apart_and_the_stronger_rules() -> None:
    ann = Halt(level="no_new_risk", author="ann", reason="away")
    wire = Halt(level="reduce_only", author="trip: drawdown_reduce_only")
    assert stronger(ann, wire) == wire
    assert stronger(replace(ann, level="stop"), wire).author == "ann"
    assert stronger(ann, replace(wire, level="no_new_risk")) == ann
    assert stronger(ann, Halt()) == ann


def test_the_way_of_a_question_is_no_skew() -> None:
    asked, answered = NOON, NOON + timedelta(seconds=4)
    assert skew_of(NOON + timedelta(seconds=2), asked, answered) == 0
    assert skew_of(NOON - timedelta(seconds=6), asked, answered) == 6
    assert skew_of(NOON + timedelta(seconds=7, milliseconds=500), asked, answered) == D("3.5")
