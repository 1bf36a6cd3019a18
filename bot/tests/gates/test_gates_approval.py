"""The owner's word: which wishes wait for it, what it covers, and that one word carries one order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.consent import GATE, asks_first, covers, credit_of, price_room, waits
from bot.domain.desk import ApproveRule
from bot.domain.ledger import Books
from bot.domain.orders import OrderIntent, leg
from bot.engine.proposing import proposals_of, still_standing
from bot.gates import judge
from bot.gates.case import Case
from bot.tests.builders import NOON, an_intent, an_order, held, put
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
    a_proposal,
    a_purchase,
    a_put,
    a_roll,
    a_sale,
    a_stop,
    ask,
    changed,
    with_shares,
)

ALWAYS = (("wheel", ApproveRule(word="always")), ("stops", ApproveRule(word="always")))


def first(count: int, **given: Any) -> Any:
    return (("wheel", ApproveRule(word="first", first=count, **given)),)


def waiting(intent: OrderIntent, **facts: Any) -> bool:
    """Say whether an intent waits for a word on a desk that always asks."""
    return not ask(GATE, intent, a_case(approvals=ALWAYS, **facts)).ok


@pytest.mark.parametrize(
    "entry", [a_put(), a_call(), a_purchase(strategy="wheel"), a_put(purpose="close"), a_put(purpose="take_profit")]
)
def test_whatever_opens_a_position_waits_whichever_purpose_it_claims(entry: OrderIntent) -> None:
    assert waiting(entry, **with_shares())


@pytest.mark.parametrize("purpose", ["take_profit", "premium_stop", "time_exit", "expiry_close", "ex_dividend_close"])
def test_no_exit_ever_waits(purpose: str) -> None:
    assert not waiting(a_buy_back(purpose=purpose), positions=(held(PUT, "-1"),))


def test_stops_cancellations_and_the_owners_own_words_never_wait() -> None:
    shares = with_shares()
    resting = an_order(PUT, client_order_id="e1")
    assert not waiting(a_stop(), **shares)
    assert not waiting(a_sale(strategy="owner"), **shares)
    assert not waiting(a_cancel("e1"), own_orders=(resting,))
    assert not waiting(a_put(strategy="owner"))


def test_a_reprice_goes_on_without_asking_and_more_than_is_left_does_not() -> None:
    works = an_order(PUT, client_order_id="e1", qty="3", filled_qty=D(1))
    facts = {"own_orders": (works,)}
    assert not waiting(a_put(qty="2", replaces="e1", limit_price=D("0.55")), **facts)
    assert waiting(a_put(qty="3", replaces="e1"), **facts)
    assert waiting(a_put(PUT_LOWER, replaces="e1"), **facts)
    assert waiting(a_put(replaces="e1", key="another wish"), **facts)
    assert waiting(a_put(replaces="nobody"), **facts)


def test_a_roll_asks_at_its_start_and_then_goes_on() -> None:
    """Wheel 1.5: two orders across ticks; a word on the first is a word on the roll."""
    short = {"positions": (held(PUT, "-1"),)}
    start = a_buy_back(purpose="roll_close", roll="r1")
    assert waiting(start, **short)
    assert not waiting(start, **short, books=Books(rolls=(a_roll(stage="closing"),)))
    assert not waiting(a_put(purpose="roll_open", roll="r1"), books=Books(rolls=(a_roll(),)))


def test_one_word_carries_one_order_of_a_tick() -> None:
    approvals = (a_proposal(a_put()),)
    books = Books(approvals=approvals)
    case = a_case(approvals=ALWAYS, books=books)
    assert ask(GATE, a_put(), case).ok
    second = ask(GATE, a_put(key="again"), case.accepting(a_put()))
    assert (second.ok, second.reason) == (
        False, "waits for your word: every entry of this strategy asks (`bot approve`)",
    )  # fmt: skip


def test_what_goes_further_than_the_word_says_by_how_much() -> None:
    case = a_case(approvals=ALWAYS, books=Books(approvals=(a_proposal(a_put()),)))
    worse = ask(GATE, a_put(limit_price=D("0.58")), case)
    assert (worse.ok, worse.value, worse.limit, worse.unit, worse.distance) == (
        False, D("0.58"), D("0.60"), "usd", D("-0.02"),
    )  # fmt: skip
    assert "proposal 3 for 1 at 0.6 or better was approved, this price is worse" in worse.reason
    more = ask(GATE, a_put(qty="2"), case)
    assert (more.value, more.limit, more.unit, more.distance) == (D(2), D(1), "units", D(-1))


def test_an_unanswered_proposal_is_no_word() -> None:
    books = Books(approvals=(a_proposal(a_put(), approved_at=None),))
    assert not ask(GATE, a_put(), a_case(approvals=ALWAYS, books=books)).ok


def test_a_purchase_must_not_cost_more_than_approved_and_a_spread_must_not_bring_less() -> None:
    bought = a_buy_back(limit_price=D("0.30"))
    assert covers(bought, changed(bought, limit_price=D("0.29")))
    assert not covers(bought, changed(bought, limit_price=D("0.31")))
    legs = (leg(PUT, "sell_to_open"), leg(PUT_LOWER, "buy_to_open"))
    spread = an_intent(PUT, legs=legs, limit_price=D("-0.20"), purpose="open")
    assert price_room(spread, changed(spread, limit_price=D("-0.25"))) == D("0.05")
    assert not covers(spread, changed(spread, limit_price=D("-0.15")))
    assert (credit_of(spread), credit_of(bought), credit_of(a_put(qty="2"))) == (D(20), D(-30), D(120))
    assert credit_of(a_purchase(qty="10", limit_price=D(40))) == D(-400)


@pytest.mark.parametrize(
    "other",
    [{"strategy": "other"}, {"purpose": "covered_call"}, {"time_in_force": "gtc"}, {"order_type": "market"},
     {"legs": (leg(PUT_LOWER, "sell_to_open"),)}, {"legs": (leg(PUT, "sell_to_open", 2),)}, {"limit_price": None}],
    ids=str,
)  # fmt: skip
def test_a_word_holds_for_nothing_else(other: dict[str, Any]) -> None:
    assert covers(a_put(), a_put())
    assert not covers(a_put(), changed(a_put(), **other))


# first N


def test_the_first_ones_are_those_that_were_sent_not_those_this_tick_allowed() -> None:
    case = a_case(approvals=first(2), books=Books(entries_sent=(("other", 9), ("wheel", 1))))
    answer = ask(GATE, a_put(), case)
    assert (answer.ok, answer.value, answer.limit, answer.unit, answer.distance) == (
        False,
        D(1),
        D(2),
        "entries",
        D(-1),
    )
    assert answer.reason == "waits for your word: 1 of the first 2 entries were sent"
    assert ask(GATE, a_put(), case.accepting(a_put(PUT_LOWER))).value == D(1)
    after = a_case(approvals=first(2), books=Books(entries_sent=(("wheel", 2),)))
    assert ask(GATE, a_put(), after).ok
    assert "needs no word" in ask(GATE, a_put(), after).reason


def test_a_reprice_accepted_in_this_tick_is_no_entry_of_the_first_ones() -> None:
    works = an_order(PUT_LOWER, client_order_id="e1")
    case = a_case(approvals=first(1), own_orders=(works,)).accepting(a_put(PUT_LOWER, replaces="e1"))
    assert not ask(GATE, a_put(), case).ok


# proposals


def judged(*intents: OrderIntent, **facts: Any) -> Any:
    case: Case = a_case(approvals=facts.pop("approvals", ALWAYS), **facts)
    return judge(intents, case), case


def test_a_proposal_is_made_of_what_only_the_word_keeps_back() -> None:
    verdicts, case = judged(a_put(), a_put(put("XLF", EXPIRY, "39"), key="no quote"), a_call())
    assert [waits(one) for one in verdicts] == [True, False, False]
    (made,) = proposals_of(verdicts, case.snapshot, case.desk)
    assert made.intent == a_put()
    assert (made.number, made.approved_at, made.proposed_at) == (0, None, NOON)
    assert made.lapses_at == NOON + timedelta(minutes=15)


def test_a_proposal_lapses_with_its_slot_or_after_its_minutes_and_never_lives_past_the_close() -> None:
    late = NOON + timedelta(minutes=7)
    rule = (("wheel", ApproveRule(word="always", minutes=90)),)
    night = (("wheel", ApproveRule(word="always", minutes=1440)),)
    close = a_case().snapshot.session.close_at
    for approvals, lapses_at in (
        (ALWAYS, NOON + timedelta(minutes=15)), (rule, late + timedelta(minutes=90)), (night, close)
    ):  # fmt: skip
        verdicts, case = judged(a_put(), approvals=approvals)
        (made,) = proposals_of(verdicts, replace(case.snapshot, at=late), case.desk)
        assert made.lapses_at == lapses_at


def test_wishes_that_exclude_each_other_are_each_proposed() -> None:
    """One put a tick is allowed (contracts_within_tick): a waiting one takes no place from the other."""
    verdicts, case = judged(a_put(), a_put("XLF261218P00036000", underlying="XLF"))
    assert len(proposals_of(verdicts, case.snapshot, case.desk)) == 2


def test_an_approved_entry_passes_every_gate_again() -> None:
    (verdict,), _ = judged(a_put(), books=Books(approvals=(a_proposal(a_put()),)))
    assert verdict.approved, verdict.reason
    case = a_case(approvals=ALWAYS, books=Books(approvals=(a_proposal(a_put()),)))
    assert judge([a_put(limit_price=D("0.90"))], case)[0].reason.startswith("price_within_collar")


def test_an_order_that_never_left_uses_no_word_up() -> None:
    standing = (a_proposal(a_put()), a_proposal(a_put(PUT_LOWER), number=4, approved_at=None))
    sent, unsent = an_order(PUT), an_order(PUT, state="not_sent")
    assert [one.number for one in still_standing(standing, (sent,))] == [4]
    assert [one.number for one in still_standing(standing, (unsent,))] == [3, 4]


def test_a_strategy_without_a_rule_asks_for_nothing() -> None:
    answer = ask(GATE, a_put(), a_case(approvals=(("another", ApproveRule(word="always")),)))
    assert answer.ok
    assert answer.reason.startswith("does not apply")
    assert asks_first(a_put(), a_case().snapshot)
    assert not asks_first(a_call(CALL, action="cancel", legs=()), a_case().snapshot)


def test_a_strategy_that_asks_gives_no_stop_up_for_a_call_nobody_approved() -> None:
    """Else the stop is gone, the call waits, and the shares lie bare until a word comes."""
    stop = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1")
    scene = with_shares() | {"own_orders": (stop,)}
    wish = a_cancel("s1", "cancel_stop")
    assert not ask("protection_stays", wish, a_case(approvals=ALWAYS, **scene)).ok
    assert not ask("protection_stays", wish, a_case(approvals=first(1), **scene)).ok
    sent = Books(lots=scene["books"].lots if "books" in scene else (), entries_sent=(("wheel", 1),))
    assert ask("protection_stays", wish, a_case(approvals=first(1), **(scene | {"books": sent}))).ok
    assert ask("protection_stays", wish, a_case(**scene)).ok
