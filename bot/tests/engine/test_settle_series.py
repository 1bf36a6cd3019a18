"""Corporate actions, transfers, trades of others: seen by difference, confirmed by the history, never traded on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.holdings import Activity, BrokerOrder, Position
from bot.domain.instruments import is_standard_root, option_symbol
from bot.domain.market import Split
from bot.domain.money import after_split
from bot.domain.orders import leg
from bot.engine.ports import Reads, Settlement
from bot.engine.settle_series import is_cash_in_lieu
from bot.tests.brokers.tape import Hand
from bot.tests.builders import an_order, call, put
from bot.tests.engine.settle_world import BrokerLedger, Desk

D = Decimal
PUT = put("XLF", date(2026, 2, 6), "50")
CALL = call("XLF", date(2026, 3, 6), "52")
LONG_AGO = datetime(2020, 1, 2, tzinfo=UTC)
ADJUSTED = option_symbol("XLF1", date(2026, 3, 6), "call", D(52))


def a_holder(shares_of: int = 1) -> tuple[BrokerLedger, Desk]:
    """A wheel that was assigned: 100 XLF at 50 for each put."""
    world, desk = BrokerLedger(), Desk()
    world.trade(PUT, "sell_to_open", shares_of, "1.00")
    world.wait(days=1)
    world.assign(PUT)
    world.tick(desk)
    return world, desk


def settled(desk: Desk, world: BrokerLedger, **given: Any) -> Settlement:
    for name, own in world.own.items():
        desk.orders.setdefault(name, own)
    return desk.settle(replace(world.reads(), **given), world.at)


def shown(world: BrokerLedger, **prices: str) -> tuple[Position, ...]:
    return tuple(
        Position(symbol=symbol, qty=qty, price=D(prices[symbol]) if symbol in prices else None)
        for symbol, qty in sorted(world.positions.items())
    )


def kinds(result: Settlement) -> dict[str, str]:
    return {one.symbol: one.kind for one in result.drift}


def together(desk: Desk) -> Decimal:
    return sum((one.cash for one in desk.books.strategies), D(0))


# Splits


@pytest.mark.parametrize(("ratio", "after"), [(D(1) / 3, "100"), (D(1) / 7, "42.857142857"), (D("1.5"), "450")])
def test_a_ratio_without_an_end_leaves_whole_shares_whole(ratio: Decimal, after: str) -> None:
    """A hundred shares that read 99.99... would be one lot too few for a call, and a difference for ever."""
    assert after_split(D(300), ratio) == D(after)


@pytest.mark.parametrize("ratio", [D(2), D(1) / 3, D(3), D("1.5")])
def test_a_split_keeps_what_was_paid_and_drifts_nowhere(ratio: Decimal) -> None:
    world, desk = a_holder(3)
    world.wait(days=1)
    world.split("XLF", ratio)
    result = world.tick(desk)
    (lot,) = result.books.lots
    assert lot.qty == world.positions["XLF"] == after_split(D(300), ratio)
    assert lot.basis_strike is not None
    assert lot.basis_tax is not None
    assert abs(lot.basis_strike * lot.qty - 15000) < D("0.001")
    assert abs(lot.basis_tax * lot.qty - 14700) < D("0.001")
    assert result.drift == ()


def test_the_high_water_mark_of_a_lot_is_divided_with_its_price() -> None:
    world, desk = a_holder()
    desk.books = replace(desk.books, lots=(replace(desk.books.lots[0], high_water_mark=D(60)),))
    world.wait(days=1)
    world.split("XLF", D(2))
    assert world.tick(desk).books.lots[0].high_water_mark == D(30)


def test_cash_in_lieu_of_a_fraction_is_a_sale_of_that_fraction() -> None:
    world, desk = a_holder()
    world.wait(days=1)
    world.split("XLF", D(1) / 3, in_lieu="151.00")
    result = world.tick(desk)
    (end,) = result.lot_ends
    assert (end.how, end.qty) == ("cash_in_lieu", D("0.333333333"))
    assert end.price * end.qty == pytest.approx(D("50.33"))
    assert result.books.lots[0].qty == D(33)
    assert result.drift == ()
    assert together(desk) == result.books.cash == world.cash
    assert next(one for one in desk.books.strategies if one.strategy == "foreign").cash == 0


def test_cash_in_lieu_that_comes_later_is_pending_until_then() -> None:
    world, desk = a_holder()
    world.wait(days=1)
    world.positions["XLF"] = D(33)
    split = Activity(id="s", kind="SPLIT", symbol="XLF", at=world.at, qty=D(-67), price=D(1) / 3)
    world.lines.append(split)
    result = world.tick(desk)
    assert kinds(result) == {"XLF": "pending"}
    assert "cash in lieu" in result.drift[0].what
    assert result.drift[0].expected_until is not None
    world.wait(minutes=30)
    world.line("OTHER", net=D("50.33"), raw_type="CIL", description="Cash in Lieu")
    world.lines[-1] = replace(world.lines[-1], symbol="XLF")
    result = world.tick(desk)
    assert result.drift == ()
    assert [end.how for end in result.lot_ends] == ["cash_in_lieu"]
    assert result.books.cycles[0].share_cash == D("-5000") + D("50.33")
    assert together(desk) == world.cash


def test_cash_in_lieu_after_a_split_that_counted_whole_shares_only_lowers_what_they_cost() -> None:
    """Alpaca tells a split as shares taken and shares given: 100 for 33 looks like 0.33 for 1."""
    world, desk = a_holder()
    world.wait(days=1)
    world.line("SPLIT", "XLF", D(-67), price=D("0.33"))
    world.tick(desk)
    world.line("OTHER", net=D("50.00"), raw_type="OPCA", description="Cash in lieu of fractional share")
    world.lines[-1] = replace(world.lines[-1], symbol="XLF")
    result = world.tick(desk)
    (lot,) = result.books.lots
    assert lot.basis_strike is not None
    assert abs(lot.basis_strike * 33 - 4950) < D("0.001")
    assert result.books.cycles[0].share_cash == pytest.approx(D(-4950))
    assert (result.drift, together(desk)) == ((), world.cash)
    assert next(one for one in desk.books.strategies if one.strategy == "wheel").shares == D(-4950)


def test_what_never_comes_is_unexplained_after_its_date() -> None:
    world, desk = a_holder()
    world.wait(days=1)
    world.positions["XLF"] = D(33)
    world.lines.append(Activity(id="s", kind="SPLIT", symbol="XLF", at=world.at, qty=D(-67), price=D(1) / 3))
    until = world.tick(desk).drift[0].expected_until
    assert until is not None
    assert kinds(desk.settle(world.reads(), until + timedelta(minutes=1))) == {"XLF": "unexplained"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Cash in Lieu", True), ("CIL", True), ("cash in lieu of fraction", True), ("REORG", False), ("council", False)],
)
def test_cash_in_lieu_is_known_by_its_words(words: str, expected: bool) -> None:
    line = Activity(id="x", kind="OTHER", symbol="XLF", at=BrokerLedger().at, net_amount=D(1), raw_type=words)
    assert is_cash_in_lieu(line) is expected
    assert not is_cash_in_lieu(replace(line, net_amount=D(-1)))


def test_a_split_that_only_the_positions_show_is_pending_and_is_not_foreign_shares() -> None:
    """Twice the shares at half the price: no purchase by hand, and no call may be sold on any of them yet."""
    world, desk = a_holder()
    marks = (("XLF", D(50), world.at),)
    world.positions["XLF"] = D(200)
    memory = replace(desk.memory(), previous_marks=marks)
    result = _settle_with(memory, world, replace(world.reads(), positions=shown(world, XLF="25.40")))
    assert kinds(result) == {"XLF": "pending"}
    assert "a split of 2 for 1" in result.drift[0].what
    desk.books = result.books
    again = replace(desk.memory(), previous_marks=(("XLF", D("25.40"), world.at),))
    world.wait(minutes=15)
    result = _settle_with(again, world, replace(world.reads(), positions=shown(world, XLF="25.10")))
    assert kinds(result) == {"XLF": "pending"}, "the mark of the new price does not make it forget"
    world.line("SPLIT", "XLF", D(0), price=D(2))
    assert world.tick(desk).drift == ()
    assert desk.books.lots[0].qty == D(200)


@pytest.mark.parametrize(
    ("qty", "price", "expected"),
    [("200", "50", {}), ("10", "495", {"XLF": "pending"}), ("10", "50", {"XLF": "unexplained"})],
)
def test_more_or_fewer_shares_are_a_split_only_where_the_price_moved_with_them(
    qty: str, price: str, expected: dict[str, str]
) -> None:
    world, desk = a_holder()
    world.positions["XLF"] = D(qty)
    memory = replace(desk.memory(), previous_marks=(("XLF", D(50), world.at),))
    result = _settle_with(memory, world, replace(world.reads(), positions=shown(world, XLF=price)))
    assert kinds(result) == expected


def test_a_split_that_the_positions_do_not_show_yet_is_pending() -> None:
    world, desk = a_holder()
    world.wait(days=1)
    world.lines.append(Activity(id="s", kind="SPLIT", symbol="XLF", at=world.at - timedelta(hours=3), price=D(2)))
    result = world.tick(desk)
    assert kinds(result) == {"XLF": "pending"}
    assert "positions do not show yet" in result.drift[0].what
    world.positions["XLF"] = D(200)
    assert world.tick(desk).drift == ()


def _settle_with(memory: Any, world: BrokerLedger, reads: Reads) -> Settlement:
    from bot.engine.settle import settle
    from bot.tests.builders import a_session

    return settle(reads, memory, world.at, a_session(world.at))


@pytest.mark.parametrize("ratio", [D(2), D(1) / 3, D("1.5")])
def test_what_the_simulator_makes_of_a_split_settles_without_a_difference(ratio: Decimal) -> None:
    """A hundred shares and a covered call over a split: the simulator's own lines and positions, to the cent."""
    hand = Hand()
    hand.buy_shares("XLF", "100", "40.00")
    series = call("XLF", date(2026, 12, 18), "45")
    hand.market.put(series, hand.at, "1.00", "1.10")
    hand.send(series, "sell_to_open", limit_price="1.00", id="c")
    hand.market.put(series, hand.at + timedelta(seconds=30), "1.05", "1.10")
    hand.at += timedelta(minutes=1)
    desk = Desk()
    for name, intent, symbol in (("t-1", "buy_to_open", "XLF"), ("c", "sell_to_open", series)):
        shown = hand.order(name)
        desk.orders[name] = an_order(
            symbol, intent, str(shown.qty), client_order_id=name, broker_order_id=shown.broker_order_id
        )
    desk.settle(hand_reads(hand), hand.at)
    assert [one.qty for one in desk.books.lots] == [D(100)]
    assert [one.symbol for one in desk.books.legs] == [series]
    hand.market.events.append(Split(symbol="XLF", day=date(2026, 11, 20), ratio=ratio))
    hand.at = datetime(2026, 11, 20, 14, 45, tzinfo=UTC)
    result = desk.settle(hand_reads(hand), hand.at)
    assert result.drift == ()
    ours = {lot.symbol: lot.qty for lot in desk.books.lots} | {leg.symbol: leg.qty for leg in desk.books.legs}
    assert ours == hand.held()
    assert together(desk) == desk.books.cash == hand.broker.read_account().cash
    (lot,) = desk.books.lots
    sold = sum((end.price * end.qty for end in result.lot_ends), D(0))
    assert lot.basis_strike is not None
    assert (
        abs(lot.basis_strike * lot.qty + sum(end.qty * (end.lot.basis_strike or 0) for end in result.lot_ends) - 4000)
        < 1
    )
    assert (sold > 0) == (ratio != 2 and ratio != D("1.5"))


