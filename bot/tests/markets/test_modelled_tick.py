"""The live tick over modelled options: it trades, and its Snapshot and picture say that the prices are modelled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.domain.instruments import is_option
from bot.domain.market import modelled
from bot.domain.sessions import sessions_between
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import TickResult, World
from bot.engine.tick import tick
from bot.markets.modelled import ModelledMarket, ModelParams, RealisedVolatility
from bot.markets.synthetic import SyntheticMarket
from bot.report.feeds import feed_line, feeds_of
from bot.report.tick_text import header
from bot.wiring import House, make_book


def run(home: Path, days: int) -> list[TickResult]:
    """Tick through the slots of sessions on options modelled from the embedded market's own realised volatility."""
    text = desk_text_of(DeskChoice(profile="aggressive", equity=Decimal(60_000)))
    settings = Settings(home=home, env_file=None, mode="live")
    fingerprint, stored = config_hash(text, settings)
    house = House(settings, read_desk(text, name="desk.toml"), text, fingerprint, stored)
    base = SyntheticMarket(7)
    market = ModelledMarket(
        base, RealisedVolatility(base), ModelParams(premium_factor=1.2), universe=house.desk.universe
    )  # fmt: skip
    clock = [datetime(1970, 1, 1, tzinfo=UTC)]
    broker = SimulatorBroker(
        ":memory:", market, house.desk.simulator, lambda: clock[0], synchronous="OFF", account_id="SIM-M"
    )
    world = World(broker=broker, market=market, journal=MemoryJournal(), now=lambda: clock[0])
    book = make_book(house, dry=False)._replace(desk=replace(house.desk, approvals=()), decide_on_decoded=False)
    results = []
    for session in sessions_between(date(2025, 3, 3), date(2025, 3, 3) + timedelta(days=days)):
        clock[0] = session.open_at
        while clock[0] < session.close_at:
            results.append(tick(world, book))
            clock[0] += timedelta(minutes=15)
    return results


def test_a_wheel_trades_modelled_options_and_every_page_says_so(tmp_path: Path) -> None:
    results = run(tmp_path, 45)
    fills = [fill for result in results for fill in result.settlement.fills if is_option(fill.symbol)]
    ends = [end for result in results for end in result.settlement.leg_ends]
    assert len(fills) >= 4
    assert ends
    priced = [result for result in results if feeds_of(result.snapshot)]
    assert len(priced) > len(results) // 4
    for result in priced:
        snapshot = result.snapshot
        assert snapshot.market == "modelled on synthetic"
        sources = {chain.source for chain in snapshot.chains}
        sources |= {quote.source for quote in snapshot.quotes if is_option(quote.symbol)}
        assert all(modelled(source) for source in sources)
        words = "prices options modelled from realised over 20 sessions (NO MARKET'S QUOTES)"
        assert words in header(result)
        assert feed_line(feeds_of(snapshot)) == words.removeprefix("prices ")
        assert any("modelled on synthetic market" in line for line in header(result))


def test_two_runs_are_one(tmp_path: Path) -> None:
    first, second = (run(tmp_path / name, 4) for name in ("one", "two"))
    assert [result.snapshot for result in first] == [result.snapshot for result in second]
    assert [result.verdicts for result in first] == [result.verdicts for result in second]
