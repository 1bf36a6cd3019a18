"""The tick on two real sessions of the GOOG chain, its choice worked out again by hand.

The desk is stated: 500,000 USD, GOOG alone, Alphabet's results of 1 February 2016 after the close in `earnings.csv`,
half an hour before each session's close (13:00 New York on the 24th). Everything on the other side of the
comparison is plain arithmetic on the files as they were published: none of the house's own.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.config.desktext import desk_text
from bot.config.profiles import Profile
from bot.tests.markets.lean import DAYS, tick_moment, write_recorded_goog

EQUITY = Decimal(500_000)
RESULTS = date(2016, 2, 1)
TEN_CENTS = Decimal("0.10")
Tick = Callable[..., dict[str, Any]]


class Wish(NamedTuple):
    """What a profile asks of a put, written down a second time (wheel 3); least, most, target of DTE and delta."""

    dte: tuple[int, int, int]
    delta: tuple[float, float, float]
    interest: int
    spread: Decimal
    spread_usd: Decimal
    yield_min: Decimal
    contracts: int


WISHES: dict[Profile, Wish] = {
    "balanced": Wish((25, 45, 35), (0.18, 0.30, 0.25), 100, Decimal("0.15"), Decimal("0.10"), Decimal("0.07"), 1),
    "aggressive": Wish((14, 35, 21), (0.22, 0.38, 0.30), 50, Decimal("0.20"), Decimal("0.10"), Decimal("0.11"), 2),
}


class Put(NamedTuple):
    """One put of one day, from the published files."""

    expiry: date
    strike: Decimal
    bid: Decimal
    ask: Decimal
    interest: int

    @property
    def mid(self) -> Decimal:
        """Give the middle."""
        return (self.bid + self.ask) / 2

    def narrow(self, wish: Wish) -> bool:
        """Say whether the spread is within either cap."""
        width = self.ask - self.bid
        return width <= wish.spread_usd or width / self.mid <= wish.spread

    @property
    def limit(self) -> Decimal:
        """Give the mid on the grid of ten cents, rounded up as a seller does; only for prices from 3.00."""
        assert self.mid >= 3
        return (self.mid / TEN_CENTS).to_integral_value(ROUND_CEILING) * TEN_CENTS


class Chosen(NamedTuple):
    """A put chosen by hand."""

    put: Put
    dte: int
    delta: float
    annual: Decimal


def published(path: Path) -> list[dict[str, str]]:
    """Read a published file."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def spot_of(material: Path, day: date) -> Decimal:
    """Give the share's price: the day's close."""
    rows = published(material / "data/equity/GOOG_daily_raw_2014_2021_lean.csv.gz")
    (close,) = [row["close"] for row in rows if row["time"].startswith(f"{day:%Y%m%d}")]
    return Decimal(close)


def puts_of(material: Path, day: date) -> list[Put]:
    """Give every put of a day that has a bid and an ask."""
    folder, stamp = material / "data/options_us", f"{day:%Y%m%d}"
    interest = {
        (row["expiry"], row["strike"]): int(float(row["oi"]))
        for row in published(folder / "GOOG_2015_daily_openinterest.csv.gz")
        if row["type"] == "put" and row["time"].startswith(stamp) and row["oi"]
    }
    found = []
    for row in published(folder / "GOOG_2015_daily_quote.csv.gz"):
        if row["type"] == "put" and row["time"].startswith(stamp) and row["bid_c"] and row["ask_c"]:
            expiry = datetime.strptime(row["expiry"], "%Y%m%d").date()  # noqa: DTZ007  a day, not a moment
            known = interest.get((row["expiry"], row["strike"]), 0)
            found.append(Put(expiry, Decimal(row["strike"]), Decimal(row["bid_c"]), Decimal(row["ask_c"]), known))
    return found


def put_price_and_delta(spot: float, strike: float, years: float, volatility: float) -> tuple[float, float]:
    """Give Black and Scholes' put without interest or dividends, by the error function."""

    def below(x: float) -> float:
        return (1 + math.erf(x / math.sqrt(2))) / 2

    spread = volatility * math.sqrt(years)
    d1 = math.log(spot / strike) / spread + spread / 2
    return strike * below(spread - d1) - spot * below(-d1), -below(-d1)


