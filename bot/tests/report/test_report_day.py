"""`bot report`: the colour and why, returns beside the benchmark, premium and income, the day's health."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from bot.domain.ledger import Drift, Halt
from bot.report.day import (
    ClosedLine,
    DayReport,
    Happening,
    Health,
    colour_of,
    contract_words,
    day_lines,
    fill_line,
    health_of,
)
from bot.report.performance import day_result, income_lines, premium_taken, returns_to
from bot.report.quiet import quiet_facts
from bot.tests.builders import NOON, D, put

PUT = put("XLF", date(2026, 12, 24), "38")
WELL = Health(ticks=26, slots=26, missed=(), failed=(), errors=(), slowest_id=3, slowest_ms=12.4)


class Day(NamedTuple):
    """A day's equity, as far as a report asks."""

    day: date
    equity: Decimal
    nav: Decimal
    benchmark_price: Decimal | None
    flow: Decimal = D(0)
    cash: Decimal = D(0)
    drawdown_fraction: Decimal = D(0)


class Fill(NamedTuple):
    """A fill, as far as a report asks."""

    symbol: str = PUT
    side: str = "sell"
    qty: Decimal = D(2)
    price: Decimal = D("0.50")
    purpose: str = "cash_secured_put"
    at: datetime = NOON
    client_order_id: str = "main-1"


class Booked(NamedTuple):
    """Income, as far as a report asks."""

    kind: str
    income: Decimal


class Tick(NamedTuple):
    """A tick's row, as far as a report asks."""

    id: int
    status: str = "done"
    note: str = ""
    duration_ms: float | None = 5.0
    errors: tuple[str, ...] = ()
    at: datetime = NOON
    slot: datetime = NOON
    mode: str = "live"
    session_open: bool | None = True
    halt: str | None = "run"
    intents: int = 0
    approved: int = 0


def drift(kind: Literal["pending", "unexplained"]) -> Drift:
    return Drift(symbol="XLF", kind=kind, what="shares differ", broker=D(100), ours=D(0))


def test_green_needs_no_drift_nothing_unresolved_no_failure_no_halt_and_no_gap() -> None:
    colour, causes = colour_of(Halt(), (), 0, WELL, False)
    assert colour == "green"
    assert causes == ("no drift, nothing unresolved, no failed tick, no halt, no slot missed",)


def test_red_names_every_cause_before_the_yellow_ones() -> None:
    health = health_of([Tick(1)], 26, [NOON])
    colour, causes = colour_of(Halt(level="stop", reason="broken chain"), [drift("unexplained")], 2, health, True)
    assert colour == "red"
    assert causes == (
        "halted at stop: broken chain", "unexplained drift on XLF", "2 orders without a proven answer",
        "the last tick failed", "1 of 26 slots without a tick",
    )  # fmt: skip


def test_yellow_is_a_soft_halt_pending_drift_failures_that_passed_errors_or_gaps() -> None:
    assert colour_of(Halt(level="no_new_risk", reason="away"), (), 0, WELL, False)[0] == "yellow"
    assert colour_of(Halt(), [drift("pending")], 0, WELL, False) == ("yellow", ("pending on XLF",))
    health = health_of([Tick(1, "failed", "no answer"), Tick(2, errors=("late",)), Tick(3, errors=("late",))], 26, [])
    assert colour_of(Halt(), (), 0, health, False) == ("yellow", ("1 tick failed", "2 errors in ticks"))


def test_health_names_the_slowest_tick_the_failures_and_counts_errors() -> None:
    health = health_of(
        [Tick(1, duration_ms=7.0), Tick(2, duration_ms=9.5, errors=("late",)), Tick(3, "died", "killed", None)],
        26,
        [NOON],
    )
    assert (health.slowest_id, health.slowest_ms, health.failed) == (2, 9.5, ("tick 3 died: killed",))
    assert (health.errors, health.missed, health.ticks) == ((("late", 1),), (NOON,), 3)


DAYS = [
    Day(date(2025, 12, 31), D(10000), D("1.00"), D(400)),
    Day(date(2026, 10, 30), D(11000), D("1.10"), D(440)),
    Day(date(2026, 11, 17), D(10500), D("1.05"), D(450)),
    Day(date(2026, 11, 18), D(11600), D("1.155"), D(441), flow=D(50)),
]


def test_the_day_is_measured_against_the_day_before_net_of_transfers() -> None:
    assert day_result(DAYS, date(2026, 11, 18)) == (D(1050), D("0.099526"))  # 1050 / (10500 + 50) (wheel 2.15)
    assert day_result(DAYS, date(2025, 12, 31)) == (None, None)
    assert day_result(DAYS, date(2026, 11, 16)) == (None, None)


def test_returns_stand_beside_the_benchmark_for_day_month_and_year() -> None:
    told = {one.period: (one.ours, one.benchmark) for one in returns_to(DAYS, date(2026, 11, 18), D(400))}
    assert told == {
        "day": (D("0.1"), D("-0.02")), "month": (D("0.05"), D("0.002273")), "year": (D("0.155"), D("0.1025")),
        "start": (D("0.155"), D("0.1025")),
    }  # fmt: skip