def hand_reads(hand: Hand) -> Reads:
    broker = hand.broker
    return Reads(
        clock=broker.read_clock(), account=broker.read_account(), positions=broker.read_positions(),
        orders=broker.read_orders(LONG_AGO), activities=broker.read_activities(LONG_AGO.date()),
    )  # fmt: skip


# Series that became others


def a_call_writer(contracts: int = 1) -> tuple[BrokerLedger, Desk]:
    world, desk = a_holder(contracts)
    world.trade(CALL, "sell_to_open", contracts, "0.80", purpose="covered_call")
    world.tick(desk)
    world.wait(days=1)
    return world, desk


def test_a_contract_that_was_adjusted_is_followed_and_frozen() -> None:
    world, desk = a_call_writer()
    del world.positions[CALL]
    world.positions[ADJUSTED] = D(-1)
    result = world.tick(desk)
    (one,) = result.books.legs
    assert (one.symbol, one.underlying, one.qty, one.credit) == (ADJUSTED, "XLF", D(-1), D("0.80"))
    assert not is_standard_root(one.symbol)
    assert result.drift == ()
    assert {held.position.symbol: held.owner for held in result.held}[ADJUSTED] == "ours"
    assert any("frozen" in note and f"bot close {ADJUSTED}" in note for note in result.notes)


