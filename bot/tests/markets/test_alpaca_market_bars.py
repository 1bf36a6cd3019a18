"""Alpaca's bars: one request a step, finished ones only, inside sessions, hours counted from the open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable
from bot.domain.market import Bar, BarsRequest, MarketReads
from bot.markets.synthetic import SyntheticMarket
from bot.tests.markets.alpaca_canned import BARS, NOON, D, FakeClient, a_market, paged, refused


def raw(at: str, close: float = 40.0, **given: Any) -> dict[str, Any]:
    return {"t": at, "o": 39.9, "h": 41, "l": 39.5, "c": close, "v": 1118, "n": 65, "vw": 40.1} | given


def request(symbol: str = "XLF", step: Any = "1day", count: int = 3) -> BarsRequest:
    return BarsRequest(symbol=symbol, step=step, count=count)


def fetch(folder: Path, client: FakeClient, *requests: BarsRequest, at: datetime = NOON, **given: Any) -> MarketReads:
    return a_market(client, folder, **given).fetch(requests, at)


def told(**by_symbol: list[Any]) -> dict[str, Any]:
    return {"bars": by_symbol, "next_page_token": None}


def test_days_that_are_over_are_given_oldest_first_at_their_open(tmp_path: Path) -> None:
    days = [raw(f"2026-11-{day}T05:00:00Z", 39.6 + day / 100) for day in (18, 13, 16, 17)]
    (bars,) = fetch(tmp_path, FakeClient(**{BARS: told(XLF=days)}), request()).bars
    assert [f"{bar.at:%m-%d %H:%M}" for bar in bars.bars] == ["11-13 14:30", "11-16 14:30", "11-17 14:30"]
    assert (bars.bars[-1].close, bars.bars[-1].volume) == (D("39.77"), 1118)
    assert (bars.source, bars.step) == ("alpaca iex", "1day")


def test_the_day_itself_counts_from_its_close_on(tmp_path: Path) -> None:
    client = FakeClient(**{BARS: told(XLF=[raw("2026-11-18T05:00:00Z")])})
    close = datetime(2026, 11, 18, 21, 0, tzinfo=UTC)
    assert fetch(tmp_path, client, request(), at=close - timedelta(seconds=1)).bars == ()
    assert len(fetch(tmp_path, client, request(), at=close).bars) == 1


def test_one_request_a_step_for_all_symbols_split_adjusted_from_the_chosen_feed(tmp_path: Path) -> None:
    client = FakeClient(**{BARS: told()})
    fetch(tmp_path, client, request("XLF"), request("EWZ", count=250), request("XLF", "15min", 30), stock_feed="sip")
    daily, minutes = client.asked
    assert daily.query == {
        "symbols": "EWZ,XLF", "timeframe": "1Day", "start": "2025-11-17", "end": "2026-11-18T17:00:00Z",
        "adjustment": "split", "feed": "sip", "limit": "10000",
    }  # fmt: skip
    assert (minutes.query["timeframe"], minutes.query["start"]) == ("15Min", "2026-11-12")


def test_minutes_outside_the_session_and_unfinished_ones_are_dropped(tmp_path: Path) -> None:
    moments = ["14:15", "14:30", "16:30", "16:45", "17:00", "21:00"]
    rows = [raw(f"2026-11-18T{moment}:00Z") for moment in moments]
    (bars,) = fetch(tmp_path, FakeClient(**{BARS: told(XLF=rows)}), request(step="15min", count=9)).bars
    assert [f"{bar.at:%H:%M}" for bar in bars.bars] == ["14:30", "16:30", "16:45"]


def test_hours_are_put_together_from_half_hours_counted_from_the_open(tmp_path: Path) -> None:
    rows = [
        raw("2026-11-18T14:00:00Z", h=99, c=39.5), raw("2026-11-18T14:30:00Z", o=40, h=40.5),
        raw("2026-11-18T15:00:00Z", 40.2, l=39.1), raw("2026-11-18T15:30:00Z", 40.3), raw("2026-11-18T16:30:00Z"),
    ]  # fmt: skip
    client = FakeClient(**{BARS: told(XLF=rows)})
    (bars,) = fetch(tmp_path, client, request(step="1hour")).bars
    assert client.asked[0].query["timeframe"] == "30Min"
    first = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    assert bars.bars[0] == Bar(at=first, open=D(40), high=D(41), low=D("39.1"), close=D("40.2"), volume=2236)
    # The hour from 16:30 ends at 17:30 and is not over.
    assert [f"{bar.at:%H:%M}" for bar in bars.bars] == ["14:30", "15:30"]


def test_hours_fall_where_the_embedded_market_puts_them(tmp_path: Path) -> None:
    at = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)  # the close of a short session
    own = SyntheticMarket(1).fetch((request(step="1hour", count=4),), at).bars[0].bars
    starts = ("14:30", "15:00", "15:30", "16:00", "16:30", "17:00", "17:30")
    halves = [f"2026-11-27T{start}:00Z" for start in starts]
    (bars,) = fetch(
        tmp_path, FakeClient(**{BARS: told(XLF=[raw(one) for one in halves])}), request(step="1hour"), at=at
    ).bars
    assert [bar.at for bar in bars.bars] == [bar.at for bar in own][-3:]


def test_the_last_ones_are_given_and_fewer_where_there_are_fewer(tmp_path: Path) -> None:
    days = [raw(f"2026-11-{day}T05:00:00Z") for day in (12, 13, 16, 17)]
    client = FakeClient(**{BARS: told(XLF=days)})
    assert len(fetch(tmp_path, client, request(count=2)).bars[0].bars) == 2
    assert len(fetch(tmp_path, client, request(count=9)).bars[0].bars) == 4


def test_pages_are_joined_by_symbol(tmp_path: Path) -> None:
    pages = [told(EWZ=[raw("2026-11-16T05:00:00Z")], XLF=[raw("2026-11-13T05:00:00Z")]),
             told(XLF=[raw("2026-11-16T05:00:00Z")])]  # fmt: skip
    reads = fetch(tmp_path, FakeClient(**{BARS: paged(pages)}), request(), request("EWZ"))
    assert {one.symbol: len(one.bars) for one in reads.bars} == {"XLF": 2, "EWZ": 1}


@pytest.mark.parametrize(
    "broken",
    [None, 7, {}, raw("noon"), raw("2026-11-16T05:00:00Z", h=39), raw("2026-11-16T05:00:00Z", c=0),
     raw("2026-11-16T05:00:00Z", v=-1), raw("2026-11-16T05:00:00Z", o="x")],
    ids=str,
)  # fmt: skip
def test_a_bar_that_cannot_be_is_left_out_and_named(tmp_path: Path, broken: Any) -> None:
    reads = fetch(tmp_path, FakeClient(**{BARS: told(XLF=[broken, raw("2026-11-13T05:00:00Z")])}), request())
    assert len(reads.bars[0].bars) == 1
    assert reads.errors == ("bars of XLF: a bar cannot be read: left out",)


def test_a_bar_of_another_century_is_no_crash(tmp_path: Path) -> None:
    rows = [raw("1850-01-02T05:00:00Z"), raw("0001-01-01T00:00:00Z"), raw("2026-11-13T05:00:00Z")]
    assert len(fetch(tmp_path, FakeClient(**{BARS: told(XLF=rows)}), request()).bars[0].bars) == 1


def test_a_symbol_without_bars_is_named_once(tmp_path: Path) -> None:
    reads = fetch(tmp_path, FakeClient(**{BARS: told(XLF=[raw("2026-11-13T05:00:00Z")])}), request(), request("EWZ"))
    assert reads.errors == ("EWZ: no finished 1day bar came",)
    failed = fetch(tmp_path, FakeClient(**{BARS: BrokerUnreachable("gone")}), request(), request("EWZ"))
    assert failed.errors == ("1day bars of EWZ, XLF: gone",)


def test_a_symbol_that_is_refused_costs_only_itself(tmp_path: Path) -> None:
    def answer(query: dict[str, str]) -> Any:
        return refused() if "ZZZ" in query["symbols"] else told(XLF=[raw("2026-11-13T05:00:00Z")])

    reads = fetch(tmp_path, FakeClient(**{BARS: answer}), request(), request("ZZZ"), request("BTC/USD"))
    assert [one.symbol for one in reads.bars] == ["XLF"]
    assert len(reads.errors) == 2
