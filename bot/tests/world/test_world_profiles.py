"""A new owner must see something happen: every profile sells its first put within a week at any usual size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engine.ports import Fill
from bot.markets.synthetic import SyntheticMarket
from bot.tests.world.runs import SOME_DAY, choice_of, make_house, moments_in, run_in, sessions_from

PROFILES = ("conservative", "balanced", "aggressive")
EQUITIES = (10_000, 25_000, 100_000)
SEEDS = tuple(range(1, 11))
SESSIONS = 5


def first_put(home: Path, profile: str, equity: int, market: SyntheticMarket, seed: int) -> tuple[Fill | None, str]:
    """Run until the first put has filled or the sessions are over; the second part says what stood against one."""
    against: dict[str, str] = {}
    with run_in(make_house(home, choice_of(profile, equity), seed), market) as run:
        for moment in moments_in(sessions_from(SOME_DAY, SESSIONS)):
            result = run.tick_at(moment)
            assert result.errors == ()
            for fill in result.settlement.fills:
                if fill.purpose == "cash_secured_put":
                    return fill, ""
            against |= {note.symbol: note.reason for note in result.notes}
            against |= {one.intent.underlying: one.reason for one in result.verdicts if not one.approved}
    return None, "; ".join(f"{symbol}: {reason}" for symbol, reason in sorted(against.items()))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_profile_opens_a_put_within_five_sessions_at_every_size(tmp_path: Path, seed: int) -> None:
    market = SyntheticMarket(seed)
    silent = []
    for profile in PROFILES:
        for equity in EQUITIES:
            fill, against = first_put(tmp_path / f"{profile}-{equity}", profile, equity, market, seed)
            if fill is None:
                silent.append(f"{profile} at {equity}: {against}")
            else:
                assert (fill.side, fill.symbol[-9]) == ("sell", "P")
                assert fill.price > 0
    assert silent == []


def test_an_account_too_small_for_any_name_opens_nothing_and_says_so(tmp_path: Path) -> None:
    fill, against = first_put(tmp_path / "small", "conservative", 2_500, SyntheticMarket(1), 1)
    assert fill is None
    assert "symbol_share_within" in against