def test_a_person_closes_an_adjusted_contract_and_its_cycle_knows() -> None:
    world, desk = a_call_writer()
    del world.positions[CALL]
    world.positions[ADJUSTED] = D(-1)
    world.tick(desk)
    world.trade(ADJUSTED, "buy_to_close", 1, "0.30", purpose="owner_close")
    result = world.tick(desk)
    (end,) = result.leg_ends
    assert end.income == D(50)
    assert result.fills[0].cycle == result.books.cycles[0].id
    assert result.books.cycles[0].option_cash == D(100 + 80 - 30)
    assert result.drift == ()
    assert together(desk) == world.cash


def test_an_adjusted_contract_delivers_what_the_share_line_says() -> None:
    """A call adjusted to 33 shares for its old 5,200: not a hundred at 52."""
    world, desk = a_call_writer()
    del world.positions[CALL]
    world.positions[ADJUSTED] = D(-1)
    world.positions["XLF"] = D(33)
    world.lines.append(Activity(id="s", kind="SPLIT", symbol="XLF", at=world.at, qty=D(-67), price=D("0.33")))
    world.tick(desk)
    world.wait(days=1)
    world.line("OPASN", ADJUSTED, D(1), group_id="g")
    world.line("OPTRD", "XLF", D(-33), D(5200), price=D("157.58"), group_id="g")
    result = world.tick(desk)
    assert (result.books.lots, result.books.legs, result.drift) == ((), (), ())
    (end,) = result.lot_ends
    assert end.qty == D(33)
    assert abs(end.price * 33 - 5200) < D("0.001")
    assert together(desk) == world.cash


