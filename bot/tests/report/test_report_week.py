"""The week ahead: chances, plans, what assignment brings, what is to come; worked out by hand where numbers matter."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import erfc, log, sqrt
from typing import Any

import pytest

from bot.domain.halting import HALT_FILE
from bot.domain.ledger import Books, Drift, Halt, Pause, Proposal, Roll
from bot.domain.market import Dividend, Earnings
from bot.domain.outlook import CallOutlook, Outlook, Prospect, StopOutlook
from bot.domain.snapshot import Mark, Snapshot
from bot.report.week import Place, WeekReport, week_report
from bot.report.week_assigned import after_assignment
from bot.report.week_shorts import Ahead
from bot.report.week_text import week_lines, week_picture
from bot.report.words import aligned, json_line
from bot.tests.builders import (
    NOON,
    D,
    a_desk,
    a_lot,
    a_quote,
    a_session,
    a_snapshot,
    an_account,
    an_intent,
    an_option_leg,
    an_order,
    call,
    held,
    put,
    some_events,
    some_limits,
    symbols,
)

NEAR = date(2026, 11, 20)
EARLY = date(2026, 11, 27)
FAR = date(2026, 12, 18)
XLF_PUT = put("XLF", NEAR, "38")
XLE_PUT = put("XLE", EARLY, "45")
XLF_CALL = call("XLF", FAR, "41.5")
EX = date(2026, 12, 10)


def a_week(**given: Any) -> Snapshot:
    """Two puts (one in the money, one not ours), a hundred shares under a call; Wednesday noon."""
    legs = (an_option_leg(XLE_PUT, credit="1.05"), an_option_leg(XLF_CALL, credit="0.60"))
    facts: dict[str, Any] = {
        "account": an_account("9000"),
        "equity": D(20000),
        "positions": (
            held("XLF", "100"), held(XLF_PUT, "-1", "foreign"), held(XLE_PUT, "-1"), held(XLF_CALL, "-1"),
        ),
        "quotes": (
            a_quote("XLF", "39.99", "40.01"), a_quote("XLE", "43.99", "44.01"),
            a_quote(XLF_PUT, "0.10", "0.12", volatility=0.25, delta=-0.09), a_quote(XLE_PUT, "1.48", "1.52"),
            a_quote(XLF_CALL, None, "0.43", volatility=None),
        ),
        "marks": (Mark(symbol="XLF", price=D(40), source="mid"), Mark(symbol=XLE_PUT, price=D("1.5"), source="mid")),
        "events": (
            some_events("XLF", dividend_status="known", dividends=(
                Dividend(symbol="XLF", ex_date=EX, amount=D("0.25"), pay_date=date(2026, 12, 20)),
                Dividend(symbol="XLF", ex_date=date(2026, 9, 10), amount=D("0.24")),
            )),
            some_events("XLE"),
        ),
        "books": Books(legs=legs, lots=(a_lot("XLF", basis="41"),)),
    }  # fmt: skip
    return a_snapshot(**(facts | given))


def outlook(symbol: str, *prospects: Prospect) -> Outlook:
    return Outlook(leg=f"leg-{symbol}", symbol=symbol, strategy="wheel", prospects=prospects)


EVE = datetime(2026, 12, 9, 19, tzinfo=UTC)
NEAR_OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
AHEAD = Ahead(
    legs=(
        outlook(
            XLE_PUT,
            Prospect(rule="take_profit", price=D("0.42"), fraction=D("0.60")),
            Prospect(rule="roll", from_at=NEAR_OPEN, dte=7, net_min=D("0.05"), times=2),
            Prospect(rule="assignment", from_at=datetime(2026, 11, 27, 18, tzinfo=UTC)),
        ),
        outlook(
            XLF_CALL,
            Prospect(rule="ex_dividend", from_at=EVE, until_at=EVE, amount=D("0.25"), reason="bought back"),
        ),
    ),
    calls=(CallOutlook(symbol="XLF", strategy="wheel", against="every lot is under a call"),),
)  # fmt: skip
PLACE = Place(home="somewhere/data", mode="dry", next_slot=NOON + timedelta(minutes=15))
DESK = a_desk(universe=symbols("XLF", "XLE", group="sectors"))


def report_of(snapshot: Snapshot, ahead: Ahead = AHEAD, days: int = 14, desk: Any = DESK) -> WeekReport:
    return week_report(snapshot, desk, ahead, PLACE, days)


def text_of(report: WeekReport, prefix: str = "") -> str:
    return "\n".join(line.words for line in week_lines(report, prefix))


def the(report: WeekReport, symbol: str) -> Any:
    return next(line for line in report.options if line.symbol == symbol)


# Short options


def test_short_options_stand_by_expiry_with_session_and_distance() -> None:
    report = report_of(a_week())
    assert [line.symbol for line in report.options] == [XLF_PUT, XLE_PUT, XLF_CALL]
    out, inside = the(report, XLF_PUT), the(report, XLE_PUT)
    assert (out.words, out.dte, out.distance, out.distance_fraction) == (
        "XLF 38 put, 20 Nov 2026", 2, D("2.00"), D("0.050000"),
    )  # fmt: skip
    assert (inside.distance, inside.dte) == (D("-1.00"), 9)
    assert (inside.close_at, inside.early_close) == (datetime(2026, 11, 27, 18, tzinfo=UTC), True)
    assert (out.close_at, out.early_close) == (datetime(2026, 11, 20, 21, tzinfo=UTC), False)
    assert [line.in_window for line in report.options] == [True, True, False]


def test_the_chance_comes_from_the_quote_else_from_our_mid_else_it_is_unknown() -> None:
    report = report_of(a_week())
    out, inside, unknown = (the(report, symbol) for symbol in (XLF_PUT, XLE_PUT, XLF_CALL))
    years = (datetime(2026, 11, 20, 21, tzinfo=UTC) - NOON).total_seconds() / 31_536_000
    d2 = log(40 / 38) / (0.25 * sqrt(years)) - 0.5 * 0.25 * sqrt(years)
    assert float(out.chance) == pytest.approx(0.5 * erfc(d2 / sqrt(2)), abs=1e-4)
    assert (out.chance_source, out.volatility) == ("the quote's implied volatility", D("0.2500"))
    assert inside.chance_source == "implied by our mid"
    assert inside.chance > D("0.5")
    assert (unknown.chance, unknown.chance_source) == (None, "unknown")
    text = text_of(report)
    assert "~ implied by our mid" in text
    row = next(line for line in text.splitlines() if line.startswith("  XLF 41.5 call"))
    assert "unknown" in row


def test_delta_is_the_quotes_or_the_models_and_says_which() -> None:
    report = report_of(a_week())
    assert (the(report, XLF_PUT).delta, the(report, XLF_PUT).delta_source) == (D("-0.0900"), "quote")
    assert the(report, XLE_PUT).delta_source == "model"
    assert D("-1") < the(report, XLE_PUT).delta < D("-0.5")
    assert (the(report, XLF_CALL).delta, the(report, XLF_CALL).delta_source) == (None, "unknown")


def test_the_share_of_the_profit_is_taken_at_the_ask() -> None:
    """(wheel 2.8): (1.05 - 1.52) / 1.05."""
    assert the(report_of(a_week()), XLE_PUT).profit_share == D("-0.447619")


def test_a_missing_share_price_leaves_distance_and_chance_unknown() -> None:
    report = report_of(a_week(quotes=(a_quote(XLF_PUT, "0.10", "0.12", volatility=0.25),)))
    line = the(report, XLF_PUT)
    assert (line.spot, line.distance, line.distance_fraction, line.chance) == (None, None, None, None)
    assert "unknown" in text_of(report)


def test_what_is_not_ours_is_left_alone_and_says_what_adopts_it() -> None:
    line = the(report_of(a_week()), XLF_PUT)
    assert (line.owner, line.prospects) == ("foreign", ())
    assert line.plan == (f"nothing: not ours; `bot adopt {XLF_PUT}` takes it over",)
    odd = put("XLF1", FAR, "38")
    strange = report_of(a_week(positions=(held(odd, "-1", "foreign"),)))
    assert the(strange, odd).plan == (
        "nothing: not ours; an adjusted contract is never traded here: close it at the broker",
    )


def test_a_position_that_is_partly_ours_stands_twice() -> None:
    report = report_of(a_week(positions=(held(XLE_PUT, "-3", "mixed"),)))
    assert [(line.owner, line.qty) for line in report.options] == [("foreign", D(-2)), ("ours", D(-1))]


def test_a_leg_nobody_looks_after_says_why() -> None:
    ahead = AHEAD._replace(
        legs=(), unwatched=((f"leg-{XLE_PUT}", "no strategy looks after it: wheel is switched off"),)
    )
    assert the(report_of(a_week(), ahead), XLE_PUT).plan == ("no strategy looks after it: wheel is switched off",)


def test_the_plan_says_each_thing_once_with_its_numbers() -> None:
    assert the(report_of(a_week()), XLE_PUT).plan == (
        "buys back once offered at 0.42 or less (60 % of 1.05 kept)",
        "from Fri 20 Nov (7 days left), in the money: rolls for a net credit of at least 0.05, up to 2 more times",
        "Fri 27 Nov, expires at 13:00: in the money its assignment is accepted, else worthless",
    )
    assert the(report_of(a_week()), XLF_CALL).plan == (
        "Wed 9 Dec from 14:00, in the money with less time value than the dividend of 0.25 of the next session: "
        "bought back",
    )


@pytest.mark.parametrize(
    ("prospect", "words"),
    [
        (Prospect(rule="word", reason="hold"), "your word: hold (no profit target, roll or time exit closes it)"),
        (Prospect(rule="now", reason="buy it back"), "now: buy it back"),
        (Prospect(rule="time_exit", from_at=NOON, dte=9, price=D("1.04")),
         "from now on (9 days left): buys back at any profit after fees, offered at 1.04 or less"),
        (Prospect(rule="premium_stop", price=D("2.1")),
         "buys back when its mid stands at 2.10 or more on three ticks running"),
        (Prospect(rule="no_roll", from_at=EVE, dte=1, reason="the owner said no_roll"),
         "from Wed 9 Dec (1 day left), in the money: no roll (the owner said no_roll)"),
        (Prospect(rule="dividend_accepted", from_at=EVE, amount=D("0.25")),
         "Wed 9 Dec from 14:00, in the money with less time value than the dividend of 0.25 of the next session: "
         "assignment is accepted"),
        (Prospect(rule="expiry_close", from_at=EVE, until_at=EVE + timedelta(hours=1)),
         "Wed 9 Dec, expires: in the money bought back from 14:00 to 15:00, else assigned"),
        (Prospect(rule="expiry_roll", from_at=EVE, until_at=EVE + timedelta(hours=1)),
         "Wed 9 Dec, expires: in the money rolled if a later series pays it from 14:00 to 15:00, else assigned"),
        (Prospect(rule="assignment", from_at=EVE, reason="rolled enough"),
         "Wed 9 Dec, expires at 14:00: in the money its assignment is accepted (rolled enough), else worthless"),
    ],
)  # fmt: skip
def test_each_prospect_is_one_sentence(prospect: Prospect, words: str) -> None:
    ahead = AHEAD._replace(legs=(outlook(XLE_PUT, prospect),))
    assert the(report_of(a_week(), ahead), XLE_PUT).plan == (words,)


def test_a_closed_market_says_at_these_prices_not_now() -> None:
    evening = NOON + timedelta(hours=5)
    ahead = AHEAD._replace(legs=(outlook(XLE_PUT, Prospect(rule="now", reason="buy it back")),))
    report = report_of(a_week(at=evening, session=a_session(evening)), ahead)
    assert the(report, XLE_PUT).plan == ("at these prices: buy it back",)
    assert "market closed" in text_of(report)


# If assigned


def scenarios(report: WeekReport) -> dict[str, Any]:
    return {one.name: one for one in report.scenarios}


def test_assignment_moves_cash_and_shares_as_the_strikes_say() -> None:
    found = scenarios(report_of(a_week()))
    cash = {name: one.cash_after for name, one in found.items()}
    # puts 38 and 45 take 3,800 and 4,500; the call at 41.5 brings 4,150
    assert cash == {"now": D(9000), "in_the_money": D(4500), "window": D(700), "all": D(4850)}
    shares = {name: {one.symbol: one.after for one in scene.shares} for name, scene in found.items()}
    assert shares["window"] == {"XLE": D(100), "XLF": D(200)}
    assert shares["in_the_money"] == {"XLE": D(100), "XLF": D(100)}
    assert shares["all"] == {"XLE": D(100), "XLF": D(100)}
    assert found["in_the_money"].options == (XLE_PUT,)


def test_concentration_is_held_against_the_limits_for_new_risk() -> None:
    found = scenarios(report_of(a_week()))["window"]
    places = {one.name: one for one in found.symbols}
    # 200 XLF at 40 of 20,000; one lot of XLE at 44 may have come as a first contract
    assert (places["XLF"].share, places["XLF"].limit, places["XLF"].over) == (D("0.400000"), D("0.25"), True)
    assert (places["XLE"].share, places["XLE"].limit, places["XLE"].first, places["XLE"].over) == (
        D("0.220000"), D("0.40"), True, False,
    )  # fmt: skip
    (group,) = found.groups
    assert (group.name, group.share, group.limit, group.over) == ("sectors", D("0.620000"), D("0.45"), True)
    text = text_of(report_of(a_week()))
    assert "40.0 % OVER" in text
    assert "62.0 % OVER" in text


def test_a_limit_reached_exactly_is_not_over() -> None:
    desk = a_desk(universe=symbols("XLF", "XLE", group="sectors"), limits=some_limits(symbol_share=D("0.40")))
    places = {one.name: one for one in scenarios(report_of(a_week(), desk=desk))["window"].symbols}
    assert (places["XLF"].share, places["XLF"].over) == (D("0.400000"), False)


def test_a_limit_that_is_off_is_never_over() -> None:
    desk = a_desk(universe=symbols("XLF", "XLE", group="sectors"), limits=some_limits(symbol_share=None))
    places = {one.name: one for one in scenarios(report_of(a_week(), desk=desk))["window"].symbols}
    assert (places["XLF"].limit, places["XLF"].over) == (None, False)


def test_cash_below_zero_is_flagged() -> None:
    report = report_of(a_week(account=an_account("5000")))
    found = scenarios(report)
    assert (found["window"].cash_after, found["window"].cash_negative) == (D(-3300), True)
    assert not found["in_the_money"].cash_negative
    (row,) = [line for line in text_of(report).splitlines() if "BELOW ZERO" in line]
    assert "-3,300.00" in row
    red = [line for line in week_lines(report) if "BELOW ZERO" in line.words]
    assert [line.style for line in red] == ["bold red"]


def test_the_same_assignment_is_shown_once() -> None:
    text = text_of(report_of(a_week(), days=1))
    assert "no short option expires by Thu 19 Nov" in text
    assert "ITM by" not in text
    assert "all open (3)" in text


def test_assigned_options_leave_no_trace_of_a_roll_or_an_older_view() -> None:
    roll = Roll(
        id="r", underlying="XLE", right="put", old_symbol=XLE_PUT, old_strike=D(45), qty=D(1), strategy="wheel",
        cycle="c", chain="c", rolls=0, stage="closing", ticks_left=5, started_at=NOON,
    )  # fmt: skip
    snapshot = a_week()
    assert snapshot.position_of["XLF"].qty == 100  # a view of the former positions stands beside the fields now
    after = after_assignment(a_week(books=Books(rolls=(roll,))), [(XLE_PUT, Decimal(1))], {"XLE": Decimal(100)})
    assert after.books.rolls == ()
    assert XLE_PUT not in after.position_of
    assert after.position_of["XLE"].qty == 100


# Shares


def test_shares_show_lots_bases_cover_and_protection() -> None:
    (line,) = report_of(a_week()).shares
    assert (line.symbol, line.qty, line.lots_covered, line.lots_coverable) == ("XLF", D(100), D(1), D(0))
    assert (line.lots[0].basis_strike, line.value) == (D(41), D(4000))
    text = text_of(report_of(a_week()))
    assert "lot of 100: paid 41.00, tax basis 41.00, wheel basis 41.00" in text
    assert "calls: every lot is under a call" in text
    assert "protection: none, as configured: no stop is wanted on these shares" in text


def test_a_resting_stop_shows_where_it_sells() -> None:
    stop = an_order(
        "XLF", "sell_to_close", "100", purpose="trailing_stop", order_type="trailing_stop", limit_price=None,
        trail_percent=D(12), stop_price=D("36.10"), time_in_force="gtc",
    )  # fmt: skip
    snapshot = a_week(positions=(held("XLF", "100"),), own_orders=(stop,))
    (line,) = report_of(snapshot).shares
    assert (line.stop_price, line.trail_percent) == (D("36.10"), D(12))
    text = text_of(report_of(snapshot))
    assert "a trailing stop rests on 100 of 100, it sells at 36.10, 12 % below the high" in text
    assert "no option is sold short" in text


def test_protection_that_is_configured_and_absent_is_not_called_waived() -> None:
    ahead = AHEAD._replace(stops=(StopOutlook(symbol="XLF", strategy="stops", trail_percent=D(12)),), calls=())
    (line,) = report_of(a_week(positions=(held("XLF", "100"),)), ahead).shares
    assert line.protection == "stops arms a stop on what no call covers; none rests now"


def test_foreign_shares_have_no_protection_of_ours_and_their_command() -> None:
    snapshot = a_week(positions=(held("XLF", "300", "foreign"),), books=Books())
    (line,) = report_of(snapshot).shares
    assert line.protection == "none: not ours"
    assert "me bot adopt XLF" in text_of(report_of(snapshot), "me ")


def test_a_free_lot_says_from_which_strike_a_call_may_be_sold() -> None:
    ahead = AHEAD._replace(calls=(CallOutlook(symbol="XLF", strategy="wheel", lots=1, floor=D("40.4")),))
    assert "calls: 1 more may be sold at a strike of 40.40 or more" in text_of(report_of(a_week(), ahead))


def test_a_bought_option_and_what_nobody_can_read_are_not_forgotten() -> None:
    bought = call("XLF", FAR, "45")
    report = report_of(
        a_week(positions=(held(bought, "2"), held("WEIRD#1", "5", "foreign"), held("BTCUSD", "1", "foreign")))
    )
    assert [line.symbol for line in report.others] == [bought, "WEIRD#1", "BTCUSD"]
    assert report.shares == ()


# The calendar


def calendar(report: WeekReport) -> list[tuple[date, str, bool]]:
    return [(line.day, line.what, line.in_window) for line in report.calendar]


def test_the_calendar_holds_the_window_and_the_next_of_each_after_it() -> None:
    assert calendar(report_of(a_week())) == [
        (NEAR, "1 x XLF 38 put expires", True),
        (date(2026, 11, 26), "the market stays closed", True),
        (EARLY, "the market closes early, at 13:00 New York", True),
        (EARLY, "1 x XLE 45 put expires (in the money now)", True),
        (EX, "XLF goes ex 0.25 a share, paid 20 Dec; 41.5 call of 18 Dec, if in the money: bought back", False),
        (FAR, "1 x XLF 41.5 call expires", False),
        (date(2026, 12, 24), "the market closes early, at 13:00 New York", False),
        (date(2026, 12, 25), "the market stays closed", False),
    ]


def test_an_expected_ex_date_counts_from_its_earliest_day_to_its_latest() -> None:
    def told(day: date, days: int) -> list[tuple[date, bool]]:
        paid = Dividend(symbol="XLF", ex_date=day, amount=D("0.25"), expected=True)
        events = (some_events("XLF", dividend_status="known", dividends=(paid,)),)
        report = report_of(a_week(events=events), days=days)
        return [(line.day, line.in_window) for line in report.calendar if line.kind == "ex_date"]

    assert told(date(2026, 12, 7), 14) == [(date(2026, 12, 7), True)]
    assert told(date(2026, 12, 8), 14) == [(date(2026, 12, 8), False)]
    assert told(date(2026, 11, 13), 7) == [(date(2026, 11, 13), True)]
    assert told(date(2026, 11, 12), 7) == []


def test_earnings_are_told_with_their_hour_and_the_day_they_were_checked() -> None:
    release = Earnings(symbol="XLE", day=date(2026, 11, 24), when="amc", as_of=date(2026, 11, 15))
    events = (some_events("XLE", earnings_status="known", earnings=(release,)), some_events("XLF"))
    report = report_of(a_week(events=events))
    assert "XLE reports after the close (checked 15 Nov 2026)" in [line.what for line in report.calendar]
    assert "earnings of XLE are known, checked 3 days ago" in text_of(report)


@pytest.mark.parametrize("status", ["unknown", "stale"])
def test_unknown_and_stale_earnings_name_the_importer(status: str) -> None:
    events = (some_events("XLE", earnings_status=status), some_events("XLF"))
    text = " ".join(text_of(report_of(a_week(events=events)), "me ").split())
    assert f"earnings of XLE are {status.upper()}: no new contract" in text
    assert "`me bot import-earnings FILE` tells them" in text


def test_a_name_of_no_desk_needs_no_earnings_file() -> None:
    desk = a_desk(universe=symbols("XLF", group="sectors"))
    text = text_of(report_of(a_week(events=(some_events("XLE", earnings_status="unknown"),)), desk=desk))
    assert "earnings of XLE are not followed: it is no name of this desk" in text


def test_calendars_say_how_old_they_are_and_which_are_unknown() -> None:
    old = NOON - timedelta(days=3)
    events = (some_events("XLF", as_of=old), some_events("XLE", dividend_status="unknown"))
    text = " ".join(text_of(report_of(a_week(events=events))).split())
    assert "ex-dates of XLF: as of Sun 2026-11-15 12:00 New York, 3 days ago" in text
    assert "ex-dates of XLE are UNKNOWN: no call is sold" in text


# The whole page


def test_worries_stand_on_top() -> None:
    drift = Drift(symbol="XLF", kind="unexplained", what="shares differ", broker=D(1), ours=D(0))
    snapshot = a_week(
        halt=Halt(level="reduce_only", author="ann", reason="away", since=NOON, clears="a person"),
        books=Books(drift=(drift,), pauses=(Pause(symbol="XLF", until=NOON + timedelta(days=1), reason="a rumour"),)),
        errors=("quotes of XLE: no answer",),
    )  # fmt: skip
    text = text_of(report_of(snapshot), "me ")
    top = text.split("short options")[0]
    assert "halt reduce_only by ann: away (clears: a person); `me bot resume` lifts it" in top
    assert "paused: XLF until Thu 2026-11-19 12:00 New York: a rumour" in top
    assert "drift (unexplained) XLF: shares differ" in top
    assert "could not be read: quotes of XLE: no answer" in top


@pytest.mark.parametrize(
    ("halt", "words", "resume"),
    [
        (Halt(level="no_new_risk", author="trip: daily_loss_share", clears="by itself at noon"), "by itself", 0),
        (Halt(level="reduce_only", author="trip: drawdown_reduce_only", clears="a person: `bot resume`"), "person", 1),
        (Halt(level="stop", author=HALT_FILE, reason="wait", clears="remove the file data/HALT"), "remove the file", 0),
        (Halt(level="reduce_only", author="drill", reason="none", clears="once `bot drill` passes"), "drill", 0),
        (Halt(level="no_new_risk", author="ann", clears="a person: `bot resume`"), "a person", 2),
    ],
)
def test_only_what_a_resume_lifts_is_said_to_be_lifted_by_it(halt: Halt, words: str, resume: int) -> None:
    top = text_of(report_of(a_week(halt=halt))).split("short options")[0]
    assert words in top
    assert top.count("bot resume") == resume


def test_what_waits_for_the_owner_carries_its_command_whole() -> None:
    waiting = Proposal(
        number=3, intent=an_intent(put("EWZ", FAR, "30")), proposed_at=NOON, lapses_at=NOON + timedelta(minutes=15)
    )
    report = report_of(a_week(), AHEAD._replace(proposals=(waiting,)))
    lines = [line for line in week_lines(report, "me ") if "me bot approve 3" in line.words]
    assert [line.whole for line in lines] == [True]
    assert report.proposals[0].lapses_at == NOON + timedelta(minutes=15)


def test_an_empty_account_says_so_in_one_line_and_what_to_do() -> None:
    report = report_of(a_snapshot(), Ahead())
    assert report.empty
    lines = [line.words for line in week_lines(report, "me ")]
    assert "nothing is held: `me bot scan` shows what could be sold, `me bot tick` looks for it" in lines
    assert not any("calendar" in line or "assigned" in line for line in lines)


@pytest.mark.parametrize("width", [100, 140])
def test_no_line_is_wider_than_a_hundred_columns(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    file = StringIO()
    console = Console(file=file, width=width, highlight=False, color_system=None)
    report = report_of(a_week(account=an_account("5000"), simulated=False, environment="paper", broker="alpaca"))
    for part in week_picture(report, "BOT_ENV=.env "):
        console.print(part, soft_wrap=bool(part.no_wrap))
    drawn = file.getvalue()
    assert max(map(len, drawn.splitlines())) <= 100
    assert drawn.splitlines()[0].startswith("PAPER MONEY   Wed 18 Nov to Wed 2 Dec")
    # Nothing was broken by the console: each of our lines is one of its own.
    lines = [line.words.rstrip() for line in week_lines(report, "BOT_ENV=.env ")]
    assert [line.rstrip() for line in drawn.splitlines()] == lines


def test_rows_stand_under_their_heads() -> None:
    rows = aligned(("", "qty"), [("XLF 38 put", "-1"), ("X", "-10")])
    assert rows == ["              qty", "  XLF 38 put   -1", "  X           -10"]


def test_the_json_is_complete_and_holds_no_floats() -> None:
    told = json.loads(json_line(report_of(a_week())))
    assert set(told) == set(WeekReport.__struct_fields__)
    assert told["options"][1]["prospects"][0] == {
        "rule": "take_profit", "reason": "", "price": "0.42", "fraction": "0.6", "from_at": None, "until_at": None,
        "dte": None, "net_min": None, "times": None, "amount": None,
    }  # fmt: skip

    def floats(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [one for item in value.values() for one in floats(item)]
        if isinstance(value, list):
            return [one for item in value for one in floats(item)]
        return [value] if isinstance(value, float) else []

    assert floats(told) == []
