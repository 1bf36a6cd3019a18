"""An export: exact, whole or not at all, safe in a spreadsheet, and never silent about a sum that differs (B069)."""

from __future__ import annotations

import csv
import errno
import io
import os
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.commands.exporting import run_export
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.domain.errors import StoreError, UsageError
from bot.domain.holdings import Activity
from bot.domain.instruments import option_symbol
from bot.domain.ledger import StrategyBook
from bot.ops.export import NO_ADVICE, Export, csv_text, export
from bot.ops.export_tables import Column, Table, holdings_before, shared_fees
from bot.store.exporting import Line, Record, read_record
from bot.store.queries import open_for_questions

D = Decimal
AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
PUT = option_symbol("AAPL", date(2025, 3, 21), "put", D(100))


def line(kind: Any, day: str, symbol: str = "", qty: int = 0, cash: str = "0", **more: Any) -> Line:
    """Build one line of an account's history, booked by tick 1."""
    on = date.fromisoformat(day)
    at = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
    activity = Activity(
        id=f"{kind}-{day}-{symbol}", kind=kind, symbol=symbol, at=at, qty=D(qty), net_amount=D(cash), **more
    )
    return Line(activity, on, 1, "wheel" if kind == "FILL" else "", "", "", "")


LINES = (
    line("CSD", "2025-01-02", cash="20000"),
    line("FILL", "2025-01-06", PUT, -1, "250", price=D("2.50")),
    line("FEE", "2025-01-06", cash="-0.05", raw_type="ORF"),
    line("OPASN", "2025-03-21", PUT, 1, group_id="g"),
    line("OPTRD", "2025-03-21", "AAPL", 100, "-10000", price=D(100), group_id="g"),
    line("DIV", "2025-06-02", "AAPL", 0, "25", description="=HYPERLINK(evil)"),
    line("FILL", "2026-03-23", "AAPL", -40, "4800", price=D(120)),
)
BOOK = StrategyBook(
    strategy="wheel", premium=D(250), shares=D(-5200), dividends=D(25), fees=D("-0.05"), transfers=D(20000)
)
RECORD = Record(
    broker="alpaca", environment="live", account="PA3XYZ901234", desk="main", at=AT, lines=LINES, leg_ends=(),
    cycles=(), books=(BOOK,), positions=(("AAPL", D(60)),), drifting=frozenset(), first_tick=1,
)  # fmt: skip


