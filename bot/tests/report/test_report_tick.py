"""The tick as a picture and as the JSON contract other programs read (README)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from bot.domain.checks import CheckResult, allowed, at_most, refused
from bot.domain.instruments import option_symbol
from bot.domain.ledger import Books, Drift, Halt
from bot.domain.orders import OrderIntent, Verdict, leg
from bot.domain.snapshot import Mark
from bot.domain.strategy import Note
from bot.engine.ports import Settlement, TickResult
from bot.report.gates_text import gate_lines, nearest_checks
from bot.report.tick_json import tick_object
from bot.report.tick_text import header, passed_over, tick_picture, wanted_line
from bot.report.words import json_line
from bot.tests.builders import NOON, D, a_snapshot, an_intent, an_order, held

PUT = option_symbol("XLF", NOON.date() + timedelta(days=36), "put", D("50"))
OTHER = option_symbol("XLE", NOON.date() + timedelta(days=36), "put", D("40"))
SPREAD = OrderIntent(
    strategy="spreads", purpose="open", key="s-1", underlying="SPY", qty=D(2), limit_price=D("-0.40"),
    reason="a spread",
    legs=(
        leg(option_symbol("SPY", NOON.date() + timedelta(days=36), "put", D(700)), "sell_to_open"),
        leg(option_symbol("SPY", NOON.date() + timedelta(days=36), "put", D(695)), "buy_to_open"),
    ),
)  # fmt: skip


def a_verdict(symbol: str, *checks: CheckResult) -> Verdict:
    return Verdict(intent=an_intent(symbol, reason=f"wanted {symbol}"), checks=checks)


FITS = at_most("collateral_is_free", D("4000"), D("5000"), "usd", "cash")
MISSES = at_most("symbol_share_within", D("0.41"), D("0.4"), "fraction", "share of XLE")
OFF = at_most("group_share_within", D("0.2"), None, "fraction", "share of the group")


def a_result(*verdicts: Verdict, **given: Any) -> TickResult:
    snapshot = given.pop("snapshot", None) or a_snapshot()
    facts: dict[str, Any] = {
        "tick_id": 7, "snapshot": snapshot, "settlement": Settlement(books=Books(), held=()),
        "verdicts": verdicts,
        "notes": (), "orders": (), "errors": (), "stages": (), "head": "a" * 64, "mode": "dry",
    }  # fmt: skip
    return TickResult(**(facts | given))


def drawn(result: TickResult, *, width: int = 100, everything: bool = False, prefix: str = "") -> str:
    from rich.console import Console

    file = StringIO()
    console = Console(file=file, width=width, highlight=False, color_system=None)
    for part in tick_picture(result, "somewhere/data", everything=everything, prefix=prefix):
        console.print(part)
    return file.getvalue()


def test_json_holds_every_key_of_the_contract_with_money_and_quantities_as_strings() -> None:
    order = an_order(PUT, client_order_id="main-1", broker_order_id="b-1", status="accepted")
    drift = Drift(symbol="XLF", kind="unexplained", what="shares differ", broker=D(100), ours=D(0))
    snapshot = a_snapshot(books=Books(drift=(drift,)))
    result = a_result(
        a_verdict(PUT, FITS, OFF), a_verdict(OTHER, MISSES), snapshot=snapshot, orders=(order,), errors=("quotes late",)
    )
    told = json.loads(json_line(tick_object(result)))
    assert {"tick", "account", "verdicts", "orders", "drift", "errors"} <= set(told)
    assert {name: told["tick"][name] for name in ("id", "mode", "broker", "halt", "session_open")} == {
        "id": 7, "mode": "dry", "broker": "simulator", "halt": "run", "session_open": True,
    }  # fmt: skip
    assert told["tick"]["slot"] == "2026-11-18T17:00:00+00:00"
    assert told["account"]["cash"] == "25000"
    first = told["verdicts"][0]
    assert first["symbol"] == PUT
    assert first["legs"] == [{"symbol": PUT, "side": "sell", "ratio": 1, "position_intent": "sell_to_open"}]
    assert (first["strategy"], first["side"], first["qty"]) == ("wheel", "sell_to_open", "1")
    assert (first["order_type"], first["limit_price"], first["approved"]) == ("limit", "0.6", True)
    assert first["checks"][0] == {
        "gate": "collateral_is_free", "ok": True, "reason": "cash 4,000.00 USD is within 5,000.00 USD", "value": "4000",
        "limit": "5000", "unit": "usd", "distance": "1000",
    }  # fmt: skip
    assert first["checks"][1]["limit"] == "off"
    assert told["verdicts"][1]["approved"] is False
    assert told["verdicts"][1]["reason"].startswith("symbol_share_within: ")
    assert {name: told["orders"][0][name] for name in ("client_order_id", "broker_order_id", "symbol", "status")} == {
        "client_order_id": "main-1", "broker_order_id": "b-1", "symbol": PUT, "status": "accepted",
    }  # fmt: skip
    assert told["drift"][0]["broker"] == "100"
    assert told["errors"] == ["quotes late"]


def test_json_names_the_underlying_of_a_wish_with_several_legs() -> None:
    told = tick_object(a_result(Verdict(intent=SPREAD, checks=(FITS,))))["verdicts"][0]
    assert (told["symbol"], told["side"], told["limit_price"]) == ("SPY", "mleg", "-0.4")
    assert [one["side"] for one in told["legs"]] == ["sell", "buy"]


def test_no_float_stands_in_the_json_where_money_is() -> None:
    def floats(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [one for item in value.values() for one in floats(item)]
        if isinstance(value, list | tuple):
            return [one for item in value for one in floats(item)]
        return [value] if isinstance(value, float) else []

    assert floats(tick_object(a_result(a_verdict(PUT, FITS), a_verdict(OTHER, MISSES)))) == []


def test_the_first_line_says_simulated_mode_moment_and_session() -> None:
    assert header(a_result())[0] == ("SIMULATED MONEY   dry   Wed 2026-11-18 12:00 New York   session open until 16:00")


def test_a_real_account_is_never_called_simulated() -> None:
    first = header(a_result(snapshot=a_snapshot(simulated=False, environment="paper")))[0]
    assert first.startswith("PAPER MONEY")


def test_a_closed_market_names_the_next_session() -> None:
    saturday = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
    session = a_snapshot(at=NOON).session
    shut = a_snapshot(at=saturday, session=type(session)(
        day=session.day, open_at=session.open_at + timedelta(days=5), close_at=session.close_at + timedelta(days=5),
        is_open=False, previous_day=session.previous_day, next_day=session.next_day,
    ))  # fmt: skip
    first = header(a_result(snapshot=shut))[0]
    assert first == "SIMULATED MONEY   dry   Sat 2026-11-21 12:00 New York   closed until Mon 09:30"
    # A tick of a past session would be older than this one: the ledger would refuse what we proposed.
    assert "--at session" not in drawn(a_result(snapshot=shut))


def test_a_halt_is_told_with_author_reason_and_end() -> None:
    halt = Halt(level="reduce_only", author="ann", reason="on holiday", since=NOON, clears="a person")
    lines = header(a_result(snapshot=a_snapshot(halt=halt)))
    assert lines[1].endswith("halt reduce_only")
    assert lines[-1] == "halted by ann: on holiday (clears: a person)"


@pytest.mark.parametrize("width", [80, 100])
def test_no_row_of_a_table_is_broken(width: int) -> None:
    wide = at_most("options_buying_power_covers", D("125000.25"), D("114051.15"), "usd", "new collateral")
    position = held(PUT, "-1", price="0.40")
    mark = Mark(symbol=PUT, price=D("0.4"), source="mid")
    snapshot = a_snapshot(positions=(position,), marks=(mark,))
    text = drawn(a_result(a_verdict(PUT, FITS), a_verdict(OTHER, wide), snapshot=snapshot), width=width)
    row = next(line for line in text.splitlines() if "options_buying_power_covers" in line)
    assert row.split() == [
        "NO", "options_buying_power_covers", "125,000.25", "USD", "114,051.15", "-10,949.10",
    ]  # fmt: skip
    assert max(map(len, text.splitlines())) <= width


def test_each_wish_shows_every_refusal_and_the_gates_with_the_least_room() -> None:
    passes = tuple(at_most(f"gate_{n}", D(n), D(10), "orders", "a number") for n in range(1, 10))
    chosen = nearest_checks((*passes, MISSES, allowed("session_is_open", "the market trades")))
    assert [check.gate for check in chosen] == ["symbol_share_within", "gate_9", "gate_8", "gate_7", "gate_6", "gate_5"]
    lines = gate_lines(a_verdict(OTHER, *passes, MISSES))
    assert lines[-1] == "  and 4 more gates allowed it"
    assert lines[1].split() == ["NO", "symbol_share_within", "41.0", "%", "40.0", "%", "-1.0", "%"]


def test_a_refusal_in_words_alone_is_not_lost() -> None:
    lines = gate_lines(a_verdict(OTHER, refused("expiry_is_later", "a series of it expires today")))
    assert lines == ["  NO  expiry_is_later: a series of it expires today"]


def test_every_gate_is_shown_when_all_are_asked_for() -> None:
    many = tuple(at_most(f"gate_{n}", D(n), D(10), "orders", "a number") for n in range(9))
    text = drawn(a_result(a_verdict(PUT, *many)), everything=True)
    assert [f"gate_{n}" in text for n in range(9)] == [True] * 9


def test_the_approved_come_first_and_the_rest_is_counted() -> None:
    refusals = [a_verdict(OTHER, MISSES, FITS) for _ in range(5)]
    text = drawn(a_result(*refusals, a_verdict(PUT, FITS)))
    assert text.index("APPROVED") < text.index("REFUSED")
    assert text.count("REFUSED") == 2
    assert "wheel 6 (1 approved, 5 refused; 0 passed over)" in text


def test_hidden_refusals_are_counted_by_gate() -> None:
    others = [option_symbol("XLE", NOON.date() + timedelta(days=36), "put", D(strike)) for strike in range(30, 36)]
    text = drawn(a_result(*(a_verdict(symbol, MISSES) for symbol in others)))
    assert "and 3 more wishes refused: symbol_share_within 3x" in text


def test_a_dry_tick_says_what_it_would_have_sent_and_a_live_one_what_it_sent() -> None:
    assert "would have been sent, and was not\n  sell_to_open 1 " + PUT + " at 0.60" in drawn(
        a_result(a_verdict(PUT, FITS))
    )
    assert "nothing would have been sent" in drawn(a_result(a_verdict(PUT, MISSES)))
    assert "nothing was sent" in drawn(a_result(mode="live"))
    sent = drawn(a_result(mode="live", orders=(an_order(PUT, client_order_id="main-1"),)))
    assert f"cash secured put 1 {PUT} at 0.60: accepted   main-1" in sent


def test_what_was_passed_over_is_one_line_a_reason() -> None:
    notes = tuple(
        Note(strategy="wheel", symbol=name, subject="put", reason="yield below the minimum", value=D(value),
             limit=D("0.07"), unit="fraction")
        for name, value in (("TLT", "0.061"), ("HYG", "0.03"))
    )  # fmt: skip
    assert passed_over(notes) == ["  put: yield below the minimum (6.1 % against 7.0 %) on HYG TLT"]
    assert passed_over(notes, everything=True)[1] == "  HYG put: yield below the minimum (3.0 % against 7.0 %)"
    assert wanted_line(a_result(notes=notes)) == "wanted: wheel 0 (0 approved, 0 refused; 2 passed over)"


def test_what_to_type_next_carries_the_command_as_it_was_called() -> None:
    text = drawn(a_result(a_verdict(PUT, FITS)), prefix="BOT_HOME=elsewhere ")
    assert "BOT_HOME=elsewhere bot why XLF" in text
    assert "home somewhere/data" in text


def test_errors_and_drift_are_shown() -> None:
    drift = Drift(symbol="XLF", kind="pending", what="assignment pending", broker=D(100), ours=D(0))
    text = drawn(a_result(snapshot=a_snapshot(books=Books(drift=(drift,))), errors=("no quote for XLF",)))
    assert "drift (pending) XLF: assignment pending" in text
    assert "error: no quote for XLF" in text