def delta_of(put: Put, spot: Decimal, years: float) -> float:
    """Find the volatility that explains the mid by halving, and give its delta's size."""
    low, high = 0.03, 4.0
    for _ in range(80):
        middle = (low + high) / 2
        worth, _ = put_price_and_delta(float(spot), float(put.strike), years, middle)
        low, high = (middle, high) if worth < float(put.mid) else (low, middle)
    return -put_price_and_delta(float(spot), float(put.strike), years, low)[1]


def chosen_by_hand(material: Path, day: date, wish: Wish, results: date = RESULTS) -> Chosen | None:
    """Give the put a careful person would sell by the rules; None if there is none.

    The nearest expiry to the target of days, in it the nearest delta to the target.
    """
    spot = spot_of(material, day)
    ranked = []
    for put in puts_of(material, day):
        dte = (put.expiry - day).days
        if not wish.dte[0] <= dte <= wish.dte[1] or put.expiry >= results or not 0 < put.bid < put.ask:
            continue
        if put.interest < wish.interest or not put.narrow(wish) or put.mid < 3:
            continue
        # Every such expiry is a full session: 16:00 New York, 21:00 UTC in January.
        left = datetime.fromisoformat(f"{put.expiry}T21:00:00+00:00") - tick_moment(day)
        delta = delta_of(put, spot, left.total_seconds() / 31_536_000)
        annual = put.limit / put.strike * 365 / dte
        if wish.delta[0] <= delta <= wish.delta[1] and annual >= wish.yield_min:
            ranked.append((abs(dte - wish.dte[2]), abs(delta - wish.delta[2]), Chosen(put, dte, delta, annual)))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


@pytest.fixture(scope="module")
def tick(material: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Tick:
    """Give a way to run `bot tick --json` on a real day in a stated desk's home."""
    folder = tmp_path_factory.mktemp("goog")
    recorded = write_recorded_goog(material, folder / "recorded")

    @cache
    def run(profile: Profile, day: date, *, mode: str = "dry", results: date | None = RESULTS) -> dict[str, Any]:
        home = folder / f"{profile}-{results}-{mode if mode == 'live' else day}"
        if not home.exists():
            home.mkdir()
            text = desk_text(profile, EQUITY, ("GOOG",), benchmark="GOOG")
            # One tick a day: what watches for missed slots would hold the second.
            (home / "desk.toml").write_text(text.replace("missed_ticks = 3", 'missed_ticks = "off"'))
            if results is not None:
                (home / "earnings.csv").write_text(f"symbol,date,when,as_of\nGOOG,{results},amc,2015-12-20\n")
        names = {"BOT_HOME": str(home), "BOT_MARKET": f"recorded:{recorded}", "BOT_MODE": mode}
        words = ["tick", "--json", f"--{mode}", "--at", tick_moment(day).isoformat()]
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words], env={**os.environ, **names}, cwd=root,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["errors"] == []
        assert found["tick"]["session_open"] is True
        return found

    return run


@pytest.mark.parametrize("day", DAYS)
def test_the_tick_sells_the_put_that_plain_arithmetic_chooses(tick: Tick, material: Path, day: date) -> None:
    by_hand = chosen_by_hand(material, day, WISHES["aggressive"])
    assert by_hand is not None
    (verdict,) = tick("aggressive", day)["verdicts"]
    assert verdict["approved"], verdict["reason"]
    assert verdict["symbol"] == f"GOOG{by_hand.put.expiry:%y%m%d}P{int(by_hand.put.strike * 1000):08d}"
    assert Decimal(verdict["limit_price"]) == by_hand.put.limit
    numbers = verdict["numbers"]
    assert float(numbers["delta"]) == pytest.approx(-by_hand.delta, abs=0.0001)
    assert Decimal(numbers["yield"]) == by_hand.annual.quantize(Decimal("0.0001"))
    assert (int(numbers["dte"]), int(numbers["open_interest"])) == (by_hand.dte, by_hand.put.interest)
    assert numbers["delta_source"] == "model"


