"""Every answer of the pretended Alpaca fits Alpaca's own published documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.tests.alpaca.door import Door, spread
from bot.tests.alpaca.openapi import Document
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import NOON, AlpacaWorld

PUT, LOWER = "XLF261218P00039000", "XLF261218P00037000"
Case = tuple[str, dict[str, str]]
TRADING: tuple[Case, ...] = (
    ("/v2/account", {}),
    ("/v2/clock", {}),
    ("/v2/calendar", {"start": "2026-11-20", "end": "2026-11-30"}),
    ("/v2/positions", {}),
    ("/v2/orders", {"status": "all", "nested": "true"}),
    ("/v2/orders", {"status": "all", "nested": "false"}),
    ("/v2/account/activities", {}),
    ("/v2/options/contracts", {"expiration_date_lte": "2027-01-01", "show_deliverables": "true"}),
)
DATA: tuple[Case, ...] = (
    ("/v2/stocks/snapshots", {"symbols": "XLF", "feed": "iex"}),
    ("/v2/stocks/bars", {"symbols": "XLF", "timeframe": "1Day", "start": "2026-11-01", "feed": "iex"}),
    ("/v1beta1/options/snapshots", {"symbols": PUT}),
    ("/v1beta1/options/snapshots/{underlying_symbol}", {}),
    ("/v1/corporate-actions", {"start": "2026-01-01", "end": "2026-12-31"}),
)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """Give a world in which everything has happened: fills, a spread, an assignment, fees, a transfer, a dividend."""
    world = AlpacaWorld()
    world.charges_fees = True
    world.quote("XLF", "40.00", "40.02", "40.01")
    world.list_option(PUT, "0.60", "0.64", delta=-0.3, volatility=0.2, last="0.61")
    world.list_option(LOWER, "0.20", None)
    world.announce("cash_dividends", "XLF", date(2026, 12, 21), rate=0.25)
    bar = {"t": "2026-11-17T05:00:00Z", "o": 40, "h": 41, "l": 39.5, "c": 40.5, "v": 10, "n": 2, "vw": 40.1}
    world.bars["XLF", "1Day"] = [bar]
    world.trade("XLF", "100", "40.00")
    world.trade(PUT, "-2", "0.60")
    world.pay_dividend("XLF", "0.25")
    world.assign(PUT)
    world.pass_to(NOON + timedelta(days=1))
    with AlpacaServer(world) as server:
        door = Door(world, server.url)
        door.ask("POST", "/v2/orders", spread(PUT, LOWER))
        yield door


def document(material: Path, name: str) -> Document:
    path = material / "contracts" / name
    if not path.exists():
        pytest.skip(f"Alpaca's documents are not at {path}")
    return Document(path)


@pytest.mark.parametrize(("path", "query"), TRADING)
def test_a_trading_answer_fits_the_published_document(
    door: Door, material: Path, path: str, query: dict[str, str]
) -> None:
    answer = door.get(path, **query)
    assert answer
    assert document(material, "alpaca-trading-api.json").faults("GET", path, 200, answer) == []


@pytest.mark.parametrize(("path", "query"), DATA)
def test_a_data_answer_fits_the_published_document(
    door: Door, material: Path, path: str, query: dict[str, str]
) -> None:
    answer = door.get(path.replace("{underlying_symbol}", "XLF"), **query)
    assert document(material, "alpaca-market-data-api.json").faults("GET", path, 200, answer) == []


def test_a_wrong_shape_would_be_found(material: Path) -> None:
    trading = document(material, "alpaca-trading-api.json")
    assert trading.faults("GET", "/v2/account", 200, {"id": 1}) != []
    assert trading.faults("GET", "/v2/positions", 200, [{"symbol": "XLF", "qty": 1}]) != []
    assert trading.faults("GET", "/v2/orders", 200, [{"status": "unheard", "notional": None}]) != []
