"""`bot why`: the phase read from positions and orders, every gate with its room, an order's life."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from bot.domain.checks import allowed, at_most, refused
from bot.domain.orders import Verdict
from bot.report.gates_text import check_lines, refusals_first
from bot.report.holdings import Held
from bot.report.why import (
    FilledLine,
    IntentReport,
    NoteLine,
    OrderStory,
    StepLine,
    SymbolReport,
    WishStory,
    intent_lines,
    order_lines,
    phase_of,
    symbol_lines,
    wish_lines,
)
from bot.report.words import plain_object
from bot.tests.builders import NOON, D, an_intent, an_order, call, put

PUT, CALL = put("XLF", date(2026, 12, 24), "38"), call("XLF", date(2026, 12, 24), "42")
CHECKS = (
    allowed("session_is_open", "the market trades"),
    at_most("orders_within_tick", D(1), D(4), "orders", "orders"),
    allowed("call_is_covered", "does not apply: it is a put"),
    at_most("collateral_is_free", D("3800"), D("3388"), "usd", "cash it would tie up"),
    at_most("symbol_share_within", D("0.39"), D("0.40"), "fraction", "share"),
    at_most("group_share_within", D("0.39"), None, "fraction", "group"),
)  # fmt: skip


def position(symbol: str, qty: str) -> Held:
    return Held(symbol, "ours", D(qty), None, None, None)


def test_the_phase_is_read_from_positions_and_orders() -> None:
    other = position("XLE", "100")
    assert phase_of("XLF", [other], []) == "flat"
    assert phase_of("XLF", [position(PUT, "-1"), other], []) == "1 put short"
    assert phase_of("XLF", [position("XLF", "100")], []) == "100 shares"
    assert phase_of("XLF", [position("XLF", "200"), position(CALL, "-1")], []) == (
        "200 shares, 1 call short, 100 shares uncovered"
    )
    working = [an_order(PUT), an_order(PUT, state="done"), an_order(put("XLE", date(2026, 12, 24), "40"))]
    assert phase_of("XLF", [], working) == "1 order working"


def test_refusals_stand_first_then_the_least_room_then_words() -> None:
    assert [check.gate for check in refusals_first(CHECKS)] == [
        "collateral_is_free", "symbol_share_within", "orders_within_tick", "session_is_open", "call_is_covered",
        "group_share_within",
    ]  # fmt: skip


def test_every_gate_is_shown_with_number_limit_and_room() -> None:
    lines = check_lines(CHECKS)
    rows = [line.split() for line in lines]
    assert rows[1] == ["NO", "collateral_is_free", "3,800.00", "USD", "3,388.00", "-412.00"]
    assert rows[2] == ["ok", "symbol_share_within", "39.0", "%", "40.0", "%", "1.0", "%"]
    assert rows[4] == ["ok", "group_share_within", "39.0", "%", "off"]
    assert lines[5:] == ["  ok  session_is_open: the market trades", "  ok  does not apply: call_is_covered"]


def a_wish(*checks: Any, **given: Any) -> WishStory:
    intent = an_intent(PUT, reason="its yield is 9 %", numbers=(("spot", "40.00"), ("delta", "-0.25")))
    facts: dict[str, Any] = {
        "intent": 12, "tick": 3, "at": NOON - timedelta(days=2), "verdict": Verdict(intent=intent, checks=checks),
        "status": "blocked",
    }  # fmt: skip
    return WishStory(**(facts | given))


def test_a_wish_tells_what_why_its_numbers_and_who_refused() -> None:
    lines = wish_lines(a_wish(*CHECKS, refused("no_drift", "shares differ on XLF")), NOON)
    assert lines[0] == f"intent 12: REFUSED, blocked   sell_to_open 1 {PUT} at 0.60   (wheel, cash secured put)"
    assert lines[1] == "  tick 3, Mon 2026-11-16 12:00 New York, 2 days ago"
    assert lines[2] == "  wanted because: its yield is 9 %"
    assert "  no_drift refused: shares differ on XLF" in lines
    assert "  looked at: spot 40.00, delta -0.25" in lines


def a_story() -> OrderStory:
    step: dict[str, Any] = {"filled_qty": None, "filled_avg_price": None, "reason": ""}
    return OrderStory(
        order=an_order(PUT, client_order_id="main-1", state="done", status="filled", filled_qty=D(1)),
        steps=(
            StepLine(at=NOON, state_before="", state="planned", status="", **step),
            StepLine(at=NOON, state_before="planned", state="done", status="filled", **step | {"filled_qty": D(1)}),
        ),
        fills=(FilledLine(at=NOON, side="sell", symbol=PUT, qty=D(1), price=D("0.60")),),
    )


def test_an_orders_life_is_told_with_times_and_fills() -> None:
    lines = order_lines(a_story())
    assert lines[:2] == ["order main-1: filled, filled 1 of 1", f"  cash secured put: sell_to_open 1 {PUT} at 0.60"]
    assert lines[3].split() == ["Wed", "2026-11-18", "12:00", "planned"]
    assert lines[4].split() == ["Wed", "2026-11-18", "12:00", "done", "filled", "1"]
    assert lines[5] == "  fill  Wed 2026-11-18 12:00 New York  sell 1 at 0.60, 60.00 USD"


def test_a_wish_without_an_order_says_why_there_is_none() -> None:
    def told(*checks: Any, order: OrderStory | None = None) -> str:
        wish = a_wish(*checks)
        return "\n".join(
            intent_lines(
                IntentReport(home="h", kind="SIMULATED MONEY", simulated=True, now=NOON, wish=wish, order=order)
            )
        )

    assert "no order was made of it: a gate refused" in told(*CHECKS)
    assert "it was approved and no order was made of it: the tick was dry" in told(CHECKS[0])
    assert "order main-1: filled" in told(CHECKS[0], order=a_story())
    assert told(CHECKS[0]).startswith("SIMULATED MONEY   XLF")


def test_a_wish_of_a_thinned_tick_says_that_it_cannot_be_decided_again() -> None:
    facts: dict[str, Any] = {
        "home": "h", "kind": "SIMULATED MONEY", "simulated": True, "now": NOON, "wish": a_wish(*CHECKS), "order": None,
    }  # fmt: skip
    told = "\n".join(intent_lines(IntentReport(**facts, thinned_at=NOON)))
    assert "what it was decided on was thinned out on 2026-11-18" in told
    assert "thinned" not in "\n".join(intent_lines(IntentReport(**facts)))


def a_report(**given: Any) -> SymbolReport:
    facts: dict[str, Any] = {
        "home": "h", "kind": "SIMULATED MONEY", "simulated": True, "symbol": "XLF", "now": NOON, "phase": "flat",
        "tick": 9, "at": NOON, "wishes": (), "earlier": None, "notes": (), "shares": (), "options": (), "sessions": 20,
        "gates": (),
        "reasons": (), "orders": (),
    }  # fmt: skip
    return SymbolReport(**(facts | given))


def test_a_symbol_without_a_record_says_so() -> None:
    lines = symbol_lines(a_report())
    assert lines[:2] == ["SIMULATED MONEY   XLF   flat", "newest tick 9, Wed 2026-11-18 12:00 New York, just now"]
    assert "the newest tick's planners wanted nothing on XLF" in lines
    assert "no order on XLF yet" in lines
    assert lines[-1] == "next: bot scan XLF"


def test_a_symbols_newest_wish_is_told_in_full_wherever_it_was() -> None:
    now = symbol_lines(a_report(wishes=(a_wish(*CHECKS),)))
    before = symbol_lines(a_report(earlier=a_wish(*CHECKS), orders=(a_story(),)))
    assert "THE NEWEST WISH BEFORE IT" in before
    assert "THE NEWEST WISH BEFORE IT" not in now
    for lines in (now, before):
        assert any(line.split()[:2] == ["NO", "collateral_is_free"] for line in lines)
        assert lines[-1] == "next: bot why 12   or   bot scan XLF"
    assert "LAST ORDERS" in before


def test_what_the_newest_tick_passed_over_is_shown_with_its_number() -> None:
    note = NoteLine(
        strategy="wheel",
        subject="put",
        reason="yield below the minimum",
        value=D("0.061"),
        limit=D("0.07"),
        unit="fraction",
    )
    row = next(line for line in symbol_lines(a_report(notes=(note,))) if "yield" in line)
    assert row.split() == ["put", "yield", "below", "the", "minimum", "6.1", "%", "7.0", "%", "wheel"]


def test_as_json_a_verdict_keeps_the_form_of_the_tick() -> None:
    told = plain_object(a_wish(*CHECKS))
    assert told["verdict"]["checks"][3]["distance"] == "-412"
    assert told["verdict"]["checks"][5]["limit"] == "off"
    assert told["verdict"]["symbol"] == PUT
