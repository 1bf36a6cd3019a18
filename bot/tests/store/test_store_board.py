"""What the board keeps of ticks: prices carried into indexes, sums carried on, counts that never start over."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.store import board, board_sums
from bot.store.board_sums import Reached
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.store.scene import a_tick, rows

D = Decimal
MON, TUE, WED, LATE = "2026-11-16", "2026-11-17", "2026-11-18", "2026-12-18"


@pytest.fixture
def connection(journal: LedgerJournal) -> Any:
    return journal.database.connection


def a_day(connection: Any, day: str, nav: str = "1", benchmark: str | None = "100", **given: Any) -> None:
    facts = {"pnl": None, "before": None, "flow": "0"} | given
    connection.execute(
        "INSERT OR REPLACE INTO equity_daily VALUES (?, 1, '100', 100.0, '100', ?, ?, ?, ?, '1', '0', ?)",
        (day, facts["before"], facts["flow"], facts["pnl"], nav, benchmark),
    )


def seen(connection: Any, tick_id: int, day: str, held: str = "A B", benchmark: str = "SPY", **prices: str) -> None:
    """Let a tick of a day see prices, and carry the indexes on."""
    exact = {symbol: D(price) for symbol, price in prices.items()}
    board.put_prices(connection, day, exact)
    board.put_indexes(connection, tick_id, day, exact, held.split(), benchmark, "SPY")


def index(connection: Any, day: str, name: str = "holding_index") -> Any:
    return connection.execute(f"SELECT {name} FROM board_days WHERE day = ?", (day,)).fetchone()[0]


# indexes


def test_holding_is_the_mean_of_what_its_names_did_since_the_first_tick(connection: Any) -> None:
    a_day(connection, MON)
    seen(connection, 1, MON, A="10", B="50")
    assert index(connection, MON) == 1
    seen(connection, 2, MON, A="11", B="50")
    assert index(connection, MON) == pytest.approx(1.05)
    a_day(connection, TUE)
    seen(connection, 3, TUE, A="11", B="55")
    assert index(connection, TUE) == pytest.approx(1.05 * 1.05)
    moments = connection.execute("SELECT holding_index FROM board_moments ORDER BY tick_id").fetchall()
    assert [value for (value,) in moments] == pytest.approx([1, 1.05, 1.1025])


def test_a_name_that_joins_or_leaves_moves_nothing(connection: Any) -> None:
    for number, day in enumerate((MON, TUE, WED)):
        a_day(connection, day)
        names = {"A": "10", "B": "50", "C": "5"} if number else {"A": "10", "B": "50"}
        seen(connection, number, day, held=("A B", "A B C", "A C")[number], **names)
    assert [index(connection, day) for day in (MON, TUE, WED)] == [1, 1, 1]


def test_a_name_without_a_price_has_not_moved_and_catches_up_the_day_after(connection: Any) -> None:
    for number, (day, prices) in enumerate(((MON, "10 50"), (TUE, "12"), (WED, "12 60"))):
        a_day(connection, day)
        seen(connection, number, day, **dict(zip("AB", prices.split(), strict=False)))
    assert index(connection, TUE) == pytest.approx(1.1)
    assert index(connection, WED) == pytest.approx(1.1 * 1.1)


def test_a_name_without_a_price_in_one_tick_stands_where_it_stood_today(connection: Any) -> None:
    a_day(connection, MON)
    seen(connection, 1, MON, A="100", B="50")
    a_day(connection, TUE)
    seen(connection, 2, TUE, A="110", B="50")
    before = index(connection, TUE)
    seen(connection, 3, TUE, B="50")
    assert index(connection, TUE) == pytest.approx(before)


def test_a_name_that_was_away_for_long_does_not_bring_its_way_along(connection: Any) -> None:
    a_day(connection, MON)
    seen(connection, 1, MON, A="10", B="50")
    for number, day in enumerate(("2026-12-16", "2026-12-17")):
        a_day(connection, day)
        seen(connection, 2 + number, day, held="A", A="10")
    a_day(connection, LATE)
    seen(connection, 9, LATE, A="10", B="500")
    assert index(connection, LATE) == 1


def test_another_benchmark_goes_on_from_where_the_old_one_stood(connection: Any) -> None:
    a_day(connection, MON, benchmark="100")
    seen(connection, 1, MON, SPY="100")
    a_day(connection, TUE, benchmark="110")
    seen(connection, 2, TUE, SPY="110")
    assert index(connection, TUE, "benchmark_index") == pytest.approx(1.1)
    a_day(connection, WED, benchmark="40")
    seen(connection, 3, WED, benchmark="QQQ", QQQ="40")
    assert index(connection, WED, "benchmark_index") == pytest.approx(1.1)


def test_days_the_board_missed_are_filled_in_from_the_ledger(connection: Any) -> None:
    a_day(connection, MON, nav="1.01", benchmark="100", pnl="5", before="95", flow="5")
    a_day(connection, TUE, nav="1.02", benchmark="105")
    a_day(connection, WED, nav="1.03", benchmark="110")
    seen(connection, 3, WED, A="10", SPY="110")
    found = connection.execute("SELECT day, nav_index, benchmark_index, pnl_fraction FROM board_days").fetchall()
    assert [row[:2] for row in found] == [(MON, 1.01), (TUE, 1.02), (WED, 1.03)]
    assert [row[2] for row in found] == pytest.approx([1, 1.05, 1.1])
    assert found[0][3] == pytest.approx(0.05), "on the equity before and what was moved in"


# sums


def earned(connection: Any, day: str, symbol: str, income: str, kind: str = "premium", tick_id: int | None = 1) -> None:
    """Write a day's income as a settlement does, with the line behind it."""
    row = connection.execute(
        "SELECT income FROM income_daily WHERE (day, symbol, kind) = (?, ?, ?)", (day, symbol, kind)
    ).fetchone()
    so_far = D(income) + (D(row[0]) if row else 0)
    connection.execute(
        "INSERT OR REPLACE INTO income_daily VALUES (?, ?, 'wheel', ?, ?, ?, 1)",
        (day, symbol, kind, *[str(so_far)] * 2),
    )
    if kind == "dividends":
        connection.execute(
            "INSERT INTO activities VALUES (?, 'DIV', ?, ?, ?, ?, '0', NULL, ?, '', '', '', '')",
            (f"{day}{symbol}{income}", symbol, tick_id, f"{day}T20:00:00.000000Z", day, income),
        )
        return
    leg = f"{symbol}-{day}"
    at = f"{day}T20:00:00.000000Z"
    connection.execute(
        "INSERT OR IGNORE INTO option_legs VALUES (?, 'S', ?, 'put', '40', ?, '-1', ?, 'wheel', 'ours', 'c', ?, 0, '1',"
        " '0', 0, 1, ?)",
        (leg, symbol, day, at, leg, at),
    )
    connection.execute(
        "INSERT INTO leg_ends (tick_id, leg_id, symbol, underlying, qty, how, at, day, price, income, tax_income)"
        " VALUES (?, ?, 'S', ?, '1', 'expired', ?, ?, '0', ?, ?)",
        (tick_id, leg, symbol, at, day, income, income),
    )