def test_returns_stand_beside_holding_the_desks_own_shares() -> None:
    index = {date(2025, 12, 31): 1.10, date(2026, 10, 30): 1.0, date(2026, 11, 18): 1.21}
    told = {one.period: one.holding for one in returns_to(DAYS, date(2026, 11, 18), D(400), None, index)}
    assert told == {"day": None, "month": D("0.21"), "year": D("0.1"), "start": D("0.21")}


def test_a_period_older_than_the_ledger_counts_from_its_first_tick() -> None:
    told = {one.period: one for one in returns_to(DAYS[3:], date(2026, 11, 18), D(420), D(440))}
    assert (told["month"].ours, told["month"].benchmark) == (D("0.155"), D("0.05"))
    assert told["day"].benchmark == D("0.002273")
    assert returns_to([], date(2026, 11, 18), None) == ()


def test_premium_taken_counts_options_sold_to_open_only() -> None:
    fills = [
        Fill(), Fill(purpose="roll_open", qty=D(1)), Fill(side="buy", purpose="take_profit"),
        Fill(purpose="trailing_stop"), Fill(symbol="XLF", purpose="open", qty=D(100)),
    ]  # fmt: skip
    assert premium_taken(fills) == D("150.00")


def test_a_fill_shows_cash_in_or_out() -> None:
    assert fill_line(Fill()).amount == D("100.00")
    assert fill_line(Fill(side="buy")).amount == D("-100.00")
    assert fill_line(Fill(symbol="XLF", side="buy", qty=D(100), price=D(40))).amount == D(-4000)


def test_income_of_the_day_stands_beside_the_months() -> None:
    lines = income_lines([Booked("premium", D(10))], [Booked("premium", D(60)), Booked("dividends", D(5))])
    assert [(line.kind, line.day, line.month) for line in lines] == [
        ("dividends", D(0), D(5)), ("premium", D(10), D(60)),
    ]  # fmt: skip
    assert income_lines([], [], [Booked("premium", D(600))])[0].year == D(600)


def a_report(**given: Any) -> DayReport:
    quiet = quiet_facts(ticks=[Tick(1)], orders=[], gates=[], passed=[], missed=0, sessions=1, halt=Halt())
    facts: dict[str, Any] = {
        "home": "somewhere/data", "desk": "main", "kind": "SIMULATED MONEY", "simulated": True, "mode": "live",
        "day": NOON.date(), "colour": "green", "causes": ("all is well",), "equity": D(11600), "cash": D(11000),
        "day_profit": D(1050), "day_fraction": D("0.0995"), "drawdown_fraction": D(0), "benchmark": "SPY",
        "returns": returns_to(DAYS, NOON.date(), D(400)), "premium_day": D(100), "premium_month": D(150),
        "income": (), "fills": (fill_line(Fill()),), "happenings": (), "shares": (), "options": (), "cycles": (),
        "quiet": quiet, "health": WELL, "head": "ab" * 32,
    }  # fmt: skip
    return DayReport(**(facts | given))


def test_the_page_begins_with_whose_money_and_the_colour() -> None:
    lines = day_lines(a_report())
    assert lines[:2] == ["SIMULATED MONEY   Wednesday 2026-11-18   desk main   live", "GREEN: all is well"]
    assert lines[-1] == "home somewhere/data   head abababababababab"


def test_the_page_tells_money_fills_events_cycles_and_ticks() -> None:
    report = a_report(
        happenings=(
            Happening(NOON, "OPASN", PUT, D(1), D(0)), Happening(NOON, "DIV", "XLF", D(0), D("21.50")),
            Happening(NOON, "NEWS", "", D(0), D(0)),
        ),
        cycles=(
            ClosedLine(
                symbol="XLF", opened_on=date(2026, 10, 1), closed_on=NOON.date(), legs=3, assignments=1, pnl=D(415),
                annualised_fraction=D("0.3366"),
            ),
        ),
        health=health_of([Tick(1, "failed", "no answer")], 26, [NOON]),
    )  # fmt: skip
    text = "\n".join(day_lines(report))
    for words in (
        "12:00  cash secured put  sell  XLF put 38 of 2026-12-24    2    0.5  +100.00",
        "  assigned XLF put 38 of 2026-12-24 1", "  dividend XLF, +21.50", "\n  NEWS\n",
        "XLF    2026-10-01  2026-11-18     3         1  +415.00  +33.7 %", "1 tick for 26 slots", "no tick at 12:00",
        "tick 1 failed: no answer", "premium taken  +100.00  +150.00", "month    +5.0 %  unknown  +0.2 %",
    ):  # fmt: skip
        assert " ".join(words.split()) in " ".join(text.split())


def test_a_day_without_orders_says_why() -> None:
    text = "\n".join(day_lines(a_report(fills=())))
    assert "WHY NOTHING WAS SENT\n  nothing sent in this session: no planner wanted anything" in text
    assert "no fill, assignment, expiry or dividend" in text


def test_a_contract_is_written_as_a_person_reads_it() -> None:
    assert [contract_words(symbol) for symbol in (PUT, "XLF", "")] == ["XLF put 38 of 2026-12-24", "XLF", ""]


def test_a_missed_slot_list_is_cut_after_eight() -> None:
    health = health_of([Tick(1)], 26, [NOON + timedelta(minutes=15 * n) for n in range(10)])
    assert "13:45 and 2 more" in "\n".join(day_lines(a_report(health=health)))
