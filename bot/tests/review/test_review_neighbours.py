"""Whether a price can be true is asked of neighbours whose own quotes can be: one odd series stops no healthy one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.checks import CheckResult
from bot.tests.builders import a_chain, a_slab
from bot.tests.gates.scenes import EXPIRY, a_case, a_put, ask, quotes

OURS = ("37", "0.58", "0.62", 500, 0.25, 0.2)


def beside(*rows: tuple[str, str, str, int, float, float], ages: tuple[int, ...] = ()) -> CheckResult:
    """Ask for the put at 37 with a delta of 0.25 beside other series of its expiry."""
    slab = replace(a_slab(EXPIRY, sorted([OURS, *rows])), ages=ages)
    facts: dict[str, Any] = {"quotes": quotes(delta=-0.25), "chains": (a_chain("XLF", "put", slab),)}
    return ask("price_is_plausible", a_put(), a_case(**facts))


@pytest.mark.parametrize(
    ("bid", "ask_price", "delta"), [("0", "4.80", 0.42), ("0.05", "4.80", 0.45), ("0.20", "1.60", 0.36)]
)
def test_a_delta_made_from_a_wide_quote_belies_nobody(bid: str, ask_price: str, delta: float) -> None:
    """A venue works a delta out of the middle of no bid and a far ask: that of an illiquid wing says nothing."""
    assert beside(("30", bid, ask_price, 3, delta, 0.9)).ok
    assert not beside(("30", "0.30", "0.34", 3, delta, 0.9)).ok  # beside a narrow one it is no wing's accident


@pytest.mark.parametrize("row", [("38", "0.50", "0.54", 5, -1.0, -1.0), ("38", "0.80", "0.84", 5, 0.10, 0.2)])
def test_a_quote_older_than_any_entry_may_go_by_belies_nobody(row: tuple[str, str, str, int, float, float]) -> None:
    """A series nobody quoted since an hour shows the market of an hour ago."""
    assert not beside(row, ages=(0, 0)).ok
    assert beside(row, ages=(0, 3600)).ok


def test_a_crossed_quote_belies_nobody() -> None:
    """What contradicts itself is no witness against others."""
    assert beside(("38", "0.90", "0.50", 5, -1.0, -1.0)).ok
    assert beside(("36", "0.90", "0.50", 5, -1.0, -1.0)).ok
