"""The books as words: what is nobody's comes last, a gap is explained, what is pending is dated."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from bot.domain.ledger import Drift, StrategyBook
from bot.domain.subledger import Worth
from bot.report.books import BooksReport, books_lines, books_report
from bot.tests.builders import NOON, D


class Row(NamedTuple):
    book: StrategyBook
    worth: Worth


WHEEL = Row(
    StrategyBook(strategy="wheel", premium=D(100), shares=D(-5000), fees=D("-0.05"), income=D(30), carried=D(4970)),
    Worth(value=D(4900), collateral=D(3000)),
)
NOBODY = Row(StrategyBook(strategy="unassigned", transfers=D(25000)), Worth())


def told(*drift: Drift, cash: str = "20099.95", **given: Any) -> tuple[BooksReport, str]:
    rows = given.pop("rows", (NOBODY, WHEEL))
    report = books_report(NOON, "PAPER MONEY", rows, D(cash), D(cash) + 4900, drift)
    return report, "\n".join(books_lines(report))


def test_strategies_come_first_and_the_sum_stands_beside_the_account() -> None:
    report, text = told()
    assert [one.strategy for one in report.lines] == ["wheel", "unassigned"]
    assert (report.lines[0].cash, report.lines[0].total) == (D("-4900.05"), D("-0.05"))
    assert report.lines[0].open_result == D(-70)
    assert "The books sum to the account to the cent." in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_a_gap_within_fees_to_come_is_said_as_that() -> None:
    report, text = told(cash="20099.50")
    assert report.cash_gap == D("0.45")
    assert "cash by +0.45 USD (within what fees that are not booked yet may come to)" in " ".join(text.split())


def test_what_is_pending_is_named_with_its_date() -> None:
    pending = Drift(
        symbol="CASH", kind="pending", what="money of what is pending", broker=D(15000), ours=D("20099.95"),
        since=NOON, expected_until=NOON + timedelta(days=1),
    )  # fmt: skip
    report, text = told(pending, cash="15000")
    assert report.pending[0].gap == D("-5099.95")
    assert "what is still to come below explains it" in text
    assert "expected until Thu 2026-11-19" in text
    assert "the broker shows 5099.95 USD less than the books" in " ".join(text.split())


def test_unexplained_money_is_called_that() -> None:
    lost = Drift(symbol="CASH", kind="unexplained", what="5 USD", broker=D(5), ours=D(0), since=NOON)
    assert "(unexplained, see below)" in told(lost, cash="20104.95")[1]


def test_holdings_at_an_unknown_price_are_named_with_the_command() -> None:
    unknown = Row(StrategyBook(strategy="wheel"), Worth(value=D(4900), unknown=D(100)))
    text = told(rows=(unknown, Row(StrategyBook(strategy="unassigned", transfers=D("20099.95")), Worth())))[1]
    assert "wheel holds 100 shares or contracts at an unknown price" in text
    assert "`bot adopt SYMBOL --basis`" in text
