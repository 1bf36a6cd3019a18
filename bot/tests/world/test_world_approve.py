"""Approve mode in a whole world: nothing opens without the word, one word sends one order, exits never wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.desk import ApproveRule
from bot.domain.errors import StoreError, UsageError
from bot.domain.market import Chain, MarketReads, Request
from bot.domain.orders import ENTRY_PURPOSES, OwnOrder
from bot.engine.ports import TickResult, Transition
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.store import chain
from bot.tests.world.runs import Run, choice_of, make_house, moments_in, run_in, sessions_from
from bot.wiring import approved_strategy

SEED, FIRST_DAY = 15, date(2026, 1, 20)
SLOT = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
NAMES = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")


@contextmanager
def asking(
    home: Path, word: str = "always", first: int = 0, minutes: int | None = None, market: SyntheticMarket | None = None
) -> Iterator[Run]:
    """Open a desk whose wheel asks for the owner's word."""
    house = make_house(home / "desk", choice_of("balanced", 25_000, NAMES), SEED)
    rule = ApproveRule(word=word, first=first, minutes=minutes)  # type: ignore[arg-type]
    with run_in(house._replace(desk=replace(house.desk, approvals=(("wheel", rule),))), market) as run:
        yield run


def openings() -> Iterator[datetime]:
    """Give the slots of the first session in which entries are allowed."""
    (session,) = sessions_from(FIRST_DAY, 1)
    at = session.open_at + 3 * SLOT
    while at < session.close_at - 2 * SLOT:
        yield at
        at += SLOT


def until_asked(run: Run) -> TickResult:
    """Tick through the first session until something waits."""
    for moment in openings():
        result = run.tick_at(moment)
        if result.proposals:
            return result
    raise AssertionError("nothing waited in the whole session")


def say_yes(run: Run, *numbers: int, at: datetime) -> TickResult:
    """Do what `bot approve` does: keep the word, then run the tick that plans nothing else."""
    run.moments[0] = at
    run.journal.answer_proposals(numbers, "approved", at, "ada")
    return tick(run.world, run.book._replace(strategies=(approved_strategy(run.house.desk),)))


def orders_of(run: Run) -> list[OwnOrder]:
    rows = run.journal.database.connection.execute("SELECT client_order_id FROM orders ORDER BY planned_at").fetchall()
    found = [run.journal.find_own(row[0]) for row in rows]
    return [order for order in found if order is not None]


def sent(run: Run) -> list[OwnOrder]:
    """Give what left for the broker and was no reprice."""
    return [one for one in orders_of(run) if one.state not in ("planned", "not_sent") and not one.replaces]


def test_nothing_is_sent_without_the_word(tmp_path: Path) -> None:
    with asking(tmp_path) as run:
        results = [run.tick_at(moment) for moment in openings()]
        assert sum(len(result.proposals) for result in results) > 10
        assert orders_of(run) == []
        assert run.broker.read_orders(results[0].snapshot.at) == ()
        assert {one.approved for result in results for one in result.verdicts} == {False}
        assert list(chain.verify(run.journal.database.connection, run.house.home)) == []


def test_one_word_sends_exactly_one_order_through_every_gate(tmp_path: Path) -> None:
    with asking(tmp_path) as run:
        before = until_asked(run)
        (first, *rest) = before.proposals
        assert rest, "the scene needs a second proposal that goes on waiting"
        at = before.snapshot.at + 2 * MINUTE
        after = say_yes(run, first.number, at=at)
        (order,) = after.orders
        (verdict,) = after.verdicts
        assert (order.legs, order.purpose, order.strategy) == (first.intent.legs, first.intent.purpose, "wheel")
        assert first.intent.limit_price is not None
        assert order.limit_price is not None
        assert order.limit_price >= first.intent.limit_price
        assert len(verdict.checks) == len(before.verdicts[0].checks)
        assert [one.number for one in after.proposals] == [one.number for one in rest]
        with pytest.raises(UsageError, match="does not stand"):
            say_yes(run, first.number, at=at + MINUTE)
        assert run.tick_at(at + 2 * MINUTE).orders == ()
        assert [one.client_order_id for one in sent(run)] == [order.client_order_id]
        assert run.journal.books().entries_sent == (("wheel", 1),)
        assert list(chain.verify(run.journal.database.connection, run.house.home)) == []


def test_a_lapsed_proposal_sends_nothing(tmp_path: Path) -> None:
    with asking(tmp_path) as run:
        before = until_asked(run)
        late = before.proposals[0].lapses_at
        with pytest.raises(UsageError, match="does not stand"):
            say_yes(run, before.proposals[0].number, at=late)
        assert tick(run.world, run.book._replace(strategies=(approved_strategy(run.house.desk),))).orders == ()
        assert sent(run) == []


def test_a_word_that_lapses_before_its_tick_sends_nothing(tmp_path: Path) -> None:
    with asking(tmp_path) as run:
        before = until_asked(run)
        one = before.proposals[0]
        run.journal.answer_proposals((one.number,), "approved", one.lapses_at - MINUTE, "ada")
        assert run.tick_at(one.lapses_at).orders == ()
        assert run.journal.proposal(one.number).status == "lapsed"  # type: ignore[union-attr]
        assert sent(run) == []


