"""The sentence that answers "why nothing for five days", and the tallies it is made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from bot.domain.checks import at_most
from bot.domain.ledger import Halt, Pause
from bot.domain.orders import Verdict
from bot.domain.sessions import session_on
from bot.domain.strategy import Note
from bot.report.quiet import Quiet, missed_slots, quiet_facts, slots_of
from bot.report.tallies import (
    GateLine,
    Passed,
    against,
    gate_table,
    passed_lines,
    passed_table,
    tally_notes,
    tally_refusals,
)
from bot.tests.builders import NOON, D, an_intent, an_order, put

XLF = put("XLF", NOON.date() + timedelta(days=36), "50")


class Tick(NamedTuple):
    """A tick's row, as far as a report asks."""

    id: int = 1
    at: datetime = NOON
    slot: datetime = NOON
    mode: str = "live"
    status: str = "done"
    session_open: bool | None = True
    halt: str | None = "run"
    intents: int = 0
    approved: int = 0
    note: str = ""
    duration_ms: float | None = 1.0
    errors: tuple[str, ...] = ()


def a_gate(gate: str = "collateral_is_free", times: int = 31, **given: Any) -> GateLine:
    facts: dict[str, Any] = {
        "gate": gate, "times": times, "sole": 0, "symbols": ("TLT", "XLF"), "reason": "cash it would tie up",
        "value": D("7850"), "limit": D("7438"), "unit": "usd", "distance": D("-412"), "symbol": "XLF",
    }  # fmt: skip
    return GateLine(**(facts | given))


def passed(symbol: str, value: str | None, times: int = 60, reason: str = "yield below the minimum") -> Passed:
    return Passed(symbol, "put", reason, times, None if value is None else D(value), D("0.07"), "fraction")


def note(symbol: str, value: str | None, reason: str = "yield below the minimum") -> Note:
    number = None if value is None else D(value)
    return Note(
        strategy="wheel", symbol=symbol, subject="put", reason=reason, value=number, limit=D("0.07"), unit="fraction"
    )


def quiet(**given: Any) -> Quiet:
    facts: dict[str, Any] = {
        "ticks": [Tick()], "orders": [], "gates": [], "passed": [], "missed": 0, "sessions": 5, "halt": Halt(),
    }  # fmt: skip
    return quiet_facts(**(facts | given))


def test_orders_sent_are_told_with_their_fills() -> None:
    orders = [
        an_order(XLF, filled_qty=D(1), state="done", status="filled"), an_order(XLF, state="working"),
        an_order(XLF, state="refused"), an_order(XLF, state="not_sent"), an_order(XLF, state="planned"),
    ]  # fmt: skip
    assert quiet(orders=orders).sentence == ("3 orders sent, 1 filled in the last 5 sessions, 1 refused by the broker")


def test_refusals_and_chances_passed_over_explain_why_nothing_was_sent() -> None:
    told = quiet(
        ticks=[Tick(intents=20), Tick(intents=18)],
        gates=[a_gate()],
        passed=[passed("TLT", "0.061"), passed("HYG", "0.02")],
    )
    assert told.sentence == (
        "nothing sent in 5 sessions: 38 wishes refused, 31 by collateral_is_free (nearest: 7,850.00 USD against "
        "7,438.00 USD, XLF); 120 chances passed over, mostly: yield below the minimum (nearest: 6.1 % against 7.0 %, "
        "TLT)"
    )


def test_a_limit_that_is_used_up_is_told_as_such() -> None:
    full = [Passed(name, "put", "short put series in all", 65, D(5), D(5), "series") for name in ("TLT", "XLF")]
    assert quiet(passed=full).sentence == (
        "nothing sent in 5 sessions: 130 chances passed over, mostly: short put series in all (5 of 5 series)"
    )


def test_a_dry_desk_is_told_that_dry_is_why() -> None:
    told = quiet(ticks=[Tick(mode="dry", intents=2, approved=1), Tick(mode="dry")], sessions=1)
    assert told.sentence == (
        "nothing sent in this session: 1 wish approved and not sent, because every tick was dry; 1 wish refused"
    )


def test_the_halt_in_force_comes_first() -> None:
    told = quiet(halt=Halt(level="no_new_risk", reason="on holiday"), ticks=[Tick(intents=1)], gates=[a_gate(times=1)])
    assert told.sentence.startswith(
        "nothing sent in 5 sessions: the desk is halted at no_new_risk (on holiday); 1 wish"
    )


def test_a_halt_that_is_over_is_told_too() -> None:
    told = quiet(ticks=[Tick(halt="stop"), Tick()])
    assert told.sentence == "nothing sent in 5 sessions: 1 of 2 ticks ran under halt stop"


def test_a_pause_on_everything_is_told() -> None:
    pause = Pause(symbol="*", until=NOON + timedelta(days=3), reason="away")
    assert quiet(pauses=[pause]).sentence == "nothing sent in 5 sessions: new risk is paused on every symbol"


