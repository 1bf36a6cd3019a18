"""What every broker owes the engine, whoever it is: one suite over each of them.

A factory gives a Stage: a broker, a clock that can be moved, and a way to make one share quote come true. A
broker behind a server joins by adding its factory to STAGES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest

from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import LIVE_STATUSES, TERMINAL_STATUSES, Activity, BrokerOrder
from bot.domain.instruments import is_option
from bot.domain.market import Dividend
from bot.domain.orders import OrderRequest, leg
from bot.domain.sessions import new_york_day, next_session, sessions_between
from bot.engine.ports import Broker
from bot.tests.alpaca.hand import AlpacaStage
from bot.tests.brokers.tape import DAY, OPEN, Hand, an_order_request
from bot.tests.builders import call, put

D = Decimal
EVER = date(2020, 1, 2)
FRIDAY, DECEMBER = date(2026, 11, 20), date(2026, 12, 18)
TOMORROW = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)
FRIDAY_MORNING = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
PUT, LOW_PUT, CALL = put("XLF", DECEMBER, "39"), put("XLF", DECEMBER, "37"), call("XLF", DECEMBER, "42")
ENDING = put("XLF", FRIDAY, "39")
FEES = D("0.06")
"""What one option sold costs: 0.02, 0.02685 and 0.00279, each rounded up to a cent."""


class Stage(Protocol):
    """A broker with its world in the test's hand: 25,000 dollars, options level 3, fees; XLF trades near 40.

    It begins on Wednesday, 2026-11-18, within the session.
    """

    broker: Any

    @property
    def at(self) -> datetime:
        """Give the moment it is on this stage."""
        ...

    def quote(self, bid: str, ask: str, symbol: str = "XLF", size: int | None = None) -> None:
        """Let a minute pass and one symbol trade at these prices, in this size, within it."""
        ...

    def quotes(self, prices: Mapping[str, tuple[str, str]], size: int | None = None) -> None:
        """Let a minute pass and several symbols trade at these prices at one moment within it."""
        ...

    def list_option(self, symbol: str, bid: str, ask: str) -> None:
        """List a series at these prices."""
        ...

    def pass_to(self, moment: datetime) -> None:
        """Let time pass, nights included."""
        ...

    def overtake(self, price: str) -> None:
        """Let a working order fill at this price before its cancellation, sent next, takes hold."""
        ...

    def go_ex(self, per_share: str) -> None:
        """Let XLF go ex tomorrow, and the dividend be paid before the open."""
        ...

    def send(self, symbol: str, intent: str, qty: str = "1", **given: Any) -> BrokerOrder:
        """Send an order under the next id: t-1, t-2."""
        ...

    def order(self, client_order_id: str) -> BrokerOrder:
        """Look up an order that must be there."""
        ...

    def held(self) -> dict[str, Decimal]:
        """Give what is held, by symbol."""
        ...

    def close(self) -> None:
        """Let go of whatever the broker runs on."""
        ...


class SimulatorStage(Hand):
    """The simulator over a tape."""

    def __init__(self) -> None:
        super().__init__()
        self.market.put("XLF", OPEN, "39.99", "40.01")

    def quote(self, bid: str, ask: str, symbol: str = "XLF", size: int | None = None) -> None:
        self.quotes({symbol: (bid, ask)}, size)

    def quotes(self, prices: Mapping[str, tuple[str, str]], size: int | None = None) -> None:
        for symbol, (bid, ask) in prices.items():
            self.market.put(symbol, self.at + timedelta(seconds=30), bid, ask, bid_size=size, ask_size=size)
        self.at += timedelta(minutes=1)

    def list_option(self, symbol: str, bid: str, ask: str) -> None:
        self.market.put(symbol, self.at, bid, ask)

    def pass_to(self, moment: datetime) -> None:
        self.at = moment

    def overtake(self, price: str) -> None:
        self.quote(str(D(price) - D("0.02")), price)

    def go_ex(self, per_share: str) -> None:
        ex_date = next_session(new_york_day(self.at)).day
        self.market.events.append(Dividend(symbol="XLF", ex_date=ex_date, amount=D(per_share)))

    def close(self) -> None:
        self.broker.close()


STAGES: dict[str, Callable[[], Stage]] = {"simulator": SimulatorStage, "alpaca": AlpacaStage}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = STAGES[request.param]()
    yield stage
    stage.close()


def lines(stage: Stage, *kinds: str) -> list[Activity]:
    """Give the lines of history of these kinds, oldest first."""
    return [line for line in stage.broker.read_activities(EVER) if line.kind in kinds]


def filled(stage: Stage, symbol: str = "XLF") -> Decimal:
    """Sum the FILL lines of a symbol, signed."""
    return sum((line.qty for line in lines(stage, "FILL") if line.symbol == symbol), D(0))


def explained(stage: Stage) -> Decimal:
    """Sum the history in dollars; a fill is worth its quantity times its price, whatever else it says."""
    total = D(0)
    for line in stage.broker.read_activities(EVER):
        if line.kind == "FILL":
            assert line.price is not None
            total -= line.qty * line.price * (100 if is_option(line.symbol) else 1)
        else:
            total += line.net_amount
    return total


def sold(stage: Stage, symbol: str = PUT, price: str = "0.60") -> BrokerOrder:
    """Sell one option short at its price, and give the order as it is then."""
    stage.list_option(symbol, "0.55", "0.60")
    stage.send(symbol, "sell_to_open", limit_price=price)
    stage.quote(price, "0.64", symbol)
    return stage.order("t-1")


def holding(stage: Stage, qty: str) -> None:
    """Hold shares bought at 40.02 or better."""
    stage.send("XLF", "buy_to_open", qty, limit_price="40.50")
    stage.quote("40.00", "40.02")
    assert stage.held() == {"XLF": D(qty)}


def test_it_fits_the_port(stage: Stage) -> None:
    broker: Broker = stage.broker
    assert broker.name


def test_an_answer_shows_the_order_as_it_was_sent(stage: Stage) -> None:
    request = an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", time_in_force="gtc", id="desk-1")
    answer = stage.broker.submit(request)
    shown = (answer.client_order_id, answer.legs, answer.qty, answer.limit_price, answer.time_in_force)
    assert shown == ("desk-1", request.legs, D(10), D("39.00"), "gtc")
    assert answer.broker_order_id
    assert answer.status in LIVE_STATUSES
    assert answer.filled_qty == 0


def test_an_order_can_be_looked_up_by_our_id(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", id="desk-1"))
    found = stage.broker.find_order("desk-1")
    assert found is not None
    assert found.broker_order_id == sent.broker_order_id
    assert stage.broker.find_order("desk-2") is None


def test_an_id_is_refused_the_second_time_where_the_traits_say_so(stage: Stage) -> None:
    if not stage.broker.traits.refuses_duplicate_ids:
        pytest.skip("this broker takes an id twice, and says so in its traits")
    request = an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", id="desk-1")
    stage.broker.submit(request)
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.submit(request)
    assert refusal.value.code is RefusalCode.DUPLICATE_ID
    assert len(stage.broker.read_orders(stage.at)) == 1


def test_a_refusal_is_definite(stage: Stage) -> None:
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.submit(an_order_request("XLF", "buy_to_open", "100000", limit_price="39.00", id="desk-1"))
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert stage.broker.find_order("desk-1") is None


def test_working_orders_are_listed_however_old(stage: Stage) -> None:
    stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", time_in_force="gtc", id="a"))
    stage.quote("39.99", "40.01")
    assert [order.client_order_id for order in stage.broker.read_orders(stage.at)] == ["a"]


def test_a_cancelled_order_ends_and_stays_listed_from_then_on(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", id="a"))
    before = stage.at
    stage.quote("39.99", "40.01")
    stage.broker.cancel(sent.broker_order_id)
    (order,) = stage.broker.read_orders(before)
    assert order.status in TERMINAL_STATUSES
    assert order.filled_qty == 0


def test_cancelling_what_has_ended_is_refused(stage: Stage) -> None:
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="30.00", id="a"))
    stage.broker.cancel(sent.broker_order_id)
    with pytest.raises(BrokerRefused) as refusal:
        stage.broker.cancel(sent.broker_order_id)
    assert refusal.value.code is RefusalCode.NOT_CANCELABLE


def test_a_fill_shows_in_order_position_cash_and_activities_alike(stage: Stage) -> None:
    cash = stage.broker.read_account().cash
    sent = stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id="a"))
    stage.quote("40.00", "40.02")
    order = stage.broker.find_order("a")
    assert order is not None
    assert order.status == "filled"
    assert order.filled_avg_price is not None
    (position,) = stage.broker.read_positions()
    assert (position.symbol, position.qty, position.avg_entry_price) == ("XLF", D(10), order.filled_avg_price)
    fills = [line for line in stage.broker.read_activities(new_york_day(stage.at)) if line.kind == "FILL"]
    assert [(line.order_id, line.qty, line.price) for line in fills] == [
        (sent.broker_order_id, D(10), order.filled_avg_price)
    ]
    assert stage.broker.read_account().cash == cash - 10 * order.filled_avg_price


def test_reading_twice_gives_equal_answers(stage: Stage) -> None:
    stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id="a"))
    stage.quote("40.00", "40.02")

    def everything() -> tuple[Any, ...]:
        broker, day = stage.broker, new_york_day(stage.at)
        return (
            broker.read_account(), broker.read_positions(), broker.read_orders(stage.at - timedelta(days=1)),
            broker.read_activities(day), broker.read_clock(),
        )  # fmt: skip

    assert everything() == everything()


def test_no_activity_is_shown_twice(stage: Stage) -> None:
    for name in "abc":
        stage.broker.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="40.50", id=name))
        stage.quote("40.00", "40.02")
    keys = [line.key for line in stage.broker.read_activities(new_york_day(OPEN))]
    assert len(keys) == len(set(keys)) >= 3


# Shares


def test_a_limit_that_is_not_reached_rests_and_shows(stage: Stage) -> None:
    cash = stage.broker.read_account().cash
    stage.send("XLF", "buy_to_open", "10", limit_price="39.00")
    stage.quote("39.50", "39.52")
    (order,) = stage.broker.read_orders(stage.at)
    assert (order.client_order_id, order.filled_qty, order.filled_avg_price) == ("t-1", D(0), None)
    assert order.status in LIVE_STATUSES
    assert stage.held() == {}
    assert stage.broker.read_account().cash == cash


def test_a_day_order_ends_with_its_day_and_one_till_cancelled_does_not(stage: Stage) -> None:
    stage.send("XLF", "buy_to_open", "1", limit_price="30.00")
    stage.send("XLF", "buy_to_open", "1", limit_price="30.00", time_in_force="gtc")
    stage.pass_to(TOMORROW)
    assert stage.order("t-1").status == "expired"
    assert stage.order("t-2").status in LIVE_STATUSES


def test_a_fill_in_pieces_is_the_sum_of_its_lines(stage: Stage) -> None:
    stage.send("XLF", "buy_to_open", "10", limit_price="39.00")
    stage.quote("38.98", "39.00", size=4)
    part = stage.order("t-1")
    assert (part.status, part.filled_qty, part.filled_avg_price) == ("partially_filled", D(4), D(39))
    assert stage.held() == {"XLF": D(4)} == {"XLF": filled(stage)}
    stage.quote("38.78", "38.80", size=100)
    whole = stage.order("t-1")
    assert (whole.status, whole.filled_qty, whole.filled_avg_price) == ("filled", D(10), D("38.88"))
    assert [(line.qty, line.price) for line in lines(stage, "FILL")] == [(D(4), D(39)), (D(6), D("38.8"))]
    assert {line.order_id for line in lines(stage, "FILL")} == {whole.broker_order_id}
    (position,) = stage.broker.read_positions()
    assert (position.qty, position.avg_entry_price) == (D(10), D("38.88"))
    assert explained(stage) == stage.broker.read_account().cash


def test_what_filled_before_the_cancellation_stays_and_the_rest_never_fills(stage: Stage) -> None:
    sent = stage.send("XLF", "buy_to_open", "10", limit_price="39.00")
    stage.quote("38.98", "39.00", size=4)
    stage.broker.cancel(sent.broker_order_id)
    stage.quote("38.00", "38.02")
    order = stage.order("t-1")
    assert (order.status, order.filled_qty) == ("canceled", D(4))
    assert stage.held() == {"XLF": D(4)} == {"XLF": filled(stage)}


def test_a_fill_that_overtakes_the_cancellation_is_a_fill_and_counts_once(stage: Stage) -> None:
    """The answer to a cancellation decides nothing; what the broker shows of the order does."""
    sent = stage.send("XLF", "buy_to_open", "10", limit_price="39.00")
    stage.overtake("39.00")
    try:
        stage.broker.cancel(sent.broker_order_id)
    except BrokerRefused as refusal:
        assert refusal.code is RefusalCode.NOT_CANCELABLE  # noqa: PT017 - either answer is right
    order = stage.order("t-1")
    assert (order.status, order.filled_qty, order.filled_avg_price) == ("filled", D(10), D(39))
    with pytest.raises(BrokerRefused):
        stage.broker.cancel(sent.broker_order_id)
    assert stage.held() == {"XLF": D(10)} == {"XLF": filled(stage)}
    assert stage.broker.read_account().cash == D(25_000) - 390 == explained(stage)


def test_a_trailing_stop_follows_the_price_up_over_night_and_sells_after_the_fall(stage: Stage) -> None:
    holding(stage, "10")
    stop = stage.send(
        "XLF", "sell_to_close", "10", order_type="trailing_stop", trail_percent="10", time_in_force="gtc"
    )  # fmt: skip
    assert (stop.order_type, stop.trail_percent, stop.time_in_force) == ("trailing_stop", D(10), "gtc")
    stage.quote("40.20", "40.22")
    low = stage.order("t-2")
    assert (low.high_water_mark, low.stop_price) == (D("40.2"), D("36.18"))
    stage.quote("44.00", "44.02")
    stage.quote("43.00", "43.02")
    stage.pass_to(TOMORROW)
    high = stage.order("t-2")
    assert (high.high_water_mark, high.stop_price) == (D(44), D("39.6"))
    assert high.status in LIVE_STATUSES
    stage.quote("39.50", "39.52")
    done = stage.order("t-2")
    assert (done.status, done.filled_qty, done.filled_avg_price) == ("filled", D(10), D("39.5"))
    assert stage.held() == {}
    assert filled(stage) == 0


def test_shares_that_an_order_sells_are_not_free_for_another(stage: Stage) -> None:
    holding(stage, "10")
    stage.send("XLF", "sell_to_close", "7", limit_price="50.00")
    (position,) = stage.broker.read_positions()
    assert position.qty_available == D(3)
    with pytest.raises(BrokerRefused) as refusal:
        stage.send("XLF", "sell_to_close", "4", limit_price="50.00")
    assert refusal.value.code is RefusalCode.INSUFFICIENT_QUANTITY


@pytest.mark.parametrize("qty", ["1.5", "0.25"])
def test_parts_of_a_share_are_refused(stage: Stage, qty: str) -> None:
    with pytest.raises(BrokerRefused) as refusal:
        stage.send("XLF", "buy_to_open", qty, limit_price="39.00")
    assert refusal.value.code is RefusalCode.MALFORMED
    assert stage.broker.read_orders(stage.at) == ()


def test_a_dividend_is_paid_on_the_shares_held_over_night(stage: Stage) -> None:
    holding(stage, "100")
    cash = stage.broker.read_account().cash
    stage.go_ex("0.25")
    stage.pass_to(TOMORROW)
    (line,) = lines(stage, "DIV")
    assert (line.symbol, line.net_amount, line.qty, line.price) == ("XLF", D(25), D(0), D("0.25"))
    assert stage.broker.read_account().cash == cash + 25 == explained(stage)
    assert stage.held() == {"XLF": D(100)}


# Options


def test_a_put_sold_is_a_short_position_and_its_premium_is_cash(stage: Stage) -> None:
    stage.list_option(PUT, "0.55", "0.60")
    answer = stage.send(PUT, "sell_to_open", limit_price="0.60")
    assert (answer.legs, answer.limit_price) == ((leg(PUT, "sell_to_open"),), D("0.6"))
    assert answer.status in LIVE_STATUSES
    # 39 x 100 less the premium is held back while it works.
    assert stage.broker.read_account().options_buying_power == D(25_000) - 3_900 + 60
    stage.quote("0.60", "0.64", PUT)
    order = stage.order("t-1")
    assert (order.status, order.filled_qty, order.filled_avg_price) == ("filled", D(1), D("0.6"))
    (position,) = stage.broker.read_positions()
    assert (position.symbol, position.qty, position.avg_entry_price) == (PUT, D(-1), D("0.6"))
    (fill,) = lines(stage, "FILL")
    assert (fill.symbol, fill.qty, fill.price, fill.order_id) == (PUT, D(-1), D("0.6"), order.broker_order_id)
    assert fill.key == (fill.id, "FILL", PUT)
    assert stage.broker.read_account().cash == D(25_060)


def test_a_put_bought_back_leaves_nothing_but_the_difference(stage: Stage) -> None:
    sold(stage)
    stage.send(PUT, "buy_to_close", limit_price="0.30")
    stage.quote("0.28", "0.30", PUT)
    assert stage.order("t-2").status == "filled"
    assert stage.held() == {}
    assert [line.qty for line in lines(stage, "FILL")] == [D(-1), D(1)]
    account = stage.broker.read_account()
    assert account.cash == D(25_030)
    assert account.options_buying_power is not None
    assert D(25_029) < account.options_buying_power <= account.cash  # the day's fees may be held back


def test_no_more_is_bought_back_than_is_short(stage: Stage) -> None:
    sold(stage)
    with pytest.raises(BrokerRefused) as refusal:
        stage.send(PUT, "buy_to_close", "2", limit_price="0.30")
    assert refusal.value.code is RefusalCode.INSUFFICIENT_QUANTITY
    assert stage.held() == {PUT: D(-1)}


def test_an_intent_that_the_position_contradicts_is_refused(stage: Stage) -> None:
    stage.list_option(PUT, "0.55", "0.60")
    with pytest.raises(BrokerRefused) as refusal:
        stage.send(PUT, "buy_to_close", limit_price="0.60")
    assert refusal.value.code is RefusalCode.MALFORMED
    assert stage.broker.read_orders(stage.at) == ()


def test_a_call_without_its_shares_is_refused_and_one_on_them_is_taken(stage: Stage) -> None:
    stage.list_option(CALL, "0.50", "0.54")
    with pytest.raises(BrokerRefused) as refusal:
        stage.send(CALL, "sell_to_open", limit_price="0.60", id="naked")
    assert (refusal.value.code, refusal.value.status) == (RefusalCode.NOT_PERMITTED, 403)
    assert stage.broker.find_order("naked") is None
    holding(stage, "100")
    stage.list_option(CALL, "0.50", "0.54")
    assert stage.send(CALL, "sell_to_open", limit_price="0.60").status in LIVE_STATUSES
    (position,) = stage.broker.read_positions()
    assert position.qty_available == 0


def test_a_put_that_nothing_secures_is_refused(stage: Stage) -> None:
    stage.list_option(PUT, "0.55", "0.60")
    with pytest.raises(BrokerRefused) as refusal:
        stage.send(PUT, "sell_to_open", "7", limit_price="0.60")
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert stage.broker.read_orders(stage.at) == ()


def test_a_series_nobody_lists_is_refused(stage: Stage) -> None:
    with pytest.raises(BrokerRefused) as refusal:
        stage.send(LOW_PUT, "sell_to_open", limit_price="0.60")
    assert refusal.value.status == 422
    assert stage.broker.read_orders(stage.at) == ()


def test_a_credit_spread_is_one_order_with_a_negative_price(stage: Stage) -> None:
    stage.list_option(PUT, "0.55", "0.60")
    stage.list_option(LOW_PUT, "0.20", "0.24")
    legs = (leg(PUT, "sell_to_open"), leg(LOW_PUT, "buy_to_open"))
    sent = stage.broker.submit(
        OrderRequest(
            client_order_id="spread", legs=legs, qty=D(2), order_type="limit", limit_price=D("-0.36"),
            time_in_force="day",
        )
    )  # fmt: skip
    assert (sent.legs, sent.qty, sent.limit_price) == (legs, D(2), D("-0.36"))
    stage.quotes({PUT: ("0.60", "0.64"), LOW_PUT: ("0.20", "0.24")})
    (order,) = stage.broker.read_orders(OPEN)
    assert (order.client_order_id, order.legs, order.status) == ("spread", legs, "filled")
    assert (order.filled_qty, order.filled_avg_price) == (D(2), D("-0.36"))
    assert stage.held() == {PUT: D(-2), LOW_PUT: D(2)}
    fills = sorted((line.symbol, line.qty, line.price) for line in lines(stage, "FILL"))
    assert fills == [(LOW_PUT, D(2), D("0.24")), (PUT, D(-2), D("0.6"))]
    assert stage.broker.read_account().cash == D(25_072) == explained(stage)


# Nights


def test_the_days_fees_are_owed_today_and_booked_by_tomorrow(stage: Stage) -> None:
    sold(stage)
    account = stage.broker.read_account()
    assert account.accrued_fees is not None
    assert 0 < account.accrued_fees <= FEES
    assert account.cash == D(25_060)
    stage.pass_to(TOMORROW)
    fees = lines(stage, "FEE")
    assert sorted(line.net_amount for line in fees) == [D("-0.03"), D("-0.02"), D("-0.01")]
    after = stage.broker.read_account()
    assert (after.cash, after.accrued_fees) == (D(25_060) - FEES, D(0))
    assert explained(stage) == after.cash


def test_a_put_out_of_the_money_ends_with_one_line_and_frees_its_collateral(stage: Stage) -> None:
    sold(stage, ENDING)
    stage.pass_to(FRIDAY_MORNING)
    assert stage.held() == {ENDING: D(-1)}
    stage.quote("41.99", "42.01")
    stage.pass_to(MONDAY)
    assert stage.held() == {}
    (line,) = lines(stage, "OPEXP", "OPASN", "OPEXC", "OPTRD")
    assert (line.kind, line.symbol, line.qty, line.net_amount) == ("OPEXP", ENDING, D(1), D(0))
    account = stage.broker.read_account()
    assert account.cash == account.options_buying_power == D(25_060) - FEES == explained(stage)


def test_a_put_in_the_money_brings_shares_at_the_strike_in_two_lines_of_one_group(stage: Stage) -> None:
    sold(stage, ENDING)
    stage.pass_to(FRIDAY_MORNING)
    stage.quote("36.99", "37.01")
    stage.pass_to(MONDAY)
    (position,) = stage.broker.read_positions()
    assert (position.symbol, position.qty, position.avg_entry_price) == ("XLF", D(100), D(39))
    option, shares = sorted(lines(stage, "OPEXP", "OPASN", "OPEXC", "OPTRD"), key=lambda line: line.kind)
    assert (option.kind, option.symbol, option.qty, option.net_amount) == ("OPASN", ENDING, D(1), D(0))
    assert (shares.kind, shares.symbol, shares.qty, shares.price) == ("OPTRD", "XLF", D(100), D(39))
    assert shares.net_amount == D(-3_900)
    assert option.group_id == shares.group_id != ""
    assert [line.symbol for line in lines(stage, "FILL")] == [ENDING]
    assert stage.broker.read_account().cash == D(25_060) - 3_900 - FEES == explained(stage)


def test_a_covered_call_in_the_money_takes_its_shares_away(stage: Stage) -> None:
    ending = call("XLF", FRIDAY, "42")
    holding(stage, "100")
    cash = stage.broker.read_account().cash
    stage.list_option(ending, "0.30", "0.34")
    stage.send(ending, "sell_to_open", limit_price="0.30")
    stage.quote("0.30", "0.34", ending)
    stage.pass_to(FRIDAY_MORNING)
    stage.quote("43.99", "44.01")
    stage.pass_to(MONDAY)
    assert stage.held() == {}
    option, shares = sorted(lines(stage, "OPEXP", "OPASN", "OPEXC", "OPTRD"), key=lambda line: line.kind)
    assert (option.kind, option.symbol, option.qty) == ("OPASN", ending, D(1))
    assert (shares.symbol, shares.qty, shares.price, shares.net_amount) == ("XLF", D(-100), D(42), D(4_200))
    assert option.group_id == shares.group_id != ""
    assert stage.broker.read_account().cash == cash + 30 + 4_200 - FEES == explained(stage)


def test_an_order_on_a_series_ends_with_the_series(stage: Stage) -> None:
    sold(stage, ENDING)
    stage.pass_to(FRIDAY_MORNING)
    stage.send(ENDING, "buy_to_close", limit_price="0.01")
    stage.pass_to(MONDAY)
    assert stage.order("t-2").status in ("expired", "canceled")
    assert [order.client_order_id for order in stage.broker.read_orders(stage.at)] == []


# The calendar


def test_a_calendar_is_the_real_one_or_none(stage: Stage) -> None:
    """Thanksgiving and the half day after it lie within."""
    first, last = DAY, date(2026, 11, 30)
    assert stage.broker.read_calendar(first, last) in ((), tuple(sessions_between(first, last)))


def test_the_clock_knows_day_from_night(stage: Stage) -> None:
    assert stage.broker.read_clock().is_open
    stage.pass_to(stage.at.replace(hour=23))
    clock = stage.broker.read_clock()
    assert (clock.is_open, clock.at) == (False, stage.at)