def made(record: Record, to: Path, **more: Any) -> Export:
    """Export with the usual words."""
    return export(record, "alpaca live ...1234", to, **{"year": None, "form": "csv", "at": AT, **more})


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV back."""
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_an_assigned_put_is_followed_into_its_shares_year_and_term(tmp_path: Path) -> None:
    done = made(RECORD, tmp_path / "out")
    assert (done.differences, done.notes) == ((), ())
    assert [tuple(map(str, one)) for one in done.gains] == [("2026", "0", "899.98", "0")]
    (one,) = rows(tmp_path / "out" / "tax_lots.csv")
    wanted = {"tax_year": "2026", "symbol": "AAPL", "quantity": "40", "acquired": "2025-03-21", "sold": "2026-03-23",
              "proceeds": "4800", "cost_basis": "3900.02", "adjustment": "99.98", "gain": "899.98", "term": "long",
              "how": "sold"}  # fmt: skip
    assert {key: one[key] for key in wanted} == wanted
    held = rows(tmp_path / "out" / "open_lots.csv")
    assert [(row["as_of"], row["quantity"], row["cost_basis"]) for row in held] == [
        ("2025-12-31", "100", "9750.05"), ("2026-03-23", "60", "5850.03"),
    ]  # fmt: skip


def test_one_year_shows_that_years_rows_and_lots_and_the_whole_past_behind_them(tmp_path: Path) -> None:
    done = made(RECORD, tmp_path / "out", year=2025)
    assert dict(done.rows)["tax_lots"] == 0
    assert dict(done.rows)["trades"] == 1
    assert [row["as_of"] for row in rows(tmp_path / "out" / "open_lots.csv")] == ["2025-12-31"]
    (row,) = rows(tmp_path / "out" / "trades.csv")
    assert (row["amount"], row["fees"], row["net"]) == ("250", "0.05", "249.95")


def test_the_readme_disclaims_masks_the_account_and_explains_every_column(tmp_path: Path) -> None:
    made(RECORD, tmp_path / "out")
    text = (tmp_path / "out" / "README.txt").read_text()
    assert " ".join(NO_ADVICE.split()) in " ".join(text.split())
    assert "All sums agree with the ledger's books to the cent." in text
    for path in (tmp_path / "out").iterdir():
        assert RECORD.account not in path.read_text()
        for name in path.read_text().split("\n")[0].split(",") if path.suffix == ".csv" else ():
            assert f"\n  {name}: " in text
    made(replace(RECORD, environment="paper"), tmp_path / "paper")
    assert "PAPER MONEY: no real trade" in (tmp_path / "paper" / "README.txt").read_text()


def test_text_that_a_spreadsheet_would_run_is_only_text_and_numbers_stay_numbers(tmp_path: Path) -> None:
    made(RECORD, tmp_path / "out")
    (dividend,) = rows(tmp_path / "out" / "dividends.csv")
    assert dividend["description"] == "'=HYPERLINK(evil)"
    assert rows(tmp_path / "out" / "fees.csv")[0]["amount"] == "-0.05"
    table = Table("t", "", (Column("a", "text", ""),), [(text,) for text in ("+1", "-1", "@x", "\tx", "a=1", "'x")])
    assert [row[0] for row in csv.reader(io.StringIO(csv_text(table)))][1:] == [
        "'+1", "'-1", "'@x", "'\tx", "a=1", "'x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"premium": D(251)}, "trades, deliveries"),
        ({"dividends": D("25.01")}, "dividends: the lines sum to 25 USD and the books to 25.01 USD"),
        ({"fees": D(0)}, "fees:"),
        ({"interest": D(1)}, "interest"),
        ({"transfers": D(0)}, "transfers"),
        ({"moved": D(1)}, "cash"),
    ],
)
def test_a_sum_that_is_not_the_books_is_named(tmp_path: Path, change: dict[str, Decimal], words: str) -> None:
    done = made(replace(RECORD, books=(replace(BOOK, **change),)), tmp_path / "out")
    assert any(words in one for one in done.differences)
    assert f"DIFFERS {done.differences[0]}" in (tmp_path / "out" / "README.txt").read_text()


def test_lines_from_before_the_books_count_for_lots_and_not_for_the_books(tmp_path: Path) -> None:
    """The books begin with the broker's cash: what was listed then, or imported since, is inside that."""
    lines = tuple(one._replace(tick_id=None if number % 2 else 1) for number, one in enumerate(LINES[:-1]))
    last = LINES[-1]._replace(tick_id=2)
    book = StrategyBook(strategy="wheel", opening=D(10274), shares=D(4800))
    done = made(replace(RECORD, lines=(*lines, last), books=(book,)), tmp_path / "out")
    assert done.differences == ()


def test_what_was_held_before_the_record_is_of_unknown_cost_and_said(tmp_path: Path) -> None:
    record = replace(RECORD, positions=(("AAPL", D(70)), ("MSFT", D(5))))
    assert holdings_before(record) == [("AAPL", D(10)), ("MSFT", D(5))]
    done = made(record, tmp_path / "out")
    assert done.differences == ()
    assert any("1 disposals have no known gain" in note for note in done.notes)
    assert rows(tmp_path / "out" / "tax_lots.csv")[0]["gain"] == ""
    assert "10 AAPL, 5 MSFT" in (tmp_path / "out" / "README.txt").read_text()
    late = replace(record, drifting=frozenset({"AAPL", "MSFT"}))
    assert holdings_before(late) == []
    assert len(made(late, tmp_path / "late").notes) == 2


def test_open_lots_that_are_not_what_the_broker_showed_are_named(tmp_path: Path) -> None:
    done = made(replace(RECORD, positions=(("AAPL", D(50)),)), tmp_path / "out")
    assert done.differences == ("AAPL: open lots hold 60, the broker showed 50",)


