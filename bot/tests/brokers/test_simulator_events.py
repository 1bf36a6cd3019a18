"""What the world does to the account: expiry, assignment, pin, dividends, splits (wheel 1.9, 1.11, 1.17)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.holdings import Activity
from bot.domain.market import Dividend, Split
from bot.domain.orders import leg
from bot.tests.brokers.tape import DAY, OPEN, Hand, TapeMarket, cash_is_explained
from bot.tests.builders import call, put

D = Decimal
EVER = date(2020, 1, 2)
FRIDAY = date(2026, 11, 20)
FRIDAY_CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def holding(symbol: str, qty: int, price: str = "1.00", shares: int = 0, **numbers: Any) -> Hand:
    """Give an account that holds an option (short when negative) and shares, five minutes into a session."""
    market = TapeMarket()
    market.put("XLF", OPEN, "39.99", "40.00")
    market.put(symbol, OPEN, price, str(D(price) + D("0.10")))
    hand = Hand(market, **({"equity": D(50_000)} | numbers))
    if shares:
        hand.buy_shares("XLF", str(shares), "40.00")
    hand.send(symbol, "sell_to_open" if qty < 0 else "buy_to_open", str(abs(qty)), order_type="market")
    market.put(symbol, hand.at + MINUTE, price, str(D(price) + D("0.10")))
    hand.at += 5 * MINUTE
    assert hand.held()[symbol] == qty
    return hand


def ends(hand: Hand, spot: str, at: datetime = FRIDAY_CLOSE) -> list[Activity]:
    """Let the underlying close at a price and give what was booked at that moment."""
    hand.market.put("XLF", at - MINUTE, str(D(spot) - D("0.01")), str(D(spot) + D("0.01")), spot)
    hand.at = at + timedelta(hours=1)
    return [line for line in hand.broker.read_activities(EVER) if line.at == at]


def test_a_put_out_of_the_money_expires_and_frees_its_collateral() -> None:
    symbol = put("XLF", FRIDAY, "40")
    hand = holding(symbol, -2)
    cash = hand.broker.read_account().cash
    (line,) = ends(hand, "41.00")
    assert (line.kind, line.symbol, line.qty, line.net_amount) == ("OPEXP", symbol, D(2), D(0))
    account = hand.broker.read_account()
    assert hand.held() == {}
    assert account.options_buying_power == account.cash == cash - D("0.11")


def test_a_put_in_the_money_brings_shares_at_the_strike() -> None:
    symbol = put("XLF", FRIDAY, "40")
    hand = holding(symbol, -2)
    before = hand.broker.read_account()
    assigned, shares = ends(hand, "38.00")
    assert (assigned.kind, assigned.qty, assigned.net_amount) == ("OPASN", D(2), D(0))
    assert (shares.kind, shares.symbol, shares.qty, shares.price) == ("OPTRD", "XLF", D(200), D(40))
    assert shares.net_amount == D(-8_000)
    assert assigned.group_id == shares.group_id != ""
    (held,) = hand.broker.read_positions()
    assert (held.symbol, held.qty, held.avg_entry_price) == ("XLF", D(200), D(40))
    assert hand.broker.read_account().cash == before.cash - D(8_000) - D("0.11")


def test_a_covered_call_in_the_money_delivers_its_shares() -> None:
    symbol = call("XLF", FRIDAY, "42")
    hand = holding(symbol, -1, shares=150)
    assigned, shares = ends(hand, "44.00")
    assert (assigned.kind, assigned.qty) == ("OPASN", D(1))
    assert (shares.qty, shares.price, shares.net_amount) == (D(-100), D(42), D(4_200))
    assert hand.held() == {"XLF": D(50)}


@pytest.mark.parametrize("spot", ["39.70", "40.30"])
def test_a_pinned_put_is_partly_assigned_on_either_side(spot: str) -> None:
    hand = holding(put("XLF", FRIDAY, "40"), -12)
    lines = ends(hand, spot)
    assert [line.kind for line in lines] == ["OPASN", "OPTRD", "OPEXP"]
    assert lines[0].qty + lines[2].qty == 12
    assert hand.held() == {"XLF": lines[0].qty * 100}
    assert cash_is_explained(hand.broker)


def test_a_long_call_is_exercised_where_the_account_can_pay() -> None:
    hand = holding(call("XLF", FRIDAY, "40"), 1)
    exercised, shares = ends(hand, "41.00")
    assert (exercised.kind, exercised.qty) == ("OPEXC", D(-1))
    assert (shares.qty, shares.net_amount) == (D(100), D(-4_000))


def test_a_long_call_the_account_cannot_pay_is_sold_by_the_broker() -> None:
    hand = holding(call("XLF", FRIDAY, "40"), 1, equity=D(1_000))
    fill, *fees = ends(hand, "41.00")
    assert (fill.kind, fill.qty, fill.price, fill.net_amount) == ("FILL", D(-1), D("1.00"), D("100.00"))
    assert fill.order_id not in {order.broker_order_id for order in hand.broker.read_orders(OPEN)}
    assert {line.kind for line in fees} == {"FEE"}
    assert hand.held() == {}


def test_a_long_put_without_shares_is_sold_and_with_shares_exercised() -> None:
    assert ends(holding(put("XLF", FRIDAY, "40"), 1), "38.00")[0].net_amount == D("200.00")
    hand = holding(put("XLF", FRIDAY, "40"), 1, shares=100)
    assert [line.kind for line in ends(hand, "38.00")] == ["OPEXC", "OPTRD"]
    assert hand.held() == {}


def test_a_put_spread_through_both_strikes_loses_its_width() -> None:
    high, low = put("XLF", FRIDAY, "40"), put("XLF", FRIDAY, "35")
    market = TapeMarket()
    market.put("XLF", OPEN, "39.99", "40.00")
    for at in (OPEN, OPEN + MINUTE):
        market.put(high, at, "1.00", "1.10")
        market.put(low, at, "0.30", "0.36")
    hand = Hand(market, equity=D(2_000))
    hand.send("", "sell_to_open", legs=(leg(high, "sell_to_open"), leg(low, "buy_to_open")), limit_price="-0.60")
    hand.at += 2 * MINUTE
    assert hand.broker.read_account().cash == D(2_064)
    lines = ends(hand, "30.00")
    assert [line.kind for line in lines if line.kind != "FEE"] == ["OPASN", "OPTRD", "OPEXC", "OPTRD"]
    assert hand.held() == {}
    assert hand.broker.read_account().cash == D(2_064) - D(500) - D("0.11")


def test_an_assigned_call_without_shares_is_bought_in() -> None:
    low, high = call("XLF", FRIDAY, "40"), call("XLF", FRIDAY, "45")
    market = TapeMarket()
    market.put("XLF", OPEN, "39.99", "40.00")
    for at in (OPEN, OPEN + MINUTE):
        market.put(low, at, "1.00", "1.10")
        market.put(high, at, "0.30", "0.36")
    hand = Hand(market)
    hand.send("", "sell_to_open", legs=(leg(low, "sell_to_open"), leg(high, "buy_to_open")), limit_price="-0.60")
    hand.at += 2 * MINUTE
    lines = ends(hand, "43.00")
    assert [(line.kind, line.qty) for line in lines if line.kind != "FEE"] == [
        ("OPEXP", D(-1)), ("FILL", D(100)), ("OPASN", D(1)), ("OPTRD", D(-100)),
    ]  # fmt: skip
    assert hand.held() == {}
    assert cash_is_explained(hand.broker)


def test_an_expiry_waits_for_a_price() -> None:
    symbol = put("XLF", FRIDAY, "40")
    hand = holding(symbol, -1)
    hand.market.tape["XLF"].clear()
    hand.at = FRIDAY_CLOSE + timedelta(hours=1)
    assert hand.held() == {symbol: D(-1)}
    hand.market.put("XLF", FRIDAY_CLOSE + timedelta(days=2, hours=18), "50.00", "50.02")
    hand.at = FRIDAY_CLOSE + timedelta(days=3)
    assert hand.held() == {}


def test_working_orders_on_a_series_end_with_it() -> None:
    symbol = put("XLF", FRIDAY, "40")
    hand = holding(symbol, -1)
    hand.send(symbol, "buy_to_close", limit_price="0.01", time_in_force="gtc", id="rest")
    ends(hand, "45.00")
    assert hand.order("rest").status == "expired"
    assert hand.broker.read_account().options_buying_power == hand.broker.read_account().cash


def before_dividend(strike: str, mid: str, amount: str = "0.25") -> Hand:
    """Hold ten covered calls that expire in a month and work to buy them back; Friday a dividend goes ex."""
    symbol = call("XLF", date(2026, 12, 18), strike)
    hand = holding(symbol, -10, shares=1_000, equity=D(100_000))
    hand.send(symbol, "buy_to_close", "10", limit_price="0.01", time_in_force="gtc", id="back")
    hand.market.events.append(Dividend(symbol="XLF", ex_date=FRIDAY, amount=D(amount)))
    thursday = datetime(2026, 11, 19, 21, 0, tzinfo=UTC)
    hand.market.put("XLF", thursday - MINUTE, "41.99", "42.01", "42.00")
    hand.market.put(symbol, thursday - MINUTE, str(D(mid) - D("0.02")), str(D(mid) + D("0.02")))
    hand.at = thursday + timedelta(hours=1)
    return hand


def test_calls_are_assigned_on_the_night_before_the_dividend() -> None:
    hand = before_dividend("40", "2.10")
    assigned = [line for line in hand.broker.read_activities(EVER) if line.kind == "OPASN"]
    assert len(assigned) == 1
    assert 4 <= assigned[0].qty <= 10
    assert hand.order("back").status == "canceled", "it would buy more than is still short"
    left = 1_000 - assigned[0].qty * 100
    assert hand.held().get("XLF", D(0)) == left
    hand.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    paid = [line.net_amount for line in hand.broker.read_activities(FRIDAY) if line.kind == "DIV"]
    assert paid == ([left * D("0.25")] if left else [])


def test_calls_with_time_value_left_keep_their_shares_for_the_dividend() -> None:
    hand = before_dividend("40", "2.40")
    assert hand.order("back").status == "new"
    hand.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    (paid,) = [line for line in hand.broker.read_activities(EVER) if line.kind == "DIV"]
    assert (paid.symbol, paid.net_amount, paid.price) == ("XLF", D("250.00"), D("0.25"))
    assert paid.at < datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def test_shares_bought_on_the_ex_date_get_no_dividend() -> None:
    market = TapeMarket()
    market.events.append(Dividend(symbol="XLF", ex_date=DAY, amount=D("0.25")))
    market.events.append(Dividend(symbol="XLF", ex_date=FRIDAY, amount=D("0.25"), expected=True))
    hand = Hand(market)
    hand.buy_shares("XLF", "100", "40.00")
    hand.at = FRIDAY_CLOSE
    assert "DIV" not in hand.kinds()


def test_a_split_multiplies_shares_and_options_and_cancels_orders() -> None:
    symbol = call("XLF", date(2026, 12, 18), "45")
    hand = holding(symbol, -1, shares=200)
    hand.send("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="8", time_in_force="gtc", id="s")
    hand.market.events.append(Split(symbol="XLF", day=FRIDAY, ratio=D(2)))
    hand.at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    after = call("XLF", date(2026, 12, 18), "22.5")
    assert hand.held() == {"XLF": D(400), after: D(-2)}
    averages = {held.symbol: held.avg_entry_price for held in hand.broker.read_positions()}
    assert averages == {"XLF": D(20), after: D("0.5")}
    assert hand.order("s").status == "canceled"
    lines = [line for line in hand.broker.read_activities(EVER) if line.kind == "SPLIT"]
    assert [(line.symbol, line.qty, line.price, line.net_amount) for line in lines] == [
        ("XLF", D(200), D(2), D(0)), (symbol, D(1), D(2), D(0)), (after, D(-2), D(2), D(0)),
    ]  # fmt: skip


def test_a_reverse_split_pays_its_fraction_out_and_leaves_whole_shares() -> None:
    """A hundred at 40 make 33 of 120 and a third of one, which is paid at the close before: 0.333333333 x 120."""
    hand = Hand()
    hand.buy_shares("XLF", "100", "40.00")
    hand.market.put("XLF", OPEN + timedelta(hours=6), "39.99", "40.01")
    hand.market.events.append(Split(symbol="XLF", day=FRIDAY, ratio=D(1) / 3))
    hand.at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert hand.held() == {"XLF": D(33)}
    (line,) = [line for line in hand.broker.read_activities(EVER) if line.kind == "SPLIT"]
    assert (line.qty, line.net_amount) == (D(-67), D("40.00"))
    assert "paid out" in line.description
    assert cash_is_explained(hand.broker)


def test_a_ratio_without_an_end_keeps_whole_shares_whole() -> None:
    hand = Hand()
    hand.buy_shares("XLF", "300", "40.00")
    hand.market.events.append(Split(symbol="XLF", day=FRIDAY, ratio=D(1) / 3))
    hand.at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert hand.held() == {"XLF": D(100)}
    assert "paid out" not in hand.broker.read_activities(EVER)[-1].description


def test_a_split_without_a_standard_series_closes_the_option() -> None:
    symbol = put("XLF", date(2026, 12, 18), "40")
    hand = holding(symbol, -1)
    hand.market.events.append(Split(symbol="XLF", day=FRIDAY, ratio=D("1.5")))
    hand.at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert hand.held() == {}
    last = hand.broker.read_activities(EVER)[-1]
    assert (last.kind, last.qty, last.price) == ("FILL", D(1), D("1.05"))
    assert cash_is_explained(hand.broker)
