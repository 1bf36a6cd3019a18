"""Orders in shares over bars: each fill rule just met, just missed and at its edge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brokers.simulator import SimulatorBroker
from bot.brokers.simulator_bars import far_of
from bot.domain.fills import FillRules, PathBar
from bot.domain.holdings import Activity, BrokerOrder
from bot.domain.market import Quote
from bot.domain.sessions import always_open, session_on
from bot.tests.brokers.tape import OPEN, Hand, TapeMarket, cash_is_explained

D = Decimal
FREE = FillRules(spread_fraction=D(0), volume_share=None)
STEP = timedelta(minutes=15)
LATER = timedelta(seconds=1)
XLF = "XLF"


class BarTape(TapeMarket):
    """Bars of fifteen minutes that follow each other from the open, and quotes at their ends."""

    def __init__(self, step: timedelta = STEP) -> None:
        super().__init__()
        self.bars: list[PathBar] = []
        self.step = step

    def add(self, *prices: str, volume: str | None = None, at: datetime | None = None) -> BarTape:
        """Write bars as "open high low close"."""
        for text in prices:
            start = at or (self.bars[-1].end if self.bars else OPEN)
            first, high, low, last = (D(one) for one in text.split())
            bar = PathBar(start, start + self.step, first, high, low, last, None if volume is None else D(volume))
            self.bars.append(bar)
            self.put(XLF, bar.end, text.split()[3], text.split()[3], last=text.split()[3])
        return self

    def path_bars(self, symbol: str, after: datetime, until: datetime) -> Iterator[PathBar]:
        return iter([bar for bar in self.bars if bar.end > after and bar.at < until])


class BarHand(Hand):
    """A broker over bars by rules, a hundred shares in hand where asked."""

    def __init__(self, rules: FillRules = FREE, market: BarTape | None = None, held: str = "") -> None:
        self.rules = rules
        self.tape = market or BarTape()
        super().__init__(self.tape, at=OPEN, equity=D(100_000))
        self.tape.put(XLF, OPEN, "50", "50", last="50")
        if held:
            self.tape.add("50 50 50 50")
            self.send(XLF, "buy_to_open", held, order_type="market", id="first")
            self.at += STEP
            assert self.held() == {XLF: D(held)}

    def reopened(self) -> SimulatorBroker:
        return SimulatorBroker(self.path, self.market, self.numbers, lambda: self.at, rules=self.rules)

    def after(self, *prices: str, **given: Any) -> None:
        """Let bars pass."""
        self.tape.add(*prices, **given)
        self.at = self.tape.bars[-1].end

    def lines(self, kind: str = "FILL") -> list[Activity]:
        return [line for line in self.broker.read_activities(date(2020, 1, 2)) if line.kind == kind]


def buy(hand: BarHand, **given: Any) -> BrokerOrder:
    return hand.send(XLF, "buy_to_open", **({"qty": "100", "time_in_force": "gtc", "id": "one"} | given))


def sell(hand: BarHand, **given: Any) -> BrokerOrder:
    return hand.send(XLF, "sell_to_close", **({"qty": "100", "time_in_force": "gtc", "id": "one"} | given))


def free(path: Any) -> FillRules:
    return FillRules(spread_fraction=D(0), volume_share=None, path=path)


def over(market: TapeMarket, hand: Hand, rules: FillRules | None) -> SimulatorBroker:
    return SimulatorBroker(None, market, hand.numbers, lambda: hand.at, rules=rules)


def came_to(hand: BarHand, name: str = "one") -> tuple[str, Decimal | None]:
    order = hand.order(name)
    return order.status, order.filled_avg_price


# When


def test_an_order_decided_at_a_bars_end_meets_the_next_open_and_nothing_before() -> None:
    hand = BarHand()
    hand.after("40 60 30 55")
    buy(hand, order_type="market")
    assert came_to(hand) == ("new", None)
    hand.tape.add("51 52 49 50")
    hand.at += LATER
    assert came_to(hand) == ("filled", D(51))
    assert hand.lines()[0].at == hand.tape.bars[1].at + LATER


def test_an_order_sent_while_a_bar_is_under_way_meets_its_close_and_never_its_extremes() -> None:
    for limit, close, expected in (("45", "46", None), ("45", "45", D(45)), ("45", "44", D(44))):
        hand = BarHand()
        hand.tape.add(f"50 60 40 {close}")
        hand.at = OPEN + STEP / 2
        buy(hand, limit_price=limit)
        hand.at = OPEN + STEP
        assert came_to(hand)[1] == expected


def test_one_step_over_many_bars_comes_to_what_many_steps_come_to() -> None:
    def lines(step: timedelta) -> list[Activity]:
        hand = BarHand(FillRules(), held="300")
        start = hand.at
        hand.tape.add("50 52 49 51", "51 51 47 48", "46 49 45 48", "48 50 48 49", volume="900")
        for name, prices in (("a", {"stop_price": "48", "order_type": "stop"}), ("b", {"limit_price": "51"}),
                            ("c", {"trail_percent": "4", "order_type": "trailing_stop"})):  # fmt: skip
            sell(hand, id=name, **prices)
        while hand.at < start + 4 * STEP:
            hand.at = min(hand.at + step, start + 4 * STEP)
            hand.broker.read_account()
        return hand.lines()

    assert lines(timedelta(minutes=7)) == lines(timedelta(minutes=1)) == lines(timedelta(hours=1))
    assert len(lines(STEP)) > 3


# Far side, touch, gaps


def test_the_far_side_lies_half_a_spread_from_the_price_and_rounds_against_the_order() -> None:
    hand = BarHand(FillRules(spread_fraction=D("0.001"), volume_share=None))
    buy(hand, order_type="market")
    hand.after("50.01 51 49 50")
    sell(hand, id="two", order_type="market")
    hand.after("50.01 51 49 50")
    assert (came_to(hand)[1], came_to(hand, "two")[1]) == (D("50.035005"), D("49.984995"))


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ("50 51 49.01 50", None),  # not reached
        ("50 51 49.00 50", None),  # touched, not traded through
        ("50 51 48.99 50", D(49)),  # through: at the limit, not at the low
        ("49 51 49.00 50", D(49)),  # the open is the limit: it trades there
        ("47 51 46.00 50", D(47)),  # a gap in our favour is ours
        ("50 51 49.50 49", None),  # the close touches
        ("50 51 48.00 48", D(49)),
    ],
)
def test_a_limit_fills_when_the_price_went_through_it(bar: str, expected: Decimal | None) -> None:
    hand = BarHand()
    buy(hand, limit_price="49")
    hand.after(bar)
    assert came_to(hand)[1] == expected


def test_with_a_spread_a_limit_needs_the_far_side_to_go_through() -> None:
    for low, filled in (("48.98", False), ("48.97", True)):
        hand = BarHand(FillRules(spread_fraction=D("0.001"), volume_share=None))
        buy(hand, limit_price="49")
        hand.after(f"50 51 {low} 50")
        assert (came_to(hand)[1] == D(49)) is filled


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ("50 51 48.01 50", None),
        ("50 51 48.00 50", D(48)),  # a touch triggers a stop
        ("50 51 40.00 41", D(48)),  # the stop itself, not the low
        ("48 49 47.00 49", D(48)),
        ("45 49 44.00 49", D(45)),  # a gap below the stop fills at the open
    ],
)
def test_a_stop_fills_at_itself_inside_a_bar_and_at_the_open_after_a_gap(bar: str, expected: Decimal | None) -> None:
    hand = BarHand(held="100")
    sell(hand, order_type="stop", stop_price="48")
    hand.after(bar)
    assert came_to(hand)[1] == expected


def test_a_buy_stop_is_the_same_upside_down() -> None:
    for bar, expected in (("50 51.99 49 50", None), ("50 52 49 50", D(52)), ("53 54 51 53", D(53))):
        hand = BarHand()
        buy(hand, order_type="stop", stop_price="52")
        hand.after(bar)
        assert came_to(hand)[1] == expected


@pytest.mark.parametrize(
    ("bar", "path", "expected"),
    [
        ("50 51 45 46", "worse", D(48)),  # triggered and filled on the way down
        ("46 51 45 46", "worse", D("47.50")),  # gapped past its limit: filled on the way back, at its limit
        ("46 47 45 46", "worse", None),
    ],
)
def test_a_stop_limit_never_sells_below_its_limit(bar: str, path: Any, expected: Decimal | None) -> None:
    hand = BarHand(free(path), held="100")
    sell(hand, order_type="stop_limit", stop_price="48", limit_price="47.50")
    hand.after(bar)
    assert came_to(hand)[1] == expected


def test_the_worse_path_leaves_a_stop_with_a_limit_the_less_way_back() -> None:
    """Its limit above its stop: after the low only the close can still reach it, not the high."""
    for path, expected in (("worse", None), ("open_high_low_close", None), ("open_low_high_close", D("48.50"))):
        hand = BarHand(free(path), held="100")
        sell(hand, order_type="stop_limit", stop_price="48", limit_price="48.50")
        hand.after("50 51 47 48.20")
        assert came_to(hand)[1] == expected


# Trailing stops


@pytest.mark.parametrize(
    ("bar", "path", "inside", "expected"),
    [
        # Ten percent under 50: the stop stands at 45.
        ("50 60 44 58", "worse", True, D(45)),  # the low comes first: the lower price of the two
        ("50 60 44 58", "open_high_low_close", True, D(54)),
        ("50 60 44 58", "open_low_high_close", True, D(45)),
        ("50 60 46 58", "worse", True, D(54)),  # it stands at 46 as it is; the high lifts it into the low's way
        ("50 60 46 58", "open_low_high_close", True, None),
        ("50 60 46 58", "worse", False, None),
        ("50 60 45 58", "worse", False, D(45)),
        ("50 60 46 53", "open_low_high_close", True, D(54)),  # lifted to 54, taken on the way to the close
        ("42 60 40 58", "worse", True, D(42)),  # a gap
    ],
)
def test_a_trailing_stop_meets_the_stated_path(bar: str, path: Any, inside: bool, expected: Decimal | None) -> None:
    rules = FillRules(spread_fraction=D(0), volume_share=None, path=path, trail_inside_bar=inside)
    hand = BarHand(rules, held="100")
    sell(hand, order_type="trailing_stop", trail_percent="10")
    hand.after(bar)
    assert came_to(hand)[1] == expected


def test_a_trailing_stop_that_does_not_rise_inside_a_bar_has_risen_to_its_high_after_it() -> None:
    hand = BarHand(FillRules(spread_fraction=D(0), volume_share=None, trail_inside_bar=False), held="100")
    sell(hand, order_type="trailing_stop", trail_percent="10")
    hand.after("50 60 46 58")
    order = hand.order("one")
    assert (order.high_water_mark, order.stop_price) == (D(60), D(54))
    hand.after("55 56 54.01 55")
    assert came_to(hand) == ("new", None)
    hand.after("55 56 54 55")
    assert came_to(hand) == ("filled", D(54))


@given(
    st.lists(st.integers(3_000, 7_000), min_size=4, max_size=4), st.sampled_from(["stop", "trailing_stop"]),
    st.integers(4_000, 4_990),
)  # fmt: skip
def test_no_path_sells_a_stop_for_less_than_the_worse_one(four: list[int], kind: str, stop: int) -> None:
    opening, close = D(four[0]) / 100, D(four[3]) / 100
    high, low = D(max(four)) / 100, D(min(four)) / 100
    prices: dict[str, Decimal | None] = {}
    for path in ("worse", "open_high_low_close", "open_low_high_close"):
        hand = BarHand(free(path), held="100")
        given_ = {"stop_price": str(D(stop) / 100)} if kind == "stop" else {"trail_percent": "7"}
        sell(hand, order_type=kind, **given_)
        hand.after(f"{opening} {high} {low} {close}")
        prices[path] = came_to(hand)[1]
    sold = [price for path, price in prices.items() if path != "worse" and price is not None]
    assert prices["worse"] == (min(sold) if sold else None)


# Volume


def test_two_orders_share_what_a_bar_lets_them_take_the_older_first() -> None:
    hand = BarHand(FillRules(spread_fraction=D(0)))
    for name in ("one", "two"):
        buy(hand, id=name, order_type="market", qty="70")
    hand.after("50 51 49 50", volume="1009")  # a tenth, in whole shares: 100
    assert [hand.order(name).filled_qty for name in ("one", "two")] == [D(70), D(30)]
    assert came_to(hand, "two")[0] == "partially_filled"
    hand.after("52 53 51 52", volume="399")
    assert hand.order("two").filled_qty == D(69)
    hand.after("54 55 53 54", volume="10")
    assert came_to(hand, "two") == ("filled", D("51.171429"))


def test_what_the_open_took_of_a_bar_is_gone_for_the_rest_of_it() -> None:
    hand = BarHand(FillRules(spread_fraction=D(0)))
    buy(hand, order_type="market", qty="60")
    buy(hand, id="two", limit_price="49.50", qty="60")
    hand.tape.add("50 51 49 50", volume="1000")
    hand.at = OPEN + STEP / 2
    assert hand.held() == {XLF: D(60)}
    hand.at = OPEN + STEP
    assert hand.order("two").filled_qty == D(40)


@pytest.mark.parametrize(
    ("volume", "share", "taken"), [("9", "0.1", 0), ("10", "0.1", 1), (None, "0.1", 100), ("1", None, 100)]
)
def test_a_bar_without_room_fills_nothing_and_one_of_unknown_volume_everything(
    volume: str | None, share: str | None, taken: int
) -> None:
    hand = BarHand(FillRules(volume_share=None if share is None else D(share)))
    buy(hand, order_type="market")
    hand.after("50 51 49 50", volume=volume)
    assert hand.order("one").filled_qty == taken


# Fees


@pytest.mark.parametrize(
    ("fraction", "per_share", "fee"),
    [
        ("0", "0", None),
        ("0.001", "0", "5.01"),
        ("0", "0.005", "0.50"),
        ("0.001", "0.005", "5.51"),
        ("0.0000001", "0", "0.01"),
    ],
)
def test_fees_on_shares_are_booked_with_the_fill_to_a_whole_cent(
    fraction: str, per_share: str, fee: str | None
) -> None:
    rules = FillRules(spread_fraction=D(0), volume_share=None, fee_fraction=D(fraction), fee_per_share=D(per_share))
    hand = BarHand(rules)
    order = buy(hand, order_type="market")
    hand.after("50.01 51 49 50")
    charged = hand.lines("FEE")
    assert [line.net_amount for line in charged] == ([] if fee is None else [-D(fee)])
    assert all((line.order_id, line.symbol) == (order.broker_order_id, XLF) for line in charged)
    assert hand.broker.read_account().cash == D(100_000) - D(5001) - D(fee or 0)
    assert cash_is_explained(hand.broker)


# Quotes without a spread, days, hours


def test_a_quote_without_a_spread_trades_by_rules_and_not_without_them() -> None:
    for rules, filled in ((None, False), (FREE, True)):
        market = TapeMarket()
        market.put(XLF, OPEN, "50", "50")
        hand = Hand(market)
        hand.broker = over(market, hand, rules)
        hand.send(XLF, "buy_to_open", "10", order_type="market")
        market.put(XLF, OPEN + timedelta(minutes=1), "50", "50")
        hand.at += timedelta(minutes=2)
        assert bool(hand.held()) is filled


def test_a_crossed_or_halted_quote_trades_by_no_rule() -> None:
    for quote in ({"bid": "50.01", "ask": "50"}, {"bid": "50", "ask": "50", "halted": True}):
        market = TapeMarket()
        market.put(XLF, OPEN, "50", "50.01")
        hand = Hand(market)
        hand.broker = over(market, hand, FREE)
        hand.send(XLF, "buy_to_open", "10", order_type="market")
        market.put(XLF, OPEN + timedelta(minutes=1), **quote)
        hand.at += timedelta(minutes=2)
        assert not hand.held()


def test_a_day_order_over_daily_bars_meets_the_close_and_expires_with_it() -> None:
    session = session_on(OPEN.date())
    assert session is not None
    day = session.close_at - session.open_at
    for limit, status in (("50", "filled"), ("49", "expired")):
        hand = BarHand(market=BarTape(day))
        hand.tape.add("52 53 45 50")
        hand.at = session.close_at - timedelta(minutes=30)
        hand.tape.put(XLF, hand.at - day, "50", "50")
        buy(hand, limit_price=limit, time_in_force="day")
        hand.at = session.close_at + LATER
        assert came_to(hand)[0] == status


def test_bars_outside_the_session_are_not_met_and_around_the_clock_they_are() -> None:
    early = OPEN - timedelta(hours=3)

    def filled() -> bool:
        hand = BarHand()
        hand.at = early
        hand.tape.put(XLF, early - STEP, "50", "50")
        buy(hand, order_type="market")
        hand.tape.add("50 51 49 50", at=early)
        hand.at = early + STEP
        return came_to(hand)[0] == "filled"

    assert not filled()
    with always_open():
        assert filled()


def test_around_the_clock_dividends_are_paid_where_one_day_meets_the_next() -> None:
    from bot.domain.market import Dividend

    with always_open():
        hand = BarHand(held="100")
        hand.tape.events.append(Dividend(symbol=XLF, ex_date=date(2026, 11, 19), amount=D("0.25")))
        hand.at = OPEN + timedelta(days=1)
        assert [line.net_amount for line in hand.lines("DIV")] == [D(25)]


def test_the_far_side_without_a_spread_is_the_price_itself() -> None:
    assert far_of(D("1.065435"), FREE, buying=True) == far_of(D("1.065435"), FREE, buying=False) == D("1.065435")


def test_quotes_are_not_walked_for_shares_on_bars() -> None:
    hand = BarHand()
    buy(hand, order_type="market")
    hand.tape.walks.clear()
    hand.after("50 51 49 50")
    assert came_to(hand)[0] == "filled"
    assert hand.tape.walks == []
    assert isinstance(hand.tape.tape[XLF][0], Quote)
