"""Taking over what is foreign: shares first in first out, short options with their credit, cycles once whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import UsageError
from bot.domain.ledger import Books, Cycle, Drift
from bot.engine.takeover import Given, Past, Takeover, stated_bases, take_contracts, take_shares, with_cycle
from bot.tests.builders import NOON, a_lot, an_option_leg, call, put

D = Decimal
PUT = put("XLF", date(2026, 12, 18), "40")
CALL = call("XLF", date(2026, 12, 18), "42")


def books(**given: Any) -> Books:
    facts: dict[str, Any] = {
        "cash": D(1), "settled_at": NOON, "last_positions": (("XLF", D(250)), (PUT, D(-2)), (CALL, D(-1))),
    }  # fmt: skip
    return Books(**(facts | given))


def a_past() -> Past:
    """200 shares in two lots and one call, all of one open cycle."""
    bases: dict[str, Any] = {"basis_tax": D("37.5"), "basis_wheel": D("37.2")}
    lots = (
        a_lot("XLF", id="old", basis="38", cycle="turn", strategy="history", **bases),
        a_lot("XLF", id="new", basis="41", cycle="turn", strategy="history"),
    )
    legs = (an_option_leg(CALL, id="leg-1", credit="0.55", fees=D("0.04"), cycle="turn", strategy="history"),)
    cycle = Cycle(
        id="turn", symbol="XLF", strategy="history", opened_at=NOON, option_cash=D(90), share_cash=D(-7900),
        premium_ended=D(60),
    )  # fmt: skip
    parts = (("turn", "old", D(100)), ("turn", "new", D(100)), ("turn", "leg-1", D(1)))
    return Past(lots, legs, (cycle,), parts)


def shares(have: Books | None = None, past: Past | None = None, **given: Any) -> Takeover:
    return take_shares(have or books(), a_past() if past is None else past, "XLF", Given(**given), NOON, "wheel")


def contracts(symbol: str = PUT, have: Books | None = None, past: Past | None = None, **given: Any) -> Takeover:
    return take_contracts(have or books(), a_past() if past is None else past, symbol, Given(**given), NOON, "wheel")


def test_shares_come_with_the_bases_of_the_past_and_the_rest_without() -> None:
    found = shares()
    assert [(lot.qty, lot.basis_strike, lot.basis_tax, lot.basis_wheel) for lot in found.lots] == [
        (D(100), D(38), D("37.5"), D("37.2")), (D(100), D(41), D(41), D(41)), (D(50), None, None, None),
    ]  # fmt: skip
    assert {(lot.owner, lot.strategy) for lot in found.lots} == {("adopted", "wheel")}
    assert found.taken == (("lot", "old", D(100)), ("lot", "new", D(100)))
    assert "no known basis: no call is sold" in found.words[-1]


def test_a_part_takes_the_oldest_first() -> None:
    found = shares(qty=D(150))
    assert [(lot.qty, lot.basis_strike) for lot in found.lots] == [(D(100), D(38)), (D(50), D(41))]
    assert found.taken == (("lot", "old", D(100)), ("lot", "new", D(50)))


def test_the_owners_word_on_the_price_goes_before_the_past() -> None:
    (lot,) = shares(qty=D(100), basis=D(50), put_premium=D("1.20")).lots
    assert (lot.basis_strike, lot.basis_tax, lot.basis_wheel) == (D(50), D("48.80"), D("48.80"))
    (lot,) = shares(qty=D(100), basis=D(50), tax_basis=D(49), wheel_basis=D("47.75")).lots
    assert (lot.basis_strike, lot.basis_tax, lot.basis_wheel) == (D(50), D(49), D("47.75"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tax_basis": D(49)}, "--basis"),
        ({"basis": D(50), "tax_basis": D(49), "put_premium": D(1)}, "give one"),
        ({"basis": D(50), "put_premium": D(50)}, "leaves no basis"),
        ({"premium": D(1)}, "--put-premium"),
        ({"qty": D(251)}, "250 shares of XLF are foreign"),
    ],
)
def test_words_that_make_no_sense_for_shares_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        shares(**given)


def test_what_is_not_settled_or_not_seen_is_not_adopted() -> None:
    drift = Drift(symbol=PUT, kind="pending", what="assignment pending", broker=D(-2), ours=D(-1))
    with pytest.raises(UsageError, match=r"not settled yet \(assignment pending\)"):
        shares(books(drift=(drift,)))
    with pytest.raises(UsageError, match="no tick has looked"):
        shares(Books())
    with pytest.raises(UsageError, match="saw no XLF beyond the 250 shares"):
        shares(books(lots=(a_lot("XLF", qty="250"),)))


def test_short_shares_are_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="short shares are never traded here"):
        shares(books(last_positions=(("XLF", D(-100)),)))


def test_a_short_put_comes_with_the_credit_the_owner_says_or_none() -> None:
    (leg,) = contracts(premium=D("0.80")).legs
    assert (leg.qty, leg.credit, leg.owner, leg.strategy, leg.strike) == (D(-2), D("0.80"), "adopted", "wheel", D(40))
    found = contracts(qty=D(1))
    assert [(leg.qty, leg.credit) for leg in found.legs] == [(D(-1), None)]
    assert "no profit target" in found.words[0]


def test_a_short_call_comes_with_the_credit_of_the_past_once_its_shares_are_ours() -> None:
    with pytest.raises(UsageError, match="a call needs its shares with it, 100 of XLF in all, and 0 are ours"):
        contracts(CALL)
    (leg,) = contracts(CALL, books(lots=(a_lot("XLF"),))).legs
    assert (leg.qty, leg.credit, leg.fees, leg.chain) == (D(-1), D("0.55"), D("0.04"), leg.id)


@pytest.mark.parametrize(
    ("symbol", "qty", "says"),
    [
        (PUT, 1, "a long option is never traded here"),
        ("XLF1261218P00040000", -1, "an adjusted contract"),
        (put("SPX", date(2026, 12, 18), "5000"), -1, "settled in cash"),
    ],
)
def test_contracts_that_no_strategy_follows_are_refused(symbol: str, qty: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        contracts(symbol, books(last_positions=((symbol, D(qty)),)))


def test_a_price_of_shares_is_refused_for_an_option() -> None:
    with pytest.raises(UsageError, match="--premium"):
        contracts(basis=D(40))
    with pytest.raises(UsageError, match="2 contracts"):
        contracts(qty=D("0.5"))


def test_the_cycle_comes_along_with_its_last_part_and_takes_the_earlier_ones_in() -> None:
    past = a_past()
    first = with_cycle(books(), past, shares(qty=D(200)))
    assert first.cycles == (), "the call is still foreign"
    mine = books(lots=first.lots)
    left = Past(legs=past.legs, cycles=past.cycles, parts=past.parts)
    last = with_cycle(mine, left, contracts(CALL, mine, left))
    (cycle,) = last.cycles
    assert (cycle.id, cycle.strategy, cycle.option_cash, cycle.share_cash) == ("turn", "wheel", D(90), D(-7900))
    assert {lot.cycle for lot in last.lots} == {leg.cycle for leg in last.legs} == {"turn"}
    assert {lot.id for lot in last.lots} == {lot.id for lot in first.lots}
    assert ("cycle", "turn", D(1)) in last.taken


def test_the_cycle_stays_behind_where_a_part_was_taken_on_other_words() -> None:
    past = a_past()
    first = with_cycle(books(), past, shares(qty=D(200), basis=D(39)))
    mine = books(lots=first.lots)
    left = Past(legs=past.legs, cycles=past.cycles, parts=past.parts)
    assert with_cycle(mine, left, contracts(CALL, mine, left)).cycles == ()


def test_the_cycle_stays_behind_where_one_of_ours_is_open_already() -> None:
    past = replace_parts(a_past())
    ours = Cycle(id="ours", symbol="XLF", strategy="wheel", opened_at=NOON)
    assert with_cycle(books(), past, shares(past=past, qty=D(200))).cycles != ()
    have = books(cycles=(ours,))
    assert with_cycle(have, past, shares(have, past, qty=D(200))).cycles == ()


def replace_parts(past: Past) -> Past:
    """Leave the call out of the past's cycle."""
    return past._replace(legs=(), parts=past.parts[:2])


def test_two_takings_of_one_lot_are_two_lots_and_still_one_cycle() -> None:
    past = replace_parts(a_past())
    first = with_cycle(books(), past, shares(past=past, qty=D(40)))
    mine = books(lots=first.lots)
    rest = past._replace(lots=(replace(past.lots[0], qty=D(60)), past.lots[1]))
    last = with_cycle(mine, rest, shares(mine, rest, qty=D(160)))
    assert len({lot.id for lot in last.lots}) == 3
    assert [cycle.id for cycle in last.cycles] == ["turn"]


def test_a_basis_can_be_stated_later() -> None:
    blank = a_lot("XLF", owner="adopted", basis_strike=None, basis_tax=None, basis_wheel=None)
    (lot,) = stated_bases(books(lots=(blank,)), "XLF", Given(basis=D(50), put_premium=D(1)))
    assert (lot.id, lot.basis_strike, lot.basis_tax) == (blank.id, D(50), D(49))
    assert stated_bases(books(lots=(a_lot("XLF", owner="adopted"),)), "XLF", Given(basis=D(50))) == ()
