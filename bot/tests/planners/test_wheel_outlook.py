"""What is ahead of a leg is what the exit rules do when that day and price come: the planner itself is the witness."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Halt
from bot.domain.market import Dividend
from bot.domain.orders import OrderIntent
from bot.domain.outlook import Prospect
from bot.domain.snapshot import Snapshot
from bot.planners.wheel_outlook import call_outlooks, wheel_outlooks
from bot.tests.builders import NOON, D, a_lot, a_quote, a_session, an_option_leg, held, put, some_events
from bot.tests.planners.wheel_scene import (
    CALL_415,
    FAR,
    PUT_385,
    call_chain,
    option_quote,
    params,
    planned,
    put_chain,
    scene,
    some_books,
    word,
)

EX = date(2026, 12, 10)


def a_put(credit: str = "1.05", *, symbol: str = PUT_385, ask: str = "0.90", at: datetime = NOON, **given: Any) -> Any:
    """XLF with one short put under the wheel, offered at a price."""
    leg = replace(an_option_leg(symbol, credit=credit), **given.pop("leg", {}))
    books = some_books(legs=(leg,), **given.pop("books", {}))
    spot = given.pop("spot", "40.00")
    quotes = (
        a_quote("XLF", str(D(spot) - D("0.01")), str(D(spot) + D("0.01"))),
        option_quote(symbol, str(D(ask) - D("0.02")), ask),
    )
    facts: dict[str, Any] = {
        "at": at, "session": a_session(at), "positions": (held(symbol, "-1"),), "books": books, "quotes": quotes,
    }  # fmt: skip
    return scene(put_chain(), **(facts | given))


def a_call(**given: Any) -> Snapshot:
    """XLF with a lot under one short call that goes ex before it expires."""
    paid = Dividend(symbol="XLF", ex_date=EX, amount=D("0.25"))
    facts: dict[str, Any] = {
        "positions": (held("XLF", "100"), held(CALL_415, "-1")),
        "books": some_books(legs=(an_option_leg(CALL_415),), lots=(a_lot(),), **given.pop("books", {})),
        "quotes": (option_quote(CALL_415, "0.40", "0.43"),),
        "events": (some_events("XLF", dividend_status="known", dividends=(paid,)),),
    }  # fmt: skip
    return scene(call_chain(), **(facts | given))


def prospects(snapshot: Snapshot, **numbers: Any) -> dict[str, Prospect]:
    outlooks = wheel_outlooks(snapshot, params(**numbers))
    assert len(outlooks) == 1
    return {prospect.rule: prospect for prospect in outlooks[0].prospects}


def exits(snapshot: Snapshot, **numbers: Any) -> list[OrderIntent]:
    return [one for one in planned(snapshot, params(**numbers)).intents if one.legs and not one.opens]


@pytest.mark.parametrize(("credit", "share"), [("1.05", "0.60"), ("0.60", "0.50"), ("3.30", "0.75"), ("0.11", "0.60")])
def test_the_profit_target_fires_at_the_price_told_and_not_a_cent_above(credit: str, share: str) -> None:
    numbers = {"profit_share_close": D(share), "time_exit_dte": None}
    told = prospects(a_put(credit), **numbers)["take_profit"]
    assert told.price is not None
    assert told.fraction == D(share)
    at_it, above = str(told.price), str(told.price + D("0.01"))
    assert [one.purpose for one in exits(a_put(credit, ask=at_it), **numbers)] == ["take_profit"]
    assert exits(a_put(credit, ask=above), **numbers) == []


def test_the_time_exit_begins_on_the_day_told_and_pays_at_most_the_price_told() -> None:
    told = prospects(a_put(), profit_share_close=None)["time_exit"]
    assert told.from_at is not None
    assert told.price is not None
    assert (told.from_at.date(), told.dte) == (date(2026, 12, 10), 14)
    on_it, before = told.from_at + timedelta(hours=2), told.from_at - timedelta(hours=22)

    def wants(at: datetime, ask: Decimal) -> list[str]:
        return [one.purpose for one in exits(a_put(ask=str(ask), at=at), profit_share_close=None)]

    assert wants(on_it, told.price) == ["time_exit"]
    assert wants(on_it, told.price + D("0.01")) == []
    assert wants(before, told.price) == []


def test_the_roll_begins_on_the_day_told() -> None:
    told = prospects(a_put())["roll"]
    assert told.from_at is not None
    assert (told.from_at.date(), told.dte, told.net_min, told.times) == (date(2026, 12, 17), 7, D("0.05"), 2)
    notes = planned(a_put(spot="38.00", at=told.from_at + timedelta(hours=2), ask="1.20")).notes
    assert any("pays the roll" in note.reason for note in notes), notes
    earlier = planned(a_put(spot="38.00", at=told.from_at - timedelta(hours=22), ask="1.20")).notes
    assert not any("pays the roll" in note.reason for note in earlier)


def test_rolls_left_are_those_the_chain_has_not_used() -> None:
    assert prospects(a_put(leg={"rolls": 1}))["roll"].times == 1
    told = prospects(a_put(leg={"rolls": 2}))
    assert "roll" not in told
    assert told["no_roll"].reason == "this chain has been rolled as often as allowed"
    assert told["no_roll"].dte == 7


def test_a_halt_says_that_no_roll_starts() -> None:
    told = prospects(a_put(halt=Halt(level="no_new_risk", author="ann", reason="away", since=NOON)))
    assert told["no_roll"].reason == "halt no_new_risk: no roll starts"
    assert told["idle"].reason == "halt no_new_risk: away"


@pytest.mark.parametrize(
    ("said", "gone", "left"),
    [
        ("hold", {"take_profit", "time_exit", "roll"}, {"assignment"}),
        ("let_assign", {"roll"}, {"take_profit", "time_exit", "assignment"}),
        ("no_roll", {"roll"}, {"take_profit", "time_exit", "no_roll"}),
    ],
)
def test_the_owners_word_takes_away_what_it_forbids(said: str, gone: set[str], left: set[str]) -> None:
    told = prospects(a_put(books={"instructions": (word(PUT_385, said),)}))
    assert told["word"].reason == said
    assert not gone & set(told)
    assert left <= set(told)


@pytest.mark.parametrize(
    ("rule", "expected"), [("assign", "assignment"), ("close", "expiry_close"), ("roll", "expiry_roll")]
)
def test_expiry_day_follows_the_configuration(rule: str, expected: str) -> None:
    told = prospects(a_put(), itm_at_expiry_put=rule)
    assert expected in told
    # Christmas Eve closes at 13:00 New York: assigned then, or worked from two hours to one hour before it.
    close = datetime(2026, 12, 24, 18, tzinfo=UTC)
    if expected == "assignment":
        assert told[expected].from_at == close
        return
    assert (told[expected].from_at, told[expected].until_at) == (close - timedelta(hours=2), close - timedelta(hours=1))


def test_a_chain_that_was_rolled_enough_is_assigned_even_where_expiry_rolls() -> None:
    told = prospects(a_put(), itm_at_expiry_put="roll", rolls_max=0)["assignment"]
    assert told.reason == "this chain has been rolled as often as allowed"


def test_expiry_day_is_worked_when_it_was_told() -> None:
    told = prospects(a_put(), itm_at_expiry_put="close")["expiry_close"]
    assert told.from_at is not None
    numbers = {"itm_at_expiry_put": "close", "time_exit_dte": None}
    on_it = a_put(spot="37.00", ask="1.60", at=told.from_at)
    assert [one.purpose for one in exits(on_it, **numbers)] == ["expiry_close"]
    assert exits(a_put(spot="37.00", ask="1.60", at=told.from_at - timedelta(minutes=5)), **numbers) == []


@pytest.mark.parametrize(
    ("configured", "rule", "reason"),
    [("close", "ex_dividend", "bought back"), ("roll", "ex_dividend", "rolled, else bought back"),
     ("accept", "dividend_accepted", "")],
)  # fmt: skip
def test_a_call_knows_what_happens_before_its_dividend(configured: str, rule: str, reason: str) -> None:
    told = prospects(a_call(), ex_date_exit=configured)[rule]
    assert (told.amount, told.reason) == (D("0.25"), reason)
    # The last two hours of the session before the ex-date (wheel 1.9).
    assert told.from_at == datetime(2026, 12, 9, 19, tzinfo=UTC)
    assert told.until_at == datetime(2026, 12, 9, 21, tzinfo=UTC)


def test_a_dividend_after_the_last_session_is_nobodys_business() -> None:
    paid = Dividend(symbol="XLF", ex_date=date(2026, 12, 22), amount=D("0.25"))
    told = prospects(a_call(events=(some_events("XLF", dividend_status="known", dividends=(paid,)),)))
    assert "ex_dividend" not in told


def test_unknown_dividends_are_said() -> None:
    told = prospects(a_call(events=(some_events("XLF", dividend_status="unknown"),)))
    assert "ex-dividend dates are unknown" in told["dividend_unknown"].reason


def test_what_the_planner_wants_now_comes_first_with_its_own_reason() -> None:
    snapshot = a_put(ask="0.30")
    told = prospects(snapshot)
    assert told["now"].reason == exits(snapshot)[0].reason
    assert "the profit target is reached" in told["now"].reason


def test_a_premium_stop_is_told_only_where_one_is_set() -> None:
    assert "premium_stop" not in prospects(a_put())
    assert prospects(a_put(), premium_stop_multiple=D(2))["premium_stop"].price == D("2.10")


def test_an_adjusted_contract_has_nothing_ahead_but_the_planners_note() -> None:
    symbol = put("XLF1", FAR, "38.5")
    snapshot = a_put(symbol=symbol, leg={"underlying": "XLF"})
    told = wheel_outlooks(snapshot, params())[0].prospects
    assert [one.rule for one in told] == ["idle"]
    assert "frozen" in told[0].reason


def test_an_unknown_credit_leaves_the_profit_target_untold() -> None:
    told = prospects(a_put(leg={"credit": None}))
    assert "what it was sold for is unknown" in told["idle"].reason
    assert "time_exit" not in told


def test_an_expiry_past_the_calendar_is_said_and_nothing_is_guessed() -> None:
    symbol = put("XLF", date(2031, 1, 17), "30")
    told = prospects(a_put(symbol=symbol))
    assert "calendar" in told["unwatched"].reason


def test_a_leg_whose_last_session_is_over_is_left_to_the_brokers_record() -> None:
    symbol = put("XLF", NOON.date(), "38.5")
    evening = NOON + timedelta(hours=5)
    told = prospects(a_put(symbol=symbol, at=evening))
    assert "last session is over" in told["unwatched"].reason


def test_made_up_moments_leave_the_snapshot_as_it_is() -> None:
    snapshot = a_put()
    before = (snapshot.at, snapshot.session, snapshot.quotes, dict(snapshot.quote_of))
    wheel_outlooks(snapshot, params())
    assert (snapshot.at, snapshot.session, snapshot.quotes, dict(snapshot.quote_of)) == before


def test_shares_without_a_call_say_how_many_and_from_which_strike() -> None:
    snapshot = a_call(positions=(held("XLF", "100"),), books={})
    free = replace(snapshot, books=replace(snapshot.books, legs=()))
    (told,) = call_outlooks(free, params())
    assert (told.symbol, told.lots, told.floor, told.against) == ("XLF", 1, D(40), "")
    (covered,) = call_outlooks(a_call(), params())
    assert (covered.lots, covered.against) == (0, "every lot is under a call")


def test_the_hour_of_the_day_is_no_obstacle_for_the_days_ahead() -> None:
    evening = NOON + timedelta(hours=4, minutes=30)
    snapshot = a_call(at=evening, session=a_session(evening), positions=(held("XLF", "100"),))
    free = replace(snapshot, books=replace(snapshot.books, legs=()))
    assert call_outlooks(free, params())[0].against == ""


def test_a_session_that_only_the_broker_knows_is_looked_ahead_from_all_the_same() -> None:
    """The broker's calendar is used: a Saturday that it opens is no day of the shipped table."""
    saturday = NOON + timedelta(days=3)
    session = replace(
        a_session(NOON), day=saturday.date(), open_at=saturday - timedelta(hours=2),
        close_at=saturday + timedelta(hours=4),
    )  # fmt: skip
    snapshot = a_call(at=saturday, session=session, positions=(held("XLF", "100"),))
    free = replace(snapshot, books=replace(snapshot.books, legs=()))
    assert call_outlooks(free, params())[0].lots == 1
