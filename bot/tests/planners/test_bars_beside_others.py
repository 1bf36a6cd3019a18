"""Strategies on bars beside a wheel and trailing stops, in whole ticks: everybody sells their own lots alone."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.domain.desk import Desk
from bot.domain.sessions import next_session
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import World
from bot.engine.tick import tick
from bot.markets.synthetic import SyntheticMarket
from bot.tests.faults.soaking import many
from bot.tests.planners.bar_scene import a_book, bars_text

D = Decimal
SESSIONS = many(12, 120)


def a_full_desk() -> Desk:
    text = desk_text_of(DeskChoice(profile="aggressive", equity=D(100_000), limits={"round_trips_per_day": None}))
    text = re.sub(r'(?m)^symbols = \["SPY.*$', 'symbols = ["XLF", "SLV"]', text)
    quick: dict[str, Any] = {"step": "15min", "stop_percent": D(1)}
    tables = (
        bars_text("ma_cross", ["SPY", "QQQ"], fast=4, slow=12, **quick),
        bars_text("mean_reversion", ["QQQ", "IWM"], "back", window=12, entry_deviations=D(1), order="market", **quick),
        bars_text("momentum", ["TLT"], "drift", window=8, entry_gain=D("0.001"), target_percent=D("0.5"), **quick),
    )
    return read_desk("\n".join((text, *tables)))


def test_everybody_sells_their_own_lots_alone_and_nothing_goes_wrong() -> None:
    desk, clock = a_full_desk(), [datetime(1970, 1, 1, tzinfo=UTC)]
    market = SyntheticMarket(7)
    broker = SimulatorBroker(":memory:", market, desk.simulator, lambda: clock[0], account_id="SIM-BARS")
    world = World(broker=broker, market=market, journal=MemoryJournal(), now=lambda: clock[0])
    book, session = a_book(desk), next_session(date(2025, 3, 3))
    mine = {params.name: set(params.symbols) for _, _, params in desk.bars}
    sold: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    protected: set[str] = set()
    for _ in range(SESSIONS):
        clock[0] = session.open_at
        while clock[0] < session.close_at:
            result = tick(world, book)
            assert result.errors == ()
            assert result.snapshot.books.drift == ()
            sales: Counter[tuple[str, str]] = Counter()
            for fill in result.settlement.fills:
                if fill.purpose == "close":
                    assert fill.symbol in mine[fill.strategy]
                    sales[fill.symbol, fill.strategy] += int(fill.qty)
            for end in result.settlement.lot_ends:
                if end.how == "sold":
                    sales[end.lot.symbol, end.lot.strategy] -= int(end.qty)
                    sold[end.lot.strategy] += 1
            assert not any(sales.values()), "shares were sold that are not the seller's"
            for verdict in result.verdicts:
                wanted[verdict.intent.purpose] += verdict.approved
            by_lot = {lot.id: lot.strategy for lot in result.snapshot.books.lots}
            stops = [one for one in result.snapshot.own_orders if one.purpose == "trailing_stop"]
            protected |= {by_lot[one.lot] for one in stops if one.lot in by_lot}
            clock[0] += timedelta(minutes=15)
        session = next_session(session.day)
    assert min(sold[name] for name in mine) > 0, sold
    assert protected & set(mine), "no trailing stop ever stood on a strategy's shares: it compares too little"
    assert wanted["cash_secured_put"] > 0
