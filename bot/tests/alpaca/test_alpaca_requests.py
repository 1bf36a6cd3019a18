"""What a whole tick asks of Alpaca, counted at the server: the budget of the design, and the account's own limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import pytest

from bot.commands.opening import open_ledger
from bot.domain.errors import BrokerUnreachable
from bot.engine.ports import TickResult, World
from bot.engine.tick import tick
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.alpaca.hand import QUICK, AlpacaHand
from bot.venues.together import at_once
from bot.wiring import load_house, make_book

DAILY = {"/v2/calendar": 1, "/v1/corporate-actions": 1}
LOW_LIMIT = 20
TOMORROW = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)


class Cost(NamedTuple):
    """One tick, and the requests it made by method and path."""

    result: TickResult
    requests: Counter[str]

    @property
    def chains(self) -> int:
        """Count the underlyings whose chain was read."""
        read = {one.underlying for one in self.result.snapshot.chains}
        pairs = [count for path, count in self.requests.items() if "/options/contracts" in path]
        assert sum(pairs) == len(read)
        return len(read)

    @property
    def total(self) -> int:
        """Count all requests."""
        return self.requests.total()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    """Give a desk that has ticked once today, dry: what is read once a day has been."""
    with AlpacaDesk(tmp_path) as desk:
        desk.tick(dry=True)
        desk.pass_by()
        yield desk


def cost(desk: AlpacaDesk, *, dry: bool = False) -> Cost:
    before = len(desk.world.seen)
    result = desk.tick(dry=dry)
    assert result.errors == ()
    return Cost(result, Counter(f"{one.method} {one.path}" for one in desk.world.seen[before:]))


def sells_everything(desk: AlpacaDesk, count: int) -> None:
    """Let the desk sell one put after another, and each fill, until it holds so many."""
    for _ in range(count):
        desk.tick()
        (order,) = desk.world.working()
        desk.world.fill_now(order.client_order_id, "1", "0.60")
        desk.pass_by(SLOT)
        for other in desk.world.working():
            other.end("canceled", desk.world.at)
    assert len(desk.world.holdings) == count


def test_a_tick_that_needs_no_chain_makes_eight_requests(desk: AlpacaDesk) -> None:
    sells_everything(desk, 2)
    desk.tick()
    desk.pass_by()
    quiet = cost(desk)
    assert (quiet.chains, quiet.result.orders) == (0, ())
    assert quiet.requests == {
        "GET /v2/account": 1, "GET /v2/clock": 1, "GET /v2/positions": 1, "GET /v2/orders": 2,
        "GET /v2/account/activities": 1, "GET /v2/stocks/snapshots": 1, "GET /v1beta1/options/snapshots": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("held", "chains", "fixed"), [(0, 2, 7), (1, 1, 8)])
def test_each_chain_costs_two_requests_more(desk: AlpacaDesk, held: int, chains: int, fixed: int) -> None:
    """Seven where no option is held or worked: nothing of its own is quoted then."""
    sells_everything(desk, held)
    dry = cost(desk, dry=True)
    assert dry.chains == chains
    assert dry.total == fixed + 2 * chains


def test_an_order_sent_costs_one_more(desk: AlpacaDesk) -> None:
    dry = cost(desk, dry=True)
    desk.world.pass_to(desk.world.at + timedelta(seconds=1))
    live = cost(desk)
    assert [order.state for order in live.result.orders] == ["working"]
    assert live.requests - dry.requests == {"POST /v2/orders": 1}
    assert live.total == dry.total + 1


def test_a_reprice_costs_three_more_cancel_proof_and_order(desk: AlpacaDesk) -> None:
    desk.tick()
    (old,) = desk.world.working()
    desk.world.pass_to(desk.world.at + SLOT)  # the market stands still, so the ladder takes a step
    dry = cost(desk, dry=True)
    desk.world.pass_to(desk.world.at + timedelta(seconds=1))
    live = cost(desk)
    replaced = [order for order in live.result.orders if order.replaces == old.client_order_id]
    others = [order for order in live.result.orders if not order.replaces]
    assert len(replaced) == 1
    assert live.requests - dry.requests == {
        f"DELETE /v2/orders/{old.id}": 1, "GET /v2/orders:by_client_order_id": 1, "POST /v2/orders": 1 + len(others),
    }  # fmt: skip
    assert live.total == dry.total + 3 + len(others)


def test_an_unresolved_order_costs_one_look_each_tick_until_it_ends(desk: AlpacaDesk) -> None:
    """A day order that two looks after its day do not find was never sent: that is its proof."""
    desk.world.spoil("/orders$", "POST", status=504, processed=False)
    lost = desk.tick()
    assert [order.state for order in lost.orders] == ["unknown"]
    for _ in range(3):
        desk.pass_by()
        waiting = cost(desk, dry=True)
        assert waiting.requests["GET /v2/orders:by_client_order_id"] == 1
        assert waiting.total == 8 + 2 * waiting.chains + 1
    desk.world.pass_to(TOMORROW)
    looks = []
    for _ in range(3):
        desk.renew()
        after = cost(desk, dry=True)
        looks.append(after.requests["GET /v2/orders:by_client_order_id"])
        desk.world.pass_to(desk.world.at + SLOT)
    assert looks == [1, 1, 0]
    assert after.total == 7 + 2 * after.chains


def test_an_order_whose_answer_was_lost_costs_no_look_once_it_is_found(desk: AlpacaDesk) -> None:
    desk.world.spoil("/orders$", "POST", cut=True)
    assert [order.state for order in desk.tick().orders] == ["working"]
    desk.pass_by()
    found = cost(desk, dry=True)
    assert found.total == 8 + 2 * found.chains


def test_the_first_tick_of_a_day_reads_calendar_and_dividends_and_no_other_does(tmp_path: Path) -> None:
    with AlpacaDesk(tmp_path) as desk:
        first = cost(desk, dry=True)
        desk.pass_by()
        second = cost(desk, dry=True)
    assert first.requests - second.requests == {f"GET {path}": count for path, count in DAILY.items()}
    assert second.requests - first.requests == {}


# The account's limit


@pytest.fixture
def slow(desk: AlpacaDesk) -> Iterator[AlpacaHand]:
    """Give adapters at the desk's world that wait by its clock, under a low limit."""
    hand = AlpacaHand(desk.world)
    desk.world.requests_a_minute = LOW_LIMIT
    desk.world.pass_to(desk.world.at.replace(second=0) + timedelta(minutes=1))
    yield hand
    hand.close()