def test_an_even_split_brings_the_series_to_its_new_strike_by_the_positions_alone() -> None:
    world, desk = a_call_writer()
    after = call("XLF", date(2026, 3, 6), "26")
    world.line("SPLIT", "XLF", D(100), price=D(2))
    del world.positions[CALL]
    world.positions[after] = D(-2)
    result = world.tick(desk)
    (one,) = result.books.legs
    assert (one.symbol, one.qty, one.strike, one.credit) == (after, D(-2), D(26), D("0.40"))
    assert result.drift == ()


@pytest.mark.parametrize("other", [
    {ADJUSTED: D(-2)},
    {option_symbol("XLF1", date(2026, 3, 6), "put", D(52)): D(-1)},
    {option_symbol("XLF1", date(2026, 3, 13), "call", D(52)): D(-1)},
    {option_symbol("GLD1", date(2026, 3, 6), "call", D(52)): D(-1)},
    {ADJUSTED: D(-1), option_symbol("XLF2", date(2026, 3, 6), "call", D(52)): D(-1)},
])  # fmt: skip
def test_a_series_is_not_followed_where_it_could_be_another(other: dict[str, Decimal]) -> None:
    world, desk = a_call_writer()
    del world.positions[CALL]
    world.positions.update(other)
    result = world.tick(desk)
    assert [one.symbol for one in result.books.legs] == [CALL]
    assert CALL in kinds(result)


def test_a_foreign_adjusted_contract_that_stood_there_before_is_not_ours() -> None:
    world, desk = a_call_writer()
    world.positions[ADJUSTED] = D(-1)
    world.tick(desk)
    del world.positions[CALL]
    result = world.tick(desk)
    assert [one.symbol for one in result.books.legs] == [CALL]


# Transfers


def test_shares_moved_in_are_no_profit_and_foreign_until_adopted() -> None:
    """ACATS names no cost: the basis is unknown until a person states it (wheel 2.14, 1.3)."""
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.line("ACATS", "KO", D(100))
    result = settled(desk, world, positions=shown(world, KO="60"))
    assert result.flow == D(6000)
    assert result.held[0].owner == "foreign"
    assert any("bot adopt KO --basis" in note for note in result.notes)
    assert result.drift == ()


def test_shares_of_ours_moved_out_leave_without_income_and_count_as_money_out() -> None:
    world, desk = a_holder(2)
    world.line("ACATS", "XLF", D(-100))
    result = settled(desk, world, positions=shown(world, XLF="55"))
    assert result.flow == D(-5500)
    assert result.books.lots[0].qty == D(100)
    (end,) = result.lot_ends
    assert (end.how, end.qty, end.income, end.tax_income) == ("transferred_out", D(100), D(0), D(0))
    assert result.drift == ()
    wheel = next(one for one in desk.books.strategies if one.strategy == "wheel")
    assert wheel.moved == D(5500)
    assert together(desk) == world.cash


