"""The rebuilt past as text: rows a person can check, inside a hundred columns."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.domain.ledger import KindTotal, YearIncome
from bot.report.history import (
    CycleRow,
    GapRow,
    HistoryReport,
    OpenRow,
    RefusalRow,
    history_lines,
)
from bot.report.words import json_line
from bot.tests.builders import NOON, D


def a_row(**given: Any) -> CycleRow:
    facts: dict[str, Any] = {
        "symbol": "XLF", "opened_on": date(2026, 1, 5), "closed_on": date(2026, 4, 5), "days": 90, "legs": 3,
        "assignments": 1, "premium": D("290.00"), "shares": D(100), "dividends": D("25.00"), "fees": D(0),
        "pnl": D("415.00"), "return_fraction": D("0.083"), "annualised_fraction": D("0.336611"),
    }  # fmt: skip
    return CycleRow(**(facts | given))


def a_report(**given: Any) -> HistoryReport:
    facts: dict[str, Any] = {
        "home": "data", "kind": "PAPER MONEY", "simulated": False, "account": "PA1", "at": NOON,
        "first_day": date(2026, 1, 5), "last_day": date(2026, 4, 5), "lines": 9, "cash_explained": D("5415.00"),
        "cash_broker": D("5415.00"), "cycles": (a_row(),), "open_cycles": (), "shares": (), "options": (),
        "transfers": ((date(2026, 1, 5), "CSD", D(5000)),),
        "totals": (KindTotal(kind="DIV", count=1, amount=D("25.00")),),
        "income": (YearIncome(year=2026, premium=D(290), shares=D(100), dividends=D(25), interest=D(0), tax=D(390)),),
        "gaps": (), "entries": 3, "entries_refused": 0, "refusals": (), "outside": (), "unasked": ("quote_is_fresh",),
        "assumptions": ("equity is cash plus last prices",), "kept": ("import 1: 9 lines",),
    }  # fmt: skip
    return HistoryReport(**(facts | given))


def text(report: HistoryReport) -> str:
    return "\n".join(history_lines(report))


def test_a_cycle_shows_the_vectors_digits() -> None:
    """Wheel 2.13: 415.00, 8.3 %, 33.7 %."""
    (row,) = [line for line in history_lines(a_report()) if line.startswith("  XLF")]
    assert row.split() == [
        "XLF", "2026-01-05", "90", "3", "1", "290.00", "100.00", "25.00", "0.00", "+415.00", "8.3", "%", "33.7", "%",
    ]  # fmt: skip
    assert "in all +415.00 USD, 1 of 1 with a profit" in text(a_report())


def test_open_shares_show_their_three_bases_and_the_command() -> None:
    row = OpenRow(
        symbol="XLF", qty=D(100), since=date(2026, 2, 6), basis=D(50), basis_tax=D("48.80"), basis_wheel=D("47.75"),
        adopt="bot adopt XLF",
    )  # fmt: skip
    told = text(a_report(shares=(row,)))
    assert "50.00      48.80        47.75  bot adopt XLF" in told
    assert "bot adopt --all" in told


def test_an_open_option_without_a_price_says_so() -> None:
    row = OpenRow(symbol="XLF261218P00050000", qty=D(-1), since=date(2026, 11, 2), adopt="bot adopt X")
    assert "XLF put 50 of 2026-12-18        -1  2026-11-02  unknown" in text(a_report(options=(row,)))


def test_a_past_without_gaps_says_that_cash_agrees_to_the_cent() -> None:
    assert "positions agree, and cash to the cent (5,415.00 USD)" in text(a_report())
    gap = GapRow(symbol="XLF", what="the lines explain none of 100 shares of XLF", do="`bot adopt XLF --basis`")
    told = text(a_report(gaps=(gap,)))
    assert "-> `bot adopt XLF --basis`" in told
    assert "to the cent" not in told


def test_refusals_show_the_worst_case_and_what_could_not_be_asked() -> None:
    row = RefusalRow(
        gate="order_loss_within", times=2, sole=1, symbol="XLF", on=date(2026, 1, 6),
        reason="the most it can lose 53.0 % is above 30.0 % of equity",
    )  # fmt: skip
    told = text(a_report(refusals=(row,), entries_refused=2, outside=("TSLA",)))
    assert "2 of 3 entries, by 1 gate:" in told
    assert "order_loss_within: 2 entries, 1 by it alone" in told
    assert "worst: XLF on 2026-01-06: the most it can lose 53.0 %" in told
    assert "not traded by this desk at all: TSLA" in told
    assert "cannot be asked of the past: quote_is_fresh" in told
    assert "none of 3 entries" in text(a_report())


def test_many_transfers_are_summed_up_at_the_end() -> None:
    moved = tuple((date(2026, 1, day), "CSD", D(10)) for day in range(1, 16))
    assert "and 3 more, +30.00 in all" in text(a_report(transfers=moved))


def test_an_empty_past_is_said_in_words() -> None:
    blank = a_report(first_day=None, last_day=None, lines=0, cycles=(), transfers=(), totals=(), income=(), entries=0)
    assert "0 lines, no line at all" in text(blank)


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    wide = a_row(
        premium=D("123456.78"), shares=D("-123456.78"), dividends=D("1234.56"), fees=D("123.45"), pnl=D("-12345.67")
    )
    assert max(map(len, history_lines(a_report(cycles=(wide,))))) <= 120
    assert max(map(len, history_lines(a_report()))) <= 100


def test_json_keeps_money_as_text() -> None:
    assert '"pnl":"415"' in json_line(a_report())
