"""Prices that fall and rise: warnings at 60 and 80 %, halts confirmed over slots, and how each clears (design 15, F9).

Nothing is written into the ledger: the market moves, the marks follow, and what is held makes the loss. Every slot of
every session ticks, with all trip wires on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.domain.sessions import Session
from bot.domain.trip import Trip
from bot.engine.ports import TickResult
from bot.markets.synthetic import SyntheticMarket
from bot.store.kinds import TRIP
from bot.store.queries import open_for_questions
from bot.store.tripping import clear_by_person, read_streak
from bot.tests.world.runs import SOME_DAY, Run, choice_of, make_house, moments_in, run_in, sessions_from

SLOT = timedelta(minutes=15)
SHARES = 1_000
NAME = "XLF"


class Sloped:
    """The days of the embedded market at levels that change from moments on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.levels: list[tuple[datetime, float]] = []

    def day(self, profile: Any, session: Session) -> Any:
        """Give a day at the levels its minutes have."""
        found = copy(self.inner.day(profile, session))
        if profile.symbol == NAME and self.levels:
            moments = [session.open_at + timedelta(minutes=minute) for minute in range(len(found.prices))]
            found.prices = [
                price * self.at(moment) for price, moment in zip(found.prices, moments, strict=True)
            ]  # fmt: skip
            found.reference *= self.at(session.open_at)
        return found

    def at(self, moment: datetime) -> float:
        """Give the level at a moment."""
        return next((level for since, level in reversed(self.levels) if since <= moment), 1.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Falling:
    """A desk that holds many shares of one name, and the hand that moves that name's price."""

    def __init__(self, run: Run, slope: Sloped) -> None:
        self.run, self.slope = run, slope
        self.moments = (
            session.open_at + number * SLOT
            for session in sessions_from(SOME_DAY, 9)
            for number in range(26)
            if session.open_at + number * SLOT < session.close_at
        )
        self.start = Decimal(0)
        self.last: TickResult | None = None

    def tick(self) -> TickResult:
        """Run the next slot's tick."""
        self.last = self.run.tick_at(next(self.moments))
        return self.last

    def rest_of_day(self) -> TickResult:
        """Run every tick to the last one of the session."""
        result = self.tick()
        while result.snapshot.at + SLOT < result.snapshot.session.close_at:
            result = self.tick()
        return result

    def move_to(self, equity: Decimal) -> TickResult:
        """Move the price so that equity is about this at the next slot, and tick there."""
        assert self.last is not None
        snapshot = self.last.snapshot
        spot = snapshot.spot(NAME)
        assert spot is not None
        now = self.slope.at(snapshot.at)
        share = 1 + (equity - snapshot.equity) / (spot * SHARES)
        self.slope.levels.append((snapshot.at + timedelta(minutes=1), now * float(share)))
        return self.tick()


@contextmanager
def falling(home: Path) -> Iterator[Falling]:
    house = make_house(home / "desk", choice_of("balanced", 25_000), 1, every_slot=True)
    market = SyntheticMarket(house.desk.simulator.seed)
    slope = Sloped(market._days)
    market._days = slope  # type: ignore[assignment]
    with run_in(house, market) as run:
        run.moments[0] = sessions_from(SOME_DAY, 1)[0].open_at - SLOT
        run.broker.read_account()
        with closing(sqlite3.connect(house.home / "simulator.sqlite")) as account, account:
            account.execute("INSERT INTO holdings VALUES (?, ?, '37')", (NAME, str(SHARES)))
        yield Falling(run, slope)


def wire(result: TickResult, name: str) -> Trip:
    return next(one for one in result.snapshot.trips if one.name == name)


def entries(result: TickResult) -> list[str]:
    return [order.underlying for order in result.orders if order.opens]


def test_a_day_of_losses_warns_halts_new_risk_and_is_over_with_the_day(tmp_path: Path) -> None:
    with falling(tmp_path) as desk:
        whole = desk.rest_of_day().snapshot.equity
        desk.tick()
        name = "daily_loss_share"
        assert [wire(desk.move_to(whole * (1 - part)), name).warned for part in SHARES_LOST] == [0, 60, 80]
        over = whole * Decimal("0.955")
        seen = [desk.move_to(over), desk.tick(), desk.tick()]
        assert [(wire(one, name).readings, wire(one, name).tripped) for one in seen] == [
            (1, False), (2, False), (3, True),
        ]  # fmt: skip
        assert [one.snapshot.halt.level for one in seen] == ["run", "run", "no_new_risk"]
        assert seen[-1].snapshot.halt.reason.startswith("daily_loss_share 4.")
        back = desk.move_to(whole)
        assert (wire(back, name).warned, wire(back, name).tripped) == (0, True), "a day's loss is over with the day"
        last = desk.rest_of_day()
        assert (last.snapshot.halt.level, entries(last)) == ("no_new_risk", [])
        morning = desk.tick()
        assert (wire(morning, name).tripped, morning.snapshot.halt.level) == (False, "run")


SHARES_LOST = (Decimal("0.02"), Decimal("0.028"), Decimal("0.036"))


def test_one_bad_quote_halts_nothing(tmp_path: Path) -> None:
    """F9: one bad equity reading halted a whole book elsewhere."""
    with falling(tmp_path) as desk:
        whole = desk.rest_of_day().snapshot.equity
        desk.tick()
        for _ in range(3):
            assert wire(desk.move_to(whole * Decimal("0.75")), "drawdown_reduce_only").readings == 1
            good = desk.move_to(whole)
            assert [one.name for one in good.snapshot.trips if one.readings or one.tripped] == []
        assert good.snapshot.halt.level == "run"


def test_a_fall_over_days_trips_both_wires_and_each_clears_as_its_kind_says(tmp_path: Path) -> None:
    soft, hard = "drawdown_no_new_risk", "drawdown_reduce_only"
    with falling(tmp_path) as desk:
        whole = desk.rest_of_day().snapshot.equity
        desk.tick()
        warned = [desk.move_to(whole * (1 - Decimal(part) / 100)) for part in (6, 8, 10)]
        assert [wire(one, soft).warned for one in warned] == [0, 60, 80]
        seen = [desk.move_to(whole * Decimal("0.86")), desk.tick(), desk.tick()]
        assert [wire(one, soft).tripped for one in seen] == [False, False, True]
        assert [wire(one, hard).warned for one in seen] == [60, 60, 60]
        assert seen[-1].snapshot.halt.level == "no_new_risk"
        seen = [desk.move_to(whole * Decimal("0.80")), desk.tick(), desk.tick()]
        assert [wire(one, hard).tripped for one in seen] == [False, False, True]
        assert seen[-1].snapshot.halt.author == f"trip: {hard}"
        desk.rest_of_day()
        assert desk.tick().snapshot.halt.level == "reduce_only", "the next day changes nothing"
        seen = [desk.move_to(whole * Decimal("0.97")), desk.tick(), desk.tick()]
        assert [wire(one, soft).tripped for one in seen] == [True, True, False]
        assert [wire(one, hard).tripped for one in seen] == [True, True, True], "a person looks first"
        cleared = clear_by_person(desk.run.journal.database, seen[-1].snapshot.at, "ann", "seen")
        assert [one.name for one in cleared] == [hard]
        after = desk.tick()
        assert after.snapshot.halt.level == "run"
        fall = wire(after, hard).value
        assert fall is not None
        assert fall < Decimal("0.01"), "the peak starts anew from where the person looked"
        with open_for_questions(desk.run.house.home) as ledger:
            words = [row.payload["trip"]["name"] for row in ledger.events(kind=TRIP)]
        assert words.count(soft) == words.count(hard) == 2, "each tripped once and cleared once, in the chain"


def test_an_account_that_lies_still_below_its_peak_goes_on_by_its_owners_word_alone(tmp_path: Path) -> None:
    """Without new risk it would never come nearer to its peak: no halt without a way out."""
    soft = "drawdown_no_new_risk"
    with falling(tmp_path) as desk:
        whole = desk.rest_of_day().snapshot.equity
        desk.tick()
        desk.move_to(whole * Decimal("0.86"))
        for _ in range(4):
            last = desk.tick()
        assert wire(last, soft).tripped
        assert "`bot resume --new-peak`" in wire(last, soft).clears
        journal = desk.run.journal
        assert clear_by_person(journal.database, last.snapshot.at, "ann", "seen") == (), "a resume alone leaves it"
        cleared = clear_by_person(journal.database, last.snapshot.at, "ann", "seen", new_peak=True)
        assert [one.name for one in cleared] == [soft]
        after = desk.tick()
        assert (wire(after, soft).warned, wire(after, soft).tripped) == (0, False)


def test_a_losing_chain_counts_at_the_tick_that_ends_it(tmp_path: Path) -> None:
    """What a tick measures is what the journal counts after it: no slot late, no slot twice."""
    ended = 0
    with run_in(make_house(tmp_path / "home", choice_of("aggressive", 100_000), 2)) as run:
        for moment in moments_in(sessions_from(SOME_DAY, 48)):
            result = run.tick_at(moment)
            assert wire(result, "losing_streak").value == read_streak(run.journal.database.connection), moment
            ended += any(end.income < 0 for end in result.settlement.leg_ends)
    assert ended > 1, "no chain lost in this run: choose another seed"