def test_a_closed_market_failed_ticks_and_missed_slots_are_told() -> None:
    told = quiet(ticks=[Tick(session_open=False), Tick(session_open=False)], missed=26)
    assert told.sentence == (
        "nothing sent in 5 sessions: the market was closed at every tick; 26 slots went by without a tick"
    )
    mixed = quiet(ticks=[Tick(session_open=False), Tick(status="failed", session_open=None), Tick(status="died")])
    assert mixed.sentence == "nothing sent in 5 sessions: the market was closed at 1 tick; 2 ticks failed"


def test_no_tick_at_all_asks_for_the_timer() -> None:
    assert quiet(ticks=[]).sentence == (
        "nothing sent: no tick has run in 5 sessions (is the timer on? `bot tick` runs one)"
    )


def test_nothing_wanted_and_nothing_passed_over_asks_for_a_strategy() -> None:
    assert quiet().sentence == (
        "nothing sent in 5 sessions: no planner wanted anything and none passed anything over (is a strategy enabled?)"
    )


def test_a_cancellation_is_no_order_sent() -> None:
    assert quiet(orders=[an_order(XLF, legs=(), state="done")]).orders_sent == 0


def a_verdict(symbol: str, share: str, cash: str) -> Verdict:
    checks = (
        at_most("symbol_share_within", D(share), D("0.4"), "fraction", "share"),
        at_most("collateral_is_free", D(cash), D("5000"), "usd", "cash"),
    )
    return Verdict(intent=an_intent(put(symbol, NOON.date() + timedelta(days=36), "50")), checks=checks)


def test_refusals_are_counted_by_gate_with_the_nearest_miss_and_whose_it_was() -> None:
    lines = tally_refusals([
        a_verdict("TLT", "0.50", "6000"), a_verdict("XLF", "0.41", "100"), a_verdict("GLD", "0.39", "100"),
    ])  # fmt: skip
    assert [(line.gate, line.times, line.sole, line.symbol, line.distance) for line in lines] == [
        ("symbol_share_within", 2, 1, "XLF", D("-0.01")), ("collateral_is_free", 1, 0, "TLT", D("-1000")),
    ]  # fmt: skip
    assert lines[0].symbols == ("TLT", "XLF")


def test_notes_are_counted_with_their_newest_number_and_joined_by_reason() -> None:
    notes = [note("TLT", "0.03"), note("TLT", "0.06"), note("HYG", "0.05"), note("HYG", None, "no chain")]
    tallies = tally_notes(notes)
    assert [(one.symbol, one.times, one.value) for one in tallies] == [
        ("TLT", 2, D("0.06")), ("HYG", 1, D("0.05")), ("HYG", 1, None),
    ]  # fmt: skip
    lines = passed_lines(tallies)
    assert [(line.reason, line.times, line.symbol, line.value) for line in lines] == [
        ("yield below the minimum", 3, "TLT", D("0.06")), ("no chain", 1, "HYG", None),
    ]  # fmt: skip


def test_missed_slots_are_counted_against_the_session_calendar() -> None:
    full, early = session_on(NOON.date()), session_on(datetime(2026, 11, 27).date())  # noqa: DTZ001  only its date
    assert full is not None
    assert early is not None
    assert (slots_of(full), slots_of(early)) == (26, 14)
    ticks = [Tick(slot=full.open_at + timedelta(minutes=15 * n)) for n in range(26) if n not in (3, 4)]
    assert missed_slots(ticks, [full], full.close_at) == [full.open_at + timedelta(minutes=15 * n) for n in (3, 4)]
    assert missed_slots([], [full], full.open_at + timedelta(minutes=31)) == [
        full.open_at, full.open_at + timedelta(minutes=15),
    ]  # fmt: skip


def test_a_slot_under_way_is_not_missed_yet() -> None:
    session = session_on(NOON.date())
    assert session is not None
    assert missed_slots([], [session], session.open_at + timedelta(minutes=14)) == []


def test_tables_name_the_miss_and_the_symbols() -> None:
    rows = gate_table([a_gate(symbol="", symbols=("A", "B", "C", "D"))])
    assert rows[1].split() == [
        "collateral_is_free", "31", "0", "7,850.00", "USD", "7,438.00", "412.00", "A", "B", "C", "+1",
    ]  # fmt: skip
    rows = passed_table(passed_lines([passed("TLT", "0.061")]))
    assert rows[1].split() == ["put", "60", "6.1", "%", "7.0", "%", "TLT", "yield", "below", "the", "minimum"]


def test_a_unit_is_named_once_where_it_counts_things() -> None:
    assert against(Decimal(6), Decimal(5), "series") == "6 against 5 series"
    assert against(D("0.061"), D("0.07"), "fraction") == "6.1 % against 7.0 %"
