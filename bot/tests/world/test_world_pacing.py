"""Rate and repetition in a whole world: each limit stops an order that the same session sends without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Instruction
from bot.domain.orders import OrderRequest, OwnOrder
from bot.engine.ports import TickResult
from bot.tests.world.runs import Run, choice_of, make_house, run_in, sessions_from

SEED, FIRST_DAY = 15, date(2026, 1, 20)
SLOT = timedelta(minutes=15)
NAMES = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")
D = Decimal
LOOSE: dict[str, Any] = dict.fromkeys((
    "orders_per_tick", "orders_per_day", "orders_per_window", "turnover_per_window", "turnover_per_day",
    "contracts_per_tick", "contracts_per_day", "contracts_per_symbol_day", "put_series_per_symbol", "put_series_total",
    "round_trips_per_day", "cooldown_entry_minutes", "cooldown_loss_sessions", "identical_rejections", "symbol_share",
    "group_share",
))  # fmt: skip
"""Everything that could stop an order before the limit under test does."""


@contextmanager
def pacing(home: Path, **limits: Any) -> Iterator[Run]:
    """Open a desk that no pacing holds back but what is given."""
    house = make_house(home / "desk", choice_of("balanced", 100_000, NAMES), SEED, every_slot=True)
    bounds = replace(house.desk.limits, **(LOOSE | limits))
    wheels = tuple((rank, on, replace(params, limits=bounds)) for rank, on, params in house.desk.wheels)
    with run_in(house._replace(desk=replace(house.desk, limits=bounds, wheels=wheels))) as run:
        yield run


def moments() -> Iterator[datetime]:
    """Give the slots of the first session in which entries are allowed."""
    (session,) = sessions_from(FIRST_DAY, 1)
    at = session.open_at + 3 * SLOT
    while at < session.close_at - 2 * SLOT:
        yield at
        at += SLOT


def puts(results: list[TickResult]) -> list[OwnOrder]:
    """Give the put entries sent, reprices apart."""
    orders = [order for result in results for order in result.orders]
    return [one for one in orders if one.purpose == "cash_secured_put" and not one.replaces and one.state != "not_sent"]


def refused_by(results: list[TickResult], gate: str) -> int:
    checks = [check for result in results for verdict in result.verdicts for check in verdict.checks]
    return sum(not check.ok for check in checks if check.gate == gate)


def notional(orders: list[OwnOrder]) -> Decimal:
    return sum((D(one.legs[0].symbol[-8:]) / 1000 * 100 * one.qty for one in orders), D(0))


def test_the_orders_of_five_minutes_are_bounded(tmp_path: Path) -> None:
    """B022."""
    first = next(moments())
    with pacing(tmp_path / "off") as run:
        free = puts([run.tick_at(first)])
    with pacing(tmp_path / "on", orders_per_window=D(1)) as run:
        results = [run.tick_at(first)]
        assert len(puts(results)) == 1 < len(free)
        soon = run.tick_at(first + timedelta(minutes=5))
        assert puts([soon]) == []
        assert refused_by([*results, soon], "orders_within_window") >= 2
        assert len(puts([run.tick_at(first + timedelta(minutes=5, seconds=1))])) == 1


def test_the_turnover_of_five_minutes_is_bounded(tmp_path: Path) -> None:
    """B023."""
    first = next(moments())
    with pacing(tmp_path / "off") as run:
        free = puts([run.tick_at(first)])
    share = (notional(free[:1]) + 1) / 100_000
    with pacing(tmp_path / "on", turnover_per_window=share) as run:
        results = [run.tick_at(first), run.tick_at(first + timedelta(minutes=5))]
        assert 0 < notional(puts(results)) <= share * 100_000 < notional(free)
        assert refused_by(results, "turnover_within_window") > 0
        assert puts([run.tick_at(first + timedelta(minutes=5, seconds=1))]) != []


def test_the_turnover_of_a_session_is_bounded(tmp_path: Path) -> None:
    """F14: what runs away is stopped outside the strategy, whatever its orders are called."""
    with pacing(tmp_path / "off") as run:
        free = puts([run.tick_at(moment) for moment in moments()])
    with pacing(tmp_path / "on", turnover_per_day=D("0.10")) as run:
        results = [run.tick_at(moment) for moment in moments()]
        assert 0 < notional(puts(results)) <= D(10_100) < notional(free)
        assert refused_by(results, "turnover_within_day") > 0


def too_soon(results: list[TickResult]) -> list[OwnOrder]:
    """Give the puts sent on a symbol whose last put entry filled earlier in the session."""
    return [
        order
        for result in results
        for order in puts([result])
        if order.underlying in {one.underlying for one in result.snapshot.books.put_entries}
    ]


def test_a_put_on_a_symbol_waits_for_its_cooldown(tmp_path: Path) -> None:
    """B024."""
    with pacing(tmp_path / "off") as run:
        assert too_soon([run.tick_at(moment) for moment in moments()]) != []
    with pacing(tmp_path / "on", cooldown_entry_minutes=D(390)) as run:
        results = [run.tick_at(moment) for moment in moments()]
        assert puts(results) != []
        assert too_soon(results) == []
        assert refused_by(results, "entry_cooldown_is_over") > 0


@pytest.mark.parametrize(("limit", "again"), [(None, True), (D(3), False)])
def test_after_a_loss_its_symbol_waits_for_some_sessions(tmp_path: Path, limit: Decimal | None, again: bool) -> None:
    with pacing(tmp_path, cooldown_loss_sessions=limit, put_series_per_symbol=D(1)) as run:
        results: list[TickResult] = []
        told: set[str] = set()
        for moment in moments():
            results.append(run.tick_at(moment))
            for leg in run.journal.books().legs:  # the owner takes every put back, at the cost of its spread
                if leg.symbol not in told:
                    word = Instruction(contract=leg.symbol, word="close", at=moment, author="ada")
                    run.journal.add_instruction(word)
                    told.add(leg.symbol)
        lost = {one.underlying: one.day for one in results[-1].snapshot.books.losses}
        assert lost
        after = [
            order
            for result in results
            for order in puts([result])
            if order.underlying in {one.underlying for one in result.snapshot.books.losses}
        ]
        assert bool(after) is again
        assert (refused_by(results, "loss_cooldown_is_over") > 0) is not again


@pytest.mark.parametrize(("limit", "sent"), [(None, 20), (D(3), 3)])
def test_a_wish_the_broker_keeps_refusing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Decimal | None, sent: int
) -> None:
    """F4: the same request and the same refusal, three times."""
    with pacing(tmp_path, identical_rejections=limit) as run:

        def refuse(request: OrderRequest) -> BrokerOrder:
            raise BrokerRefused(RefusalCode.NOT_PERMITTED, "not for this account")

        monkeypatch.setattr(run.broker, "submit", refuse)
        results = [run.tick_at(moment) for moment in moments()]
        most = max(Counter(one.underlying for one in puts(results)).values())
        assert (most >= sent) if limit is None else (most == sent)
        assert (refused_by(results, "rejections_are_few") > 0) is (limit is not None)
