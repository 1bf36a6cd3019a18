"""What is not ours is named with what adopts it, and prices with where they come from (design 12, wheel 1.20)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Books
from bot.domain.orders import leg
from bot.domain.snapshot import InputAge, Snapshot
from bot.report.feeds import account_name, age_words, feed_line, feeds_of
from bot.report.foreign import foreign_in
from bot.report.foreign_text import foreign_table
from bot.report.tick_json import tick_object
from bot.report.tick_text import header, tick_picture
from bot.report.words import json_line
from bot.tests.builders import (
    NOON,
    D,
    a_chain,
    a_lot,
    a_quote,
    a_session,
    a_snapshot,
    an_account,
    an_option_leg,
    held,
)
from bot.tests.report.test_report_tick import a_result, drawn

PUT = "XLF261218P00040000"
SATURDAY = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def a_foreign_order(**given: Any) -> BrokerOrder:
    facts: dict[str, Any] = {
        "broker_order_id": "b-1", "client_order_id": "by-hand", "legs": (leg("ZETA", "buy_to_open"),), "qty": D(3),
        "filled_qty": D(1), "order_type": "limit", "limit_price": D("1.00"), "time_in_force": "gtc", "status": "new",
        "submitted_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return BrokerOrder(**(facts | given))


def strangers(at: datetime = NOON, **given: Any) -> Snapshot:
    """An account full of what is not ours, beside a lot and a leg that are."""
    positions = (
        held("BTCUSD", "0.5", "foreign"), held("EWZ", "0.4", "foreign"), held("GOOG", "-10", "foreign"),
        held("SPXW261218P05000000", "-1", "foreign"), held("WEIRD#1", "7", "foreign"),
        held("XLF", "250.5", "mixed"), held("XLE", "100", "ours"),
        held("XLF1261218P00040000", "-1", "foreign"), held(PUT, "-3", "mixed"),
        held("XLF261218C00042000", "2", "foreign"),
    )  # fmt: skip
    books = Books(lots=(a_lot("XLF"), a_lot("XLE")), legs=(an_option_leg(PUT),))
    facts: dict[str, Any] = {
        "at": at, "session": a_session(NOON), "positions": positions, "books": books,
        "foreign_orders": (a_foreign_order(), a_foreign_order(client_order_id="gone", status="canceled")),
    }  # fmt: skip
    return a_snapshot(**(facts | given))


def test_each_foreign_thing_says_what_adopts_it_or_why_nothing_does() -> None:
    told = {line.symbol: line for line in foreign_in(strangers())}
    commands = {symbol: line.command for symbol, line in told.items() if line.command}
    assert commands == {"XLF": "bot adopt XLF", PUT: f"bot adopt {PUT}"}
    assert {symbol: line.kind for symbol, line in told.items()} == {
        "BTCUSD": "crypto", "EWZ": "fraction", "GOOG": "short_shares", "SPXW261218P05000000": "short_option",
        "WEIRD#1": "unknown", "XLF": "shares", "XLF1261218P00040000": "adjusted_option", PUT: "short_option",
        "XLF261218C00042000": "long_option", "order by-hand": "order",
    }  # fmt: skip
    for symbol, line in told.items():
        assert line.command or "never" in line.means or "no strategy" in line.means or "broker" in line.means, symbol
    assert "0.5 is a fraction" in told["XLF"].means
    assert "settled in cash" in told["SPXW261218P05000000"].means


def test_of_what_is_partly_ours_only_the_rest_is_foreign() -> None:
    told = {line.symbol: line.qty for line in foreign_in(strangers())}
    assert (told["XLF"], told[PUT], told["order by-hand"]) == (D("150.5"), D(-2), D(2))
    assert "XLE" not in told


@pytest.mark.parametrize("at", [NOON, SATURDAY])
def test_every_tick_names_them_open_or_closed_as_picture_and_as_json(at: datetime) -> None:
    result = a_result(snapshot=strangers(at))
    text = drawn(result, prefix="BOT_HOME=elsewhere ")
    assert "BOT_HOME=elsewhere bot adopt XLF" in text
    assert f"BOT_HOME=elsewhere bot adopt {PUT}" in text
    assert "order by-hand" in text
    assert "buy_to_open ZETA at 1.00" in " ".join(text.split())
    told = json.loads(json_line(tick_object(result)))["foreign"]
    assert {one["symbol"]: one["command"] for one in told if one["command"]} == {
        "XLF": "bot adopt XLF", PUT: f"bot adopt {PUT}",
    }  # fmt: skip
    assert {one["symbol"] for one in told if one["command"] is None} >= {"BTCUSD", "GOOG", "order by-hand"}
    assert next(one for one in told if one["symbol"] == PUT)["qty"] == "-2"


def test_no_row_but_a_command_is_wider_than_eighty_columns_and_no_command_is_broken() -> None:
    long = "BOT_ENV=a/rather/long/path/to/some/folder/.env ./.venv/bin/"
    rows = foreign_table(foreign_in(strangers()), long)
    assert max(len(row) for row in rows if "bot adopt" not in row) <= 80
    parts = tick_picture(a_result(snapshot=strangers()), "somewhere/data", prefix=long)
    file = StringIO()
    console = Console(file=file, width=80, highlight=False, color_system=None)
    for part in parts:
        console.print(part, soft_wrap=bool(getattr(part, "no_wrap", False)))
    assert all(f"{long}bot adopt {symbol}\n" in file.getvalue() for symbol in ("XLF", PUT))


def test_an_account_without_strangers_says_nothing_about_them() -> None:
    result = a_result(snapshot=a_snapshot(positions=(held("XLE", "100"),)))
    assert "not ours" not in drawn(result)
    assert tick_object(result)["foreign"] == []
    assert foreign_table(()) == []


def a_real_one(**given: Any) -> Snapshot:
    quotes = (a_quote("XLF", source="alpaca iex"), a_quote(PUT, "0.40", "0.44", source="alpaca indicative"))
    facts: dict[str, Any] = {
        "simulated": False, "environment": "paper", "broker": "alpaca", "market": "alpaca", "quotes": quotes,
        "inputs": (InputAge(name="clock", source="alpaca", age_seconds=-0.4),
                   InputAge(name="chain XLF put", source="alpaca indicative", age_seconds=7.0),
                   InputAge(name="chain XLE put", source="alpaca indicative", age_seconds=930.0)),
    }  # fmt: skip
    return a_snapshot(**(facts | given))


def test_a_real_accounts_page_says_money_feeds_and_ages_and_hides_its_number() -> None:
    snapshot = a_real_one()
    lines = header(a_result(snapshot=snapshot, mode="live"))
    assert lines[0].startswith("PAPER MONEY   live")
    assert "prices shares alpaca iex (ONE VENUE), options alpaca indicative (DELAYED)" in lines
    assert "ages clock 0.4 s ahead, chain XLE put 16 min old" in lines
    assert tick_object(a_result(snapshot=snapshot))["tick"]["feeds"][1]["label"] == "delayed"
    assert header(a_result(snapshot=a_real_one(environment="live")))[0].startswith("LIVE MONEY")


def test_an_account_number_shows_its_last_four_characters() -> None:
    assert account_name("PA3TEST00001", simulated=False) == "...0001"
    assert "account ...0001" in " ".join(
        header(a_result(snapshot=a_real_one(account=a_snapshot().account.__class__(
            id="PA3TEST00001", status="ACTIVE", cash=D(1), equity=D(1), buying_power=D(1)
        ))))
    )  # fmt: skip


def test_a_simulated_world_says_so_itself_and_names_no_feed() -> None:
    snapshot = a_snapshot(quotes=(a_quote("XLF"),))
    assert feeds_of(snapshot) == ()
    assert not any(line.startswith("prices") for line in header(a_result(snapshot=snapshot)))


def test_a_full_feed_carries_no_label_and_chains_count_as_options() -> None:
    snapshot = a_real_one(
        quotes=(a_quote("XLF", source="alpaca sip"),), chains=(a_chain("XLF", "put", source="alpaca opra"),)
    )
    assert feed_line(feeds_of(snapshot)) == "shares alpaca sip, options alpaca opra"


def test_a_page_without_prices_says_that_none_were_read() -> None:
    assert "prices none were read" in header(a_result(snapshot=a_real_one(quotes=())))


def test_ages_are_told_in_the_unit_that_suits_them() -> None:
    ages = tuple(InputAge(name=name, source="x", age_seconds=age) for name, age in (("a", 3.2), ("b", 45.0)))
    assert age_words(ages) == "a 3.2 s old, b 45 s old"


def test_an_age_is_told_in_seconds_minutes_hours_or_days() -> None:
    told = {
        9.96: "10.0 s old", 599: "599 s old", 600: "10 min old", 7199: "120 min old", 7200: "2 h old",
        172_799: "48 h old", 172_800: "2 days old", -700: "12 min ahead",
    }  # fmt: skip
    for seconds, words in told.items():
        assert age_words((InputAge(name="dividends XLF", source="x", age_seconds=seconds),)) == f"dividends XLF {words}"
    for days, words in ((0, "of today"), (1, "1 day old"), (12, "12 days old")):
        age = InputAge(name="earnings ACME", source="x", age_seconds=days * 86_400.0)
        assert age_words((age,)) == f"earnings ACME {words}"


def test_a_program_gets_every_input_with_its_source_and_age_and_both_levels() -> None:
    account = an_account(options_level=1, options_level_approved=3)
    told = json.loads(json_line(tick_object(a_result(snapshot=a_real_one(account=account)))))
    assert told["tick"]["inputs"][0] == {"name": "clock", "source": "alpaca", "age_seconds": -0.4}
    assert len(told["tick"]["inputs"]) == 3
    assert (told["account"]["options_level"], told["account"]["options_level_approved"]) == (1, 3)


def test_what_nothing_adopts_has_no_command_in_any_report() -> None:
    commands = {line.symbol: line.command for line in foreign_in(strangers())}
    assert (commands["BTCUSD"], commands["order by-hand"]) == (None, None)
    told = json.loads(json_line({"foreign": foreign_in(strangers())}))["foreign"]
    assert {one["command"] for one in told} == {None, "bot adopt XLF", f"bot adopt {PUT}"}