def test_fees_go_to_the_last_trading_days_contracts_and_what_has_none_is_said(tmp_path: Path) -> None:
    early = line("FEE", "2024-12-01", cash="-0.02")
    shares, rest = shared_fees([early, *LINES])
    assert (shares, rest) == ({("FILL-2025-01-06-" + PUT, PUT): D("0.05")}, D("0.02"))
    book = replace(BOOK, fees=D("-0.07"))
    done = made(replace(RECORD, lines=(early, *LINES), books=(book,)), tmp_path / "out")
    assert done.differences == ()
    assert any("0.02 USD belong to no fill" in note for note in done.notes)


def test_parquet_holds_the_same_numbers_as_exact_decimals(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    made(RECORD, tmp_path / "out", form="both")
    for path in sorted((tmp_path / "out").glob("*.parquet")):
        table = parquet.read_table(path)
        assert table.num_rows == len(rows(path.with_suffix(".csv")))
    (row,) = parquet.read_table(tmp_path / "out" / "tax_lots.parquet").to_pylist()
    assert (row["cost_basis"], row["acquired"], row["tax_year"]) == (D("3900.02"), date(2025, 3, 21), 2026)


def test_parquet_without_its_library_names_the_extra_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'escapement\[data\]'"):
        made(RECORD, tmp_path / "out", form="parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_in_it_is_refused_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    used, empty, file = tmp_path / "used", tmp_path / "empty", tmp_path / "file"
    used.mkdir()
    empty.mkdir()
    file.write_text("x")
    (used / "x").write_text("mine")
    for bad in (used, file):
        with pytest.raises(UsageError, match="expected a new"):
            made(RECORD, bad)
    assert (used / "x").read_text() == "mine"
    made(RECORD, empty)
    assert (empty / "README.txt").exists()
    assert oct((empty / "trades.csv").stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot be written")])
def test_a_disk_that_refuses_is_named_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    calls = []

    def fails(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match=words):
        made(RECORD, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the .env of a simulated account whose puts came to something."""
    folder = tmp_path_factory.mktemp("export")
    env = folder / ".env"
    env.write_text(f"BOT_HOME={folder / 'home'}\n")
    choice = Choice(
        days=30, until="2026-11-18", home=str(folder / "home"), seed=7, profile="aggressive", equity="100000",
        symbols="",
    )  # fmt: skip
    simulate(make_home(str(env), choice), chosen_sessions(30, choice.until, datetime(2026, 11, 19, 1, tzinfo=UTC)))
    return env


def test_a_simulated_accounts_export_agrees_with_its_books(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_export(str(home), to=str(tmp_path / "out"), year=0, form="csv")
    said = capsys.readouterr().out
    assert "SIMULATED MONEY" in said
    assert "every sum agrees with the books to the cent" in said
    with open_for_questions(home.parent / "home") as ledger:
        record = read_record(ledger)
    assert record is not None
    assert len(rows(tmp_path / "out" / "trades.csv")) == sum(one.activity.kind == "FILL" for one in record.lines) > 20
    assert len(rows(tmp_path / "out" / "premium.csv")) == len(record.leg_ends) > 5
    assert len(rows(tmp_path / "out" / "cycles.csv")) == len(record.cycles)
    assert "SIMULATED MONEY: no real trade" in (tmp_path / "out" / "README.txt").read_text()


def test_the_command_refuses_what_it_does_not_take(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="csv, parquet or both"):
        run_export(str(home), to=str(tmp_path / "out"), year=0, form="xls")
    with pytest.raises(UsageError, match="a new folder"):
        run_export(str(home), to=" ", year=0, form="csv")
    (tmp_path / ".env").write_text(f"BOT_HOME={tmp_path / 'none'}\n")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "desk.toml").write_text((home.parent / "home" / "desk.toml").read_text())
    with pytest.raises(StoreError, match="tick"):
        run_export(str(tmp_path / ".env"), to=str(tmp_path / "out"), year=0, form="csv")
    assert not (tmp_path / "out").exists()