def test_foreign_shares_moved_out_first_leave_ours_alone() -> None:
    world, desk = a_holder()
    world.strange("XLF", 50, "50")
    world.tick(desk)
    world.line("ACATS", "XLF", D(-50))
    result = world.tick(desk)
    assert result.books.lots[0].qty == D(100)
    assert (result.lot_ends, result.drift) == ((), ())


def test_a_transfer_at_a_price_nobody_states_is_named() -> None:
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.line("ACATS", "KO", D(10))
    result = world.tick(desk)
    assert result.flow == D(0)
    assert any("at a price nobody states" in note for note in result.notes)


# Trades of others, and lines that come late


def a_strangers_order(symbol: str, intent: Any, qty: str, filled: str) -> BrokerOrder:
    at = BrokerLedger().at
    return BrokerOrder(
        broker_order_id="by-hand", client_order_id="", legs=(leg(symbol, intent),), qty=D(qty), filled_qty=D(filled),
        order_type="market", time_in_force="day", status="filled", submitted_at=at, updated_at=at,
    )  # fmt: skip


def test_a_sale_by_hand_is_pending_until_its_fill_is_listed_and_then_booked() -> None:
    """F8: the broker's liquidation looks the same; it is named, dated, and confirmed by the history."""
    world, desk = a_holder()
    world.wait(minutes=30)
    del world.positions["XLF"]
    world.positions["KO"] = D(1)
    world.cash += 4900
    world.orders["other"] = a_strangers_order("XLF", "sell_to_close", "100", "100")
    result = world.tick(desk)
    assert kinds(result) == {"XLF": "pending", "CASH": "pending"}
    assert "not ours filled" in result.drift[0].what
    until = result.drift[0].expected_until
    assert until is not None
    world.lines.append(
        Activity(
            id="fill",
            kind="FILL",
            symbol="XLF",
            at=world.at,
            qty=D(-100),
            price=D(49),
            net_amount=D(4900),
            order_id="by-hand",
        )
    )
    result = world.tick(desk)
    assert result.drift == ()
    assert [end.how for end in result.lot_ends] == ["sold_by_broker"]
    assert any("not ours" in note for note in result.notes)
    assert together(desk) == world.cash


def test_a_sale_by_hand_whose_fill_never_comes_is_unexplained_after_its_date() -> None:
    world, desk = a_holder()
    world.positions["XLF"] = D(40)
    world.orders["other"] = a_strangers_order("XLF", "sell_to_close", "60", "60")
    until = world.tick(desk).drift[0].expected_until
    assert until is not None
    assert kinds(desk.settle(world.reads(), until + timedelta(minutes=1)))["XLF"] == "unexplained"


def test_an_end_listed_before_its_opening_waits_for_it() -> None:
    """Lines come as the broker lists them: a buy-back first must not be lost, nor its sale stand open for ever."""
    world, desk = BrokerLedger(), Desk()
    world.tick(desk)
    world.trade(PUT, "sell_to_open", 2, "1.00", "1.00")
    world.wait(minutes=20)
    world.trade(PUT, "buy_to_close", 2, "0.40", purpose="take_profit")
    late = [line for line in world.lines if line.kind == "FILL" and line.qty < 0]
    result = settled(desk, world, activities=tuple(line for line in world.lines if line not in late))
    assert result.leg_ends == ()
    assert set(kinds(result).values()) <= {"pending"}
    assert together(desk) == desk.books.cash
    result = world.tick(desk)
    assert result.books.legs == ()
    assert [(end.qty, end.income) for end in result.leg_ends] == [(D(2), D(120))]
    assert (result.drift, result.books.cash) == ((), world.cash)
    assert together(desk) == world.cash


def test_a_long_option_that_is_exercised_brings_its_shares_at_the_strike() -> None:
    world, desk = BrokerLedger(), Desk()
    long = call("XLF", date(2026, 2, 6), "40")
    world.trade(long, "buy_to_open", 1, "2.00")
    world.tick(desk)
    world.wait(days=1)
    world.exercise(long, 1)
    result = world.tick(desk)
    (lot,) = result.books.lots
    assert (lot.qty, lot.basis_strike, lot.basis_tax) == (D(100), D(40), D(42))
    assert [end.how for end in result.leg_ends] == ["exercised"]
    assert result.drift == ()
    assert together(desk) == world.cash
