"""Rate and repetition: what counts in the last five minutes, what turns over, and when a wish may come back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.domain.ledger import Books, Counters, Loss, Opening, PutEntry, Rejections
from bot.domain.orders import leg
from bot.tests.builders import NOON, a_quote, an_account, an_intent, an_order, held, put
from bot.tests.gates.scenes import (
    CALL,
    EXPIRY,
    PUT,
    PUT_LOWER,
    D,
    a_buy_back,
    a_call,
    a_cancel,
    a_case,
    a_purchase,
    a_put,
    a_roll,
    ask,
    quotes,
    with_shares,
)

MINUTE = timedelta(minutes=1)
XLU_PUT = put("XLU", EXPIRY, "60")
WORKING = an_order(PUT, client_order_id="e1")
ROLL = {"purpose": "roll_open", "roll": "r1"}


def recently(*openings: Opening) -> Books:
    return Books(counters=Counters(openings=openings))


def an_opening(ago: timedelta = MINUTE, **given: Any) -> Opening:
    facts: dict[str, Any] = {"underlying": "XLF", "at": NOON - ago, "since": NOON - ago, "puts": D(3700)}
    return Opening(**(facts | given))


def test_what_this_tick_approved_counts_with_what_the_window_holds() -> None:
    books = recently(an_opening(), an_opening())
    assert ask("orders_within_window", a_put(), a_case(books=books)).value == 3
    result = ask("orders_within_window", a_put(), a_case(a_put(PUT_LOWER), books=books))
    assert (result.ok, result.value, result.limit) == (False, D(4), D(3))
    alone = ask("turnover_within_window", a_put(), a_case(an_intent(XLU_PUT)))
    assert (alone.ok, alone.value) == (True, D("0.388"))
    together = ask(
        "turnover_within_window", a_put(), a_case(an_intent(XLU_PUT), books=recently(an_opening(puts=D(400))))
    )
    assert (together.ok, together.value) == (False, D("0.404"))
    day: dict[str, Any] = {"limits": {"turnover_per_day": D("0.387")}}
    assert not ask("turnover_within_day", a_put(), a_case(an_intent(XLU_PUT), **day)).ok


def test_a_reprice_is_an_order_and_turns_over_only_what_exceeds_its_predecessor() -> None:
    """Wheel 2.22: a reprice replaces its predecessor."""
    facts: dict[str, Any] = {"own_orders": (WORKING,), "books": recently(*[an_opening(puts=D(9999))] * 3)}
    assert not ask("orders_within_window", a_put(replaces="e1"), a_case(**facts)).ok
    for gate in ("turnover_within_window", "turnover_within_day"):
        assert ask(gate, a_put(replaces="e1"), a_case(**facts)).ok
        assert not ask(gate, a_put(replaces="e1", qty="2"), a_case(**facts)).ok
    more = a_case(own_orders=(WORKING,), books=recently(an_opening()))
    assert ask("turnover_within_window", a_put(replaces="e1", qty="2"), more).value == D("0.296")
    inherited = recently(an_opening(MINUTE, since=NOON - 15 * MINUTE, puts=D(9000)))
    assert ask("turnover_within_window", a_put(), a_case(books=inherited)).value == D("0.148")
    assert ask("orders_within_window", a_put(), a_case(books=inherited)).value == 2
    assert ask("turnover_within_day", a_put(), a_case(books=inherited)).value == D("0.508")


def test_calls_and_shares_turn_over_at_the_price_of_the_share() -> None:
    """Wheel 2.22: put K M q, shares S q, call S M q; without a quote a call counts at its strike."""
    case = a_case(books=recently(an_opening(puts=D(0), shares=D(100), price=D(42))))
    assert ask("turnover_within_window", a_put(), case).value == D("0.308")
    assert ask("turnover_within_window", a_purchase(), case).value == D("0.176")
    blind = a_case(quotes=quotes()[1:], books=recently(an_opening(puts=D(0), shares=D(100), price=D(42))))
    assert ask("turnover_within_window", a_put(), blind).value == D("0.316")
    unknown = a_case(quotes=quotes()[1:], books=recently(an_opening(puts=D(0), shares=D(100))))
    assert not ask("turnover_within_window", a_put(), unknown).ok
    strangle = a_put(legs=(leg(PUT, "sell_to_open"), leg(CALL, "sell_to_open")))
    assert ask("turnover_within_window", strangle, a_case()).value == D("0.308")
    hedged = a_put(legs=(leg(PUT, "sell_to_open"), leg(PUT_LOWER, "buy_to_open")))
    assert ask("turnover_within_window", hedged, a_case()).value == D("0.148")


def test_one_covered_call_fits_where_nothing_else_was_opened() -> None:
    """The shares carry its risk; on a small account they are worth more than the cap once they rise."""
    small = with_shares() | {"equity": D(9000), "account": an_account("5000")}
    assert ask("turnover_within_window", a_call(), a_case(**small)).ok
    busy = small | {"books": Books(lots=small["books"].lots, counters=Counters(openings=(an_opening(),)))}
    assert not ask("turnover_within_window", a_call(), a_case(**busy)).ok
    assert not ask("turnover_within_window", a_call(qty="2"), a_case(**(with_shares("200") | {"equity": D(9000)}))).ok
    assert not ask("turnover_within_window", a_put(), a_case(equity=D(9000))).ok


@pytest.mark.parametrize("gate", ["orders_within_window", "turnover_within_window", "turnover_within_day"])
def test_exits_cancellations_and_rolls_count_in_no_rate(gate: str) -> None:
    facts: dict[str, Any] = {
        "positions": (held(PUT, "-1"),), "own_orders": (an_order(PUT_LOWER, client_order_id="e1"),),
        "books": Books(rolls=(a_roll(),), counters=Counters(openings=(an_opening(puts=D(99999)),) * 9)),
    }  # fmt: skip
    for intent in (a_buy_back(), a_cancel("e1"), a_put(**ROLL)):
        result = ask(gate, intent, a_case(**facts))
        assert (result.ok, result.value) == (True, None), result.reason
    full = a_case(a_buy_back(), **{**facts, "books": Books()})
    value = ask(gate, a_put(), full).value
    assert value == (1 if gate == "orders_within_window" else D("0.148"))


COOLING = Books(
    put_entries=(PutEntry(underlying="XLF", order="e0", filled_at=NOON - MINUTE),),
    losses=(Loss(underlying="XLF", what="c1", day=date(2026, 11, 17), income=D(-1)),),
)


@pytest.mark.parametrize("gate", ["entry_cooldown_is_over", "loss_cooldown_is_over"])
def test_cooldowns_stop_new_puts_on_their_symbol_and_nothing_else(gate: str) -> None:
    case = a_case(
        books=Books(put_entries=COOLING.put_entries, losses=COOLING.losses, rolls=(a_roll(),)), own_orders=(WORKING,),
        positions=(held(PUT_LOWER, "-1"),), quotes=(*quotes(), a_quote("XLU"), a_quote(XLU_PUT)),
    )  # fmt: skip
    assert not ask(gate, a_put(), case).ok
    for intent in (a_put(replaces="e1"), a_put(**ROLL), a_buy_back(PUT_LOWER), a_cancel("e1"), an_intent(XLU_PUT)):
        assert ask(gate, intent, case).ok
    assert ask(gate, a_call(), a_case(**with_shares(put_entries=COOLING.put_entries, losses=COOLING.losses))).ok


@pytest.mark.parametrize(
    ("filled_at", "minutes"),
    [
        (datetime(2026, 11, 17, 17, 0, tzinfo=UTC), 390),  # noon the day before
        (datetime(2026, 11, 13, 20, 0, tzinfo=UTC), 60 + 390 + 390 + 150),  # an hour before Friday's close
        (datetime(2026, 11, 18, 1, 0, tzinfo=UTC), 150),  # in the night
    ],
)
def test_minutes_outside_sessions_do_not_cool_down(filled_at: datetime, minutes: int) -> None:
    books = Books(put_entries=(PutEntry(underlying="XLF", order="e0", filled_at=filled_at),))
    for limit, ok in ((minutes, True), (minutes + 1, False)):
        result = ask(
            "entry_cooldown_is_over", a_put(), a_case(books=books, limits={"cooldown_entry_minutes": D(limit)})
        )
        assert (result.ok, result.value) == (ok, D(minutes))


def test_a_wish_refused_too_often_is_not_sent_again_and_the_brokers_reason_is_shown() -> None:
    """F4, F14: the same request and the same no, three times, and it ends; exits are no exception."""
    times = Rejections(
        strategy="wheel", purpose="take_profit", underlying="XLF", count=3, reason="insufficient_quantity: none held"
    )
    case = a_case(positions=(held(PUT, "-1"),), books=Books(counters=Counters(rejections=(times,))))
    result = ask("rejections_are_few", a_buy_back(), case)
    assert (result.ok, result.value, result.limit, result.distance) == (False, D(4), D(3), D(-1))
    assert "refused by the broker 3 times" in result.reason
    assert "look at its reason (insufficient_quantity: none held)" in result.reason
    for other in (
        a_put(), a_buy_back(purpose="time_exit"), a_buy_back(strategy="other"), an_intent(XLU_PUT, "buy_to_close"),
        a_cancel("e1"),
    ):  # fmt: skip
        assert ask("rejections_are_few", other, case).ok


def test_an_exit_does_not_run_out_because_it_follows_its_market_and_never_runs_away() -> None:
    """F14: the day's exits are used up, and the one that works already may still follow; its own cap ends that."""
    rests = an_order(PUT, "buy_to_close", purpose="take_profit", client_order_id="e1", limit_price=D("0.50"))
    used = Books(counters=Counters(exits_today=30))
    case = a_case(positions=(held(PUT, "-1"), held(PUT_LOWER, "-1")), own_orders=(rests,), books=used)
    follows = a_buy_back(replaces="e1", key=rests.key)
    assert ask("exits_within_day", follows, case).ok
    assert not ask("exits_within_day", a_buy_back(PUT_LOWER, key="other"), case).ok
    assert not ask("exits_within_day", a_buy_back(replaces="e1", key="other"), case).ok, "another wish is another exit"
    almost = a_case(
        follows, positions=(held(PUT, "-1"), held(PUT_LOWER, "-1")), own_orders=(rests,),
        books=Books(counters=Counters(exits_today=29)),
    )  # fmt: skip
    assert ask("exits_within_day", a_buy_back(PUT_LOWER, key="other"), almost).ok, "a reprice of this tick is no exit"


def test_no_exit_is_refused_for_the_round_trips_that_were_made() -> None:
    books = Books(counters=Counters(round_trips=(("XLF", 9),)))
    short: dict[str, Any] = {"positions": (held(PUT, "-1"),), "books": books}
    assert ask("round_trips_within_day", a_buy_back(), a_case(**short)).ok
    assert ask("round_trips_within_day", a_cancel("e1"), a_case(own_orders=(WORKING,), books=books)).ok
    assert ask("round_trips_within_day", a_put(replaces="e1"), a_case(own_orders=(WORKING,), books=books)).ok
    assert not ask("round_trips_within_day", a_put(), a_case(books=books)).ok
    assert not ask("round_trips_within_day", a_call(), a_case(**with_shares(counters=books.counters))).ok