class Falling(SyntheticMarket):
    """The embedded market, whose option prices halve when told to."""

    fallen = False

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        reads = super().fetch(requests, at)
        return replace(reads, chains=tuple(_halved(one) for one in reads.chains)) if self.fallen else reads


def _halved(one: Chain) -> Chain:
    slabs = tuple(
        replace(
            slab, bids=tuple(max(1, bid // 2) for bid in slab.bids), asks=tuple(max(2, ask // 2) for ask in slab.asks)
        )
        for slab in one.slabs
    )
    return replace(one, slabs=slabs)


def test_a_market_that_moved_away_is_refused_with_its_numbers_and_the_word_stands(tmp_path: Path) -> None:
    market = Falling(SEED)
    with asking(tmp_path, market=market) as run:
        before = until_asked(run)
        one = before.proposals[0]
        market.fallen = True
        after = say_yes(run, one.number, at=before.snapshot.at + MINUTE)
        (verdict,) = after.verdicts
        collar = next(check for check in verdict.checks if check.gate == "price_within_collar")
        assert not collar.ok
        assert collar.value is not None
        assert collar.limit is not None
        assert collar.value > collar.limit
        assert sent(run) == []
        assert [(left.number, left.approved_at is not None) for left in after.proposals][:1] == [(one.number, True)]
        market.fallen = False
        assert [order.legs for order in run.tick_at(before.snapshot.at + 2 * MINUTE).orders] == [one.intent.legs]


def test_the_first_two_ask_and_then_nothing_does(tmp_path: Path) -> None:
    asked: list[int] = []
    with asking(tmp_path, "first", first=2) as run:
        for moment in moments_in(sessions_from(FIRST_DAY, 15)):
            result = run.tick_at(moment)
            if result.proposals:
                asked.append(len(sent(run)))
                say_yes(run, result.proposals[0].number, at=moment + MINUTE)
        entries = [one for one in sent(run) if one.purpose in ENTRY_PURPOSES]
        assert asked[-1] < 2
        assert len(entries) > 3
        assert dict(run.journal.books().entries_sent) == {"wheel": len(entries)}


def test_a_death_between_the_word_and_its_tick_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with asking(tmp_path, minutes=60) as run:
        before = until_asked(run)
        one = before.proposals[0]
        run.journal.answer_proposals((one.number,), "approved", before.snapshot.at + MINUTE, "ada")
        after = run.tick_at(before.snapshot.slot + SLOT)
        mine = [order for order in after.orders if order.legs == one.intent.legs]
        assert len(mine) == 1
        run.tick_at(before.snapshot.slot + SLOT + MINUTE)
        assert [order.legs for order in sent(run)].count(one.intent.legs) == 1


def test_a_death_between_writing_the_order_down_and_sending_it_loses_nothing(tmp_path: Path) -> None:
    with asking(tmp_path, minutes=60) as run:
        before = until_asked(run)
        one = before.proposals[0]
        at = before.snapshot.at + MINUTE
        kept = run.journal.move

        def dies(tick_id: int, step: Transition) -> None:
            raise StoreError("the disk is full")

        run.journal.move = dies  # type: ignore[method-assign]
        with pytest.raises(StoreError):
            say_yes(run, one.number, at=at)
        run.journal.move = kept  # type: ignore[method-assign]
        assert [order.state for order in orders_of(run)] == ["planned"]
        # The first tick after the death proves the order unsent; until then it counts in the day's pacing.
        run.tick_at(at + MINUTE)
        assert [order.state for order in orders_of(run)] == ["not_sent"]
        after = run.tick_at(at + 2 * MINUTE)
        assert [order.legs for order in after.orders] == [one.intent.legs]
        assert [order.legs for order in sent(run)].count(one.intent.legs) == 1


def test_an_order_that_may_have_left_is_not_sent_again_on_the_same_word(tmp_path: Path) -> None:
    with asking(tmp_path, minutes=60) as run:
        before = until_asked(run)
        one = before.proposals[0]
        at = before.snapshot.at + MINUTE
        submit: Callable[..., object] = run.broker.submit

        def vanishes(request: object) -> object:
            submit(request)
            raise SystemExit("the process is gone before the answer")

        run.broker.submit = vanishes  # type: ignore[method-assign,assignment]
        with pytest.raises(SystemExit):
            say_yes(run, one.number, at=at)
        run.broker.submit = submit  # type: ignore[method-assign,assignment]
        run.tick_at(at + MINUTE)
        run.tick_at(at + SLOT)
        assert [order.legs for order in sent(run)].count(one.intent.legs) == 1
        assert len([order for order in run.broker.read_orders(at - SLOT) if order.legs == one.intent.legs]) == 1


def test_exits_never_wait(tmp_path: Path) -> None:
    """One put is approved; whatever ends it goes out by itself, while every new entry goes on asking."""
    with asking(tmp_path) as run:
        before = until_asked(run)
        say_yes(run, before.proposals[0].number, at=before.snapshot.at + MINUTE)
        for moment in moments_in(sessions_from(FIRST_DAY + timedelta(days=1), 40)):
            run.tick_at(moment)
        purposes = [order.purpose for order in sent(run)]
        assert [one for one in purposes if one in ENTRY_PURPOSES] == [before.proposals[0].intent.purpose]
        assert len(purposes) > 1, "nothing ended the position: the scene proves nothing"
        assert run.journal.books().cash != Decimal(25_000)