def tick_by(desk: AlpacaDesk, hand: AlpacaHand) -> TickResult:
    """Run a tick through a hand's adapters: its waiting lets the world's time pass in place of ours."""
    with desk.settings():
        house = load_house(str(desk.folder / ".env"))
    with open_ledger(house, "bot tick", desk.world.now()) as journal:
        journal.keep_config(house.hash, house.desk_text, house.settings_json, desk.world.now())
        world = World(hand.broker, hand.market, journal, desk.world.now, hand.meter, at_once)
        return tick(world, make_book(house, dry=False))


def test_ticks_one_after_another_wait_for_the_next_minute_and_never_pass_the_limit(
    desk: AlpacaDesk, slow: AlpacaHand
) -> None:
    began, before = monotonic(), len(desk.world.seen)
    results = []
    for _ in range(4):
        slow.reopen()
        results.append(tick_by(desk, slow))
        desk.renew()
    seen = desk.world.seen[before:]
    assert len(seen) > 2 * LOW_LIMIT
    assert 429 not in {one.status for one in seen}
    assert sum(slow.pauses) > 0
    assert monotonic() - began < 10


def test_a_tick_that_would_have_to_wait_past_its_time_says_so_and_sends_nothing(
    desk: AlpacaDesk, slow: AlpacaHand
) -> None:
    for _ in range(LOW_LIMIT - 3):
        desk.world.count_request(data=False)
    slow.client.bounds = QUICK._replace(deadline=slow.meter() + 30)
    before, posts = len(desk.world.seen), desk.posts()
    with pytest.raises(BrokerUnreachable, match=r"requests for this minute are used up; .* would pass the deadline"):
        tick_by(desk, slow)
    assert slow.pauses == []
    assert desk.posts() == posts
    assert 429 not in {one.status for one in desk.world.seen[before:]}
    desk.pass_by()
    slow.reopen()
    assert tick_by(desk, slow).errors == ()
    assert desk.posts() == posts + 1