def carry(connection: Any, tick_id: int) -> Reached:
    """Bring the sums to a tick; give from where."""
    before, now = board_sums.read_reached(connection, tick_id)
    board_sums.put_sums(connection, before, now)
    return before


def months(home: Path) -> list[tuple[Any, ...]]:
    return rows(home, "SELECT month, symbol, kind, income FROM board_months ORDER BY month, symbol, kind")


@pytest.fixture
def summed(home: Path, journal: LedgerJournal, connection: Any) -> Any:
    a_tick(journal)
    earned(connection, "2026-10-30", "XLF", "10.10")
    earned(connection, "2026-11-02", "XLF", "0.90")
    assert carry(connection, 1) == Reached()
    return connection


def test_weeks_run_from_monday_over_the_end_of_a_month(home: Path, summed: Any) -> None:
    assert rows(home, "SELECT week, first_day, income FROM board_weeks ORDER BY first_day") == [
        ("2026-W44", "2026-10-26", "10.10"), ("2026-W45", "2026-11-02", "0.90"),
    ]  # fmt: skip
    assert months(home) == [("2026-10", "XLF", "premium", "10.10"), ("2026-11", "XLF", "premium", "0.90")]


def test_a_line_that_comes_years_late_finds_its_month(home: Path, summed: Any) -> None:
    earned(summed, "2019-01-31", "KO", "3", "dividends", tick_id=1)
    summed.execute("UPDATE board_reached SET tick_id = 0, leg_end_id = 2")
    carry(summed, 2)
    assert months(home)[0] == ("2019-01", "KO", "dividends", "3")
    assert rows(home, "SELECT realized, dividends FROM board_symbols WHERE symbol = 'KO'") == [("3", "3")]


