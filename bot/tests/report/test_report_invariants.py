"""Invariants for the owner's eyes: one green line, or what does not hold, since when, and what to do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.domain.invariants import (
    CASH_PENDING,
    NAMES,
    OLDEST_INPUT,
    ORPHANS,
    UNPROTECTED,
    WAIVED,
    Invariant,
)
from bot.domain.ledger import Halt
from bot.report.invariants import WHAT_TO_DO, broken, invariant_lines
from bot.report.status import StatusReport, status_lines
from bot.report.tick_json import invariant_object
from bot.tests.builders import NOON, D

GREEN = tuple(Invariant(name=name, value=D(0), unit="usd", ok=True) for name in NAMES)
ORPHAN = Invariant(name=ORPHANS, value=D(1), unit="orders", ok=False, since=NOON, detail="main-1 (broker id b-77)")
BARE = Invariant(name=UNPROTECTED, value=D("4000"), unit="usd", ok=False, since=NOON, symbols=("XLF",))


def said(*invariants: Invariant, prefix: str = "", broker: str = "simulator") -> str:
    return " ".join(" ".join(invariant_lines(invariants, prefix, broker)).split())


def test_all_that_holds_is_one_line_and_nothing_taken_is_none() -> None:
    assert invariant_lines(GREEN) == [f"invariants: all {len(NAMES)} hold"]
    assert invariant_lines(()) == []


def test_an_orphan_names_its_broker_id_the_page_and_the_way_to_take_over_what_it_filled() -> None:
    told = said(ORPHAN, *GREEN, prefix="BOT_HOME=x ", broker="alpaca")
    assert told.startswith(
        "invariant: orphan orders: 1 order since Wed 2026-11-18 12:00 New York (main-1 (broker id b-77)); "
    )
    assert "(https://app.alpaca.markets, Orders)" in told
    assert "`BOT_HOME=x bot adopt SYMBOL`" in told
    assert "hold" not in told.split("; ")[0]
    assert "(its list of open orders)" in said(ORPHAN)


def test_status_shows_the_green_line_or_what_is_off() -> None:
    report = StatusReport(
        home="h", desk="main", kind="SIMULATED MONEY", simulated=True, mode="live", broker="alpaca",
        environment="paper", market="alpaca", now=NOON, halt=Halt(), next_slot=NOON, invariants=GREEN,
    )  # fmt: skip
    assert f"invariants: all {len(NAMES)} hold" in status_lines(report)
    told = " ".join(" ".join(status_lines(replace(report, invariants=(ORPHAN, BARE)))).split())
    assert "invariant: orphan orders: 1 order" in told
    assert "app.alpaca.markets" in told
    assert "invariant: unprotected exposure: 4,000.00 USD" in told
    assert "invariants: all" not in told


def test_a_missing_stop_says_its_dollars_and_asks_about_its_symbol() -> None:
    assert "unprotected exposure: 4,000.00 USD" in said(BARE)
    assert "`bot why XLF`" in said(BARE)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {WAIVED, CASH_PENDING}))
def test_everything_that_can_fail_says_what_to_do(name: str) -> None:
    one = Invariant(name=name, value=D(1), unit="seconds", ok=False)
    assert WHAT_TO_DO[name].split("`")[0].split("{")[0] in said(one)
    assert "{" not in said(one)
    assert broken((one, *GREEN)) == (one,)


def test_other_programs_get_the_number_as_text() -> None:
    assert invariant_object(ORPHAN) == {
        "name": "orphan_orders", "value": "1", "unit": "orders", "ok": False, "since": "2026-11-18T17:00:00+00:00",
        "detail": "main-1 (broker id b-77)", "symbols": [],
    }  # fmt: skip
    assert invariant_object(Invariant(name=OLDEST_INPUT, value=D(3), unit="seconds", ok=True))["since"] is None
