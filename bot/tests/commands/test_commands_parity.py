"""`bot parity`: known differences put into a day at the pretended Alpaca come back to the cent, each in its term."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.commands.parity_day import parity_of
from bot.domain.errors import StoreError, UsageError
from bot.domain.parity import Parity
from bot.report.parity_text import parity_lines
from bot.store.queries import open_for_questions
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.alpaca.facts import Tick
from bot.tests.alpaca.world import NOON, AlpacaWorld
from bot.tests.commands.typed import Done, typed
from bot.wiring import load_house

D = Decimal
DAY = NOON.date()
MINUTES = timedelta(minutes=1)
TOMORROW = NOON.replace(hour=15) + timedelta(days=1)
SIZES = {
    "contracts_per_tick": 3, "contracts_per_day": 3, "contracts_per_symbol_day": 3, "contracts_per_order": 3,
    "fee_occ": 0, "fee_orf": 0, "fee_taf": 0,
}  # fmt: skip
"""One order of three contracts a day, and no fees unless a test wants some."""


class Noon:
    """A desk that sells three puts at noon: what its market shows and what befalls its order is the test's."""

    def __init__(self, desk: AlpacaDesk) -> None:
        self.desk, self.world = desk, desk.world
        self.order, self.put = "", "EWZ261224P00029500"

    def sell(self, limit: str = "0.60") -> None:
        """Tick, and prove what order it sent."""
        self.desk.tick()
        (order,) = self.world.working()
        self.order = order.client_order_id
        sent = (order.symbol, order.qty, order.limit_price)
        assert sent == (self.put, D(3), D(limit)), "the embedded market moved: count anew"

    def at(self, minutes: int, bid: str, ask: str, *, dry: bool = False) -> None:
        """Let time pass to so many minutes past noon, the put trade at these prices, and tick."""
        self.world.pass_to(NOON + minutes * MINUTES)
        self.world.quote(self.put, bid, ask)
        self.desk.tick(dry=dry)

    def unseen(self, minutes: int, bid: str, ask: str) -> None:
        """Let a dry tick see prices that the order at the broker does not meet."""
        self.world.pass_to(NOON + minutes * MINUTES)
        before = self.world.quotes[self.put]
        self.world.quotes[self.put] = Tick(D(bid), D(ask), delta=before.delta, volatility=before.volatility)
        self.desk.tick(dry=True)
        self.world.quotes[self.put] = before

    def filled(self, price: str, minutes: int = 0) -> None:
        """Fill the order at a price of the test's choice."""
        if minutes:
            self.world.pass_to(NOON + minutes * MINUTES)
        self.world.fill_now(self.order, "3", price)

    def parity(self, day: date = DAY) -> Parity:
        with self.desk.settings():
            house = load_house(str(self.desk.folder / ".env"))
            with open_for_questions(house.home) as ledger:
                return parity_of(house, ledger, day)

    def ledger(self) -> sqlite3.Connection:
        return sqlite3.connect(self.desk.home / "ledger.sqlite", isolation_level=None)


def sized(home: Path, **changes: object) -> None:
    """Set numbers of a desk file by their keys."""
    path = home / "desk.toml"
    lines = path.read_text().splitlines()
    for key, value in (SIZES | changes).items():
        places = [place for place, line in enumerate(lines) if line.startswith(f"{key} =")]
        assert places, f"no {key} in {path}"
        for place in places:
            lines[place] = f"{key} = {value}"
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def noon(tmp_path: Path) -> Iterator[Noon]:
    with AlpacaDesk(tmp_path, AlpacaWorld(cash="60000")) as desk:
        sized(desk.home)
        yield Noon(desk)


def terms(parity: Parity) -> dict[str, Decimal]:
    """Give the terms that are not nothing, and prove that they and the remainder are the whole difference."""
    assert sum((one.amount for one in parity.terms), parity.remainder) == parity.difference
    assert all(sum((part.amount for part in one.parts), D(0)) == one.amount for one in parity.terms)
    assert parity.difference == parity.equity_live - parity.equity_simulated
    assert abs(parity.remainder) <= D("0.01")
    return {one.name: one.amount for one in parity.terms if one.amount}


