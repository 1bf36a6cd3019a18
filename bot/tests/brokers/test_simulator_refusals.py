"""What the simulated broker refuses, and with which of Alpaca's codes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import OrderLeg
from bot.domain.orders import leg
from bot.tests.brokers.tape import CLOSE, DAY, OPEN, Hand, TapeMarket
from bot.tests.builders import call, put

D = Decimal
EXPIRY = date(2026, 12, 18)
PUT, LOW_PUT = put("XLF", EXPIRY, "40"), put("XLF", EXPIRY, "35")
CALL, HIGH_CALL = call("XLF", EXPIRY, "42"), call("XLF", EXPIRY, "45")
NEXT_CALL = call("XLF", date(2026, 12, 24), "43")
TODAY_PUT = put("XLF", DAY, "40")
NOON = OPEN + timedelta(hours=2, minutes=30)


def a_hand(at: datetime = NOON, **numbers: Any) -> Hand:
    market = TapeMarket()
    market.put("XLF", OPEN, "39.99", "40.01")
    for symbol in (PUT, LOW_PUT, CALL, HIGH_CALL, NEXT_CALL, TODAY_PUT):
        market.put(symbol, OPEN, "1.00", "1.10")
    return Hand(market, at=at, **numbers)


def refused(hand: Hand, symbol: str, intent: str, qty: str = "1", **given: Any) -> tuple[RefusalCode, int, int]:
    with pytest.raises(BrokerRefused) as caught:
        hand.send(symbol, intent, qty, **given)
    return caught.value.code, caught.value.status, caught.value.broker_code


def test_an_id_is_taken_for_good_even_after_a_cancellation() -> None:
    hand = a_hand()
    order = hand.send("XLF", "buy_to_open", limit_price="30", id="same")
    duplicate = (RefusalCode.DUPLICATE_ID, 422, 40010001)
    assert refused(hand, "XLF", "buy_to_open", limit_price="30", id="same") == duplicate
    hand.broker.cancel(order.broker_order_id)
    assert refused(hand, "XLF", "buy_to_open", limit_price="30", id="same") == duplicate


def test_a_refused_order_leaves_its_id_free_and_nothing_behind() -> None:
    hand = a_hand()
    refused(hand, PUT, "sell_to_open", "9", limit_price="1.00", id="once")
    assert hand.broker.find_order("once") is None
    assert hand.send(PUT, "sell_to_open", limit_price="1.00", id="once").status == "new"


MALFORMED = (RefusalCode.MALFORMED, 422, 42210000)


@pytest.mark.parametrize(
    ("symbol", "intent", "given"),
    [
        ("XLF", "buy_to_open", {"qty": "1.5", "limit_price": "30"}),
        ("XLF", "buy_to_open", {"qty": "0", "limit_price": "30"}),
        ("XLF", "buy_to_open", {"limit_price": "30.001"}),
        ("XLF", "buy_to_open", {"limit_price": "-1"}),
        ("XLF", "buy_to_open", {"order_type": "limit"}),
        ("XLF", "buy_to_open", {"order_type": "stop"}),
        ("XLF", "buy_to_open", {"order_type": "trailing_stop", "trail_percent": "5"}),
        ("XLF", "sell_to_close", {"order_type": "trailing_stop", "trail_percent": "0"}),
        (PUT, "sell_to_open", {"limit_price": "1.005"}),
        (PUT, "sell_to_open", {"order_type": "trailing_stop", "trail_percent": "5"}),
        (PUT, "sell_to_open", {"limit_price": "1.00", "time_in_force": "ioc"}),
        (PUT, "sell_to_open", {"limit_price": "1.00", "id": ""}),
        (PUT, "sell_to_open", {"limit_price": "1.00", "legs": (leg(PUT, "sell_to_open", 2),)}),
        (PUT, "buy_to_close", {"limit_price": "1.00"}),
        (
            PUT,
            "sell_to_open",
            {
                "limit_price": "1.00",
                "legs": (OrderLeg(symbol=PUT, side="buy", position_intent="sell_to_open"),),
            },
        ),
    ],
)
def test_what_does_not_read_as_an_order_is_malformed(symbol: str, intent: str, given: dict[str, Any]) -> None:
    assert refused(a_hand(), symbol, intent, **given) == MALFORMED


def test_a_share_below_a_dollar_may_have_four_decimals() -> None:
    assert a_hand().send("XLF", "buy_to_open", limit_price="0.1234").limit_price == D("0.1234")


@pytest.mark.parametrize("symbol", ["NONE", put("XLF", EXPIRY, "77"), put("XLF", date(2026, 11, 13), "40"), "x1"])
def test_what_the_market_does_not_list_is_unknown(symbol: str) -> None:
    hand = a_hand(equity=D(100_000))
    intent = "buy_to_open" if len(symbol) < 6 else "sell_to_open"
    assert refused(hand, symbol, intent, limit_price="1.00") == (RefusalCode.UNKNOWN_SYMBOL, 422, 42210000)


PERMISSION = (RefusalCode.NOT_PERMITTED, 403, 40310000)


def test_each_options_level_allows_its_own() -> None:
    legs = (leg(PUT, "sell_to_open"), leg(LOW_PUT, "buy_to_open"))
    assert refused(a_hand(options_level=0), PUT, "sell_to_open", limit_price="1.00") == PERMISSION
    assert refused(a_hand(options_level=1), PUT, "buy_to_open", limit_price="1.00") == PERMISSION
    assert refused(a_hand(options_level=2), "", "sell_to_open", limit_price="-0.10", legs=legs) == PERMISSION
    assert a_hand(options_level=1).send(PUT, "sell_to_open", limit_price="1.00").status == "new"
    assert a_hand(options_level=2).send(PUT, "buy_to_open", limit_price="1.00").status == "new"
    assert a_hand(options_level=3).send("", "sell_to_open", limit_price="-0.10", legs=legs).status == "new"


def test_a_call_is_never_sold_without_shares() -> None:
    short = (RefusalCode.INSUFFICIENT_QUANTITY, 403, 40310000)
    hand = a_hand()
    assert refused(hand, CALL, "sell_to_open", limit_price="5.00") == PERMISSION
    hand.buy_shares("XLF", "150", "40.00")
    assert refused(hand, CALL, "sell_to_open", "2", limit_price="5.00") == short
    hand.send(CALL, "sell_to_open", "1", limit_price="5.00")
    assert refused(hand, NEXT_CALL, "sell_to_open", "1", limit_price="5.00") == short


def test_shares_under_a_working_call_cannot_be_sold_or_stopped() -> None:
    """C020: a resting stop and a covered call compete for the same shares."""
    hand = a_hand()
    hand.buy_shares("XLF", "150", "40.00")
    hand.send(CALL, "sell_to_open", "1", limit_price="5.00")
    short = (RefusalCode.INSUFFICIENT_QUANTITY, 403, 40310000)
    assert refused(hand, "XLF", "sell_to_close", "51", order_type="market") == short
    assert refused(hand, "XLF", "sell_to_close", "51", order_type="trailing_stop", trail_percent="8") == short
    hand.send("XLF", "sell_to_close", "50", order_type="trailing_stop", trail_percent="8", time_in_force="gtc")
    assert [p.qty_available for p in hand.broker.read_positions()] == [D(0)]


def test_shares_under_a_stop_cannot_cover_a_call() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "100", "40.00")
    stop = hand.send("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="8", time_in_force="gtc")
    short = (RefusalCode.INSUFFICIENT_QUANTITY, 403, 40310000)
    assert refused(hand, CALL, "sell_to_open", limit_price="5.00") == short
    hand.broker.cancel(stop.broker_order_id)
    assert hand.send(CALL, "sell_to_open", limit_price="5.00").status == "new"


def test_shares_cannot_be_sold_short() -> None:
    hand = a_hand()
    assert refused(hand, "XLF", "sell_to_close", order_type="market")[0] is RefusalCode.INSUFFICIENT_QUANTITY
    assert refused(hand, "XLF", "sell_to_open", order_type="market") == PERMISSION


def test_a_put_needs_its_strike_less_the_premium() -> None:
    """40 x 100 less 1.00 x 100 is 3,900 (the option level-1 rule of Alpaca)."""
    funds = (RefusalCode.INSUFFICIENT_FUNDS, 403, 40310000)
    assert refused(a_hand(equity=D(3_899)), PUT, "sell_to_open", limit_price="1.00") == funds
    hand = a_hand(equity=D(3_900))
    hand.send(PUT, "sell_to_open", limit_price="1.00")
    assert hand.broker.read_account().options_buying_power == 0
    assert refused(hand, LOW_PUT, "sell_to_open", limit_price="1.00") == funds


def test_shares_need_buying_power_and_margin_gives_more() -> None:
    funds = (RefusalCode.INSUFFICIENT_FUNDS, 403, 40310000)
    assert refused(a_hand(equity=D(4_000)), "XLF", "buy_to_open", "100", limit_price="40.01") == funds
    assert refused(a_hand(equity=D(4_000)), "XLF", "buy_to_open", "100", order_type="market") == funds
    hand = a_hand(equity=D(4_000), multiplier=2)
    assert hand.send("XLF", "buy_to_open", "199", limit_price="40.01").status == "new"
    assert refused(hand, "XLF", "buy_to_open", "10", limit_price="40.01") == funds


def test_an_intent_the_position_contradicts_is_malformed() -> None:
    hand = a_hand()
    hand.send(PUT, "sell_to_open", limit_price="1.00")
    hand.market.put(PUT, hand.at + timedelta(seconds=30), "1.00", "1.10")
    hand.at += timedelta(minutes=1)
    assert hand.held() == {PUT: D(-1)}
    assert refused(hand, PUT, "buy_to_open", limit_price="0.10") == MALFORMED
    assert refused(hand, PUT, "buy_to_close", "2", limit_price="0.10")[0] is RefusalCode.INSUFFICIENT_QUANTITY
    hand.send(PUT, "buy_to_close", limit_price="0.10")
    assert refused(hand, PUT, "buy_to_close", limit_price="0.10")[0] is RefusalCode.INSUFFICIENT_QUANTITY


def test_a_long_that_is_not_held_cannot_be_sold() -> None:
    assert refused(a_hand(), PUT, "sell_to_close", limit_price="1.00") == PERMISSION


def test_options_orders_keep_market_hours() -> None:
    closed = (RefusalCode.MARKET_CLOSED, 422, 42210000)
    for at in (OPEN - timedelta(minutes=1), CLOSE, datetime(2026, 11, 21, 17, 0, tzinfo=UTC)):
        hand = a_hand(at)
        hand.market.put(PUT, OPEN - timedelta(days=1), "1.00", "1.10")
        hand.market.put("XLF", OPEN - timedelta(days=1), "39.99", "40.01")
        assert refused(hand, PUT, "sell_to_open", order_type="market") == closed
        assert refused(hand, PUT, "sell_to_open", limit_price="1.00") == closed
        assert hand.send("XLF", "buy_to_open", limit_price="30").status == "accepted"
        assert hand.send(PUT, "sell_to_open", limit_price="1.00", time_in_force="gtc").status == "accepted"


def test_nothing_opens_in_the_last_half_hour_of_a_series() -> None:
    hand = a_hand(CLOSE - timedelta(minutes=30, seconds=1))
    hand.send(TODAY_PUT, "sell_to_open", limit_price="1.10")
    hand.at = CLOSE - timedelta(minutes=30)
    expiring = (RefusalCode.CONTRACT_EXPIRING, 422, 42210000)
    assert refused(hand, TODAY_PUT, "sell_to_open", limit_price="1.10") == expiring


WASH = (RefusalCode.WASH_TRADE, 403, 40310000)


def test_a_purchase_against_a_resting_stop_is_a_wash_trade() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "10", "40.00")
    hand.send("XLF", "sell_to_close", "10", order_type="stop", stop_price="35")
    assert refused(hand, "XLF", "buy_to_open", limit_price="30") == WASH


def test_a_trailing_stop_is_exempt_from_wash_trades() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "10", "40.00")
    hand.send("XLF", "sell_to_close", "10", order_type="trailing_stop", trail_percent="8")
    assert hand.send("XLF", "buy_to_open", limit_price="30").status == "new"
    assert hand.send("XLF", "buy_to_open", order_type="market").status == "new"


def test_two_limits_are_a_wash_trade_only_where_they_cross() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "10", "40.00")
    hand.send("XLF", "sell_to_close", "10", limit_price="45")
    assert hand.send("XLF", "buy_to_open", limit_price="44.99").status == "new"
    assert refused(hand, "XLF", "buy_to_open", limit_price="45") == WASH


def several(*legs: tuple[str, str, int]) -> tuple[OrderLeg, ...]:
    return tuple(leg(symbol, intent, ratio) for symbol, intent, ratio in legs)


@pytest.mark.parametrize(
    ("legs", "given", "expected"),
    [
        (several((PUT, "sell_to_open", 2), (LOW_PUT, "buy_to_open", 2)), {}, MALFORMED),
        (several((PUT, "sell_to_open", 1), (PUT, "buy_to_open", 1)), {}, MALFORMED),
        (several((PUT, "sell_to_open", 1), ("XLF", "buy_to_open", 100)), {}, MALFORMED),
        (several((PUT, "sell_to_open", 1), (put("XLE", EXPIRY, "35"), "buy_to_open", 1)), {}, MALFORMED),
        (several((PUT, "sell_to_open", 1), (LOW_PUT, "buy_to_open", 1)), {"order_type": "stop"}, MALFORMED),
        (several((PUT, "sell_to_open", 1), (LOW_PUT, "buy_to_open", 1)), {"limit_price": "-0.005"}, MALFORMED),
        (several((PUT, "sell_to_open", 1), (HIGH_CALL, "buy_to_open", 1)), {}, PERMISSION),
        (several((PUT, "sell_to_open", 2), (LOW_PUT, "buy_to_open", 1)), {}, PERMISSION),
        (several((NEXT_CALL, "sell_to_open", 1), (CALL, "buy_to_open", 1)), {}, PERMISSION),
    ],
)
def test_legs_fit_together_and_cover_each_other(
    legs: tuple[OrderLeg, ...], given: dict[str, Any], expected: object
) -> None:
    assert refused(a_hand(), "", "sell_to_open", legs=legs, **({"limit_price": "-0.10"} | given)) == expected


def test_a_roll_of_a_short_call_is_never_one_order() -> None:
    """Wheel 1.5: Alpaca refuses to roll a short in one order."""
    hand = a_hand()
    hand.buy_shares("XLF", "100", "40.00")
    hand.send(CALL, "sell_to_open", limit_price="1.00")
    hand.market.put(CALL, hand.at + timedelta(seconds=30), "1.00", "1.10")
    hand.at += timedelta(minutes=1)
    assert hand.held()[CALL] == -1
    legs = several((CALL, "buy_to_close", 1), (NEXT_CALL, "sell_to_open", 1))
    assert refused(hand, "", "sell_to_open", legs=legs, limit_price="-0.10") == PERMISSION


def test_the_covering_leg_of_a_spread_cannot_be_sold_first() -> None:
    hand = a_hand()
    legs = several((CALL, "sell_to_open", 1), (HIGH_CALL, "buy_to_open", 1))
    hand.send("", "sell_to_open", legs=legs, order_type="market")
    for symbol in (CALL, HIGH_CALL):
        hand.market.put(symbol, hand.at + timedelta(seconds=30), "1.00", "1.10")
    hand.at += timedelta(minutes=1)
    assert hand.held() == {CALL: D(-1), HIGH_CALL: D(1)}
    assert refused(hand, HIGH_CALL, "sell_to_close", limit_price="1.00") == PERMISSION
    closing = several((CALL, "buy_to_close", 1), (HIGH_CALL, "sell_to_close", 1))
    assert hand.send("", "buy_to_close", legs=closing, limit_price="0.10").status == "new"


def test_what_has_ended_or_never_was_cannot_be_cancelled() -> None:
    hand = a_hand()
    order = hand.send("XLF", "buy_to_open", limit_price="30")
    hand.broker.cancel(order.broker_order_id)
    assert hand.order(order.client_order_id).status == "canceled"
    for broker_order_id, code, status in (
        (order.broker_order_id, RefusalCode.NOT_CANCELABLE, 422),
        ("nobody", RefusalCode.NOT_FOUND, 404),
    ):
        with pytest.raises(BrokerRefused) as caught:
            hand.broker.cancel(broker_order_id)
        assert (caught.value.code, caught.value.status) == (code, status)
