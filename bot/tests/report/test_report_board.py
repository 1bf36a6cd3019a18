"""What the board shows of a tick: words and numbers of its Snapshot, and what the owner types."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bot.domain.halting import HALT_FILE
from bot.domain.ledger import Books, Halt
from bot.domain.market import Dividend
from bot.report.board import (
    ahead_rows,
    halt_row,
    mean_basis,
    position_rows,
    quotes_of_orders,
    seen_of,
    share_prices,
)
from bot.report.week import Place, week_report
from bot.report.week_shorts import Ahead
from bot.tests.builders import (
    NOON,
    a_chain,
    a_desk,
    a_lot,
    a_quote,
    a_slab,
    a_snapshot,
    an_option_leg,
    call,
    held,
    put,
    some_events,
)

D = Decimal
EXPIRY = date(2026, 12, 18)


@pytest.mark.parametrize(
    ("halt", "command"),
    [
        (Halt(), ""),
        (Halt(level="reduce_only", author="ada", reason="x", clears="a person: `bot resume`"), "bot resume"),
        (Halt(level="reduce_only", author="ada", reason="x", clears="a person"), "bot resume"),
        (Halt(level="stop", author=HALT_FILE, reason="x", clears="remove the file"), "rm '/desks/a desk/HALT'"),
        (Halt(level="no_new_risk", author="trip: daily_loss_share", clears="by itself at the next session"), ""),
        (
            Halt(
                level="no_new_risk",
                author="trip: drawdown_no_new_risk",
                clears="or by a person: `bot resume --new-peak`",
            ),
            "bot resume --new-peak",
        ),
        (Halt(level="reduce_only", author="drill", clears="by itself once `bot drill` passes"), "bot drill"),
    ],
)
def test_a_halt_comes_with_what_the_owner_types_to_change_it(halt: Halt, command: str) -> None:
    row = halt_row(halt, "/desks/a desk")
    assert (row.level, row.author, row.command) == (halt.level, halt.author, command)


def test_a_mean_basis_is_by_shares_and_unknown_where_one_is() -> None:
    lots = [a_lot(qty="100", basis="40"), a_lot(qty="300", basis="44")]
    assert mean_basis(lots, "basis_strike") == D(43)
    unknown = a_lot(qty="1", basis="1", basis_wheel=None)
    assert mean_basis([*lots, unknown], "basis_wheel") is None
    assert mean_basis([], "basis_strike") is None


def test_an_orders_market_is_its_quote_and_else_its_row_of_the_chain() -> None:
    near, far = put("XLF", EXPIRY, "38"), put("XLF", EXPIRY, "39.5")
    rows = [("38", "0.40", "0.50", 10, -0.2, 0.2), ("39.5", "0.70", "0.90", 10, -0.3, 0.2)]
    snapshot = a_snapshot(
        chains=(a_chain("XLF", "put", a_slab(EXPIRY, rows)),), quotes=(a_quote("XLF"), a_quote(near, "0.41", "0.49"))
    )
    found = {symbol: (bid, ask) for symbol, bid, ask in quotes_of_orders(snapshot, {near, far, "XLF", "KO"})}
    assert found == {near: (D("0.41"), D("0.49")), far: (D("0.70"), D("0.90")), "XLF": (D("39.99"), D("40.01"))}


def test_a_price_is_the_mid_of_a_share_and_never_an_options() -> None:
    option = put("XLF", EXPIRY, "38")
    quotes = (a_quote("XLF"), a_quote("KO", None, None), a_quote(option, "1", "2"))
    assert share_prices(a_snapshot(quotes=quotes)) == {"XLF": D(40)}


def test_what_was_seen_names_each_quote_with_its_age_and_source() -> None:
    seen = seen_of(a_snapshot(quotes=(a_quote("XLF"),)))
    assert seen["quotes"][0]["symbol"] == "XLF"
    assert seen["quotes"][0]["age"] >= 0
    assert seen["quotes"][0]["source"]
    assert (seen["positions"], seen["orders"]) == (0, 0)


def test_an_ex_date_says_which_calls_are_at_risk_and_not_what_will_be_done() -> None:
    short = call("XLF", EXPIRY, "41")
    dividend = Dividend(symbol="XLF", ex_date=date(2026, 11, 23), amount=D("0.20"))
    snapshot = a_snapshot(
        positions=(held("XLF", "100", price="40"), held(short, "-1")),
        quotes=(a_quote("XLF"), a_quote(short, "0.40", "0.50")),
        events=(some_events("XLF", dividends=(dividend,)),),
        books=Books(legs=(an_option_leg(short),), lots=(a_lot(),)),
    )
    place = Place(home="/desk", mode="live", next_slot=NOON)
    week = week_report(snapshot, a_desk("XLF"), Ahead(), place, 7)
    found = [row for row in ahead_rows(week) if row.kind == "ex_date"]
    assert [(row.day, row.symbol, row.severity, row.amount) for row in found] == [("2026-11-23", "XLF", "warn", None)]
    assert found[0].what.endswith("; an exercise for it may take the shares: 41 call")


def test_what_is_in_the_money_at_the_end_of_the_week_is_a_likely_assignment_with_its_cash() -> None:
    expiry = date(2026, 11, 20)
    deep, safe = put("XLF", expiry, "42"), put("XLF", expiry, "30")
    snapshot = a_snapshot(
        positions=(held(deep, "-2"), held(safe, "-1")),
        quotes=(a_quote("XLF"), a_quote(deep, "2.0", "2.1"), a_quote(safe, "0.01", "0.03")),
        books=Books(legs=(an_option_leg(deep, qty="-2"), an_option_leg(safe))),
    )
    place = Place(home="/desk", mode="live", next_slot=NOON)
    week = week_report(snapshot, a_desk("XLF"), Ahead(), place, 7)
    likely = [row for row in ahead_rows(week) if row.kind == "assignment"]
    assert [(row.day, row.amount, row.severity) for row in likely] == [("2026-11-20", D(-8400), "warn")]
    shown = {row.symbol: row for row in position_rows(snapshot, week)}
    assert (shown[deep].collateral, shown[deep].dte, shown[deep].protection) == (D(8400), 2, "secured by cash")
    ways = {symbol: row.moneyness_fraction or 0.0 for symbol, row in shown.items()}
    assert ways[deep] < 0 < ways[safe]
