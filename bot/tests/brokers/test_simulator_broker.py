"""The simulated account over time: fills between ticks, fees, cash, what it shows, what survives."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brokers.simulator import SimulatorBroker, order_id_of
from bot.domain.errors import BrokerError, BrokerRefused, BrokerUnreachable, ForeignStore, MarketError, OutcomeUnknown
from bot.domain.orders import leg
from bot.tests.brokers.tape import CLOSE, DAY, OPEN, Hand, TapeMarket, an_order_request, cash_is_explained
from bot.tests.builders import call, put, simulator_numbers

D = Decimal
EXPIRY = date(2026, 12, 18)
PUT, LOW_PUT, CALL = put("XLF", EXPIRY, "40"), put("XLF", EXPIRY, "35"), call("XLF", EXPIRY, "42")
EVER = date(2020, 1, 2)
MINUTE = timedelta(minutes=1)
Wish = tuple[int, str, str, int, str, int, str]


def a_hand(path: Path | str = ":memory:", at: datetime = OPEN) -> Hand:
    market = TapeMarket()
    market.put("XLF", OPEN, "39.99", "40.01")
    market.put(PUT, OPEN, "1.00", "1.10")
    market.put(LOW_PUT, OPEN, "0.30", "0.36")
    market.put(CALL, OPEN, "0.50", "0.60")
    return Hand(market, path=path, at=at)


def test_a_new_account_has_its_first_cash_as_a_deposit() -> None:
    hand = a_hand()
    account = hand.broker.read_account()
    assert (account.cash, account.equity, account.status, account.blocked) == (D(25_000), D(25_000), "ACTIVE", False)
    (line,) = hand.broker.read_activities(DAY)
    assert (line.kind, line.net_amount, line.at) == ("CSD", D(25_000), OPEN)
    assert hand.broker.read_clock().is_open


def test_an_order_never_fills_on_the_quote_it_was_sent_on() -> None:
    hand = a_hand()
    order = hand.send("XLF", "buy_to_open", "10", order_type="market")
    assert (order.status, hand.order("t-1").status) == ("new", "new")
    hand.at += MINUTE
    assert hand.order("t-1").status == "new"
    hand.market.put("XLF", hand.at + MINUTE, "40.09", "40.11")
    hand.at += 2 * MINUTE
    filled = hand.order("t-1")
    assert (filled.status, filled.filled_avg_price) == ("filled", D("40.11"))
    assert filled.updated_at == OPEN + 2 * MINUTE


def test_a_stop_touched_between_two_ticks_fills_at_that_minute() -> None:
    """Design 23: a stop touched at 10:07 fills at 10:07, though the next tick is at 10:15."""
    hand = a_hand()
    hand.buy_shares("XLF", "100", "40.00")
    stop = hand.send("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="5", time_in_force="gtc")
    assert (stop.high_water_mark, stop.stop_price) == (D("39.99"), D("37.99"))
    for minute, bid in enumerate(["41.00", "42.00", "41.00", "39.90", "41.50"], 30):
        hand.market.put("XLF", OPEN + minute * MINUTE, bid, str(D(bid) + D("0.02")))
    hand.at = OPEN + 45 * MINUTE
    done = hand.order("t-2")
    assert (done.status, done.filled_avg_price, done.updated_at) == ("filled", D("39.90"), OPEN + 33 * MINUTE)
    assert (done.high_water_mark, done.stop_price) == (D("42.00"), D("39.90"))
    assert hand.held() == {}


def test_a_stop_gapped_through_sells_at_the_market() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "100", "40.00")
    hand.send("XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="5", time_in_force="gtc")
    hand.market.put("XLF", OPEN + timedelta(days=1), "30.00", "30.02")
    hand.at = OPEN + timedelta(days=1, minutes=5)
    assert hand.order("t-2").filled_avg_price == D("30.00")


def test_a_stop_is_rearmed_with_its_stored_mark() -> None:
    hand = a_hand()
    hand.buy_shares("XLF", "100", "40.00")
    given = {"order_type": "trailing_stop", "trail_percent": "10", "time_in_force": "gtc"}
    assert hand.send("XLF", "sell_to_close", "50", high_water_mark="43", **given).stop_price == D("38.70")
    assert hand.send("XLF", "sell_to_close", "50", high_water_mark="12", **given).high_water_mark == D("39.99")


def test_a_day_order_ends_with_its_session_and_a_gtc_order_rests() -> None:
    hand = a_hand()
    hand.send("XLF", "buy_to_open", limit_price="30")
    hand.send("XLF", "buy_to_open", limit_price="30", time_in_force="gtc")
    hand.at = CLOSE - timedelta(seconds=1)
    assert [order.status for order in hand.broker.read_orders(OPEN)] == ["new", "new"]
    hand.at = CLOSE
    assert (hand.order("t-1").status, hand.order("t-1").updated_at) == ("expired", CLOSE)
    assert hand.order("t-2").status == "new"


def test_a_day_order_sent_after_the_close_waits_for_the_next_session() -> None:
    hand = a_hand(at=CLOSE + MINUTE)
    hand.send("XLF", "buy_to_open", limit_price="40.50")
    hand.market.put("XLF", OPEN + timedelta(days=1, minutes=3), "40.00", "40.02")
    hand.at = OPEN + timedelta(days=1, minutes=9)
    assert hand.order("t-1").filled_avg_price == D("40.02")


def test_a_large_order_fills_in_parts_by_the_displayed_size() -> None:
    hand = a_hand()
    hand.send(PUT, "sell_to_open", "5", limit_price="1.00")
    for minute, size in ((1, 2), (2, 0), (3, 2), (4, 9)):
        hand.market.put(PUT, OPEN + minute * MINUTE, str(D("1.00") + D(minute) / 100), "1.20", bid_size=size)
    hand.at = OPEN + 3 * MINUTE
    part = hand.order("t-1")
    assert (part.status, part.filled_qty, part.filled_avg_price) == ("partially_filled", D(4), D("1.02"))
    hand.at = OPEN + 4 * MINUTE
    done = hand.order("t-1")
    assert (done.status, done.filled_qty, done.filled_avg_price) == ("filled", D(5), D("1.024"))
    fills = [line for line in hand.broker.read_activities(DAY) if line.kind == "FILL"]
    assert [(line.qty, line.net_amount) for line in fills] == [
        (D(-2), D("202.00")),
        (D(-2), D("206.00")),
        (D(-1), D("104.00")),
    ]
    assert len({line.key for line in fills}) == 3
    assert {line.order_id for line in fills} == {done.broker_order_id}


def test_a_spread_books_a_fill_for_each_leg_under_its_own_id() -> None:
    hand = a_hand()
    legs = (leg(PUT, "sell_to_open"), leg(LOW_PUT, "buy_to_open"))
    hand.send("", "sell_to_open", "2", legs=legs, limit_price="-0.60")
    hand.market.put(PUT, OPEN + MINUTE, "1.00", "1.10")
    hand.at += 2 * MINUTE
    assert hand.order("t-1").status == "new"
    hand.market.put(LOW_PUT, OPEN + 3 * MINUTE, "0.30", "0.36")
    hand.market.put(PUT, OPEN + 3 * MINUTE, "1.00", "1.10")
    hand.at += 2 * MINUTE
    done = hand.order("t-1")
    assert (done.status, done.filled_avg_price, done.filled_qty) == ("filled", D("-0.64"), D(2))
    fills = [line for line in hand.broker.read_activities(DAY) if line.kind == "FILL"]
    assert {(line.symbol, line.qty, line.price, line.order_id) for line in fills} == {
        (PUT, D(-2), D("1.00"), done.leg_ids[0]),
        (LOW_PUT, D(2), D("0.36"), done.leg_ids[1]),
    }
    account = hand.broker.read_account()
    assert account.cash == D(25_128)
    assert account.non_marginable_buying_power == D(24_128)


def test_fees_accrue_by_day_and_are_charged_at_its_end_rounded_up_by_type() -> None:
    """Wheel 2.20: 3 sold and 3 bought back: OCC 0.12, ORF 0.1611, TAF 0.00837 on the sales."""
    hand = a_hand()
    hand.send(PUT, "sell_to_open", "3", limit_price="1.00")
    hand.market.put(PUT, OPEN + MINUTE, "1.00", "1.10")
    hand.at += 2 * MINUTE
    hand.send(PUT, "buy_to_close", "3", limit_price="1.10")
    hand.market.put(PUT, OPEN + 3 * MINUTE, "1.00", "1.10")
    hand.at += 2 * MINUTE
    account = hand.broker.read_account()
    assert (account.accrued_fees, account.cash) == (D("0.28947"), D("24970.00"))
    hand.at = CLOSE
    account = hand.broker.read_account()
    assert (account.accrued_fees, account.cash) == (D(0), D("24969.70"))
    fees = [(line.raw_type, line.net_amount) for line in hand.broker.read_activities(DAY) if line.kind == "FEE"]
    assert fees == [("OCC", D("-0.12")), ("ORF", D("-0.17")), ("TAF", D("-0.01"))]
    hand.at = CLOSE + timedelta(days=2)
    assert hand.kinds().count("FEE") == 3


def test_equity_is_cash_and_marks() -> None:
    hand = a_hand()
    hand.send(PUT, "sell_to_open", limit_price="1.00")
    hand.market.put(PUT, OPEN + MINUTE, "1.00", "1.10")
    hand.at += MINUTE
    account = hand.broker.read_account()
    assert (account.cash, account.equity) == (D("25100.00"), D("24995.00"))
    assert account.options_buying_power == D("21099.95")
    (held,) = hand.broker.read_positions()
    assert (held.qty, held.avg_entry_price, held.price, held.qty_available) == (D(-1), D("1.00"), D("1.05"), D(-1))


def test_two_reads_with_nothing_between_are_equal_and_walk_nothing() -> None:
    hand = a_hand()
    broker = hand.broker
    before = (broker.read_account(), broker.read_positions(), broker.read_orders(OPEN), broker.read_activities(DAY))
    hand.at += timedelta(days=20)
    assert broker.read_positions() == before[1]
    assert (broker.read_account(), broker.read_orders(OPEN), broker.read_activities(DAY)) == (before[0], *before[2:])
    assert hand.market.walks == []


def test_time_never_runs_backwards() -> None:
    hand = a_hand()
    hand.at = OPEN + timedelta(hours=1)
    hand.broker.read_account()
    hand.at = OPEN
    with pytest.raises(BrokerError, match="cannot go back to 2026-11-18T14:30"):
        hand.broker.read_account()
    with pytest.raises(BrokerError, match="cannot go back"):
        hand.broker.read_account()


def test_an_accepted_order_survives_the_death_of_whoever_sent_it(tmp_path: Path) -> None:
    """Design 23: it can accept and we can die; the answer is only given after the commit."""
    hand = a_hand(tmp_path / "simulator.sqlite")
    sent = hand.send("XLF", "buy_to_open", "10", limit_price="39.00")
    other = hand.reopened()  # the first one is neither closed nor asked again
    assert other.find_order("t-1") == sent
    with pytest.raises(BrokerRefused):
        other.submit(an_order_request("XLF", "buy_to_open", "10", limit_price="39.00", id="t-1"))


def test_two_processes_see_each_others_orders(tmp_path: Path) -> None:
    hand = a_hand(tmp_path / "simulator.sqlite")
    other = hand.reopened()
    for turn in range(3):
        for number, broker in enumerate((hand.broker, other)):
            hand.at += MINUTE
            name = f"{turn}-{number}"
            broker.submit(an_order_request("XLF", "buy_to_open", "1", limit_price="39", id=name))
            for reader in (hand.broker, other):
                found = reader.find_order(name)
                assert found is not None
                assert found in reader.read_orders(CLOSE)
    assert hand.broker.read_account() == other.read_account()


def test_ended_orders_and_old_activities_are_found_after_reopening(tmp_path: Path) -> None:
    hand = a_hand(tmp_path / "simulator.sqlite")
    hand.send("XLF", "buy_to_open", "10", order_type="market")
    hand.market.put("XLF", OPEN + MINUTE, "40.00", "40.01")
    hand.at += timedelta(days=60)
    hand.send("XLF", "buy_to_open", "1", limit_price="5")
    other = hand.reopened()
    assert [line.kind for line in other.read_activities(DAY + timedelta(days=1))] == []
    assert [line.kind for line in other.read_activities(DAY)] == ["CSD", "FILL"]
    assert [order.status for order in other.read_orders(OPEN)] == ["filled", "accepted"]
    assert [order.status for order in other.read_orders(OPEN + timedelta(days=30))] == ["accepted"]
    assert cash_is_explained(other)


def test_a_commit_that_fails_is_an_unknown_outcome_and_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "simulator.sqlite"
    hand = a_hand(path)
    hand.broker.read_account()
    blocker = sqlite3.connect(path)
    blocker.execute(
        "CREATE TRIGGER full BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    blocker.commit()
    with pytest.raises(OutcomeUnknown, match="disk is full"):
        hand.send("XLF", "buy_to_open", limit_price="39")
    blocker.execute("DROP TRIGGER full")
    blocker.commit()
    blocker.close()
    assert hand.broker.find_order("t-1") is None
    assert hand.send("XLF", "buy_to_open", limit_price="39", id="t-1").status == "new"


def test_a_place_that_cannot_hold_a_file_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnreachable, match="cannot be read"):
        a_hand(tmp_path / "missing" / "simulator.sqlite").broker.read_account()


def test_a_market_that_fails_while_time_passes_changes_nothing() -> None:
    class Failing(TapeMarket):
        broken = False

        def walk(self, symbol: str, after: datetime, until: datetime):  # type: ignore[no-untyped-def]
            if self.broken and symbol == "XLF":
                raise MarketError("no path")
            return super().walk(symbol, after, until)

    market = Failing()
    for symbol in ("XLE", "XLF"):
        market.put(symbol, OPEN, "39.99", "40.01")
        market.put(symbol, OPEN + MINUTE, "39.99", "40.01")
    hand = Hand(market)
    for symbol in ("XLE", "XLF"):
        hand.send(symbol, "buy_to_open", order_type="market")
    market.broken = True
    hand.at += 2 * MINUTE
    with pytest.raises(BrokerUnreachable, match="no path"):
        hand.held()
    market.broken = False
    assert hand.held() == {"XLE": D(1), "XLF": D(1)}
    assert hand.kinds() == ["CSD", "FILL", "FILL"]


def test_a_newer_file_and_another_account_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "simulator.sqlite"
    hand = a_hand(path)
    account = hand.broker.read_account().id
    numbers = simulator_numbers(seed=99)
    assert SimulatorBroker(path, hand.market, numbers, lambda: OPEN).read_account().id == account
    with pytest.raises(BrokerError, match="belongs to the simulated account"):
        SimulatorBroker(path, hand.market, numbers, lambda: OPEN, account_id="SIM-other").read_account()
    hand.broker.close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(ForeignStore, match="newer program"):
        hand.broker.read_account()


def test_ids_are_the_same_in_every_run() -> None:
    assert order_id_of("SIM-1", "a") == order_id_of("SIM-1", "a") != order_id_of("SIM-2", "a")
    texts = []
    for _ in range(2):
        hand = a_hand()
        hand.send(PUT, "sell_to_open", limit_price="1.05")
        hand.market.flat(PUT, OPEN + MINUTE, CLOSE, "1.00", "1.10")
        hand.at = CLOSE + MINUTE
        texts.append(repr((hand.broker.read_orders(OPEN), hand.broker.read_activities(EVER))))
    assert texts[0] == texts[1]
    assert "FILL" in texts[0]


# One wish: minutes to wait, and an order (symbol, intent, quantity, kind, price in steps of five cents, how long).
def some_wishes(symbols: list[str], intents: list[str], quantities: list[int]) -> st.SearchStrategy[Wish]:
    return st.tuples(
        st.integers(1, 900),
        st.sampled_from(symbols),
        st.sampled_from(intents),
        st.sampled_from(quantities),
        st.sampled_from(["limit", "market", "stop", "trailing_stop"]),
        st.integers(-6, 6),
        st.sampled_from(["day", "gtc"]),
    )


wishes = st.lists(
    some_wishes(["XLF"], ["buy_to_open", "sell_to_close"], [50, 100, 200])
    | some_wishes([PUT, LOW_PUT, CALL], ["sell_to_open", "buy_to_close", "buy_to_open", "sell_to_close"], [1, 2]),
    min_size=6,
    max_size=25,
)


def a_moving_tape() -> TapeMarket:
    """A month of sessions, a quote every 20 minutes, prices that swing through both strikes."""
    market = TapeMarket()
    for number in range(32):
        day = datetime(2026, 11, 18, 14, 30, tzinfo=UTC) + timedelta(days=number)
        for step in range(19):
            at = day + timedelta(minutes=20 * step)
            spot = D(40) + D((number * 7 + step * 3) % 11 - 5) * D("0.8")
            market.flat("XLF", at, at, str(spot - D("0.01")), str(spot + D("0.01")))
            for symbol, worth in ((PUT, 40 - spot), (LOW_PUT, 35 - spot), (CALL, spot - 42)):
                bid = max(worth, D(0)) + D("0.40")
                market.flat(symbol, at, at, str(bid), str(bid + D("0.10")))
    return market


MOVING = a_moving_tape()


def live(hand: Hand, plan: list[Wish], steps: int) -> None:
    hand.broker.read_account()
    for wait, symbol, intent, qty, kind, offset, tif in plan:
        target = hand.at + timedelta(minutes=wait)
        for _ in range(steps - 1):
            hand.at += timedelta(minutes=wait) / steps
            hand.broker.read_account()
        hand.at = target
        quote = {"XLF": D(40)}.get(symbol, D(1)) + D(offset) * D("0.05")
        prices = {"limit": {"limit_price": quote}, "stop": {"stop_price": quote}, "market": {}}
        extra = prices.get(kind, {"trail_percent": D(3)})
        hand.sent += 1
        request = an_order_request(
            symbol, intent, str(qty), id=f"w-{hand.sent}", order_type=kind, time_in_force=tif, **extra
        )
        try:
            hand.broker.submit(request)
        except BrokerRefused:
            continue
    hand.at = datetime(2026, 12, 21, 15, 0, tzinfo=UTC)


@given(wishes, st.sampled_from([1, 2, 4]))
def test_no_order_of_events_breaks_the_account(plan: list[Wish], multiplier: int) -> None:
    """Cash is the sum of its history, positions are the sum of theirs, nothing is short without cover."""
    hand = Hand(MOVING, multiplier=multiplier)
    live(hand, plan, 1)
    broker = hand.broker
    assert cash_is_explained(broker)
    moved: dict[str, Decimal] = {}
    for line in broker.read_activities(EVER):
        moved[line.symbol] = moved.get(line.symbol, D(0)) + line.qty
    assert {symbol: qty for symbol, qty in moved.items() if qty} == hand.held()
    assert hand.held().get("XLF", D(0)) >= 0
    assert not any(symbol in hand.held() for symbol in (PUT, LOW_PUT, CALL)), "the series have expired"
    assert all(order.filled_qty <= order.qty for order in broker.read_orders(OPEN))
    assert broker.read_account().accrued_fees == 0
    if multiplier == 1:
        assert broker.read_account().cash > D(-2_000)


@given(wishes)
def test_many_small_steps_and_one_large_one_give_the_same_account(
    plan: list[Wish],
) -> None:
    seen = []
    for steps in (1, 3):
        hand = Hand(MOVING)
        live(hand, plan, steps)
        broker = hand.broker
        seen.append((broker.read_account(), broker.read_orders(OPEN), broker.read_activities(EVER)))
    assert seen[0] == seen[1]
