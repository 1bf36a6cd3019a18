"""Walk-forward: chosen on one window, tested on the next, and only the tests count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bot.domain.errors import UsageError
from bot.domain.sessions import Session, sessions_between
from bot.research.facts import DayPoint, RunFacts
from bot.research.walking import Point, grid_of, holdout_of, share_of, walk_forward, windows_of

SESSIONS = tuple(sessions_between(date(2026, 1, 2), date(2026, 3, 31)))
GOOD: Point = ("k=good",)
BAD: Point = ("k=bad",)
STILL: Point = ("k=still",)
TURNED: dict[Point, Point] = {GOOD: BAD, BAD: GOOD}


def made(point: Point, sessions: Sequence[Session], *, ruin: bool = False) -> RunFacts:
    """A run that gains (good), loses (bad) or does nothing; its daily returns differ a little."""
    drift = {"k=good": "0.002", "k=bad": "-0.002", "k=still": "0"}[point[0]]
    equity, points = Decimal(10_000), []
    for place, session in enumerate(sessions):
        wobble = Decimal("0.001") * (place % 2) if Decimal(drift) else Decimal(0)
        equity *= 1 + Decimal(drift) + wobble
        equity = Decimal(0) if ruin else equity
        points.append(DayPoint(day=session.day, equity=equity, cash=equity))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return RunFacts(
        name="", desk_name="", desk_text="", desk_hash="", code_version="", market="", step_seconds=900, first_at=at,
        last_at=at, equity_start=Decimal(10_000), days=tuple(points),
    )  # fmt: skip


class Runs:
    """Runs points and remembers over which days."""

    def __init__(self, turn: date | None = None, ruin: bool = False) -> None:
        self.asked: list[tuple[Point, date, date]] = []
        self.turn, self.ruin = turn, ruin

    def __call__(self, wanted: Sequence[tuple[Point, tuple[Session, ...]]]) -> list[RunFacts]:
        found = []
        for point, sessions in wanted:
            self.asked.append((point, sessions[0].day, sessions[-1].day))
            turned = self.turn is not None and sessions[0].day >= self.turn
            was = TURNED.get(point, point) if turned else point
            found.append(made(was, sessions, ruin=self.ruin and len(wanted) == 1))
        return found


def test_windows_move_on_by_a_test_and_never_overlap_their_own() -> None:
    windows = windows_of(SESSIONS, 20, 10)
    assert [len(one.train) for one in windows] == [20] * len(windows)
    tested = [session for one in windows for session in one.test]
    assert tested == list(SESSIONS[20 : 20 + len(tested)])
    assert all(one.train[-1].day < one.test[0].day for one in windows)
    assert len(SESSIONS) - 20 - len(tested) < 5  # only a rest shorter than half a test is left out


def test_the_best_of_training_is_tested_on_days_it_never_saw() -> None:
    runs = Runs()
    found = walk_forward(windows_of(SESSIONS, 20, 10), (BAD, GOOD), runs)
    assert {one.chosen for one in found.steps} == {GOOD}
    for step in found.steps:
        assert (GOOD, *step.test) in runs.asked
        assert (BAD, *step.test) not in runs.asked
    assert found.whole.total_return > 0
    assert [point for point, _, _ in found.trials] == [BAD, GOOD]


def test_what_turns_after_training_shows_in_the_tests_and_nowhere_else() -> None:
    (window, *_) = windows_of(SESSIONS, 20, 10)
    found = walk_forward((window,), (BAD, GOOD), Runs(turn=window.test[0].day))
    (step,) = found.steps
    assert step.chosen == GOOD
    assert step.train_figure is not None
    assert step.train_figure > 0
    assert found.whole.total_return == step.test_return < 0
    assert found.kept is not None
    assert found.kept < 0


def test_the_tests_are_strung_together_day_by_day() -> None:
    windows = windows_of(SESSIONS, 20, 10)
    found = walk_forward(windows, (GOOD,), Runs())
    whole = 1.0
    for step in found.steps:
        whole *= 1 + step.test_return
    assert found.levels.values[-1] == pytest.approx(whole)
    assert found.whole.periods == sum(len(one.test) for one in windows)


def test_a_window_without_a_figure_says_that_the_first_point_was_taken() -> None:
    found = walk_forward(windows_of(SESSIONS, 20, 10), (STILL, STILL), Runs())
    assert all(one.undefined and one.chosen == STILL and one.test_figure is None for one in found.steps)
    assert found.kept is None
    assert found.whole.sharpe is None


def test_equals_are_decided_by_the_order_of_the_grid() -> None:
    again: Point = ("k=good", "x=2")
    found = walk_forward(windows_of(SESSIONS, 20, 10)[:1], (GOOD, again), Runs())
    assert found.steps[0].chosen == GOOD


def test_ruin_in_a_test_ends_the_walk() -> None:
    found = walk_forward(windows_of(SESSIONS, 20, 10), (GOOD,), Runs(ruin=True))
    assert len(found.steps) <= 2
    assert found.whole.total_return == -1.0
    assert found.whole.ruined_on is not None


def test_a_holdout_is_the_end_of_the_sessions() -> None:
    searched, aside = holdout_of(SESSIONS, 0.2)
    assert searched + aside == SESSIONS
    assert len(aside) == round(len(SESSIONS) * 0.2)
    for share in (0.0, 1.0, 0.001, 0.99):
        with pytest.raises(UsageError, match="--holdout"):
            holdout_of(SESSIONS, share)


def test_what_is_no_grid_or_no_window_is_refused() -> None:
    for word in ("a", "a=", "=1", "a=1,,2"):
        with pytest.raises(UsageError, match="KEY=A,B,C"):
            grid_of([word])
    with pytest.raises(UsageError, match="each key once"):
        grid_of(["a=1", "a=2"])
    with pytest.raises(UsageError, match="10000 are the most"):
        grid_of([f"{name}={','.join(str(one) for one in range(101))}" for name in "ab"])
    assert grid_of([]) == ((),)
    assert grid_of(["a=1,1,2"]) == (("a=1",), ("a=2",))
    with pytest.raises(UsageError, match="no window"):
        windows_of(SESSIONS, 60, 30)
    with pytest.raises(UsageError, match="2 sessions or more"):
        windows_of(SESSIONS, 1, 10)
    with pytest.raises(UsageError, match="one point and one window"):
        walk_forward((), (GOOD,), Runs())


def test_the_steadiness_of_a_choice_is_told() -> None:
    assert share_of({GOOD: 2, BAD: 1}) == "k=good in 2 of 3 windows"
    assert share_of({(): 1}) == "the desk as it is in 1 of 1 windows"
