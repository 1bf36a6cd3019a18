"""Earnings dates from a file: unknown and stale fail closed (wheel.md 1.10)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.markets.earnings import earnings_status, load_earnings, read_earnings, upcoming_earnings

CHECKED = date(2026, 11, 2)
FILE = ["symbol,date,when,as_of", "ACME,2026-11-24,amc,2026-11-02", "", "BOLT,2026-10-01,bmo,2026-11-02"]


def test_a_file_is_read_by_symbol() -> None:
    (release,) = read_earnings(FILE)["ACME"]
    assert (release.day, release.when, release.as_of) == (date(2026, 11, 24), "amc", CHECKED)


def test_no_file_knows_nothing(tmp_path: Path) -> None:
    assert load_earnings(tmp_path / "earnings.csv") == {}


def test_every_malformed_row_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "earnings.csv"
    path.write_text(
        "symbol,date,when,as_of\nACME,2026-11-24,amc,2026-11-02\nacme,2026-11-24,amc,2026-11-02\n"
        "ACME,24.11.2026,amc,2026-11-02\nACME,2026-11-24,noon,2026-11-02\nACME,2026-11-24,amc\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_earnings(path)
    assert [fault.split(" expected")[0] for fault in caught.value.faults] == [
        "earnings.csv:3:", "earnings.csv:4: date:", "earnings.csv:5: when:", "earnings.csv:6:",
    ]  # fmt: skip


def test_a_wrong_header_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"earnings\.csv:1: expected the header symbol,date,when,as_of"):
        read_earnings(["symbol,day", "ACME,2026-11-24"])


@pytest.mark.parametrize(
    ("symbol", "kind", "today", "status"),
    [
        ("ACME", "etf", CHECKED, "exempt"),
        ("ACME", "stock", CHECKED, "known"),
        ("ACME", "stock", CHECKED + timedelta(days=14), "known"),
        ("ACME", "stock", CHECKED + timedelta(days=15), "stale"),
        ("ACME", "stock", CHECKED - timedelta(days=1), "unknown"),  # not checked yet on that day
        ("ACME", "stock", date(2026, 11, 25), "unknown"),  # the release is past, the next one is not told
        ("BOLT", "stock", CHECKED, "unknown"),
        ("ZZZ", "stock", CHECKED, "unknown"),
    ],
)
def test_what_is_known_of_a_release_depends_on_kind_and_day(symbol: str, kind: str, today: date, status: str) -> None:
    assert earnings_status(read_earnings(FILE), symbol, kind, today) == status


def test_a_release_counts_on_its_own_day_and_no_longer_after() -> None:
    calendar = read_earnings(FILE)
    assert len(upcoming_earnings(calendar, "ACME", date(2026, 11, 24))) == 1
    assert upcoming_earnings(calendar, "ACME", date(2026, 11, 25)) == ()