def test_a_day_that_went_as_simulated_has_no_term_at_all(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    assert terms(parity) == {}
    # Three puts sold at 0.60, marked at 0.62: three times a hundred times two cents.
    assert parity.equity_live - parity.equity_start == D("-6.00")
    (pair,) = parity.pairs
    assert pair.live is not None
    assert pair.simulated is not None
    assert pair.live.price == pair.simulated.price == D("0.60")


def test_a_fill_worse_by_five_cents_costs_fifteen_dollars_on_three_contracts(noon: Noon) -> None:
    noon.sell()
    noon.filled("0.55", minutes=10)
    noon.at(15, "0.60", "0.64")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    assert terms(parity) == {"fill": D("-15.00")}
    (part,) = next(one for one in parity.terms if one.name == "fill").parts
    assert (part.name, part.amount) == (noon.order, D("-15.00"))


def test_a_fill_twenty_minutes_late_costs_what_the_price_did_meanwhile(noon: Noon) -> None:
    noon.sell()
    noon.unseen(5, "0.60", "0.64")
    noon.filled("0.57", minutes=25)
    noon.at(30, "0.56", "0.58")
    assert terms(noon.parity()) == {"fill": D("-9.00")}


def test_a_refused_order_costs_what_it_would_have_made(noon: Noon) -> None:
    noon.world.spoil("/orders$", "POST", status=403, processed=False, times=99,
                     body=b'{"code": 40310000, "message": "not eligible"}')  # fmt: skip
    (order,) = noon.desk.tick().orders
    assert order.state == "refused"
    noon.at(15, "0.60", "0.64")
    noon.at(30, "0.40", "0.44")
    parity = noon.parity()
    # Simulated: sold at 0.60, marked at 0.42.
    assert terms(parity) == {"fill": D("-54.00")}
    assert parity.pairs[0].live is not None
    assert parity.pairs[0].live.status == "rejected"


def test_an_old_quote_cost_what_the_price_did_until_a_fresh_one_came(noon: Noon) -> None:
    for share in ("EWZ", "XLF"):
        noon.world.quotes[share].at = NOON - 20 * MINUTES
    assert noon.desk.tick().orders == ()
    noon.world.quotes["EWZ"].at = None
    noon.world.pass_to(NOON + SLOT)
    noon.world.quote(noon.put, "0.60", "0.62")
    noon.sell("0.61")
    noon.at(30, "0.66", "0.70")
    noon.at(45, "0.66", "0.70")
    parity = noon.parity()
    # With a fresh quote the order stood from noon on at 0.60 and met that at 12:15; live sold at 0.66 at 12:30.
    assert terms(parity) == {"data": D("18.00")}
    (simulated, live) = parity.pairs
    assert (simulated.live, simulated.why[:8], live.simulated) == (None, "refused:", None)


def test_orders_that_only_a_gate_kept_from_the_broker_are_the_gates(noon: Noon) -> None:
    noon.world.account_blocked = True
    assert noon.desk.tick().orders == ()
    noon.at(15, "0.60", "0.64")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    # Simulated: three sold at 0.60, marked at 0.62, which live was spared.
    assert terms(parity) == {"gate": D("6.00")}
    assert parity.pairs[0].why.startswith("refused: account")


def test_another_limit_on_the_same_order_is_the_price(noon: Noon) -> None:
    noon.sell()
    noon.unseen(15, "0.60", "0.64")
    noon.world.pass_to(NOON + 2 * SLOT)
    noon.world.quote(noon.put, "0.66", "0.70")
    noon.desk.tick()
    with noon.ledger() as ledger:
        ledger.execute("UPDATE orders SET limit_price = '0.66' WHERE client_order_id = ?", (noon.order,))
    # At 0.60 it met 0.60 at 12:15; at the 0.66 it carried it met 0.66 at 12:30.
    assert terms(noon.parity()) == {"price": D("18.00")}


def test_a_fee_nobody_expected_is_the_accounts(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    noon.world.cash -= D("1.37")
    noon.world.write("FEE", sub_type="REG", net_amount=D("-1.37"), description="a fee")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    assert terms(parity) == {"account": D("-1.37")}
    (part,) = next(one for one in parity.terms if one.name == "account").parts
    assert (part.name, part.amount) == ("FEE", D("-1.37"))


def test_an_order_that_arrived_late_missed_the_price_between(noon: Noon) -> None:
    noon.sell()
    noon.unseen(15, "0.60", "0.64")
    noon.world.pass_to(NOON + 2 * SLOT)
    noon.world.quote(noon.put, "0.66", "0.70")
    noon.desk.tick()
    with noon.ledger() as ledger:
        ledger.execute(
            "UPDATE order_transitions SET at = '2026-11-18T17:20:00.000000Z' WHERE state = 'working' AND"
            " client_order_id = ?", (noon.order,),
        )  # fmt: skip
    # It would have met 0.60 at 12:15, and met 0.66 at 12:30: six cents better on three contracts.
    assert terms(noon.parity()) == {"latency": D("18.00")}


def test_several_differences_of_one_day_are_told_apart(noon: Noon) -> None:
    noon.sell()
    noon.filled("0.55", minutes=10)
    noon.at(15, "0.60", "0.64")
    noon.world.cash -= D("0.11")
    noon.world.write("FEE", sub_type="ORF", net_amount=D("-0.11"), description="a fee")
    noon.at(30, "0.60", "0.64")
    assert terms(noon.parity()) == {"fill": D("-15.00"), "account": D("-0.11")}


def test_a_line_the_books_lost_is_a_remainder(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    noon.world.cash -= D("1.37")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    assert parity.remainder == D("-1.37")
    assert any("not what the recorded lines come to" in line for line in parity_lines(parity))


def test_the_fees_of_the_night_are_the_days(tmp_path: Path) -> None:
    with AlpacaDesk(tmp_path, AlpacaWorld(cash="60000")) as desk:
        sized(desk.home, fee_occ="0.02", fee_orf="0.02685", fee_taf="0.00279")
        desk.world.charges_fees = True
        noon = Noon(desk)
        noon.sell()
        noon.at(15, "0.60", "0.64")
        noon.at(30, "0.60", "0.64")
        desk.world.pass_to(TOMORROW)
        desk.tick()
        parity = noon.parity()
        assert terms(parity) == {}
        # 3 contracts: OCC 0.06, ORF 0.08055 and TAF 0.00837, each up to a cent: 0.06 + 0.09 + 0.01.
        assert parity.equity_live - parity.equity_start == D("-6.16")


def test_an_order_without_later_quotes_is_said_to_be_unknown_and_is_in_no_term(noon: Noon) -> None:
    noon.sell()
    noon.filled("0.58", minutes=10)
    noon.world.contracts.pop(noon.put)
    noon.world.quotes.pop(noon.put)
    for minutes in (15, 30):
        noon.world.pass_to(NOON + minutes * MINUTES)
        noon.desk.tick()
    parity = noon.parity()
    assert terms(parity) == {}
    (words,) = parity.unanswered
    assert words.startswith("sell 3 EWZ261224P00029500, sent Wed 2026-11-18 12:00 New York: no later tick")
    # Sold at 0.58; its only recorded price is noon's, the middle of 0.58 and 0.61.
    assert parity.unanswered_money == D("-4.50")
    assert any("what these orders made live: -4.50" in line for line in parity_lines(parity))


def test_a_half_day_is_named(tmp_path: Path) -> None:
    with AlpacaDesk(tmp_path, AlpacaWorld(at=NOON + timedelta(days=9), cash="60000")) as desk:
        desk.tick()
        desk.pass_by()
        desk.tick()
        parity = Noon(desk).parity(date(2026, 11, 27))
    assert "a half day: the session closed at 13:00 New York" in parity.notes


def test_a_day_that_cannot_be_run_again_says_why(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    with pytest.raises(UsageError, match=r"no tick of an open session.*2026-11-18"):
        noon.parity(date(2026, 11, 17))
    with pytest.raises(UsageError, match="no session"):
        noon.parity(date(2026, 11, 21))
    with noon.ledger() as ledger:
        ledger.execute("UPDATE snapshots SET thinned_by = 1, thinned_at = '2026-12-30T00:00:00Z' WHERE tick_id = 1")
    with pytest.raises(StoreError, match="1 of 2 ticks was thinned out"):
        noon.parity()


def test_a_day_of_dry_ticks_had_nothing_to_differ(noon: Noon) -> None:
    noon.desk.tick(dry=True)
    with pytest.raises(UsageError, match="every tick was dry"):
        noon.parity()


def test_money_the_owner_moved_is_no_difference(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    noon.world.deposit("5000")
    noon.at(30, "0.60", "0.64")
    parity = noon.parity()
    assert terms(parity) == {}
    assert parity.equity_live - parity.equity_start == D("-6.00")


def test_the_night_is_the_days_and_the_next_morning_is_not(noon: Noon) -> None:
    noon.sell()
    noon.at(15, "0.60", "0.64")
    noon.world.assign(noon.put, "3")
    noon.at(30, "0.60", "0.64")
    share = noon.world.quotes["EWZ"].last  # what one venue quotes is marked at its last trade
    assert share is not None
    noon.world.pass_to(NOON.replace(hour=23))
    noon.desk.tick()  # in the night: the shares are there, the lines about them are not
    noon.world.pass_to(TOMORROW - 15 * MINUTES)
    noon.world.trade("SPY", "10", "655.00")
    noon.world.pass_to(TOMORROW)
    noon.desk.tick()
    parity = noon.parity()
    # Puts marked at 0.62 went, 300 shares at 29.50 came, lines of the night; what was bought at 9:45 is tomorrow's.
    assert terms(parity) == {"account": 300 * (D("0.62") + share - D("29.50"))}
    kinds = {part.name for term in parity.terms for part in term.parts}
    assert kinds == {"OPASN", "OPTRD"}
    assert parity.equity_live - parity.equity_start == D("-6.00") + 300 * (D("0.62") + share - D("29.50"))


def test_follow_ups_are_run_again_as_follow_ups(noon: Noon) -> None:
    noon.sell()
    noon.world.pass_to(NOON + 3 * MINUTES)
    noon.desk.tick(follow_up=1)
    (order,) = noon.world.working()
    assert order.limit_price == D("0.59"), "the follow-up stepped the price on"
    noon.at(15, "0.60", "0.64")
    parity = noon.parity()
    assert terms(parity) == {}
    assert [pair.live == pair.simulated for pair in parity.pairs if pair.live is None or pair.simulated is None] == []
    assert len(parity.pairs) == 2


def test_the_command_prints_orders_terms_and_remainder_or_one_json_object(noon: Noon) -> None:
    noon.sell()
    noon.filled("0.55", minutes=10)
    noon.at(15, "0.60", "0.64")

    def say(*words: str) -> Done:
        return typed(noon.desk.folder, "parity", "--day", *words, now=noon.world.at, **noon.desk.variables)

    done = say("2026-11-18")
    assert done.code == 0, done.err
    assert "sell 3 EWZ261224P00029500  0.60: 3 at 0.55 12:10 -21.00  0.60: 3 at 0.60 12:15 -6.00" in done.out
    assert "fill      -15.00" in done.out
    assert "remainder +0.00: the terms explain the whole difference" in done.out
    assert "no tick from 12:15 to 16:00 New York" in done.out
    told = json.loads(say("2026-11-18", "--json").out)
    assert told["difference"] == "-15"
    assert [one["name"] for one in told["terms"]] == ["data", "price", "latency", "fill", "gate", "account"]
    wrong = say("yesterday")
    assert (wrong.code, "takes a day such as" in wrong.err) == (2, True)
