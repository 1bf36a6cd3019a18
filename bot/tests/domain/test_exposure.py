"""Free cash to the digit, uncovered lots, symbol exposure, what stands and what is reserved."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.claims import Claim, beyond, claim_of, root_of, worst_at_expiry
from bot.domain.exposure import free_cash, lots_uncovered, shares_free, standing_of, symbol_exposure
from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Books, Roll
from bot.domain.orders import leg
from bot.domain.snapshot import decode_snapshot, encode_snapshot
from bot.tests.builders import NOON, a_quote, a_snapshot, an_account, an_intent, an_order, call, held, put

D = Decimal
EXPIRY = date(2026, 12, 18)
PUT = put("XLF", EXPIRY, "37")
CALL = call("XLF", EXPIRY, "42")


def a_roll(**given_: Any) -> Roll:
    facts: dict[str, Any] = {
        "id": "r1", "underlying": "XLF", "right": "put", "old_symbol": PUT, "old_strike": D(37), "qty": D(2),
        "strategy": "wheel", "cycle": "c", "chain": "l", "rolls": 1, "stage": "opening", "ticks_left": 3,
        "started_at": NOON,
    }  # fmt: skip
    return Roll(**(facts | given_))


def a_foreign(symbol: str, word: str, qty: str, **given_: Any) -> BrokerOrder:
    facts: dict[str, Any] = {
        "broker_order_id": "b9", "client_order_id": "by-hand", "legs": (leg(symbol, word),), "qty": D(qty),
        "filled_qty": D(0), "order_type": "limit", "limit_price": D("0.60"), "time_in_force": "day", "status": "new",
        "submitted_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return BrokerOrder(**(facts | given_))


def test_free_cash_has_every_term_of_formula_2_6() -> None:
    """min(20,000, 15,000 + 3,700) - (3,700 + 2 x 3,600 + 2 x 3,700) - 10 x 40 - 100 - 1.23"""
    snapshot = a_snapshot(
        account=an_account(
            "20000", non_marginable_buying_power=D(15000), pending_transfers_out=D(100), accrued_fees=D("1.23")
        ),
        positions=(held(PUT, "-1"),),
        own_orders=(
            an_order(put("XLF", EXPIRY, "36"), qty="3", filled_qty=D(1)),
            an_order("XLU", "buy_to_open", "10", limit_price=D(40)),
        ),
        books=Books(rolls=(a_roll(),)),
    )
    found = free_cash(snapshot)
    assert found.value == D(18700) - D(3700) - D(7200) - D(7400) - D(400) - D(100) - D("1.23")
    assert found.dropped == ()
    assert free_cash(snapshot, [Claim("GLD", collateral=D(50), cash=D(7))]).value == found.value - 57


def test_a_missing_field_drops_its_term_and_is_named() -> None:
    account = an_account("20000", non_marginable_buying_power=None, pending_transfers_out=D(5))
    assert free_cash(a_snapshot(account=account)) == (D(19995), ("non_marginable_buying_power", "accrued_fees"))


def test_buying_power_bounds_free_cash_from_above_and_never_raises_it() -> None:
    for power, value in ((D(9000), D(9000)), (D(90000), D(20000))):
        account = an_account("20000", non_marginable_buying_power=power, accrued_fees=D(0), pending_transfers_out=D(0))
        assert free_cash(a_snapshot(account=account)).value == value


@pytest.mark.parametrize(
    ("orders", "lots"),
    [
        ((), 3),
        ((an_order(CALL, qty="2"),), 1),
        ((an_order(CALL, qty="2", state="unknown"),), 1),
        ((an_order(CALL, qty="2", state="done"),), 3),
        ((an_order("XLF", "sell_to_close", "100", order_type="trailing_stop"),), 2),
        ((an_order("XLF", "sell_to_close", "99", purpose="owner_close"),), 3),
        ((an_order("XLF", "sell_to_close", "101", purpose="owner_close"),), 2),
        ((an_order(CALL, "buy_to_close", "1"),), 3),
    ],
)
def test_uncovered_lots_are_what_no_call_and_no_sale_has_claimed(orders: Any, lots: int) -> None:
    """C016"""
    snapshot = a_snapshot(positions=(held("XLF", "399"), held(call("XLF", EXPIRY, "43"), "0")), own_orders=orders)
    assert lots_uncovered(snapshot, "XLF") == lots


def test_short_calls_call_rolls_and_accepted_calls_take_lots() -> None:
    snapshot = a_snapshot(
        positions=(held("XLF", "500"), held(CALL, "-1")),
        books=Books(rolls=(a_roll(right="call", old_symbol=call("XLF", EXPIRY, "41"), qty=D(1)),)),
    )
    assert lots_uncovered(snapshot, "XLF") == 3
    accepted = [Claim("XLF", calls=D(1)), Claim("XLF", shares=D(50)), Claim("XLU", calls=D(9))]
    assert lots_uncovered(snapshot, "XLF", accepted) == 1
    assert shares_free(snapshot, "XLF", accepted) == 150


def test_there_are_no_lots_in_foreign_or_short_shares() -> None:
    assert lots_uncovered(a_snapshot(positions=(held("XLF", "500", "foreign"),)), "XLF") == 0
    assert lots_uncovered(a_snapshot(positions=(held("XLF", "-500"),)), "XLF") == 0
    assert lots_uncovered(a_snapshot(), "XLF") == 0


def test_exposure_is_shares_at_the_price_and_puts_at_their_strike() -> None:
    """Formula 2.7: 100 x 40 + 3,700 open + 3,600 working + 7,400 reserved."""
    snapshot = a_snapshot(
        positions=(held("XLF", "100"), held(PUT, "-1"), held(CALL, "-1")),
        own_orders=(an_order(put("XLF", EXPIRY, "36")),),
        books=Books(rolls=(a_roll(),)),
        quotes=(a_quote("XLF"),),
    )
    assert symbol_exposure(snapshot, "XLF") == D(18700)
    assert symbol_exposure(snapshot, "XLU") == 0
    assert symbol_exposure(snapshot, "XLF", [Claim("XLF", collateral=D(1), cash=D(2))]) == D(18703)


def test_shares_without_any_price_make_exposure_unknown() -> None:
    assert symbol_exposure(a_snapshot(positions=(held("XLF", "100"),)), "XLF") is None
    assert symbol_exposure(a_snapshot(positions=(held("XLF", "100", price="41"),)), "XLF") == 4100


def test_foreign_orders_count_like_our_own() -> None:
    snapshot = a_snapshot(
        positions=(held("XLF", "100"),), quotes=(a_quote("XLF"),),
        foreign_orders=(
            a_foreign(PUT, "sell_to_open", "2", filled_qty=D(1)), a_foreign("XLF", "sell_to_close", "100"),
            a_foreign(PUT, "sell_to_open", "5", status="canceled"),
        ),
    )  # fmt: skip
    assert standing_of(snapshot).collateral == 3700
    assert lots_uncovered(snapshot, "XLF") == 0


def test_a_closing_roll_reserves_only_what_is_bought_back_already() -> None:
    closing = an_order(PUT, "buy_to_close", "2", purpose="roll_close", roll="r1", filled_qty=D(1))
    rolls = Books(rolls=(a_roll(stage="closing"),))
    half = a_snapshot(positions=(held(PUT, "-1"),), own_orders=(closing,), books=rolls)
    assert standing_of(half).reserves["r1"].contracts == 1
    assert standing_of(half).collateral == 7400
    untouched = a_snapshot(positions=(held(PUT, "-2"),), books=rolls)
    assert standing_of(untouched).reserves == {}
    assert standing_of(untouched).collateral == 7400


def test_a_working_opening_leg_takes_over_its_rolls_reserve() -> None:
    opening = an_order(put("XLF", EXPIRY, "36"), qty="2", purpose="roll_open", roll="r1")
    snapshot = a_snapshot(own_orders=(opening,), books=Books(rolls=(a_roll(),)))
    assert standing_of(snapshot).collateral == 7200
    ended = a_snapshot(books=Books(rolls=(a_roll(stage="abandoned"), a_roll(id="r2", stage="done"))))
    assert standing_of(ended).collateral == 0


def test_a_spread_ties_up_its_width_and_a_single_put_its_strike() -> None:
    short, long_ = leg(PUT, "sell_to_open"), leg(put("XLF", EXPIRY, "35"), "buy_to_open")
    spread = an_intent(PUT, legs=(short, long_), qty="2", limit_price=D("-0.40"))
    assert claim_of(spread, D(2), None).collateral == 400
    assert claim_of(an_intent(PUT, qty="2"), D(2), None).collateral == 7400
    debit = an_intent(PUT, legs=(leg(PUT, "buy_to_open"), leg(put("XLF", EXPIRY, "35"), "sell_to_open")),
                      limit_price=D("0.40"))  # fmt: skip
    assert (claim_of(debit, D(1), None).collateral, claim_of(debit, D(1), None).cash) == (D(0), D(40))


def test_a_held_spread_counts_its_width() -> None:
    snapshot = a_snapshot(positions=(held(PUT, "-2"), held(put("XLF", EXPIRY, "35"), "2")))
    assert standing_of(snapshot).collateral_open == 400
    later = put("XLF", date(2027, 1, 15), "35")
    assert standing_of(a_snapshot(positions=(held(PUT, "-2"), held(later, "2")))).collateral_open == 7400


def test_calls_sold_without_a_long_one_need_lots() -> None:
    ratio = an_intent(CALL, legs=(leg(CALL, "sell_to_open", 2), leg(call("XLF", EXPIRY, "44"), "buy_to_open")))
    claim = claim_of(ratio, D(1), None)
    assert claim.calls == 1
    assert worst_at_expiry([("call", D(42), D(-2)), ("call", D(44), D(1))]) is None


def test_an_adjusted_root_counts_with_its_parent() -> None:
    assert root_of("XLF1261218P00037000") == "XLF"
    assert root_of("XLF") == "XLF"
    assert standing_of(a_snapshot(positions=(held("XLF1261218P00037000", "-1"),))).on("XLF").collateral == 3700


def test_what_stands_is_kept_beside_the_fields_and_never_stored() -> None:
    snapshot = a_snapshot(positions=(held(PUT, "-1"),))
    before = encode_snapshot(snapshot)
    assert standing_of(snapshot) is standing_of(snapshot)
    assert encode_snapshot(snapshot) == before
    assert decode_snapshot(before) == snapshot


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(1, 5)), min_size=1, max_size=6))
def test_short_puts_alone_tie_up_the_sum_of_their_strikes(rows: list[tuple[int, int]]) -> None:
    worst = worst_at_expiry([("put", D(strike), D(-qty)) for strike, qty in rows])
    assert worst == sum(strike * qty for strike, qty in rows)


@given(st.lists(st.tuples(st.booleans(), st.integers(10, 60), st.integers(-3, 3)), min_size=1, max_size=5))
def test_no_price_at_expiry_costs_more_than_the_worst(rows: list[tuple[bool, int, int]]) -> None:
    shape: Any = [("put" if put_ else "call", D(strike), D(qty)) for put_, strike, qty in rows]
    worst = worst_at_expiry(shape)
    if worst is None:
        assert sum(qty for put_, _, qty in rows if not put_) < 0
        return
    for spot in range(0, 100, 3):
        loss = sum(
            -qty * max((strike - spot) if right == "put" else (spot - strike), 0) for right, strike, qty in shape
        )
        assert loss <= worst


@given(st.integers(0, 9), st.integers(0, 9))
def test_a_claim_beyond_its_predecessor_makes_the_larger_of_both(new: int, old: int) -> None:
    first, second = (Claim("XLF", D(n), D(n), D(n), D(n), D(n), ("s",), D(n), (("XLF", D(n)),)) for n in (old, new))
    added = beyond(second, first)
    assert added.collateral + first.collateral == max(new, old)
    assert added.closes("XLF") + first.closes("XLF") == max(new, old)
    assert beyond(second, None) == second


def test_an_old_order_of_another_day_still_counts_while_it_lives() -> None:
    old = an_order(PUT, planned_at=NOON - timedelta(days=3), state="sending")
    assert standing_of(a_snapshot(own_orders=(old,))).collateral == 3700


def test_contracts_short_and_reserved_are_counted_for_the_caps() -> None:
    snapshot = a_snapshot(
        positions=(held(PUT, "-2"), held(put("XLF", EXPIRY, "30"), "1"), held(call("XLF", EXPIRY, "50"), "1")),
        own_orders=(an_order(put("XLF", EXPIRY, "36"), qty="3"),),
        books=Books(rolls=(a_roll(),)),
    )
    line = standing_of(snapshot).on("XLF")
    assert (line.puts, line.calls, len(line.series)) == (D(7), D(0), 3)


def test_only_live_opening_orders_of_a_roll_take_over_its_reserve() -> None:
    rolls = Books(rolls=(a_roll(),))
    closed = an_order(PUT, "buy_to_close", "2", purpose="roll_close", roll="r1")
    dead = an_order(PUT, qty="2", purpose="roll_open", roll="r1", state="done")
    assert standing_of(a_snapshot(own_orders=(closed, dead), books=rolls)).reserves["r1"].contracts == 2


def test_a_sale_of_shares_beside_options_claims_its_shares() -> None:
    both = an_intent("XLF", legs=(leg("XLF", "sell_to_close", 100), leg(CALL, "buy_to_close")))
    claim = claim_of(both, D(1), None)
    assert (claim.shares, claim.closes(CALL)) == (D(100), D(1))
    assert claim_of(an_intent("XLF", legs=()), D(1), None) == Claim("XLF")


def test_an_iron_condor_claims_its_wider_side_and_two_short_contracts() -> None:
    legs = (
        leg(PUT, "sell_to_open"), leg(put("XLF", EXPIRY, "34"), "buy_to_open"),
        leg(CALL, "sell_to_open"), leg(call("XLF", EXPIRY, "44"), "buy_to_open"),
    )  # fmt: skip
    claim = claim_of(an_intent(PUT, legs=legs, limit_price=D("-0.90")), D(1), None)
    assert (claim.collateral, claim.puts, claim.calls, claim.series) == (D(300), D(2), D(0), (PUT,))
    strangle = an_intent(PUT, legs=(leg(PUT, "sell_to_open"), leg(CALL, "sell_to_open")), limit_price=D("-1"))
    naked = claim_of(strangle, D(1), None)
    assert (naked.collateral, naked.puts, naked.calls) == (D(3700), D(1), D(1))


def test_a_purchase_at_the_market_is_priced_at_the_share() -> None:
    at_market = an_intent("XLF", "buy_to_open", "10", order_type="market", limit_price=None)
    assert claim_of(at_market, D(10), D(41)).cash == 410
