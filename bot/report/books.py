"""Sub-ledgers for the owner's eyes: what each strategy took in, earned and holds, and the sum beside the broker's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bot.domain.facts import Fact
from bot.domain.ledger import Drift, StrategyBook
from bot.domain.money import ZERO, plain
from bot.domain.subledger import OWNERLESS, Worth
from bot.report.words import aligned, dollars, filled_text, new_york, section

CASH = "CASH"


class BookRowLike(Protocol):
    """A book as the ledger keeps it."""

    @property
    def book(self) -> StrategyBook: ...
    @property
    def worth(self) -> Worth: ...


class BookLine(Fact, frozen=True, kw_only=True):
    """One strategy's book, dollars. `total` is its cash and what it holds: for a strategy that is its whole result.

    `unknown` counts shares and contracts whose price was never stated: they came in at nothing.
    """

    strategy: str
    premium: Decimal
    shares: Decimal
    dividends: Decimal
    interest: Decimal
    fees: Decimal
    transfers: Decimal
    moved: Decimal
    opening: Decimal
    other: Decimal
    cash: Decimal
    income: Decimal
    tax_income: Decimal
    carried: Decimal
    open_result: Decimal
    value: Decimal
    total: Decimal
    collateral: Decimal
    unknown: Decimal


class PendingLine(Fact, frozen=True, kw_only=True):
    """One difference between broker and books: pending until a moment, or unexplained; `gap` is broker less ours."""

    symbol: str
    kind: str
    what: str
    gap: Decimal
    since: datetime | None
    until: datetime | None


class BooksReport(Fact, frozen=True, kw_only=True):
    """All books beside the account at the newest tick, dollars; a gap is the books less the broker."""

    at: datetime
    kind: str
    lines: tuple[BookLine, ...]
    cash: Decimal
    value: Decimal
    broker_cash: Decimal
    broker_value: Decimal
    cash_gap: Decimal
    value_gap: Decimal
    pending: tuple[PendingLine, ...]


def books_report(
    at: datetime, kind: str, rows: Iterable[BookRowLike], cash: Decimal, equity: Decimal, drift: Iterable[Drift]
) -> BooksReport:
    """Set all books beside the broker's cash and equity on own marks; what is nobody's comes last."""
    lines = [_line(row.book, row.worth) for row in rows]
    ours, held = sum((one.cash for one in lines), ZERO), sum((one.value for one in lines), ZERO)
    return BooksReport(
        at=at, kind=kind, lines=tuple(sorted(lines, key=lambda one: (one.strategy in OWNERLESS, one.strategy))),
        cash=ours, value=held, broker_cash=cash, broker_value=equity - cash, cash_gap=ours - cash,
        value_gap=held - (equity - cash),
        pending=tuple(
            PendingLine(
                symbol=one.symbol, kind=one.kind, what=one.what, gap=one.broker - one.ours, since=one.since,
                until=one.expected_until,
            )
            for one in drift
        ),
    )  # fmt: skip


def _line(book: StrategyBook, worth: Worth) -> BookLine:
    return BookLine(
        strategy=book.strategy, premium=book.premium, shares=book.shares, dividends=book.dividends,
        interest=book.interest, fees=book.fees, transfers=book.transfers, moved=book.moved, opening=book.opening,
        other=book.other, cash=book.cash, income=book.income, tax_income=book.tax_income, carried=book.carried,
        open_result=worth.value - book.carried if book.strategy not in OWNERLESS else ZERO, value=worth.value,
        total=book.cash + worth.value, collateral=worth.collateral, unknown=worth.unknown,
    )  # fmt: skip


def books_lines(report: BooksReport) -> list[str]:
    """Tell every book, the sum beside the broker's, and what is still to come with its date."""
    heads = ("book", "premium", "shares", "dividends", "fees", "else", "cash", "holds", "total", "earned", "secured")
    rows: list[tuple[str, ...]] = [
        (
            one.strategy, dollars(one.premium), dollars(one.shares), dollars(one.dividends), dollars(one.fees),
            dollars(one.opening + one.transfers + one.interest + one.moved + one.other), dollars(one.cash),
            dollars(one.value), dollars(one.total), "" if one.strategy in OWNERLESS else dollars(one.income),
            dollars(one.collateral),
        )
        for one in report.lines
    ]  # fmt: skip
    for name, cash, value in (
        ("together", report.cash, report.value), ("the account", report.broker_cash, report.broker_value),
    ):  # fmt: skip
        rows.append((name, *[""] * 5, dollars(cash), dollars(value), dollars(cash + value), "", ""))
    lines = [
        f"{report.kind}   books at {new_york(report.at)}", "",
        *aligned(heads, rows), "",
        *filled_text(_verdict(report)),
        *filled_text(
            "Dollars since the books began. `total` of a strategy is its whole result: cash in and out, and what it "
            "holds at our own marks. `earned` is the income book: ended options and shares sold."
        ),
    ]  # fmt: skip
    for one in report.lines:
        if one.unknown:
            lines += filled_text(
                f"{one.strategy} holds {plain(one.unknown)} shares or contracts at an unknown price: its total counts "
                "all of their worth as result until `bot adopt SYMBOL --basis` says what they cost"
            )
    return lines + section("still to come", [line for one in report.pending for line in _pending(one)])


def _verdict(report: BooksReport) -> str:
    if not report.cash_gap and not report.value_gap:
        return "The books sum to the account to the cent."
    gaps = [
        f"{name} by {dollars(gap, signed=True)} USD"
        for name, gap in (("cash", report.cash_gap), ("holdings", report.value_gap))
        if gap
    ]
    if report.value_gap:
        why = "a fault of this program, for every position stands in one book"
    elif any(one.symbol == CASH and one.kind == "pending" for one in report.pending):
        why = "what is still to come below explains it"
    elif any(one.symbol == CASH for one in report.pending):
        why = "unexplained, see below"
    else:
        why = "within what fees that are not booked yet may come to"
    return f"The books differ from the account: {', '.join(gaps)} ({why})."


def _pending(one: PendingLine) -> list[str]:
    since = "" if one.since is None else f" since {new_york(one.since)}"
    until = "" if one.until is None else f", expected until {new_york(one.until)}"
    unit = " USD" if one.symbol == CASH else ""
    more = f" (the broker shows {plain(abs(one.gap))}{unit} {'more' if one.gap > 0 else 'less'} than the books)"
    return filled_text(f"  {one.symbol}: {one.kind}{since}{until}: {one.what}{more if one.gap else ''}", hanging="    ")
