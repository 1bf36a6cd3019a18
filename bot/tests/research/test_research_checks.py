"""The checks themselves, on ticks written by hand: cuts, what moved first, chances and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from math import comb, nan

import pytest

from bot.domain.errors import BadNumber, UsageError
from bot.research.checks import Judged, cuts_of, exact_interval, lookahead, luck, shuffled_places

FIRST = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
PRICES = (5, 6, 4, 7, 3, 8, 2, 9, 1, 9, 2, 8, 3, 7)


def ticks(sees: Callable[[list[int], int], int | None]) -> Callable[[datetime | None], Iterable[Judged]]:
    """Tick over PRICES by a planner that is shown the whole tape as it is and where it stands."""

    def run(cut: datetime | None) -> Iterable[Judged]:
        count = len(PRICES) if cut is None else round((cut - FIRST) / timedelta(days=1)) + 1
        tape = list(PRICES[:count])
        for place in range(count):
            wish = sees(tape, place)
            words = "nothing wanted" if wish is None else f"buy {wish}"
            yield Judged(FIRST + timedelta(days=place), words.encode(), words, wish is not None)

    return run


def test_a_planner_that_sees_only_back_never_moves() -> None:
    found = lookahead(ticks(lambda tape, place: tape[place] if place % 3 == 0 else None), 5)
    assert (len(found.cuts), found.ticks, found.moved) == (5, len(PRICES), ())
    assert found.compared == sum(round((cut - FIRST) / timedelta(days=1)) + 1 for cut in found.cuts)


def test_a_planner_that_sees_one_price_too_far_moves_at_every_cut() -> None:
    found = lookahead(ticks(lambda tape, place: tape[place + 1] if place + 1 < len(tape) else None), 5)
    assert len(found.moved) == 5
    assert [one.at for one in found.moved] == list(found.cuts)  # each shows at the very tick of its cut
    first = found.moved[0]
    place = round((first.at - FIRST) / timedelta(days=1))
    assert (first.whole, first.cut_off) == (f"buy {PRICES[place + 1]}", "nothing wanted")


def test_what_is_scaled_by_the_whole_tape_shows_long_before_the_cut() -> None:
    found = lookahead(ticks(lambda tape, place: tape[place] * 100 // max(tape)), 5)
    assert found.moved
    assert found.moved[0].at == FIRST
    assert found.moved[0].cut > FIRST


def test_cuts_stand_where_something_was_wanted_and_never_at_the_last_tick() -> None:
    whole = list(ticks(lambda tape, place: tape[place] if place in (3, 9, 13) else None)(None))
    cuts = cuts_of(whole, 4)
    assert {FIRST + timedelta(days=3), FIRST + timedelta(days=9)} <= set(cuts)
    assert FIRST + timedelta(days=13) not in cuts
    assert len(cuts) == 4
    assert len(cuts_of(whole, 99)) == len(PRICES) - 1
    assert len(cuts_of(whole[:2], 3)) == 1
    for wrong in ((whole, 0), (whole[:1], 3)):
        with pytest.raises(UsageError):
            cuts_of(*wrong)


def test_a_chance_counts_the_result_itself_among_the_shuffles() -> None:
    found = luck(2.0, [1.0] * 99)
    assert (found.as_good, found.chance) == (0, 0.01)
    assert luck(1.0, [1.0] * 4).chance == 1.0  # as good counts
    assert luck(0.0, [1.0, -1.0, -1.0]).chance == 0.5
    with pytest.raises(UsageError, match="one shuffle"):
        luck(1.0, [])
    with pytest.raises(BadNumber, match="finite"):
        luck(nan, [1.0])


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (1, 10), (5, 99), (10, 10), (98, 99)])
def test_the_interval_leaves_two_and_a_half_percent_to_either_side(hits: int, count: int) -> None:
    low, high = exact_interval(hits, count)
    assert 0 <= low <= hits / count <= high <= 1

    def at_least(share: float) -> float:
        return sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(hits, count + 1))

    if hits:
        assert at_least(low) == pytest.approx(0.025, abs=1e-6)
    if hits < count:
        above = at_least(high) - comb(count, hits) * high**hits * (1 - high) ** (count - hits)
        assert 1 - above == pytest.approx(0.025, abs=1e-6)


def test_the_interval_of_no_hit_is_the_rule_of_three() -> None:
    low, high = exact_interval(0, 300)
    assert low == 0.0
    assert high == pytest.approx(3.69 / 300, rel=0.01)  # -ln(0.025) / n


def test_shuffled_blocks_keep_their_neighbours_and_every_place() -> None:
    places = shuffled_places(20, 4, 3)
    assert sorted(places) == list(range(20))
    assert places != list(range(20))
    assert all(places[start : start + 4] == list(range(places[start], places[start] + 4)) for start in range(0, 20, 4))
    assert shuffled_places(1, 1, 1) == [0]
    assert shuffled_places(5, 5, 1) == [0, 1, 2, 3, 4]
    for count, block in ((0, 1), (5, 0), (5, 6)):
        with pytest.raises(UsageError, match="a block"):
            shuffled_places(count, block, 1)
