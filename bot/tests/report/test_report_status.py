"""`bot status` as lines: whose money, the halt with its command, the newest tick, money, worries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.instruments import option_symbol
from bot.domain.ledger import Cycle, Drift, Halt, Instruction, Pause, Roll
from bot.domain.orders import leg
from bot.domain.slots import next_slot
from bot.report.calendar_ages import CalendarAge
from bot.report.status import (
    StatusReport,
    TickLine,
    cycle_line,
    kind_of_money,
    status_lines,
    working_line,
)
from bot.tests.builders import NOON, D, an_order

PUT = option_symbol("XLF", NOON.date() + timedelta(days=36), "put", D("38"))


def a_report(**given: Any) -> StatusReport:
    facts: dict[str, Any] = {
        "home": "somewhere/data", "desk": "main", "kind": "SIMULATED MONEY", "simulated": True, "mode": "live",
        "broker": "simulator", "environment": "simulated", "market": "synthetic", "now": NOON, "halt": Halt(),
        "tick": TickLine(id=9, at=NOON - timedelta(minutes=5), mode="live", status="done", note="0 wanted"),
        "next_slot": NOON + timedelta(minutes=15), "equity": D("25000"), "cash": D("24000"), "buying_power": D("9000"),
        "day_profit": D("-12.5"), "day_fraction": D("-0.0012"), "drawdown_fraction": D("0.02"),
    }  # fmt: skip
    return StatusReport(**(facts | given))


def test_the_first_line_says_whose_money_it_is_and_the_last_ones_which_home() -> None:
    lines = status_lines(a_report())
    assert lines[0] == "SIMULATED MONEY   desk main   live   simulator, simulated"
    assert lines[-2:] == ["home somewhere/data", "next: bot report   or   bot why SYMBOL"]
    assert kind_of_money(False, "paper") == "PAPER MONEY"


def test_money_the_day_and_the_drawdown_are_shown() -> None:
    text = "\n".join(status_lines(a_report()))
    assert "equity      25,000.00   cash 24,000.00   buying power 9,000.00" in text
    assert "day         -12.50 (-0.1 %)   drawdown from the peak 2.0 %" in text


def test_no_halt_says_how_to_halt_and_a_halt_who_when_why_and_how_it_ends() -> None:
    assert status_lines(a_report())[1] == "halt        none; `bot halt no_new_risk --reason WHY` takes no new risk"
    halt = Halt(level="reduce_only", author="ann", reason="on holiday", since=NOON, clears="a person: `bot resume`")
    told = " ".join(" ".join(status_lines(a_report(halt=halt), "BOT_HOME=x ")).split())
    assert "REDUCE_ONLY by ann since Wed 2026-11-18 12:00 New York: on holiday; clears: a person: `bot resume`" in told
    assert "`BOT_HOME=x bot resume` lifts it" in told


def test_the_newest_tick_is_shown_with_its_errors_and_a_mode_that_is_not_the_settings() -> None:
    tick = TickLine(id=9, at=NOON - timedelta(hours=3), mode="dry", status="failed", note="no answer", errors=("down",))
    text = "\n".join(status_lines(a_report(tick=tick)))
    assert "newest tick 9, Wed 2026-11-18 09:00 New York, 3 hours ago, ran dry: failed" in text
    assert "error: down" in text


def test_sessions_that_went_by_without_a_tick_are_told() -> None:
    assert "next tick   Wed 2026-11-18 12:15 New York; 2 sessions went by without a tick" in status_lines(
        a_report(sessions_without_tick=2)
    )


def test_the_next_slot_follows_the_session_calendar() -> None:
    assert next_slot(NOON) == NOON + timedelta(minutes=15)
    friday_evening = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    monday_open = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    assert next_slot(friday_evening) == monday_open
    assert next_slot(monday_open - timedelta(hours=3)) == monday_open


def test_working_orders_show_step_state_and_age() -> None:
    order = an_order(PUT, step=1, client_order_id="main-1", planned_at=NOON - timedelta(minutes=30))
    row = next(line for line in status_lines(a_report(orders=(working_line(order),))) if "main-1" in line)
    assert row.split() == ["main-1", "sell_to_open", PUT, "1", "0.60", "1", "of", "3", "accepted", "30", "minutes"]


def test_an_order_with_several_legs_is_shown_by_its_underlying() -> None:
    both = (leg(PUT, "sell_to_open"), leg(PUT.replace("P00038", "P00037"), "buy_to_open"))
    assert (working_line(an_order(PUT, legs=both)).symbol, working_line(an_order(PUT, legs=both)).side) == (
        "XLF",
        "mleg",
    )


def test_everything_to_worry_about_is_named() -> None:
    report = a_report(
        orders=(working_line(an_order(PUT, state="unknown", client_order_id="main-2")),),
        drift=(Drift(symbol="XLF", kind="unexplained", what="shares differ", broker=D(100), ours=D(0)),),
        pauses=(Pause(symbol="*", until=NOON + timedelta(days=1), reason="away"),),
        instructions=(Instruction(contract=PUT, word="let_assign", at=NOON, author="ann"),),
        rolls=(
            Roll(
                id="r", underlying="XLF", right="put", old_symbol=PUT, old_strike=D(38), qty=D(1), strategy="wheel",
                cycle="c", chain="c", rolls=1, stage="opening", budget=D("85.10"), ticks_left=5, started_at=NOON,
            ),
        ),
        warnings=("BOT_MODE differs",),
    )  # fmt: skip
    told = " ".join(" ".join(status_lines(report)).split())
    for words in (
        f"unresolved: main-2 (sell_to_open {PUT}) left without a proven answer",
        "drift (unexplained) XLF: shares differ; broker 100, ours 0",
        "paused: every symbol until Thu 2026-11-19 12:00 New York: away",
        f"your word on {PUT}: let assign",
        f"roll: {PUT} is opening, 5 ticks left, budget 85.10",
        "warning: BOT_MODE differs",
    ):
        assert words in told


def test_open_cycles_show_the_cash_so_far() -> None:
    cycle = Cycle(
        id="c", symbol="XLF", strategy="wheel", opened_at=NOON, option_cash=D("64"), share_cash=D("-3800"), legs=2,
        fees=D("0.19"), assignments=1,
    )  # fmt: skip
    row = next(line for line in status_lines(a_report(cycles=(cycle_line(cycle),))) if line.startswith("  XLF"))
    assert row.split() == ["XLF", "2026-11-18", "64.00", "-3,800.00", "0.00", "0.19", "2", "1"]


def test_nothing_held_is_said() -> None:
    assert "nothing is held" in status_lines(a_report())


def test_calendars_and_idle_cash_have_a_line_each() -> None:
    age = CalendarAge(symbol="XLF", dividends="known", earnings="exempt", as_of=NOON - timedelta(minutes=30))
    lines = status_lines(a_report(calendars=(age,), cash_idle=D("12345"), cash_idle_fraction=D("0.4938")))
    assert "calendars   ex-dates read 30 minutes ago (XLF)" in lines
    assert "idle cash   12,345.00 (49.4 % of equity) secures nothing, with the buffer set aside" in lines
    assert not any(line.startswith(("calendars", "idle cash")) for line in status_lines(a_report()))
