"""The attribution itself, by hand: runs that differ in one thing give one term, and the terms are the difference."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.parity import TERMS, Movement, Part, Run, Sent
from bot.research.parity import attribute, gained, side_by_side, worth

D = Decimal
AT = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
PUT = "XLF261218P00040000"
MARKS = {PUT: D("0.62"), "XLF": D("39.50")}


def sold(price: str, order: str = "one", qty: int = 3) -> Movement:
    net = D(price) * 100 * qty
    return Movement(order=order, kind="FILL", symbol=PUT, qty=D(-qty), price=D(price), net=net, at=AT)


def fee(amount: str) -> Movement:
    return Movement(kind="FEE", net=D(amount), at=AT)


def test_a_movement_is_worth_its_money_and_the_position_it_made_at_the_mark() -> None:
    assert worth(sold("0.60"), MARKS) == D("-6.00")
    assert worth(fee("-0.13"), MARKS) == D("-0.13")
    shares = Movement(kind="OPTRD", symbol="XLF", qty=D(100), price=D(40), net=D(-4000), at=AT)
    assert worth(shares, MARKS) == D("-50.00")


def test_what_is_owed_and_not_booked_counts() -> None:
    assert gained(Run(movements=(sold("0.60"),), accrued=D("0.40")), D("0.25"), MARKS) == D("-6.15")


def test_each_term_is_the_difference_of_two_runs_and_names_whose_it_is() -> None:
    nothing, early, late = Run(movements=()), Run(movements=(sold("0.60"),)), Run(movements=(sold("0.55"),))
    charged = Run(movements=(sold("0.55"), fee("-1.37")))
    terms = attribute((nothing, early, early, early, late, late, charged), D(0), MARKS)
    assert [one.name for one in terms] == [name for name, _ in TERMS]
    assert [one.amount for one in terms] == [D("-6.00"), 0, 0, D("-15.00"), 0, D("-1.37")]
    assert terms[3].parts == (Part(name="one", amount=D("-15.00")),)
    assert terms[5].parts == (Part(name="FEE", amount=D("-1.37")),)


def test_a_missing_run_is_no_attribution() -> None:
    with pytest.raises(AssertionError, match="2 runs for 6 terms"):
        attribute((Run(movements=()), Run(movements=())), D(0), MARKS)


cents = st.integers(1, 500).map(lambda number: D(number) / 100)
runs = st.lists(st.tuples(st.sampled_from("abc"), cents, st.integers(1, 5)), max_size=4).map(
    lambda fills: Run(movements=tuple(sold(str(price), order, qty) for order, price, qty in fills))
)


@given(st.lists(runs, min_size=7, max_size=7), cents)
def test_the_terms_are_the_whole_difference_whatever_the_runs(found: list[Run], owed: D) -> None:
    terms = attribute(found, owed, MARKS)
    assert sum(one.amount for one in terms) == gained(found[-1], owed, MARKS) - gained(found[0], owed, MARKS)
    assert all(sum((part.amount for part in one.parts), D(0)) == one.amount for one in terms)


def test_orders_stand_beside_each_other_by_their_id_alone() -> None:
    def sent(order: str, minute: int) -> Sent:
        wish = ("wheel", "cash_secured_put", "XLF", PUT)
        return Sent(order=order, wish=wish, label="sell", at=AT.replace(minute=minute))

    pairs = side_by_side([sent("a", 0), sent("b", 30)], [sent("c", 15), sent("a", 0)])
    found = [(pair.live and pair.live.order, pair.simulated and pair.simulated.order) for pair in pairs]
    assert found == [("a", "a"), (None, "c"), ("b", None)]
