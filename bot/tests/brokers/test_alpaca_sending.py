"""What leaves for Alpaca: exact decimals, an intent on every leg, the right sign; the rest never leaves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brokers.alpaca_sending import TRAIL_MIN, body_of, expected_sign, rearmed_trail
from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import option_symbol, parse_option
from bot.domain.orders import OrderRequest, leg
from bot.domain.wheelmath import intrinsic
from bot.tests.brokers.canned import CALL, LOWER_PUT, PUT
from bot.tests.brokers.tape import an_order_request

D = Decimal
LATER_PUT = "SPY270115P00412500"


def several(legs: tuple[OrderLeg, ...], limit: str, **given: Any) -> OrderRequest:
    facts: dict[str, Any] = {
        "client_order_id": "desk-1", "legs": legs, "qty": D(2), "order_type": "limit", "limit_price": D(limit),
        "time_in_force": "day",
    }  # fmt: skip
    return OrderRequest(**(facts | given))


CREDIT = (leg(PUT, "sell_to_open"), leg(LOWER_PUT, "buy_to_open"))


def test_a_put_leaves_with_its_intent_and_exact_decimals() -> None:
    request = an_order_request(PUT, "sell_to_open", "1.00", limit_price="1.20", id="desk-1")
    assert body_of(request) == {
        "symbol": PUT, "side": "sell", "position_intent": "sell_to_open", "type": "limit", "qty": "1",
        "limit_price": "1.2", "time_in_force": "day", "client_order_id": "desk-1",
    }  # fmt: skip


def test_shares_leave_with_their_intent_too_so_that_a_second_sale_is_refused_not_short() -> None:
    body = body_of(an_order_request("XLF", "sell_to_close", "100", limit_price="40.05", time_in_force="gtc"))
    assert (body["position_intent"], body["side"], body["limit_price"]) == ("sell_to_close", "sell", "40.05")


def test_legs_leave_each_with_ratio_side_and_intent_and_the_credit_negative() -> None:
    body = body_of(several(CREDIT, "-1.25"))
    assert (body["order_class"], body["qty"], body["limit_price"]) == ("mleg", "2", "-1.25")
    assert body["legs"] == [
        {"symbol": PUT, "side": "sell", "ratio_qty": "1", "position_intent": "sell_to_open"},
        {"symbol": LOWER_PUT, "side": "buy", "ratio_qty": "1", "position_intent": "buy_to_open"},
    ]
    assert not {"symbol", "side", "position_intent"} & body.keys()


def test_a_trailing_stop_leaves_in_percent() -> None:
    request = an_order_request(
        "XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="12.50", time_in_force="gtc"
    )
    assert body_of(request)["trail_percent"] == "12.5"
    assert body_of(request, D("3.57"))["trail_percent"] == "3.57"
    assert "limit_price" not in body_of(request)


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ({"qty": "1.5"}, "whole"), ({"qty": "0"}, "whole"), ({"id": ""}, "client_order_id"),
        ({"id": "x" * 129}, "client_order_id"), ({"limit_price": "39.005"}, "steps of"),
        ({"limit_price": "0"}, "above zero"),
        ({"limit_price": "-1"}, "above zero"), ({"limit_price": None, "order_type": "limit"}, "needs a limit_price"),
        ({"limit_price": "NaN"}, "needs a limit_price"), ({"time_in_force": "ioc"}, "is not sent"),
        ({"order_type": "iceberg"}, "is not sent"),
    ],
)  # fmt: skip
def test_a_malformed_order_never_leaves(what: dict[str, Any], word: str) -> None:
    facts = {"qty": "10", "limit_price": "39.00"} | what
    with pytest.raises(BrokerRefused, match=word) as refusal:
        body_of(an_order_request("XLF", "buy_to_open", **facts))
    assert refusal.value.code is RefusalCode.MALFORMED


def test_prices_below_a_dollar_have_four_decimals() -> None:
    assert body_of(an_order_request("XLF", "buy_to_open", "1", limit_price="0.3105"))["limit_price"] == "0.3105"
    with pytest.raises(BrokerRefused, match="steps of"):
        body_of(an_order_request("XLF", "buy_to_open", "1", limit_price="0.31055"))


@pytest.mark.parametrize(
    "given",
    [{"order_type": "market"}, {"limit_price": "1.20", "time_in_force": "gtc"},
     {"order_type": "stop", "stop_price": "1.20"}, {"order_type": "trailing_stop", "trail_percent": "10"}],
)  # fmt: skip
def test_options_leave_as_limit_orders_for_the_day_or_not_at_all(given: dict[str, Any]) -> None:
    with pytest.raises(BrokerRefused, match="limit orders for the day only"):
        body_of(an_order_request(PUT, "sell_to_close", "1", **given))


def test_a_symbol_nobody_knows_never_leaves() -> None:
    with pytest.raises(BrokerRefused) as refusal:
        body_of(an_order_request("BTC/USD", "buy_to_open", "1", limit_price="39.00"))
    assert refusal.value.code is RefusalCode.UNKNOWN_SYMBOL


def test_a_leg_whose_side_and_intent_disagree_never_leaves() -> None:
    odd = OrderLeg(symbol="XLF", side="buy", position_intent="sell_to_close")
    request = several((odd,), "39.00")
    with pytest.raises(BrokerRefused, match="does not go with"):
        body_of(request)


@pytest.mark.parametrize("percent", ["0", "100", "-1"])
def test_a_trail_is_between_nothing_and_everything(percent: str) -> None:
    with pytest.raises(BrokerRefused, match="in percent"):
        body_of(an_order_request("XLF", "sell_to_close", "1", order_type="trailing_stop", trail_percent=percent))


def test_a_trailing_stop_only_protects_what_is_held() -> None:
    with pytest.raises(BrokerRefused, match="protects shares that are held"):
        body_of(an_order_request("XLF", "buy_to_open", "1", order_type="trailing_stop", trail_percent="10"))


@pytest.mark.parametrize(
    ("legs", "word"),
    [
        ((leg(PUT, "sell_to_open"), leg("SPY", "buy_to_open")), "options"),
        ((leg(PUT, "sell_to_open"), leg("XLF261224P00040000", "buy_to_open")), "one underlying"),
        ((leg(PUT, "sell_to_open", 2), leg(LOWER_PUT, "buy_to_open", 2)), "common divisor"),
        ((leg(PUT, "sell_to_open", 0), leg(LOWER_PUT, "buy_to_open")), "ratios"),
        ((leg(PUT, "sell_to_open"), leg(PUT, "buy_to_open")), "different symbols"),
        ((), "1 to 4 legs"),
    ],
)  # fmt: skip
def test_legs_that_do_not_make_one_order_never_leave(legs: tuple[OrderLeg, ...], word: str) -> None:
    with pytest.raises(BrokerRefused, match=word):
        body_of(several(legs, "-1.25", order_type="limit"))


def test_a_single_leg_has_ratio_one_and_several_have_whole_cents() -> None:
    with pytest.raises(BrokerRefused, match="ratio 1"):
        body_of(several((leg(PUT, "sell_to_open", 2),), "1.25"))
    with pytest.raises(BrokerRefused, match="two decimals"):
        body_of(several(CREDIT, "-1.255"))


# The sign


def closed(legs: tuple[OrderLeg, ...]) -> tuple[OrderLeg, ...]:
    other = {"sell_to_open": "buy_to_close", "buy_to_open": "sell_to_close"}
    return tuple(leg(one.symbol, other[one.position_intent], one.ratio) for one in legs)


CONDOR = (
    leg(PUT, "sell_to_open"), leg(LOWER_PUT, "buy_to_open"), leg(CALL, "sell_to_open"),
    leg("SPY261224C00460000", "buy_to_open"),
)  # fmt: skip
CALENDAR = (leg(PUT, "sell_to_open"), leg(LATER_PUT, "buy_to_open"))
DIAGONAL = (leg(LOWER_PUT, "sell_to_open"), leg(LATER_PUT, "buy_to_open"))


@pytest.mark.parametrize(
    ("legs", "sign"),
    [
        (CREDIT, -1), (CONDOR, -1), (closed(CREDIT), 1), (closed(CONDOR), 1),
        ((leg(PUT, "buy_to_open"), leg(LOWER_PUT, "sell_to_open")), 1),
        ((leg(CALL, "buy_to_open"), leg(PUT, "buy_to_open")), 1),
        (CALENDAR, 1), (closed(CALENDAR), -1), (DIAGONAL, 1), (closed(DIAGONAL), -1),
        ((leg(CALL, "buy_to_open"), leg(PUT, "sell_to_open")), 0),
        ((leg(PUT, "sell_to_open"), leg(LOWER_PUT, "buy_to_open", 2)), 0),
        ((leg(LATER_PUT, "sell_to_open"), leg(PUT, "buy_to_open"), leg(LOWER_PUT, "buy_to_open")), 0),
    ],
)  # fmt: skip
def test_the_legs_alone_say_credit_or_debit(legs: tuple[OrderLeg, ...], sign: int) -> None:
    assert expected_sign(legs) == sign


def test_a_wrong_sign_is_refused_before_it_is_sent() -> None:
    for legs, limit in ((CREDIT, "1.25"), (CREDIT, "0"), (closed(CREDIT), "-0.40"), (CONDOR, "2.00")):
        with pytest.raises(BrokerRefused, match="the sign is wrong") as refusal:
            body_of(several(legs, limit))
        assert refusal.value.code is RefusalCode.MALFORMED
    assert body_of(several(closed(CREDIT), "0.40"))["limit_price"] == "0.4"


STRIKES = st.integers(380, 450)


@given(
    st.lists(
        st.tuples(STRIKES, st.sampled_from(["put", "call"]), st.sampled_from(["buy_to_open", "sell_to_open"]),
                  st.integers(1, 3)),
        min_size=2, max_size=4, unique_by=lambda row: (row[0], row[1]),
    ),
    st.integers(0, 900),
)  # fmt: skip
def test_what_is_called_a_debit_is_never_a_debt_at_expiry_and_a_credit_never_a_claim(
    rows: list[tuple[int, Any, str, int]], spot: int
) -> None:
    legs = [leg(option_symbol("SPY", date(2026, 12, 24), right, D(k)), word, n) for k, right, word, n in rows]
    worth = D(0)
    for one in legs:
        contract = parse_option(one.symbol)
        value = one.ratio * intrinsic(contract.right, contract.strike, D(spot))
        worth += value if one.side == "buy" else -value
    assert worth * expected_sign(legs) >= 0


# Carrying the mark


@given(st.decimals("0.5", "99", places=2), st.decimals("1", "2000", places=2), st.decimals("1", "2000", places=2))
def test_a_rearmed_stop_is_never_wider_than_configured(percent: Decimal, mark: Decimal, price: Decimal) -> None:
    trail = rearmed_trail(percent, mark, price)
    assert min(percent, TRAIL_MIN) <= trail <= percent
    wanted = mark * (1 - percent / 100)
    if wanted < price * (1 - TRAIL_MIN / 100):
        assert price * (1 - trail / 100) >= min(wanted, price * (1 - percent / 100))
    if price >= mark:
        assert trail == percent


def test_a_stop_the_price_has_passed_waits_a_tenth_of_a_percent_below_it() -> None:
    assert rearmed_trail(D(10), D(50), D(44)) == TRAIL_MIN
    assert rearmed_trail(D(10), D("1e20"), D("1e-20")) == TRAIL_MIN
