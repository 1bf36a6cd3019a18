"""What the fold has approved counts in every cap, and in that cap alone; the finer points of single gates."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.desk import SymbolInfo
from bot.domain.ledger import Books, Counters, Halt
from bot.domain.orders import OrderIntent, leg
from bot.gates import Case, judge_one
from bot.tests.builders import (
    NOON,
    a_chain,
    a_lot,
    a_quote,
    a_slab,
    a_snapshot,
    an_account,
    an_intent,
    an_option_leg,
    an_order,
    call,
    held,
    put,
    symbols,
)
from bot.tests.gates.scenes import (
    CALL,
    EXPIRY,
    PUT,
    PUT_LOWER,
    D,
    a_buy_back,
    a_call,
    a_cancel,
    a_case,
    a_purchase,
    a_put,
    a_roll,
    a_sale,
    a_stop,
    ask,
    quotes,
    with_shares,
)

XLU_PUT = put("XLU", EXPIRY, "20")
LAST = put("XLF", EXPIRY, "35")


def both(*names: str) -> tuple[Any, ...]:
    return (*quotes(), *(a_quote(name, "0.58", "0.62", open_interest=500) for name in names), a_quote("XLU"))


def test_what_was_accepted_counts_in_every_cap() -> None:
    """A put on XLF for 3,700 and one on XLU for 2,000 came before."""
    one_group = symbols("XLF", "XLU", group="us")
    before = (a_put(), a_put(XLU_PUT))
    case = a_case(*before, quotes=both(XLU_PUT, LAST), universe=one_group)
    next_ = a_put(LAST)
    figures = {check.gate: check.value for check in judge_one(next_, case).checks}
    assert figures["symbol_share_within"] == D("0.288")  # 3,700 + 3,500
    assert figures["group_share_within"] == D("0.368")  # and 2,000
    assert figures["put_collateral_within"] == D("0.368")
    assert figures["stress_loss_within"] == D("0.0272")  # 440 + 0 + 240
    assert figures["contracts_within_symbol"] == 2
    assert figures["put_series_within_symbol"] == 2
    assert figures["put_series_within_total"] == 3
    assert figures["underlyings_within"] == 2
    assert figures["contracts_within_tick"] == 3
    assert figures["contracts_within_day"] == 3
    assert figures["contracts_within_symbol_day"] == 2
    assert figures["orders_within_tick"] == 3
    assert figures["options_buying_power_covers"] == 9200
    assert figures["collateral_is_free"] == 3500
    limits = {check.gate: check.limit for check in judge_one(next_, case).checks}
    assert limits["collateral_is_free"] == D(25000 - 2500 - 5700)


def test_names_of_another_group_do_not_count() -> None:
    case = a_case(a_put(XLU_PUT), quotes=both(XLU_PUT), positions=(held("GLD", "100", price="300"),))
    assert ask("group_share_within", a_put(), case).value == D("0.148")
    assert ask("group_share_within", a_put(), a_case(a_put(XLU_PUT), quotes=both(), positions=())).value == D("0.148")


def test_two_shares_without_a_price_in_a_group_make_it_unknown() -> None:
    group = symbols("XLF", "XLU", group="us")
    case = a_case(universe=group, positions=(held("XLU", "10"),), quotes=quotes())
    result = ask("group_share_within", a_put(), case)
    assert not result.ok
    assert "unknown" in result.reason
    assert ask("group_share_within", a_buy_back(), case).ok


def test_exits_count_among_exits_and_entries_among_entries() -> None:
    facts = with_shares("200") | {"quotes": both()}
    facts["positions"] = (*facts["positions"], held(PUT, "-1"))
    case = a_case(a_stop(), a_put(PUT_LOWER), **facts)
    assert ask("exits_within_tick", a_buy_back(), case).value == 2
    assert ask("exits_within_day", a_buy_back(), case).value == 2
    assert ask("orders_within_tick", a_put(LAST), case).value == 2
    assert ask("contracts_within_tick", a_put(LAST), case).value == 2
    assert ask("orders_within_tick", a_buy_back(), case).reason.endswith("exits have their own cap")
    assert ask("exits_within_tick", a_put(LAST), case).reason.endswith("it is no exit")


def test_a_rolls_opening_leg_counts_in_no_pacing_before_or_after() -> None:
    roll = a_put(PUT_LOWER, purpose="roll_open", roll="r1")
    case = a_case(roll, books=Books(rolls=(a_roll(),)))
    assert ask("contracts_within_tick", a_put(), case).value == 1
    assert ask("orders_within_tick", a_put(), case).value == 1
    for gate in ("contracts_within_tick", "orders_within_day", "contracts_within_symbol_day", "exits_within_day"):
        assert "roll" in ask(gate, roll, a_case(books=Books(rolls=(a_roll(),)))).reason
    assert ask("options_buying_power_covers", a_put(), case).value == 7300
    assert ask("put_series_within_symbol", a_put(), case).value == 2


def test_cancellations_count_nowhere() -> None:
    working = (an_order(PUT, client_order_id="w1"),)
    case = a_case(own_orders=working, limits={"orders_per_tick": D(0), "exit_orders_per_tick": D(0)})
    assert judge_one(a_cancel("w1"), case).approved
    assert ask("orders_within_tick", a_put(PUT_LOWER), case.accepting(a_cancel("w1"))).value == 1
    assert not ask("not_a_duplicate", a_cancel("w1"), case.accepting(a_cancel("w1"))).ok


def test_a_reprice_raises_no_series_contract_or_stress() -> None:
    working = (an_order(PUT, client_order_id="w1"),)
    case = a_case(own_orders=working, limits={"put_series_per_symbol": D(1), "contracts_per_symbol": D(1)})
    again = a_put(replaces="w1", limit_price=D("0.59"))
    for gate in ("put_series_within_symbol", "put_series_within_total", "contracts_within_symbol"):
        result = ask(gate, again, case)
        assert result.ok
        assert result.value == 1
    assert ask("stress_loss_within", again, case).value == D("0.0176") + D("0.00004")
    moved = a_put(PUT_LOWER, replaces="w1")
    assert ask("put_series_within_symbol", moved, case).value == 1
    filled = (an_order(PUT, client_order_id="w1", qty="2", filled_qty=D(1)),)
    partly = a_case(own_orders=filled, positions=(held(PUT, "-1"),))
    assert ask("put_series_within_symbol", moved, partly).value == 2


def test_what_adds_nothing_passes_a_cap_already_exceeded() -> None:
    others = (held(PUT, "-9"), held(PUT_LOWER, "-9"), held("XLF", "200"))
    case = a_case(positions=others, books=Books(lots=(a_lot(id="lot-XLF-1", qty="200"),)), limits={
        "put_series_total": D(0), "open_underlyings": D(0),
    })  # fmt: skip
    for gate in (
        "contracts_within_symbol",
        "put_series_within_symbol",
        "put_series_within_total",
        "underlyings_within",
    ):
        assert ask(gate, a_call(), case).ok
        assert ask(gate, a_buy_back(), case).ok
        assert ask(gate, a_call(), case).reason.startswith("it adds nothing")
    assert not ask("contracts_within_symbol", a_put(LAST), case).ok
    assert ask("symbol_share_within", a_buy_back(), a_case(positions=others, equity=D(0))).ok
    assert ask("symbol_share_within", a_buy_back(), a_case(positions=others, quotes=())).ok
    assert not ask("symbol_share_within", a_put(LAST), a_case(positions=others, quotes=())).ok


def test_only_a_single_contract_has_the_wider_share_of_a_first_one() -> None:
    assert ask("symbol_share_within", a_put(), a_case()).limit == D("0.40")
    assert ask("symbol_share_within", a_put(qty="2"), a_case()).limit == D("0.25")
    assert ask("symbol_share_within", a_call(), a_case(**with_shares())).limit == D("0.25")
    assert ask("symbol_share_within", a_put(), a_case(positions=(held("XLF", "1"),))).limit == D("0.25")


def test_the_broker_says_when_the_market_is_shut_inside_its_hours() -> None:
    shut = a_snapshot().session
    closed = type(shut)(**{name: getattr(shut, name) for name in shut.__struct_fields__} | {"is_open": False})
    assert not ask("session_is_open", a_put(), a_case(session=closed)).ok
    shares = with_shares()
    night: dict[str, Any] = {"session": closed, **shares}
    assert ask("session_is_open", a_stop(), a_case(**night)).ok
    assert not ask("session_is_open", a_sale(), a_case(**night)).ok
    assert not ask("session_is_open", a_sale(order_type="market", time_in_force="gtc"), a_case(**night)).ok
    assert not ask("session_is_open", a_put(time_in_force="gtc"), a_case(**night)).ok


def test_the_entry_window_shows_the_nearer_of_its_two_edges() -> None:
    session = a_snapshot().session
    early = a_case(at=session.open_at + timedelta(minutes=30))
    late = a_case(at=session.close_at - timedelta(minutes=30))
    for case, what in ((early, "since the open"), (late, "to the close")):
        result = ask("entry_window_is_open", a_put(), case)
        assert result.value == 30
        assert result.distance == 10
        assert what in result.reason


def test_an_expiring_series_is_the_owners_until_the_close() -> None:
    today = put("XLF", date(2026, 11, 18), "39")
    late = a_case(at=a_snapshot().session.close_at - timedelta(minutes=1), positions=(held(today, "-1"),))
    assert not ask("expiring_series_has_time", a_buy_back(today), late).ok
    assert ask("expiring_series_has_time", a_buy_back(today, purpose="owner_close"), late).ok
    assert ask("expiring_series_has_time", a_buy_back(), late).ok
    assert ask("expiring_series_has_time", a_cancel("w1"), late).ok


def test_the_oldest_quote_against_its_own_cap_is_shown() -> None:
    share = a_quote("XLF", at=NOON - timedelta(seconds=50))
    case = a_case(quotes=(share, a_quote(PUT, "0.58", "0.62", at=NOON - timedelta(seconds=100))))
    assert ask("quote_is_fresh", a_put(), case).distance == 10
    assert not ask("quote_is_fresh", a_put(PUT_LOWER), case).ok
    ahead = a_case(quotes=(a_quote("XLF", at=NOON + timedelta(seconds=9)), *quotes()[1:]))
    assert ask("quote_is_fresh", a_put(), ahead).ok


@pytest.mark.parametrize(
    ("bid", "ask_price", "buy_back", "sale"),
    [
        ("0.58", "0.62", True, True),
        ("0", "0.62", True, False),
        (None, "0.62", True, False),
        ("0.58", None, False, True),
        ("0.58", "0", False, False),
        ("0.62", "0.62", True, True),
        ("0.63", "0.62", False, False),
    ],
)
def test_an_exit_needs_the_side_it_trades_against(
    bid: str | None, ask_price: str | None, buy_back: bool, sale: bool
) -> None:
    case = a_case(
        positions=(held(PUT, "-1"), held("XLF", "100")),
        quotes=(a_quote(PUT, bid, ask_price), a_quote("XLF", bid, ask_price)),
    )
    assert ask("quote_is_valid", a_buy_back(), case).ok is buy_back
    assert ask("quote_is_valid", a_sale(), case).ok is sale


def test_markets_orders_are_for_leaving_shares_and_nothing_else() -> None:
    case = a_case(positions=(held(PUT, "-1"), held("XLF", "100")))
    market: dict[str, Any] = {"order_type": "market", "limit_price": None}
    assert ask("price_within_collar", a_sale(**market), case).ok
    assert not ask("price_within_collar", a_buy_back(**market), case).ok
    assert not ask("price_within_collar", a_purchase(**market), case).ok
    assert ask("quote_is_valid", a_sale(**market), a_case(positions=(held("XLF", "100"),), quotes=())).ok
    assert not ask("quote_is_valid", a_purchase(**market), a_case(quotes=())).ok
    stop = a_stop(order_type="stop_limit", stop_price=D(30), limit_price=D(29))
    assert ask("price_within_collar", stop, case).ok
    assert ask("quote_is_valid", stop, a_case(positions=(held("XLF", "100"),), quotes=())).ok


def test_a_one_sided_quote_has_no_spread_to_measure() -> None:
    for spoiled in ({"bid": None}, {"ask": None}):
        result = ask("spread_is_narrow", a_put(), a_case(quotes=quotes(**spoiled)))
        assert not result.ok
    assert not ask("spread_is_narrow", a_put(LAST), a_case()).ok
    assert ask("spread_is_narrow", a_purchase(), a_case()).reason.endswith("no option")


def test_a_cap_that_is_off_leaves_the_other_to_decide() -> None:
    wide = quotes(bid="0.50", ask="0.62")
    for limits in ({"option_spread_fraction": None}, {"option_spread_absolute": None}):
        assert not ask("spread_is_narrow", a_put(), a_case(quotes=wide, limits=limits)).ok
    both_off = {"option_spread_fraction": None, "option_spread_absolute": None}
    assert ask("spread_is_narrow", a_put(), a_case(quotes=wide, limits=both_off)).ok


def test_one_venue_has_a_cap_of_its_own() -> None:
    share = a_quote("XLF", "39.90", "40.10", source="iex")
    assert ask("underlying_spread_is_narrow", a_put(), a_case(quotes=(share,))).ok
    assert not ask("underlying_spread_is_narrow", a_put(), a_case(quotes=(a_quote("XLF", "39.90", "40.10"),))).ok
    live = a_case(environment="live", quotes=(share, *quotes()[1:]))
    assert not ask("feed_is_accepted", a_put(), live).ok
    willing = a_case(environment="live", quotes=(share, *quotes()[1:]), limits={"accept_delayed_feed": True})
    assert ask("feed_is_accepted", a_put(), willing).ok


def spread(limit: str) -> OrderIntent:
    legs = (leg(PUT, "sell_to_open"), leg(LAST, "buy_to_open"))
    return an_intent(PUT, legs=legs, limit_price=D(limit), purpose="open")


def test_a_net_price_is_compared_with_net_mid_and_net_natural() -> None:
    """0.60 less 0.40: mid -0.20, natural -(0.58 - 0.42) = -0.16."""
    case = a_case(quotes=(*quotes(), a_quote(LAST, "0.38", "0.42", open_interest=500)))
    for limit, ok in (("-0.20", True), ("-0.17", True), ("-0.16", False), ("-0.15", False), ("-0.24", False)):
        assert ask("price_within_collar", spread(limit), case).ok is ok, limit
    assert "past natural" in ask("price_within_collar", spread("-0.15"), case).reason
    assert ask("price_is_on_grid", spread("-0.17"), case).ok
    assert not ask("price_is_on_grid", spread("-0.175"), case).ok
    assert not ask("price_within_collar", spread("-0.17"), a_case(quotes=(a_quote(PUT, "0.58", "0.62"),))).ok
    level_two = a_case(account=an_account(options_level=2))
    assert not ask("options_level_allows", spread("-0.2"), level_two).ok
    assert ask("options_level_allows", a_purchase(PUT, "1"), level_two).ok
    assert not ask("options_level_allows", a_purchase(PUT, "1"), a_case(account=an_account(options_level=1))).ok
    assert ask("options_level_allows", a_purchase(), a_case(account=an_account(options_level=0))).ok


def test_the_least_level_for_selling_is_the_desks() -> None:
    case = a_case(account=an_account(options_level=2), limits={"options_level_min": D(3)})
    assert not ask("options_level_allows", a_put(), case).ok
    assert ask("options_level_allows", a_purchase(PUT, "1"), case).ok


def test_a_series_named_odd_in_its_chain_is_not_opened() -> None:
    rows = [("36", "0.40", "0.44", 200, 0.2, 0.2), ("37", "0.58", "0.62", 300, 0.25, 0.2)]
    case = a_case(quotes=(a_quote("XLF"),), chains=(a_chain("XLF", "put", a_slab(EXPIRY, rows, odd=(PUT,))),))
    assert not ask("contract_is_standard", a_put(), case).ok
    assert ask("contract_is_standard", a_put(PUT_LOWER), case).ok
    assert not ask("contract_is_standard", a_put(put("SPX", EXPIRY, "37")), case).ok


@pytest.mark.parametrize(
    "spoiled",
    [
        {"stage": "closing"}, {"right": "call"}, {"qty": D("0.5")}, {"underlying": "XLU"}, {"id": "r2"},
    ],
)  # fmt: skip
def test_an_opening_leg_fits_a_roll_that_waits_for_it(spoiled: dict[str, Any]) -> None:
    roll = a_put(purpose="roll_open", roll="r1")
    assert ask("roll_earns_its_budget", roll, a_case(books=Books(rolls=(a_roll(),)))).ok
    assert not ask("roll_earns_its_budget", roll, a_case(books=Books(rolls=(a_roll(**spoiled),)))).ok


def test_a_call_rolls_to_its_own_strike_or_above() -> None:
    old = call("XLF", date(2026, 11, 20), "42")
    books = Books(rolls=(a_roll(right="call", old_symbol=old, old_strike=D(42)),), lots=(a_lot(id="lot-XLF-1"),))
    for strike, ok in (("42", True), ("41.5", False)):
        roll = a_call(call("XLF", EXPIRY, strike), purpose="roll_open", roll="r1")
        case = a_case(books=books, positions=(held("XLF", "100"),))
        assert ask("roll_earns_its_budget", roll, case).ok is ok
        assert ask("call_is_covered", roll, case).ok
    assert not ask("call_is_covered", a_call(), a_case(books=books, positions=(held("XLF", "100"),))).ok
    twice = a_case(books=books, positions=(held("XLF", "100"),)).accepting(roll)
    assert not ask("call_is_covered", roll, twice).ok


def test_a_rolled_call_stands_on_a_lot_of_its_cycle() -> None:
    lots = (a_lot(id="a", basis="40", cycle="c1"), a_lot(id="b", basis="43", cycle="c2"))
    case = a_case(positions=(held("XLF", "200"),), books=Books(lots=lots))
    assert ask("call_above_basis", a_call(lot="", cycle="c1"), case).ok
    assert not ask("call_above_basis", a_call(lot="", cycle="c2"), case).ok
    assert not ask("call_above_basis", a_call(lot="", cycle="elsewhere"), case).ok


def test_every_closing_leg_must_be_held() -> None:
    legs = (leg(PUT, "buy_to_close"), leg(LAST, "sell_to_close"))
    whole = an_intent(PUT, legs=legs, limit_price=D("0.20"), purpose="close")
    assert ask("position_is_held", whole, a_case(positions=(held(PUT, "-1"), held(LAST, "1")))).ok
    assert not ask("position_is_held", whole, a_case(positions=(held(PUT, "-1"),))).ok
    assert not ask("position_is_held", whole, a_case(positions=(held(PUT, "-1"), held(LAST, "-1")))).ok
    assert not ask("position_is_held", whole, a_case(positions=(held(PUT, "-2"), held(LAST, "1", "foreign")))).ok


def test_a_paused_symbol_or_blocked_account_lets_exits_and_cancellations_go() -> None:
    case: Case = a_case(
        positions=(held(PUT, "-1"),), account=an_account(blocked=True), halt=Halt(level="reduce_only"),
        own_orders=(an_order(PUT_LOWER, client_order_id="w1"),),
    )  # fmt: skip
    assert judge_one(a_buy_back(), case).approved
    assert judge_one(a_cancel("w1"), case).approved
    assert not ask("account_is_active", a_call(), case).ok


def test_of_a_mixed_option_position_only_our_legs_are_closed() -> None:
    legs = (an_option_leg(PUT), an_option_leg(PUT, id="x", owner="foreign"), an_option_leg(CALL, "-5"))
    case = a_case(positions=(held(PUT, "-3", "mixed"),), books=Books(legs=legs, lots=(a_lot("XLU", "300"),)))
    assert ask("owner_is_ours", a_buy_back(), case).ok
    assert not ask("owner_is_ours", a_buy_back(qty="2"), case).ok
    assert case.standing.ours[PUT] == Decimal(1)


def test_a_reprice_passes_pacing_that_the_day_has_used_up() -> None:
    working = (an_order(PUT, client_order_id="w1"),)
    books = Books(counters=Counters(contracts_today=(("XLF", 9),)))
    case = a_case(own_orders=working, books=books)
    for gate in ("contracts_within_day", "contracts_within_symbol_day", "contracts_within_tick"):
        assert ask(gate, a_put(replaces="w1"), case).ok
        assert ask(gate, a_put(replaces="w1", qty="2"), case).ok is (gate == "contracts_within_tick")


def test_what_was_accepted_elsewhere_leaves_a_symbols_own_caps_alone() -> None:
    case = a_case(a_put(XLU_PUT, qty="3"), quotes=both(XLU_PUT))
    assert ask("contracts_within_symbol", a_put(), case).value == 1
    assert ask("put_series_within_symbol", a_put(), case).value == 1


def test_of_a_rolls_opening_leg_the_broker_asks_the_whole_collateral() -> None:
    roll = a_put(purpose="roll_open", roll="r1")
    for power, ok in (("3700", True), ("3699", False)):
        case = a_case(books=Books(rolls=(a_roll(),)), account=an_account(options_buying_power=D(power)))
        assert ask("options_buying_power_covers", roll, case).ok is ok
        assert ask("collateral_is_free", roll, case).value == 0


def test_every_leg_is_looked_at_and_the_worst_one_decides() -> None:
    for series, gate in ((PUT, "spread_is_narrow"), (LAST, "spread_is_narrow"), (PUT, "open_interest_is_enough")):
        wide = a_quote(series, "0.30", "0.90", open_interest=1)
        other = a_quote(LAST if series == PUT else PUT, "0.58", "0.62", open_interest=500)
        assert not ask(gate, spread("-0.20"), a_case(quotes=(a_quote("XLF"), wide, other))).ok
    fine = (a_quote("XLF"), a_quote(PUT, "0.58", "0.62", open_interest=500), a_quote(LAST, "0.38", "0.42"))
    assert ask("spread_is_narrow", spread("-0.20"), a_case(quotes=fine)).value == D("0.04")
    assert ask("open_interest_is_enough", spread("-0.20"), a_case(quotes=fine)).value == 500


def test_without_a_quote_the_universe_says_which_grid_holds() -> None:
    nickel = {"XLF": SymbolInfo(symbol="XLF", group="us", kind="etf", penny=False)}
    for universe, ok in ((None, True), (nickel, False), ({}, False)):
        case = a_case(quotes=(), universe=universe)
        assert ask("price_is_on_grid", a_put(limit_price=D("0.61")), case).ok is ok
    assert ask("price_is_on_grid", a_put(limit_price=D("0.61")), a_case(universe=nickel)).ok


def test_shares_are_not_bought_against_ones_own_sale_of_them_and_a_resting_stop_is_no_such_sale() -> None:
    """Brokers refuse it as a wash trade; the sale itself is an exit and goes out all the same."""
    sale, buying = a_sale(strategy="cross", purpose="close", lot="lot-XLF-1"), a_purchase(strategy="patient")
    refused = ask("not_a_duplicate", buying, a_case(sale, **with_shares()))
    assert (refused.ok, refused.reason) == (
        False, "cross close of this tick sells XLF: a broker takes no order against one's own",
    )  # fmt: skip
    works = an_order("XLF", "sell_to_close", "100", purpose="close", lot="lot-XLF-1", client_order_id="x1")
    assert not ask("not_a_duplicate", buying, a_case(**with_shares(), own_orders=(works,))).ok
    rests = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1")
    assert ask("not_a_duplicate", buying, a_case(**with_shares(), own_orders=(rests,))).ok
    bought = an_order("XLF", "buy_to_open", "10", purpose="open", client_order_id="b1")
    assert ask("not_a_duplicate", sale, a_case(**with_shares(), own_orders=(bought,))).ok
