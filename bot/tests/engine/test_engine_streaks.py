"""A losing chain counts at the tick that ends it, as the journal will count it (wheel 2.19)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.ledger import Books, ChainSoFar, Cycle, Halt, Roll
from bot.engine.ports import LegEnd, Memory, Settlement
from bot.engine.streaks import streak_after
from bot.tests.builders import NOON, D, an_option_leg, put

PUT = put("XLF", date(2026, 12, 18), "38")
CHAIN = "chain-1"
MINUTE = timedelta(minutes=1)


def remembered(streak: int | None = 2, **books: Any) -> Memory:
    return Memory(
        books=Books(**books), halt=Halt(), losing_chains=streak, activities_since=NOON.date(), orders_since=NOON
    )


def end(income: str, how: str = "closed", minute: int = 0, chain: str = CHAIN) -> LegEnd:
    leg = replace(an_option_leg(PUT), id=f"leg-{chain}", chain=chain)
    return LegEnd(
        leg=leg, qty=D(1), how=how, at=NOON + minute * MINUTE, price=D(1), income=D(income), tax_income=D(0)
    )  # fmt: skip


def settled(*ends: LegEnd, books: Books | None = None, **given: Any) -> Settlement:
    return Settlement(books=books or Books(settled_at=NOON), held=(), leg_ends=ends, **given)


def so_far(income: str, **given: Any) -> ChainSoFar:
    facts: dict[str, Any] = {"chain": CHAIN, "underlying": "XLF", "income": D(income), "bare": False}
    return ChainSoFar(**(facts | given))


@pytest.mark.parametrize(
    ("ends", "streak"),
    [
        ((), 2),
        ((end("-0.01"),), 3),
        ((end("0"),), 0),
        ((end("-5"), end("-1", chain="chain-2")), 4),
        ((end("-5", minute=1), end("9", chain="chain-2")), 1),
        ((end("-5"), end("9", minute=1, chain="chain-2")), 0),
        ((end("-5", "assigned"),), 2),
        ((end("-5", "assigned"), end("-5", minute=1)), 2),
        ((end("-5"), end("9", minute=1)), 0),
    ],
)
def test_each_chain_that_ended_counts_in_its_order(ends: tuple[LegEnd, ...], streak: int) -> None:
    assert streak_after(remembered(), settled(*ends)) == streak


def test_what_its_earlier_parts_earned_counts_with_the_last_one() -> None:
    for income, streak in (("-10", 3), ("-9", 0)):
        assert streak_after(remembered(chains=(so_far(income),)), settled(end("9"))) == streak
    assert streak_after(remembered(chains=(so_far("-10", assigned=True),)), settled(end("-9"))) == 2


def test_a_chain_that_is_still_open_counts_not_yet() -> None:
    leg = replace(an_option_leg(PUT), chain=CHAIN)
    assert streak_after(remembered(), settled(end("-9"), books=Books(legs=(leg,)))) == 2


def a_roll(**given: Any) -> Roll:
    facts: dict[str, Any] = {
        "id": "r1", "underlying": "XLF", "right": "put", "old_symbol": PUT, "old_strike": D(38), "qty": D(1),
        "strategy": "wheel", "cycle": "c1", "chain": CHAIN, "rolls": 1, "stage": "opening", "budget": D(45),
        "ticks_left": 1, "started_at": NOON,
    }  # fmt: skip
    return Roll(**(facts | given))


def test_a_roll_in_flight_keeps_its_chain_open_and_one_given_up_ends_it() -> None:
    waiting = settled(end("-9", "rolled"), books=Books(rolls=(a_roll(),)))
    assert streak_after(remembered(), waiting) == 2
    given_up = settled(rolls_ended=(a_roll(stage="abandoned"),))
    assert streak_after(remembered(chains=(so_far("-9"),)), given_up) == 3


def test_the_end_of_a_cycle_counts_for_the_shares_it_was_assigned() -> None:
    cycle = Cycle(
        id="c1", symbol="XLF", strategy="wheel", opened_at=NOON, closed_at=NOON, assignments=1, share_cash=D(-50),
        option_cash=D(20), dividends=D(10), fees=D(1),
    )  # fmt: skip
    assert streak_after(remembered(), settled(cycles_closed=(cycle,))) == 3
    assert streak_after(remembered(), settled(cycles_closed=(replace(cycle, dividends=D(31)),))) == 0
    assert streak_after(remembered(), settled(cycles_closed=(replace(cycle, assignments=0),))) == 2


def test_what_the_journal_does_not_know_stays_unknown() -> None:
    assert streak_after(remembered(None), settled(end("-9"))) is None