def test_income_booked_again_on_a_known_day_changes_the_sums_by_just_that(home: Path, summed: Any) -> None:
    earned(summed, "2026-10-30", "XLF", "-20.15")
    carry(summed, 2)
    carry(summed, 3)
    assert months(home)[0] == ("2026-10", "XLF", "premium", "-10.05")
    assert rows(home, "SELECT symbol, realized, realized_sort FROM board_symbols") == [("XLF", "-9.15", -9.15)]
    assert rows(home, "SELECT how, income FROM board_legs ORDER BY id") == [("expired", "-10.05"), ("expired", "0.90")]


def test_an_import_makes_everything_anew(home: Path, summed: Any) -> None:
    earned(summed, "2025-03-04", "EWZ", "7", tick_id=None)
    summed.execute("INSERT INTO imports VALUES (1, ?, 'ada', 1, NULL, NULL, 1, '[]', x'00')", (str(NOON),))
    assert carry(summed, 2) == Reached()
    assert months(home)[0] == ("2025-03", "EWZ", "premium", "7")
    assert rows(home, "SELECT symbol, realized FROM board_symbols ORDER BY symbol") == [("EWZ", "7"), ("XLF", "11.00")]
    assert rows(home, "SELECT count(*) FROM board_legs") == [(3,)], "its legs have no tick"
    assert carry(summed, 3) == Reached(2, 3, 0, 1), "and then only what is new"


def test_open_profit_goes_where_nothing_is_held_any_more(home: Path, summed: Any) -> None:
    board_sums.put_open(summed, {"XLF": D("-5"), "KO": D("2.5")})
    board_sums.put_open(summed, {"KO": D("3")})
    assert rows(home, "SELECT symbol, realized, open, open_sort FROM board_symbols ORDER BY symbol") == [
        ("KO", "0", "3", 3.0), ("XLF", "11.00", "0", 0.0),
    ]  # fmt: skip


# strategies


def wished(connection: Any, tick_id: int, strategy: str, approved: int) -> None:
    connection.execute(
        "INSERT INTO order_intents (tick_id, ts, position, strategy, purpose, symbol, underlying, side, qty,"
        " order_type, legs, reason, approved, refused_by, details_json, cycle, submitted, client_order_id)"
        " VALUES (?, '', 0, ?, '', '', '', '', '1', '', '', '', ?, '', '', '', 0, ?)",
        (tick_id, strategy, approved, "x" if approved else None),
    )


def test_a_strategy_is_counted_on_and_one_that_left_desk_toml_is_kept(home: Path, journal: LedgerJournal) -> None:
    connection = journal.database.connection
    wheel, stops = ("wheel", "wheel", "live", 1, 10, "XLF"), ("stops", "trailing_stop", "off", 0, 20, "KO")
    connection.execute("PRAGMA foreign_keys = OFF")
    for tick_id, approved in ((1, 1), (1, 0), (2, 1)):
        wished(connection, tick_id, "wheel", approved)
    wished(connection, 1, "stops", 1)
    board_sums.put_strategies(connection, [wheel], 1)
    asked = "SELECT name, stage, enabled, intents, approved, orders, counted_tick FROM board_strategies ORDER BY name"
    assert rows(home, asked) == [("wheel", "live", 1, 2, 1, 1, 1)]
    board_sums.put_strategies(connection, [wheel, stops], 2)
    assert rows(home, asked) == [("stops", "off", 0, 1, 1, 1, 2), ("wheel", "live", 1, 3, 2, 2, 2)]
    board_sums.put_strategies(connection, [stops], 3)
    assert rows(home, asked)[1] == ("wheel", "retired", 0, 3, 2, 2, 3)
    board_sums.put_strategies(connection, [wheel, stops], 3)
    assert rows(home, asked)[1] == ("wheel", "live", 1, 3, 2, 2, 3)
