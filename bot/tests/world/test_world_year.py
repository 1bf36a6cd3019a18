"""A full turn of the wheel on the embedded market, added up to the cent from the broker's own lines.

One symbol, so that every fee and dividend of the account belongs to it and nothing has to be apportioned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.instruments import is_option, underlying_of
from bot.engine.ports import TickResult
from bot.store.chain import verify
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from

SYMBOL, SEED, EQUITY = "GDX", 23, 10_000
FIRST_DAY, SESSIONS = date(2025, 11, 19), 190
ZERO = Decimal(0)


class Line(NamedTuple):
    """A line of the broker's history as the ledger keeps it."""

    kind: str
    symbol: str
    at: str
    net: Decimal


class Year(NamedTuple):
    """A run that is over: its ledger, the last tick, and the row of the cycle that went all the way round."""

    ledger: sqlite3.Connection
    home: Path
    last: TickResult
    cycle: sqlite3.Row

    def lines(self, first: str = "", last: str = "9") -> list[Line]:
        """Give the broker's lines booked between two moments, both included."""
        rows = self.ledger.execute(
            "SELECT type, symbol, at, net_amount FROM activities WHERE at BETWEEN ? AND ? ORDER BY at", (first, last)
        )
        return [Line(kind, symbol, at, Decimal(net)) for kind, symbol, at, net in rows]

    def rows(self, query: str, *values: str) -> list[sqlite3.Row]:
        """Ask the ledger."""
        return self.ledger.execute(query, values).fetchall()


def total(values: Iterator[Decimal]) -> Decimal:
    """Add dollars up."""
    return sum(values, ZERO)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    home = tmp_path_factory.mktemp("year") / "home"
    with run_in(make_house(home, choice_of("balanced", EQUITY, (SYMBOL,)), SEED)) as run:
        last = run_through(run, moments_in(sessions_from(FIRST_DAY, SESSIONS)))
        ledger = sqlite3.connect(home / "ledger.sqlite")
        ledger.row_factory = sqlite3.Row
        found = ledger.execute(
            "SELECT * FROM cycles WHERE closed_at IS NOT NULL AND assignments > 0 ORDER BY opened_at"
        ).fetchall()
        assert found, "the chosen world has a cycle that goes all the way round: choose another seed"
        yield Year(ledger, home, last, found[0])
        ledger.close()


def test_the_cycle_goes_all_the_way_round(year: Year) -> None:
    ends = year.rows(
        'SELECT l."right", e.how FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id WHERE l.cycle = ? ORDER BY e.at',
        year.cycle["id"],
    )
    puts = [row["how"] for row in ends if row["right"] == "put"]
    calls = [row["how"] for row in ends if row["right"] == "call"]
    assert puts[-1] == "assigned"
    assert len(calls) >= 2
    assert calls[-1] == "assigned"
    assert [row["right"] for row in ends] == ["put"] * len(puts) + ["call"] * len(calls)
    (lot,) = year.rows("SELECT * FROM lots WHERE cycle = ?", year.cycle["id"])
    (left,) = year.rows("SELECT * FROM lot_ends WHERE lot_id = ?", lot["id"])
    assert (left["how"], left["qty"]) == ("called_away", lot["qty"])


def test_the_cycles_profit_is_the_sum_of_the_brokers_lines_to_the_cent(year: Year) -> None:
    lines = [
        line
        for line in year.lines(year.cycle["opened_at"], year.cycle["closed_at"])
        if underlying_of(line.symbol) == SYMBOL
    ]
    options = total(line.net for line in lines if line.kind == "FILL" and is_option(line.symbol))
    shares = total(line.net for line in lines if line.kind in ("FILL", "OPTRD") and not is_option(line.symbol))
    dividends = total(line.net for line in lines if line.kind == "DIV")
    assert {line.kind for line in lines} == {"FILL", "OPASN", "OPTRD", "DIV"}
    assert options == Decimal(year.cycle["option_cash"])
    assert shares == Decimal(year.cycle["share_cash"])
    assert dividends == Decimal(year.cycle["dividends"]) > 0
    # Fees are booked after the day they are for, under no symbol: those for this cycle come after its first day.
    opened, closed = year.cycle["opened_at"], year.cycle["closed_at"]
    fees = -total(line.net for line in year.lines(opened, closed) if line.kind == "FEE")
    assert fees == Decimal(year.cycle["fees"]) > 0
    assert options + shares + dividends - fees == Decimal(year.cycle["pnl"])


def test_strikes_paid_and_received_are_the_share_cash(year: Year) -> None:
    ends = year.rows(
        'SELECT l."right", l.strike FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id'
        " WHERE l.cycle = ? AND e.how = 'assigned'",
        year.cycle["id"],
    )
    strikes = {row["right"]: Decimal(row["strike"]) for row in ends}
    assert (strikes["call"] - strikes["put"]) * 100 == Decimal(year.cycle["share_cash"])


def test_the_tax_book_and_the_income_book_come_to_the_same_over_the_cycle(year: Year) -> None:
    legs = year.rows(
        "SELECT e.income, e.tax_income FROM leg_ends e JOIN option_legs l ON l.id = e.leg_id WHERE l.cycle = ?",
        year.cycle["id"],
    )
    lots = year.rows(
        "SELECT e.income, e.tax_income FROM lot_ends e JOIN lots l ON l.id = e.lot_id WHERE l.cycle = ?",
        year.cycle["id"],
    )
    income = total(Decimal(row["income"]) for row in (*legs, *lots))
    taxed = total(Decimal(row["tax_income"]) for row in (*legs, *lots))
    assert income == taxed
    assert any(row["income"] != row["tax_income"] for row in legs), "an assignment parts the books on its way"
    # A fee is booked the day after; one that finds its leg ended is charged to the cycle and not to the leg.
    on_legs = total(
        Decimal(row["fees"]) for row in year.rows("SELECT * FROM option_legs WHERE cycle = ?", year.cycle["id"])
    )
    late = Decimal(year.cycle["fees"]) - on_legs
    assert late >= 0
    assert income + Decimal(year.cycle["dividends"]) - late == Decimal(year.cycle["pnl"])


def test_the_account_is_the_sum_of_its_lines_and_of_its_cycles(year: Year) -> None:
    cash = year.last.snapshot.account.cash
    assert cash == total(line.net for line in year.lines())
    assert cash == year.last.snapshot.books.cash
    earned = total(
        Decimal(row["option_cash"]) + Decimal(row["share_cash"]) + Decimal(row["dividends"]) - Decimal(row["fees"])
        for row in year.rows("SELECT * FROM cycles")
    )
    assert cash == EQUITY + earned


def test_the_ledger_of_the_whole_run_verifies(year: Year) -> None:
    plain_rows = sqlite3.connect(year.home / "ledger.sqlite")
    assert list(verify(plain_rows, year.home)) == []
    plain_rows.close()
