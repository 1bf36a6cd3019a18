"""Every limit stops an order at its boundary and nothing else does; one that trips does so through the halt it sets.

All other limits are off, so that what is left standing is the limit under test and the rules without a number.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import pytest

from bot.domain.desk import Limits
from bot.domain.drilling import DrillPass, drill_halt
from bot.domain.ledger import Books, Counters, Halt, Loss, PutEntry, Rejections, Reprices
from bot.domain.orders import OrderIntent
from bot.domain.trip import tripped_halt
from bot.engine.trips import WIRES, Seen, pause_of, read_trips
from bot.gates import judge
from bot.tests.builders import NOON, a_quote, a_session, an_order, held
from bot.tests.gates.scenes import (
    PUT,
    PUT_LOWER,
    TODAY_PUT,
    D,
    a_buy_back,
    a_call,
    a_case,
    a_put,
    ask,
    quotes,
    with_shares,
)

TINY = D("0.000001")
NUMBERS = tuple(name for name, kind in get_type_hints(Limits).items() if kind is not bool)
OFF: dict[str, Any] = dict.fromkeys(NUMBERS)
SHORT = {"positions": (held(PUT, "-1"),)}
LOWER = {"positions": (held(PUT_LOWER, "-1"),)}


def counted(**facts: Any) -> dict[str, Any]:
    return {"books": Books(counters=Counters(**facts))}


def again(count: int) -> Rejections:
    return Rejections(strategy="wheel", purpose="cash_secured_put", underlying="XLF", count=count)


def working_exit() -> Any:
    order = an_order(PUT, "buy_to_close", purpose="take_profit", client_order_id="e1", limit_price=D("0.50"))
    repriced = (Reprices(strategy=order.strategy, purpose=order.purpose, key=order.key, count=3),)
    return order, SHORT | counted(exit_reprices=repriced) | {"own_orders": (order,)}


EXIT, EXITING = working_exit()
IEX = {"quotes": (a_quote("XLF", source="alpaca iex"), *quotes()[1:])}
AGED = {"quotes": (a_quote("XLF", at=NOON - timedelta(seconds=40)), *quotes(at=NOON - timedelta(seconds=90))[1:])}
LATE = {"quotes": quotes(source="alpaca indicative", at=NOON - timedelta(seconds=700))}
ENTRY = PutEntry(underlying="XLF", order="e0", filled_at=NOON - timedelta(minutes=45))
LOST = Loss(underlying="XLF", what="c1", day=date(2026, 11, 16), income=D(-1))

AT_MOST: dict[str, tuple[str, OrderIntent, dict[str, Any]]] = {
    "symbol_share": ("symbol_share_within", a_put(), LOWER),
    "symbol_share_first": ("symbol_share_within", a_put(), {}),
    "group_share": ("group_share_within", a_put(), LOWER),
    "put_collateral_share": ("put_collateral_within", a_put(), LOWER),
    "stress_loss_share": ("stress_loss_within", a_put(), {}),
    "order_loss_share": ("order_loss_within", a_put(), {}),
    "contracts_per_symbol": ("contracts_within_symbol", a_put(), LOWER),
    "put_series_per_symbol": ("put_series_within_symbol", a_put(), LOWER),
    "put_series_total": ("put_series_within_total", a_put(), LOWER),
    "open_underlyings": ("underlyings_within", a_put(), {"positions": (held("XLU", "100"),)}),
    "contracts_per_tick": ("contracts_within_tick", a_put(qty="2"), {}),
    "contracts_per_day": ("contracts_within_day", a_put(), counted(contracts_today=(("XLU", 1),))),
    "contracts_per_symbol_day": ("contracts_within_symbol_day", a_put(), counted(contracts_today=(("XLF", 1),))),
    "orders_per_tick": ("orders_within_tick", a_put(), {}),
    "orders_per_day": ("orders_within_day", a_put(), counted(orders_today=4)),
    "exit_orders_per_tick": ("exits_within_tick", a_buy_back(), SHORT),
    "exit_orders_per_day": ("exits_within_day", a_buy_back(), SHORT | counted(exits_today=4)),
    "exit_reprices_per_day": (
        "exit_reprices_within_day", a_buy_back(replaces="e1", key=EXIT.key, limit_price=D("0.60")), EXITING,
    ),
    "round_trips_per_day": ("round_trips_within_day", a_put(), counted(round_trips=(("XLU", 1), ("XLF", 1)))),
    "orders_per_window": ("orders_within_window", a_put(), {}),
    "turnover_per_window": ("turnover_within_window", a_put(), {}),
    "turnover_per_day": ("turnover_within_day", a_put(), {}),
    "identical_rejections": ("rejections_are_few", a_put(), counted(rejections=(again(2),))),
    "option_spread_fraction": ("spread_is_narrow", a_put(), {}),
    "option_spread_absolute": ("spread_is_narrow", a_put(), {}),
    "underlying_spread_fraction": ("underlying_spread_is_narrow", a_put(), {}),
    "underlying_spread_fraction_iex": ("underlying_spread_is_narrow", a_put(), IEX),
    "quote_age_share_seconds": ("quote_is_fresh", a_put(), AGED),
    "quote_age_option_seconds": ("quote_is_fresh", a_put(), AGED),
    "quote_age_delayed_seconds": ("quote_is_fresh", a_put(), LATE),
}  # fmt: skip
AT_LEAST: dict[str, tuple[str, OrderIntent, dict[str, Any]]] = {
    "equity_min": ("equity_is_enough", a_put(), {}),
    "cooldown_entry_minutes": ("entry_cooldown_is_over", a_put(), {"books": Books(put_entries=(ENTRY,))}),
    "cooldown_loss_sessions": ("loss_cooldown_is_over", a_put(), {"books": Books(losses=(LOST,))}),
    "open_interest_min": ("open_interest_is_enough", a_put(), {}),
    "entry_after_open_minutes": ("entry_window_is_open", a_put(), {"at": a_session().open_at + timedelta(minutes=30)}),
    "entry_before_close_minutes": (
        "entry_window_is_open", a_put(), {"at": a_session().close_at - timedelta(minutes=30)},
    ),
    "expiry_out_minutes": (
        "expiring_series_has_time", a_buy_back(TODAY_PUT),
        {"positions": (held(TODAY_PUT, "-1"),), "at": a_session().close_at - timedelta(minutes=30)},
    ),
    "options_level_min": ("options_level_allows", a_put(), {}),
}  # fmt: skip
FIGURES = {  # what a limit is compared with, where the gate shows it in another unit
    "cash_buffer_share": ("collateral_is_free", D("0.852"), TINY),
    "cash_buffer_min": ("collateral_is_free", D(21300), TINY),
    "price_collar_fraction": ("price_within_collar", D("0.10"), -TINY),
}
ON_TRIPS = {wire.name for wire in WIRES} | {"halt_confirm_readings", "streak_pause_days"}
ON_A_DRILL = {"drill_age_days"}
WORDS = {"covered_calls_under_no_new_risk", "accept_delayed_feed"}


def stopped_by(intent: OrderIntent, limits: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    """Name the gates that refuse an order while one limit is set."""
    (verdict,) = judge([intent], a_case(limits=OFF | limits, **facts))
    return [check.gate for check in verdict.checks if not check.ok]


def test_every_limit_is_here() -> None:
    here = [*AT_MOST, *AT_LEAST, *FIGURES, *ON_TRIPS, *ON_A_DRILL, *WORDS]
    assert sorted(here) == sorted(get_type_hints(Limits))


@pytest.mark.parametrize("name", [*AT_MOST, *AT_LEAST])
def test_a_limit_stops_an_order_just_past_its_boundary_and_no_other_gate_does(name: str) -> None:
    most = name in AT_MOST
    gate, intent, facts = (AT_MOST | AT_LEAST)[name]
    loose = ask(gate, intent, a_case(limits=OFF | {name: D(100_000 if most else 0)}, **facts))
    assert loose.ok, loose.reason
    value = loose.value
    assert value is not None, loose.reason
    assert stopped_by(intent, {name: value}, facts) == []
    assert stopped_by(intent, {name: value - TINY if most else value + TINY}, facts) == [gate]
    assert stopped_by(intent, {}, facts) == [], "off is off"


@pytest.mark.parametrize("name", FIGURES)
def test_a_limit_shown_in_another_unit_stops_an_order_just_past_its_boundary(name: str) -> None:
    gate, limit, beyond = FIGURES[name]
    far = {"quotes": quotes(bid="4.50", ask="5.50", volatility=1.4), "chains": ()}
    wide = far if name == "price_collar_fraction" else {}
    intent = a_put(limit_price=D("4.50")) if wide else a_put()
    assert stopped_by(intent, {name: limit}, wide) == []
    assert stopped_by(intent, {name: limit + beyond}, wide) == [gate]


def test_the_words_decide_alone() -> None:
    covered = with_shares() | {"halt": Halt(level="no_new_risk")}
    for allowed, gates in ((True, []), (False, ["halt_allows"])):
        assert stopped_by(a_call(), {"covered_calls_under_no_new_risk": allowed}, covered) == gates
    delayed = {"environment": "live", "quotes": quotes(source="alpaca indicative")}
    for allowed, gates in ((True, []), (False, ["feed_is_accepted"])):
        assert stopped_by(a_put(), {"accept_delayed_feed": allowed}, delayed) == gates


def readings(name: str, value: Decimal, limit: Decimal, count: int, **limits: Any) -> dict[str, Any]:
    """Read a trip wire so many slots in a row, and give what a gate sees of it then."""
    bounds = a_case(limits=OFF | {"halt_confirm_readings": D(2), name: limit} | limits).limits
    trips: Any = ()
    missed = 1 + int(value) if name == "missed_ticks" else 1
    at = NOON - timedelta(minutes=15 * missed)
    for number in range(count + 1):
        step = 0 if number == 0 else missed if number == 1 else 1
        at += timedelta(minutes=15 * step)
        seen = Seen(
            at=at, slot=at, session=a_session(), equity=D(10_000) * (1 - value if name == "daily_loss_share" else 1),
            books=Books(nav=1 - value if name.startswith("drawdown") else D(1), equity_previous=D(10_000)),
            skew_seconds=value if name == "clock_skew_seconds" else D(0),
            disk_free_mb=value if name == "disk_free_mb" else D(9_999),
            streak=int(value) if name == "losing_streak" else 0, live=number > 0,
        )  # fmt: skip
        trips = read_trips(trips, bounds, seen._replace(live=number > 0 or name == "missed_ticks"))
    pauses = tuple(pause for trip in trips if (pause := pause_of(trip)) is not None)
    return {"halt": tripped_halt(trips), "books": Books(pauses=pauses)}


TRIPPING = {  # the value at which it trips, and the nearest at which it does not
    "daily_loss_share": (D("0.04"), D("0.039999")), "drawdown_no_new_risk": (D("0.12"), D("0.119999")),
    "drawdown_reduce_only": (D("0.18"), D("0.179999")), "losing_streak": (D(4), D(3)), "missed_ticks": (D(3), D(2)),
    "clock_skew_seconds": (D(5), D("4.999")), "disk_free_mb": (D(499), D(500)),
}  # fmt: skip


@pytest.mark.parametrize("name", [wire.name for wire in WIRES])
def test_a_limit_that_trips_stops_new_risk_from_its_boundary_on(name: str) -> None:
    over, under = TRIPPING[name]
    limit = D(500) if name == "disk_free_mb" else over
    needed = 1 if name in ("losing_streak", "missed_ticks") else 2
    gates = ["symbol_not_paused"] if name == "losing_streak" else ["halt_allows"]
    assert stopped_by(a_put(), {}, readings(name, over, limit, needed)) == gates
    assert stopped_by(a_put(), {}, readings(name, under, limit, needed)) == []
    if needed > 1:
        assert stopped_by(a_put(), {}, readings(name, over, limit, needed - 1)) == [], "one reading confirms nothing"


def test_a_drill_older_than_its_days_lets_real_money_only_reduce() -> None:
    for age, gates in ((timedelta(days=30), []), (timedelta(days=30, seconds=1), ["halt_allows"])):
        passed = DrillPass(at=NOON - age, code_version="1", desk_hash="a")
        assert stopped_by(a_put(), {}, {"halt": drill_halt(passed, D(30), "a", "1", NOON)}) == gates


def test_a_pause_for_a_streak_lasts_its_days() -> None:
    for days in (1, 7):
        facts = readings("losing_streak", D(4), D(4), 1, streak_pause_days=D(days))
        end = facts["books"].pauses[0].until
        assert end == NOON + timedelta(days=days)
