"""Recorded market data of others as tapes: daily files with factors, minutes, currencies, coins and a chain."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.fills import FillRules
from bot.domain.market import BarsRequest, ChainRequest, Split
from bot.domain.sessions import session_on
from bot.tapes.bars_in import BarOptions
from bot.tapes.chains_in import import_chains
from bot.tapes.events_in import read_factors
from bot.tapes.importing import Imported, Order, import_bars
from bot.tapes.reading import Findings
from bot.tapes.tape import Tape, open_tape
from bot.tests.tapes.taped import NOW, D

NEW_YORK = "America/New_York"
GOOG_DAYS = "equity/GOOG_daily_raw_2014_2021_lean.csv.gz"
LEAN = {"time": "date+ms_since_midnight_et"}


def taken(material: Path, folder: Path, *files: str, factors: str = "", **options: Any) -> Imported:
    paths = tuple(material / "data" / one for one in files)
    events = read_factors(material / "data" / factors, options["symbol"]) if factors else []
    chosen = BarOptions(**({"columns": {}} | options))
    findings = Findings(options.get("accept", ()))
    return import_bars(Order(folder, "t", paths, NOW), chosen, events, findings, events_given=bool(factors))


def daily(material: Path, folder: Path, symbol: str, file: str) -> Imported:
    factors = f"equity/factor_{symbol.lower()}.csv"
    return taken(material, folder, file, factors=factors, symbol=symbol, zone=NEW_YORK)


def kept(folder: Path, made: Imported) -> Tape:
    assert made.facts is not None, [one.text for one in made.problems]
    return open_tape(folder, "t")


def test_twenty_three_years_of_bac_with_its_dividends_and_split(material: Path, tmp_path: Path) -> None:
    made = daily(material, tmp_path, "BAC", "equity/BAC_daily_raw_lean.csv.gz")
    tape = kept(tmp_path, made)
    assert (made.rows, made.problems) == (5849, ())
    market = tape.market(FillRules(), {})
    events = market.events_between("BAC", date(1998, 1, 1), date(2021, 4, 1))
    (split,) = [one for one in events if isinstance(one, Split)]
    assert (split.day, split.ratio) == (date(2004, 8, 30), D(2))
    session = session_on(split.day)
    assert session is not None
    (bars,) = market.fetch((BarsRequest(symbol="BAC", step="1day", count=2),), session.close_at).bars
    # Raw closes of 2004-08-27 and 30: one share of before is two of after.
    assert abs(bars.bars[0].close / bars.bars[1].close - 1) < D("0.02")


def test_a_bad_print_and_a_split_without_a_factor_are_found(material: Path, tmp_path: Path) -> None:
    ibm = daily(material, tmp_path, "IBM", "equity/IBM_daily_raw_lean.csv.gz")
    assert [(one.what, one.rows) for one in ibm.problems] == [("split-like jump", ("1252",))]
    goog = daily(material, tmp_path, "GOOG", GOOG_DAYS)
    assert [(one.what, one.rows) for one in goog.problems] == [("split-like jump", ("65",))]
    assert "2014-04-03" in goog.problems[0].words
    assert (ibm.facts, goog.facts) == (None, None)


def test_quarter_hours_stamped_at_their_ends_are_not_taken_for_starts(material: Path, tmp_path: Path) -> None:
    file = "equity/us_15min_eqker_2019.csv.gz"
    refused = taken(material, tmp_path, file, zone=NEW_YORK)
    assert {one.what for one in refused.problems if one.refuses} == {"look-ahead by end stamps"}
    tape = kept(tmp_path, taken(material, tmp_path, file, zone=NEW_YORK, stamp="end"))
    assert (len(tape.symbols), tape.step_seconds) == (20, 900)
    assert tape.last_at == datetime(2019, 2, 15, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", ["AIG", "BAC"])
def test_minutes_of_three_sessions(material: Path, tmp_path: Path, name: str) -> None:
    files = [f"equity/{name}_{day}_1min_lean.csv.gz" for day in ("20131004", "20131007", "20131008")]
    tape = kept(tmp_path, taken(material, tmp_path, *files, symbol=name, zone=NEW_YORK, columns=LEAN))
    assert tape.step_seconds == 60
    close = datetime(2013, 10, 8, 20, 0, tzinfo=UTC)
    (days,) = tape.market(FillRules(), {}).fetch((BarsRequest(symbol=name, step="1day", count=9),), close).bars
    assert [one.at.day for one in days.bars] == [4, 7, 8]


def test_hours_of_euros_and_coins_go_around_the_clock(material: Path, tmp_path: Path) -> None:
    made = taken(material, tmp_path, "fx/EURUSD_1h_2017_2018.csv", symbol="EURUSD", always_open=True)
    tape = kept(tmp_path, made)
    assert (tape.bars("EURUSD").places, len(tape.bars("EURUSD").ends), tape.always_open) == (5, 5000, True)
    assert [one.what for one in made.problems] == ["gap"]
    coins = taken(material, tmp_path / "c", "crypto/binance_spot_12pairs_1h_2024.parquet", always_open=True)
    tape = kept(tmp_path / "c", coins)
    assert (coins.rows, coins.problems, len(tape.symbols)) == (71_980, (), 12)
    assert tape.bars("AAVE/USDT").open[0] == 10868 * 10 ** (tape.bars("AAVE/USDT").places - 2)


def test_a_real_chain_takes_its_prices_from_daily_bars(material: Path, tmp_path: Path) -> None:
    bars = taken(material, tmp_path, GOOG_DAYS, symbol="GOOG", zone=NEW_YORK, accept=("split-like jump",))
    spot = kept(tmp_path, bars)
    chosen = BarOptions(
        symbol="GOOG", columns={"at": "time", "right": "type", "bid": "bid_c", "ask": "ask_c"}, zone=NEW_YORK,
        step_seconds=86_400,
    )  # fmt: skip
    order = Order(tmp_path, "chain", (material / "data" / "options_us/GOOG_2015_daily_quote.csv.gz",), NOW)
    made = import_chains(order, chosen, Findings(), spot)
    assert made.facts is not None, [one.text for one in made.problems]
    market = open_tape(tmp_path, "chain").market(FillRules(), {})
    request = ChainRequest(
        underlying="GOOG", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.8"), moneyness_max=D("1.02")
    )
    session = session_on(date(2015, 12, 23))
    assert session is not None
    (chain,) = market.fetch((request,), session.close_at).chains
    assert chain.at == session.close_at - timedelta(seconds=1)
    offers = {one.symbol: one for one in chain.offers()}
    assert (offers["GOOG160129P00700000"].bid, offers["GOOG160129P00700000"].ask) == (D("9.8"), D("12.4"))
