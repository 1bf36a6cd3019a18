"""Alpaca's corporate actions: once a day, none is not unknown, expected ex-dates, splits, earnings from the file."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.market import Dividend, Earnings, Events, EventsRequest, MarketReads, Split
from bot.tests.markets.alpaca_canned import ACTIONS, NOON, D, FakeClient, a_market, actions, dividend, paged, refused

QUARTERS = [dividend("XLF", day, 0.2) for day in ("2025-12-22", "2026-03-23", "2026-06-22", "2026-09-21")]


def fetch(folder: Path, client: FakeClient, *symbols: str, at: datetime = NOON, **given: Any) -> MarketReads:
    return a_market(client, folder, **given).fetch((EventsRequest(symbols=symbols or ("XLF",)),), at)


def only(reads: MarketReads) -> Events:
    (events,) = reads.events
    return events


def test_past_declared_and_expected_ex_dates_stand_in_one_calendar(tmp_path: Path) -> None:
    declared = dividend("XLF", "2026-12-18", 0.22, payable_date="2026-12-28")
    events = only(fetch(tmp_path, FakeClient(**{ACTIONS: actions(cash_dividends=[*QUARTERS, declared])})))
    assert events.dividend_status == "known"
    assert [one.ex_date for one in events.dividends if not one.expected][-2:] == [date(2026, 9, 21), date(2026, 12, 18)]
    assert events.dividends[4] == Dividend(
        symbol="XLF", ex_date=date(2026, 12, 18), amount=D("0.22"), pay_date=date(2026, 12, 28)
    )
    assert [one.ex_date for one in events.dividends if one.expected] == [date(2027, 3, 18), date(2027, 6, 18)]


def test_actions_are_asked_for_400_days_back_and_120_ahead(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: actions()})
    fetch(tmp_path, client, "XLF", "EWZ")
    (asked,) = client.asked
    assert (asked.data, asked.version) == (True, "v1")
    assert asked.query == {
        "symbols": "XLF,EWZ", "types": "cash_dividend,forward_split,reverse_split,stock_dividend",
        "start": "2025-10-14", "end": "2027-03-18", "limit": "1000",
    }  # fmt: skip


def test_a_good_answer_without_a_dividend_is_none_and_a_failed_one_unknown(tmp_path: Path) -> None:
    """Wheel 1.9."""
    assert only(fetch(tmp_path / "a", FakeClient(**{ACTIONS: actions()}))).dividend_status == "none"
    failed = fetch(tmp_path / "b", FakeClient(**{ACTIONS: BrokerUnreachable("no answer")}))
    assert only(failed).dividend_status == "unknown"
    assert failed.errors == ("dividends and splits of XLF: no answer",)


def test_a_dividend_older_than_400_days_is_no_longer_a_payer(tmp_path: Path) -> None:
    old = dividend("XLF", "2025-10-14", process_date="2025-11-30")
    assert only(fetch(tmp_path, FakeClient(**{ACTIONS: actions(cash_dividends=[old])}))).dividend_status == "none"


def test_one_payment_that_does_not_tell_the_next_one_is_unknown(tmp_path: Path) -> None:
    lone = actions(cash_dividends=[dividend("XLF", "2026-09-21")])
    assert only(fetch(tmp_path / "a", FakeClient(**{ACTIONS: lone}))).dividend_status == "unknown"
    ahead = actions(cash_dividends=[dividend("XLF", "2026-12-21")])
    assert only(fetch(tmp_path / "b", FakeClient(**{ACTIONS: ahead}))).dividend_status == "known"


def test_payments_of_one_day_are_one_dividend(tmp_path: Path) -> None:
    rows = [*QUARTERS, dividend("XLF", "2026-12-18", 0.2), dividend("XLF", "2026-12-18", 1.5, special=True)]
    events = only(fetch(tmp_path, FakeClient(**{ACTIONS: actions(cash_dividends=rows)})))
    (declared,) = [one for one in events.dividends if one.ex_date == date(2026, 12, 18)]
    assert declared.amount == D("1.7")


def test_the_same_day_asks_once_and_says_when_that_was(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: actions(cash_dividends=QUARTERS)})
    first = fetch(tmp_path, client)
    later = NOON + timedelta(hours=3)
    again = fetch(tmp_path, client, at=later)
    assert len(client.asked) == 1
    assert only(again) == only(first)
    assert only(again).as_of == NOON


def test_a_new_day_in_new_york_asks_again(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: actions()})
    fetch(tmp_path, client)
    fetch(tmp_path, client, at=datetime(2026, 11, 19, 4, 59, tzinfo=UTC))
    assert len(client.asked) == 1
    fetch(tmp_path, client, at=datetime(2026, 11, 19, 5, 0, tzinfo=UTC))
    assert len(client.asked) == 2


def test_a_new_symbol_asks_for_itself_only(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: actions(cash_dividends=QUARTERS)})
    fetch(tmp_path, client)
    reads = fetch(tmp_path, client, "EWZ", "XLF", "BRK.B")
    assert [one.query["symbols"] for one in client.asked] == ["XLF", "EWZ,BRK.B"]
    assert [(one.symbol, one.dividend_status) for one in reads.events] == [
        ("EWZ", "none"), ("XLF", "known"), ("BRK.B", "none"),
    ]  # fmt: skip


def test_a_failed_read_is_tried_again_in_the_next_tick(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: BrokerUnreachable("no answer")})
    fetch(tmp_path, client)
    client.answers[ACTIONS] = actions()
    assert only(fetch(tmp_path, client)).dividend_status == "none"


def test_a_symbol_that_is_refused_is_unknown_and_costs_only_itself(tmp_path: Path) -> None:
    client = FakeClient(**{ACTIONS: lambda query: refused() if "ACME" in query["symbols"] else actions()})
    reads = fetch(tmp_path, client, "ACME", "XLF", "EWZ")
    assert [one.dividend_status for one in reads.events] == ["unknown", "none", "none"]
    assert len(reads.errors) == 1


def test_pages_are_joined(tmp_path: Path) -> None:
    pages = [actions(cash_dividends=QUARTERS[:2]), actions(cash_dividends=QUARTERS[2:])]
    events = only(fetch(tmp_path, FakeClient(**{ACTIONS: paged(pages)})))
    assert len([one for one in events.dividends if not one.expected]) == 4


def test_part_of_an_answer_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    reads = fetch(tmp_path, FakeClient(**{ACTIONS: paged([actions(cash_dividends=QUARTERS)] * 50)}))
    assert only(reads).dividend_status == "unknown"
    assert reads.errors == ("dividends and splits of XLF: more than 10 pages",)


@pytest.mark.parametrize(
    "damage", [{"ex_date": None}, {"ex_date": "soon"}, {"rate": None}, {"rate": "x"}, {"rate": -0.2}], ids=str
)
def test_a_dividend_that_cannot_be_read_makes_the_calendar_unknown_all_day(
    tmp_path: Path, damage: dict[str, Any]
) -> None:
    client = FakeClient(**{ACTIONS: actions(cash_dividends=[*QUARTERS, dividend("XLF", "2026-12-18") | damage])})
    for _ in range(2):
        reads = fetch(tmp_path, client, "XLF", "EWZ")
        assert [one.dividend_status for one in reads.events] == ["unknown", "none"]
        assert reads.errors[0].startswith("XLF: a cash dividend cannot be read")
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [[], None, "no", {}, {"corporate_actions": []}, {"corporate_actions": {"cash_dividends": {"x": 1}}},
     {"corporate_actions": {"cash_dividends": [7]}}],
    ids=str,
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_unknown_never_none_and_asked_for_again(tmp_path: Path, answer: Any) -> None:
    client = FakeClient(**{ACTIONS: answer})
    reads = fetch(tmp_path, client)
    assert only(reads).dividend_status == "unknown"
    assert reads.errors
    client.answers[ACTIONS] = actions()
    assert only(fetch(tmp_path, client)).dividend_status == "none"


def test_a_dividend_that_names_nobody_may_be_anybodys(tmp_path: Path) -> None:
    nameless = dividend("XLF", "2026-12-18") | {"symbol": None}
    reads = fetch(tmp_path, FakeClient(**{ACTIONS: actions(cash_dividends=[nameless])}), "XLF", "EWZ")
    assert all(date(2026, 12, 18) in [dividend.ex_date for dividend in one.dividends] for one in reads.events)


def test_splits_are_new_shares_for_an_old_one(tmp_path: Path) -> None:
    def split(day: str, new: float, old: float) -> dict[str, Any]:
        return {"symbol": "XLF", "ex_date": day, "process_date": day, "new_rate": new, "old_rate": old}

    told = actions(
        forward_splits=[split("2026-12-01", 3, 2)],
        reverse_splits=[split("2026-06-01", 1, 50)],
        stock_dividends=[{"symbol": "XLF", "ex_date": "2026-09-01", "rate": 0.05}],
        spin_offs=[{"source_symbol": "XLF", "ex_date": "2026-09-01"}],
    )
    events = only(fetch(tmp_path, FakeClient(**{ACTIONS: told})))
    assert events.splits == (
        Split(symbol="XLF", day=date(2026, 6, 1), ratio=D("0.02")),
        Split(symbol="XLF", day=date(2026, 9, 1), ratio=D("1.05")),
        Split(symbol="XLF", day=date(2026, 12, 1), ratio=D("1.5")),
    )


def test_a_split_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = {"symbol": "XLF", "ex_date": "2026-12-01", "new_rate": 2, "old_rate": 0}
    reads = fetch(tmp_path, FakeClient(**{ACTIONS: actions(forward_splits=[broken])}))
    assert only(reads).splits == ()
    assert only(reads).dividend_status == "unknown"
    assert reads.errors == ("XLF: a split cannot be read (ex-date 2026-12-01, ratio None)",)


@pytest.mark.parametrize(
    "damage",
    [
        None,
        7,
        [],
        {},
        {"at": "x"},
        {"dividends": 3},
        {"dividends": [["x"]]},
        {"dividends": [["2026-12-18", "much", "", False]]},
        {"splits": [[1]]},
        {"faults": [3]},
    ],
)
def test_a_note_that_was_damaged_is_read_anew(tmp_path: Path, damage: Any) -> None:
    client = FakeClient(**{ACTIONS: actions(cash_dividends=QUARTERS)})
    good = fetch(tmp_path, client)
    path = tmp_path / "cache" / "corporate-actions-xlf.json"
    whole = json.loads(path.read_text())
    whole["value"] = whole["value"] | damage if isinstance(damage, dict) and damage else damage
    path.write_text(json.dumps(whole))
    assert fetch(tmp_path, client).events == good.events
    assert len(client.asked) == 2


def test_earnings_come_from_the_file_and_funds_are_exempt(tmp_path: Path) -> None:
    """Wheel 1.10."""
    release = Earnings(symbol="ACME", day=date(2026, 11, 24), when="amc", as_of=date(2026, 11, 10))
    client = FakeClient(**{ACTIONS: actions()})
    symbols = ("ACME", "XLF", "ZZZ")
    reads = fetch(tmp_path, client, *symbols, earnings={"ACME": (release,)})
    assert [one.earnings_status for one in reads.events] == ["known", "exempt", "unknown"]
    assert reads.events[0].earnings == (release,)
    (stale, *_) = fetch(
        tmp_path, client, *symbols, earnings={"ACME": (release,)}, at=NOON + timedelta(days=7)
    ).events  # fmt: skip
    assert stale.earnings_status == "unknown"
    (stale, *_) = fetch(
        tmp_path, client, *symbols, earnings={"ACME": (release,)}, at=NOON + timedelta(days=5)
    ).events  # fmt: skip
    assert (stale.earnings_status, stale.earnings) == ("known", (release,))
