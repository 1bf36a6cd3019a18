"""The Alpaca broker and market over HTTP: races, lost answers, limits, pages, and the same market read two ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import BrokerRefused, BrokerUnreachable, ConfigError, OutcomeUnknown, RefusalCode
from bot.domain.market import ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.orders import OrderRequest, leg
from bot.markets.synthetic import SyntheticMarket
from bot.tests.alpaca.hand import AlpacaHand
from bot.tests.alpaca.seeding import lay_chain, seed
from bot.tests.alpaca.world import NOON
from bot.venues.alpaca_client import Bounds

D = Decimal
TODAY = date(2026, 11, 18)
PUT, LOWER, CALL = "XLF261218P00039000", "XLF261218P00037000", "XLF261218C00042000"


@pytest.fixture
def hand() -> Iterator[AlpacaHand]:
    hand = AlpacaHand()
    hand.world.quote("XLF", "40.00", "40.02")
    hand.world.list_option(PUT, "0.60", "0.64", delta=-0.3, volatility=0.2)
    hand.world.list_option(LOWER, "0.20", "0.24", delta=-0.1, volatility=0.2)
    hand.world.list_option(CALL, "0.50", "0.54", delta=0.3, volatility=0.2)
    yield hand
    hand.close()


def a_spread(price: str, order_id: str = "mleg-1") -> OrderRequest:
    return OrderRequest(
        client_order_id=order_id, legs=(leg(PUT, "sell_to_open"), leg(LOWER, "buy_to_open")), qty=D(2),
        order_type="limit", limit_price=D(price), time_in_force="day",
    )  # fmt: skip


# Orders


def test_a_fill_that_overtakes_a_cancellation_is_seen_as_a_fill(hand: AlpacaHand) -> None:
    hand.world.on_cancel = "fill"
    order = hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    hand.broker.cancel(order.broker_order_id)
    assert (hand.order("t-1").status, hand.order("t-1").filled_qty) == ("filled", D(10))
    assert hand.held() == {"XLF": D(10)}


def test_a_cancellation_that_takes_its_time_is_looked_at_once_more(hand: AlpacaHand) -> None:
    hand.world.pending_cancel_reads = 1
    order = hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    hand.broker.cancel(order.broker_order_id)
    assert hand.order("t-1").status == "canceled"
    assert hand.pauses == [0.5]


def test_a_cancellation_that_takes_longer_is_not_taken_for_one(hand: AlpacaHand) -> None:
    hand.world.pending_cancel_reads = 3
    order = hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    hand.broker.cancel(order.broker_order_id)
    shown = hand.order("t-1")
    assert (shown.status, shown.terminal) == ("pending_cancel", False)


def test_a_partial_fill_before_the_cancellation_stays_counted(hand: AlpacaHand) -> None:
    order = hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    hand.world.fill_now("t-1", "4", "39.00")
    hand.broker.cancel(order.broker_order_id)
    shown = hand.order("t-1")
    assert (shown.status, shown.filled_qty, shown.filled_avg_price) == ("canceled", D(4), D(39))


@pytest.mark.parametrize(
    "how",
    [{"cut": True}, {"status": 504}, {"status": 500}, {"body": b"<html>"}, {"body": b"{}"}, {"delay": 0.5}],
    ids=str,
)
def test_a_lost_answer_is_no_proof_and_the_order_is_sent_once(hand: AlpacaHand, how: dict[str, object]) -> None:
    hand.client.bounds = Bounds(exchange_seconds=0.2)
    hand.world.spoil("/orders$", "POST", **how)
    with pytest.raises(OutcomeUnknown):
        hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    assert len(hand.world.requests("POST")) == 1
    assert hand.order("t-1").status == "new"


@pytest.mark.parametrize("status", [500, 503, 504])
def test_an_order_that_never_arrived_is_unknown_too(hand: AlpacaHand, status: int) -> None:
    hand.world.spoil("/orders$", "POST", status=status, processed=False)
    with pytest.raises(OutcomeUnknown):
        hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    assert hand.broker.find_order("t-1") is None
    assert len(hand.world.requests("POST")) == 1


def test_a_rate_limit_on_an_order_is_a_definite_no_and_not_repeated(hand: AlpacaHand) -> None:
    hand.broker.read_account()
    hand.world.spoil("/orders$", "POST", status=429, processed=False)
    with pytest.raises(BrokerRefused) as refusal:
        hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    assert refusal.value.code is RefusalCode.RATE_LIMITED
    assert len(hand.world.requests("POST")) == 1


@pytest.mark.parametrize(
    ("symbol", "intent", "qty", "price", "code"),
    [
        (PUT, "sell_to_open", "7", "0.60", RefusalCode.INSUFFICIENT_FUNDS),
        (CALL, "sell_to_open", "1", "0.50", RefusalCode.NOT_PERMITTED),
        (PUT, "buy_to_close", "1", "0.64", RefusalCode.MALFORMED),
        ("XLF261218P00031000", "sell_to_open", "1", "0.60", RefusalCode.MALFORMED),
    ],
)
def test_refusals_come_with_a_code_of_ours_and_leave_nothing_behind(
    hand: AlpacaHand, symbol: str, intent: str, qty: str, price: str, code: RefusalCode
) -> None:
    with pytest.raises(BrokerRefused) as refusal:
        hand.send(symbol, intent, qty, limit_price=price)
    assert refusal.value.code is code
    assert refusal.value.status in (403, 422)
    assert hand.world.orders == []


def test_selling_more_than_is_free_and_trading_with_oneself_are_told_apart(hand: AlpacaHand) -> None:
    hand.world.trade("XLF", "100", "40.00")
    hand.send(CALL, "sell_to_open", limit_price="0.60")
    with pytest.raises(BrokerRefused) as taken:
        hand.send("XLF", "sell_to_close", "1", limit_price="41.00")
    assert taken.value.code is RefusalCode.INSUFFICIENT_QUANTITY
    hand.world.trade("XLF", "100", "40.00")
    hand.send("XLF", "sell_to_close", "1", limit_price="41.00")
    with pytest.raises(BrokerRefused) as crossed:
        hand.send("XLF", "buy_to_open", "1", limit_price="41.00")
    assert crossed.value.code is RefusalCode.WASH_TRADE


def test_every_order_says_its_intent_and_its_price_as_text(hand: AlpacaHand) -> None:
    hand.send(PUT, "sell_to_open", limit_price="0.70")
    (sent,) = hand.world.requests("POST")
    assert sent.body == {
        "symbol": PUT, "side": "sell", "position_intent": "sell_to_open", "qty": "1", "type": "limit",
        "limit_price": "0.7", "time_in_force": "day", "client_order_id": "t-1",
    }  # fmt: skip


# Several legs


def test_a_spread_is_one_order_whose_legs_are_no_orders_of_their_own(hand: AlpacaHand) -> None:
    sent = hand.broker.submit(a_spread("-0.36"))
    assert sent.limit_price == D("-0.36")
    (order,) = hand.broker.read_orders(NOON - timedelta(days=1))
    assert (order.client_order_id, order.status, order.filled_avg_price) == ("mleg-1", "filled", D("-0.36"))
    assert [(one.symbol, one.position_intent) for one in order.legs] == [(PUT, "sell_to_open"), (LOWER, "buy_to_open")]
    fills = [line for line in hand.broker.read_activities(TODAY) if line.kind == "FILL"]
    assert sorted((line.symbol, line.qty, line.price) for line in fills) == [
        (LOWER, D(2), D("0.24")), (PUT, D(-2), D("0.60"))
    ]  # fmt: skip


def test_a_spread_with_the_wrong_sign_never_leaves(hand: AlpacaHand) -> None:
    with pytest.raises(BrokerRefused):
        hand.broker.submit(a_spread("0.36"))
    assert hand.world.requests("POST") == []


# Lists


def test_a_trailing_stop_older_than_the_window_stays_known_with_its_mark(hand: AlpacaHand) -> None:
    hand.world.trade("XLF", "100", "40.00")
    hand.send("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="10", time_in_force="gtc")
    hand.world.quote("XLF", "44.00", "44.02")
    hand.world.pass_to(NOON + timedelta(days=40))
    (order,) = hand.broker.read_orders(NOON + timedelta(days=39))
    assert (order.client_order_id, order.high_water_mark, order.stop_price) == ("t-1", D(44), D("39.6"))
    hand.world.quote("XLF", "39.00", "39.02")
    assert hand.order("t-1").filled_avg_price == D(39)


def test_a_history_of_many_pages_is_read_to_its_end(hand: AlpacaHand) -> None:
    for _ in range(250):
        hand.world.trade("XLF", "1", "40.00")
    lines = hand.broker.read_activities(TODAY)
    assert len({line.key for line in lines}) == 250
    assert len(hand.world.requests("GET", "/activities$")) == 3


def test_orders_of_more_than_one_page_are_all_listed(hand: AlpacaHand) -> None:
    for _ in range(620):
        hand.world.trade("XLF", "1", "40.00")
    assert len(hand.broker.read_orders(NOON - timedelta(days=1))) == 620


def test_an_assignment_is_seen_in_positions_at_once_and_in_the_history_tomorrow(hand: AlpacaHand) -> None:
    hand.send(PUT, "sell_to_open", limit_price="0.60")
    hand.world.assign(PUT)
    assert hand.held() == {"XLF": D(100)}
    assert [line.kind for line in hand.broker.read_activities(TODAY)] == ["FILL"]
    hand.world.pass_to(NOON + timedelta(days=1))
    option, shares = [line for line in hand.broker.read_activities(TODAY) if line.kind != "FILL"]
    assert (option.kind, option.symbol, option.qty, option.net_amount) == ("OPASN", PUT, D(1), D(0))
    assert (shares.kind, shares.symbol, shares.qty, shares.price) == ("OPTRD", "XLF", D(100), D(39))
    assert shares.net_amount == D(-3900)
    assert option.group_id == shares.group_id


@pytest.mark.parametrize(("qty", "closing"), [("-1", D(1)), ("1", D(-1))])
def test_an_expiry_is_signed_like_the_trade_that_would_have_closed_it(
    hand: AlpacaHand, qty: str, closing: Decimal
) -> None:
    hand.world.trade(LOWER, qty, "0.20")
    hand.world.pass_to(datetime(2026, 12, 19, 12, 0, tzinfo=UTC))
    (line,) = [line for line in hand.broker.read_activities(TODAY) if line.kind == "OPEXP"]
    assert (line.symbol, line.qty, line.net_amount) == (LOWER, closing, D(0))


def test_money_lines_come_with_their_kind_and_sign(hand: AlpacaHand) -> None:
    hand.world.charges_fees = True
    hand.world.trade(PUT, "-1", "0.60")
    hand.world.trade("XLF", "100", "40.00")
    hand.world.pay_dividend("XLF", "0.25")
    hand.world.deposit("-100")
    hand.world.write("NEWKIND", symbol="XLF", net_amount=D(0))
    hand.world.pass_to(NOON + timedelta(days=1))
    lines = [(line.kind, line.net_amount) for line in hand.broker.read_activities(TODAY) if line.kind != "FILL"]
    assert sorted(lines) == sorted(
        [("DIV", D(25)), ("CSW", D(-100)), ("OTHER", D(0)), ("FEE", D("-0.02")), ("FEE", D("-0.03")),
         ("FEE", D("-0.01"))]
    )  # fmt: skip
    assert [line.raw_type for line in hand.broker.read_activities(TODAY) if line.kind == "OTHER"] == ["NEWKIND"]


def test_a_status_nobody_knows_counts_as_alive(hand: AlpacaHand) -> None:
    hand.send("XLF", "buy_to_open", "1", limit_price="30.00")
    hand.world.spoil(
        "/orders$", times=2, change=lambda rows: [{**row, "status": "on_the_moon"} for row in rows]
    )  # fmt: skip
    (order,) = hand.broker.read_orders(NOON)
    assert (order.status, order.terminal) == ("on_the_moon", False)


def test_the_calendar_is_the_brokers_own_and_read_once_a_day(hand: AlpacaHand) -> None:
    closed = date(2026, 11, 20)
    hand.world.calendar_changes[closed] = None
    first, last = TODAY, date(2026, 11, 27)
    days = [session.day for session in hand.broker.read_calendar(first, last)]
    assert closed not in days
    assert days[-1] == last
    hand.reopen()
    hand.broker.read_calendar(first, last)
    assert len(hand.world.requests("GET", "/calendar$")) == 1
    hand.world.pass_to(NOON + timedelta(days=1))
    hand.broker.read_calendar(first, last)
    assert len(hand.world.requests("GET", "/calendar$")) == 2


# Whose account


def test_another_account_is_refused_after_one_read(hand: AlpacaHand) -> None:
    hand.world.account_number = "PA9OTHER"
    with pytest.raises(ConfigError, match=r"another account \(\.\.\.THER\)"):
        hand.broker.read_positions()
    with pytest.raises(ConfigError):
        hand.send("XLF", "buy_to_open", "1", limit_price="30.00")
    assert [one.path for one in hand.world.seen] == ["/v2/account"]


def test_an_account_that_changes_between_two_reads_is_believed_neither_time(hand: AlpacaHand) -> None:
    hand.pinned = ""
    hand.reopen()
    hand.broker.read_account()
    hand.world.account_number = "PA9OTHER"
    with pytest.raises(BrokerUnreachable, match="PA9OTHER"):
        hand.broker.read_account()


def test_wrong_keys_say_which_variables_to_check(hand: AlpacaHand) -> None:
    hand.world.secret = "changed"
    with pytest.raises(ConfigError, match="ALPACA_SECRET_KEY"):
        hand.broker.read_clock()
    assert len(hand.world.seen) == 1


# Limits


def test_reads_wait_for_the_next_minute_before_the_limit_is_passed(hand: AlpacaHand) -> None:
    hand.world.requests_a_minute = 4
    for _ in range(10):
        hand.broker.read_positions()
    assert [one.status for one in hand.world.seen].count(429) == 0
    assert sum(hand.pauses) >= 60


def test_a_read_that_was_refused_for_its_rate_is_asked_again_when_told(hand: AlpacaHand) -> None:
    hand.broker.read_account()
    hand.world.spoil("/positions$", status=429, processed=False, headers={"Retry-After": "7"})
    assert hand.broker.read_positions() == ()
    assert sum(hand.pauses) >= 7


@pytest.mark.parametrize("how", [{"status": 500}, {"cut": True}, {"status": 503, "processed": False}], ids=str)
def test_a_read_that_failed_is_asked_again(hand: AlpacaHand, how: dict[str, Any]) -> None:
    hand.world.spoil("/positions$", times=2, **how)
    assert hand.broker.read_positions() == ()
    assert len(hand.world.requests("GET", "/positions$")) == 3


def test_a_dripping_body_ends_with_the_exchanges_time(hand: AlpacaHand) -> None:
    hand.broker.read_account()
    hand.world.quote("SPY", "700.00", "700.10")
    hand.client.bounds = Bounds(exchange_seconds=0.15, attempts=1)
    hand.world.spoil("/clock$", drip=0.05)
    with pytest.raises(BrokerUnreachable):
        hand.broker.read_clock()


# The market


def test_the_same_market_reads_alike_with_and_without_alpaca_between(hand: AlpacaHand) -> None:
    source = SyntheticMarket(1)
    hand.world.contracts.clear()
    seed(hand.world, source, ("XLF", "EWZ"))
    asked = (
        QuotesRequest(symbols=("EWZ", "XLF")),
        EventsRequest(symbols=("XLF",)),
        ChainRequest(underlying="XLF", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.8"),
                     moneyness_max=D("1.02")),
        ChainRequest(underlying="XLF", right="call", dte_min=14, dte_max=40, moneyness_min=D("0.98"),
                     moneyness_max=D("1.2")),
    )  # fmt: skip
    here, there = source.fetch(asked, NOON), hand.market.fetch(asked, NOON)
    assert there.errors == ()
    assert [(q.symbol, q.bid, q.ask) for q in there.quotes] == [(q.symbol, q.bid, q.ask) for q in here.quotes]
    for ours, theirs in zip(here.chains, there.chains, strict=True):
        rows = [
            [(o.symbol, o.bid, o.ask, o.open_interest, o.standard, o.delta) for o in chain.offers()]
            for chain in (ours, theirs)
        ]
        assert rows[0] == rows[1] != []


def test_a_chain_of_many_pages_is_the_chain_of_one(hand: AlpacaHand) -> None:
    rows = [(f"{n}", "0.30", "0.32", 0.2) for n in range(31, 40)]
    lay_chain(hand.world, "XLF", rows, days=30)
    lay_chain(hand.world, "XLF", rows, days=37)
    asked = (
        QuotesRequest(symbols=("XLF",)),
        ChainRequest(underlying="XLF", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.7"),
                     moneyness_max=D("1.02")),
    )  # fmt: skip
    (whole,) = hand.market.fetch(asked, NOON).chains
    hand.world.page_max = 7
    (pieces,) = hand.market.fetch(asked, NOON).chains
    assert pieces == whole
    assert whole.size == 2 * len(rows)


def test_a_chain_costs_two_requests_for_both_rights(hand: AlpacaHand) -> None:
    asked: tuple[Request, ...] = (
        QuotesRequest(symbols=("XLF",)),
        *(ChainRequest(underlying="XLF", right=right, dte_min=20, dte_max=45, moneyness_min=D("0.8"),
                       moneyness_max=D("1.2")) for right in ("put", "call")),
    )  # fmt: skip
    assert hand.counted(lambda: hand.market.fetch(asked, NOON)) == 3


def test_a_series_that_is_not_standard_is_marked(hand: AlpacaHand) -> None:
    hand.world.list_option("XLF261218P00038000", "0.40", "0.42", delta=-0.2, shares="90")
    asked = (
        QuotesRequest(symbols=("XLF",)),
        ChainRequest(underlying="XLF", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.8"),
                     moneyness_max=D("1.02")),
    )  # fmt: skip
    (chain,) = hand.market.fetch(asked, NOON).chains
    assert {offer.symbol for offer in chain.offers() if not offer.standard} == {"XLF261218P00038000"}


def test_one_strange_name_does_not_cost_the_others_their_quotes(hand: AlpacaHand) -> None:
    reads = hand.market.fetch((QuotesRequest(symbols=("W#RD", "XLF", PUT, "XLF261218P0003900X")),), NOON)
    assert {quote.symbol for quote in reads.quotes} == {"XLF", PUT}
    assert "W#RD" in " ".join(reads.errors)


def test_a_stale_quote_keeps_its_own_moment(hand: AlpacaHand) -> None:
    hand.world.quote("XLF", "40.00", "40.02", at=NOON - timedelta(minutes=9))
    (quote,) = hand.market.fetch((QuotesRequest(symbols=("XLF",)),), NOON).quotes
    assert (quote.at, quote.source) == (NOON - timedelta(minutes=9), "alpaca iex")


def test_a_feed_the_plan_does_not_have_is_said(hand: AlpacaHand) -> None:
    hand.world.feeds = {"sip", "opra"}
    reads = hand.market.fetch((QuotesRequest(symbols=("XLF", PUT)),), NOON)
    assert reads.quotes == ()
    assert "ALPACA_STOCK_FEED" in " ".join(reads.errors)


def test_dividends_are_read_once_a_day(hand: AlpacaHand) -> None:
    hand.world.announce("cash_dividends", "XLF", date(2026, 12, 21), rate=0.25)
    asked = (EventsRequest(symbols=("XLF",)),)
    for _ in range(2):
        (events,) = hand.market.fetch(asked, hand.world.at).events
        assert [(one.ex_date, one.amount) for one in events.dividends if not one.expected] == [
            (date(2026, 12, 21), D("0.25"))
        ]
        hand.reopen()
    assert len(hand.world.requests("GET", "/corporate-actions")) == 1