@pytest.mark.parametrize(
    ("day", "symbol", "limit"),
    [(DAYS[0], "GOOG160115P00730000", "6.6"), (DAYS[1], "GOOG160115P00730000", "6.5")],
)
def test_the_choice_is_the_one_written_down(tick: Tick, day: date, symbol: str, limit: str) -> None:
    # The 23rd: 6.30 to 6.80, mid 6.55 up to the dime, delta 0.280, 345 open. The 732.5 (0.302) has 10 open, the
    # 735 (0.327) is further from 0.30. The 24th: 6.30 to 6.70, mid 6.50, delta 0.289, 382 open.
    (verdict,) = tick("aggressive", day)["verdicts"]
    assert (verdict["symbol"], verdict["limit_price"], verdict["qty"]) == (symbol, limit, "2")


@pytest.mark.parametrize("day", DAYS)
def test_each_gate_says_the_number_a_person_works_out(tick: Tick, material: Path, day: date) -> None:
    by_hand = chosen_by_hand(material, day, WISHES["aggressive"])
    assert by_hand is not None
    (verdict,) = tick("aggressive", day)["verdicts"]
    checks = {check["gate"]: check for check in verdict["checks"]}
    put, contracts = by_hand.put, WISHES["aggressive"].contracts
    secured = put.strike * 100 * contracts
    assert Decimal(checks["symbol_share_within"]["value"]) == secured / EQUITY
    assert Decimal(checks["put_collateral_within"]["value"]) == secured / EQUITY
    assert Decimal(checks["order_loss_within"]["value"]) == (put.strike - put.limit) * 100 * contracts / EQUITY
    # At 80 % of today's price the put costs its strike less that, and the credit stays.
    fallen = (put.strike - spot_of(material, day) * Decimal("0.8") - put.limit) * 100 * contracts
    assert Decimal(checks["stress_loss_within"]["value"]) == (fallen / EQUITY).quantize(Decimal("0.000001"))
    assert Decimal(checks["spread_is_narrow"]["value"]) == pytest.approx((put.ask - put.bid) / put.mid)
    assert Decimal(checks["open_interest_is_enough"]["value"]) == put.interest
    assert Decimal(checks["quote_is_fresh"]["value"]) == 5
    assert checks["entry_window_is_open"]["ok"], "half an hour before the close is before the last quarter of an hour"


@pytest.mark.parametrize("day", DAYS)
def test_a_balanced_desk_finds_no_put_with_a_way_out_and_says_so(tick: Tick, material: Path, day: date) -> None:
    wish = WISHES["balanced"]
    window = [put for put in puts_of(material, day) if wish.dte[0] <= (put.expiry - day).days <= wish.dte[1]]
    assert max(put.interest for put in window if put.strike < spot_of(material, day)) < wish.interest
    assert chosen_by_hand(material, day, wish) is None
    said = tick("balanced", day)
    assert said["verdicts"] == []
    (note,) = [note for note in said["notes"] if note["symbol"] == "GOOG"]
    assert "open interest too small" in note["reason"]
    assert "spread too wide" in note["reason"]


def test_without_an_earnings_file_no_put_on_a_stock_is_sold(tick: Tick) -> None:
    said = tick("aggressive", DAYS[0], results=None)
    assert said["verdicts"] == []
    assert any("earnings" in note["reason"] for note in said["notes"])


def test_results_before_the_expiry_rule_it_out(tick: Tick, material: Path) -> None:
    early = date(2016, 1, 12)
    by_hand = chosen_by_hand(material, DAYS[0], WISHES["aggressive"], early)
    said = tick("aggressive", DAYS[0], results=early)
    symbols = [verdict["symbol"] for verdict in said["verdicts"]]
    assert by_hand is None or by_hand.put.expiry == date(2016, 1, 8)
    assert symbols == ([] if by_hand is None else [f"GOOG160108P{int(by_hand.put.strike * 1000):08d}"])


def test_both_days_in_live_mode_on_the_simulated_account(tick: Tick) -> None:
    first = tick("aggressive", DAYS[0], mode="live")
    (sent,) = first["orders"]
    assert (sent["symbol"], sent["state"], sent["filled_qty"]) == ("GOOG160115P00730000", "working", "0")
    # Nobody paid 6.60 before the close: the order died with its day, and the next day wishes anew.
    second = tick("aggressive", DAYS[1], mode="live")
    (again,) = second["orders"]
    assert again["client_order_id"] != sent["client_order_id"]
    assert again["limit_price"] == "6.5"
    assert Decimal(second["account"]["cash"]) == EQUITY
    assert second["drift"] == []
