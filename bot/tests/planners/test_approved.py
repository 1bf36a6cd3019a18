"""Carrying out what the owner approved: what it asks for, and at which price it is wanted again."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ledger import Books, Proposal
from bot.domain.market import ChainRequest, EventsRequest, QuotesRequest
from bot.domain.orders import OrderIntent, leg
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings
from bot.planners.approved import PLANNER, ApprovedParams, needs, plan
from bot.tests.builders import NOON, D, a_chain, a_quote, a_session, a_slab, a_snapshot, an_account, an_intent, put

EXPIRY = date(2026, 12, 18)
PUT = put("XLF", EXPIRY, "38")
ON = ApprovedParams(strategies=frozenset({"wheel"}))


def wanted(limit: str | None = "0.63", symbol: str = PUT, **given: Any) -> OrderIntent:
    price = None if limit is None else D(limit)
    return an_intent(symbol, limit_price=price, **({"numbers": (("spot", "40.00"),)} | given))


def approval(intent: OrderIntent, **given: Any) -> Proposal:
    facts: dict[str, Any] = {
        "number": 3, "intent": intent, "proposed_at": NOON - timedelta(minutes=5), "author": "ada",
        "approved_at": NOON, "lapses_at": NOON + timedelta(minutes=10),
    }  # fmt: skip
    return Proposal(**(facts | given))


def asked(*approvals: Proposal, **given: Any) -> tuple[Any, ...]:
    holdings = Holdings(
        session=a_session(), account=an_account(), positions=(), own_orders=(), books=Books(approvals=approvals),
        **({"halt": a_snapshot().halt} | given),
    )  # fmt: skip
    return needs(holdings, ON, NOON)


def seen(*approvals: Proposal, bid: str | None = "0.60", ask: str | None = "0.66", **given: Any) -> Snapshot:
    quotes = (a_quote("XLF"), a_quote(PUT, bid, ask))
    facts: dict[str, Any] = {"books": Books(approvals=approvals), "quotes": quotes}
    return a_snapshot(**(facts | given))


def test_it_asks_for_nothing_while_no_approval_stands() -> None:
    assert asked() == ()
    assert asked(approval(wanted(), approved_at=None)) == ()
    assert asked(approval(wanted(), lapses_at=NOON)) == ()
    assert asked(approval(wanted(strategy="another"))) == ()
    assert asked(approval(wanted()), follow_up=1) == ()


def test_it_asks_for_what_the_gates_need_of_a_series_that_is_opened() -> None:
    assert asked(approval(wanted())) == (
        QuotesRequest(symbols=("XLF",)),
        EventsRequest(symbols=("XLF",)),
        ChainRequest(
            underlying="XLF", right="put", dte_min=30, dte_max=30, moneyness_min=D("0.90"), moneyness_max=D("1.00")
        ),
    )


def test_two_approvals_in_one_window_ask_once() -> None:
    requests = asked(approval(wanted()), approval(wanted(key="again"), number=4))
    assert len(requests) == 3


@pytest.mark.parametrize("spot", [(), (("spot", "none"),), (("spot", "0"),)], ids=str)
def test_without_a_price_then_the_chain_is_asked_for_wide(spot: tuple[tuple[str, str], ...]) -> None:
    chain = asked(approval(wanted(numbers=spot)))[-1]
    assert (chain.moneyness_min, chain.moneyness_max) == (D("0.5"), D(2))


def test_a_roll_is_started_on_a_quote_of_what_it_buys_back() -> None:
    start = wanted(legs=(leg(PUT, "buy_to_close"),), purpose="roll_close")
    assert asked(approval(start))[0] == QuotesRequest(symbols=("XLF", PUT))
    assert len(asked(approval(start))) == 2


def test_what_was_approved_is_wanted_again_as_it_was_proposed() -> None:
    stored = wanted(lot="lot-1", cycle="c1", key="put-XLF")
    (again,) = plan(seen(approval(stored)), ON).intents
    assert again.reason == "ada approved proposal 3: a test wants it"
    assert dict(again.numbers)["proposal"] == "3"
    assert (again.strategy, again.purpose, again.key, again.lot, again.cycle, again.legs, again.qty) == (
        stored.strategy, stored.purpose, stored.key, stored.lot, stored.cycle, stored.legs, stored.qty,
    )  # fmt: skip
    assert again.limit_price == D("0.63")


@pytest.mark.parametrize(
    ("bid", "ask", "limit"),
    [
        ("0.60", "0.66", "0.63"),  # as it was
        ("0.66", "0.72", "0.69"),  # came towards the owner: the better price is taken
        ("0.50", "0.56", "0.63"),  # moved away: never worse than approved, and the collar says what it thinks
        ("0.00", "0.66", "0.63"),  # no usable quote: the gates refuse it as it stands
    ],
)
def test_the_limit_is_todays_on_the_same_step_and_never_worse_than_approved(bid: str, ask: str, limit: str) -> None:
    (again,) = plan(seen(approval(wanted()), bid=bid, ask=ask), ON).intents
    assert again.limit_price == Decimal(limit)
    assert (f"now at {limit}" in again.reason) == (limit != "0.63")


@pytest.mark.parametrize(("bid", "ask", "limit"), [("0.50", "0.56", "0.53"), ("0.70", "0.76", "0.63")])
def test_a_purchase_pays_no_more_than_approved(bid: str, ask: str, limit: str) -> None:
    start = wanted(legs=(leg(PUT, "buy_to_close"),), purpose="roll_close")
    (again,) = plan(seen(approval(start), bid=bid, ask=ask), ON).intents
    assert again.limit_price == Decimal(limit)


def test_a_series_without_a_quote_of_its_own_is_priced_from_its_chain() -> None:
    slab = a_slab(EXPIRY, [("37", "0.40", "0.44", 200, 0.2, 0.2), ("38", "0.70", "0.74", 321, 0.25, 0.2)])
    snapshot = seen(approval(wanted()), quotes=(a_quote("XLF"),), chains=(a_chain("XLF", "put", slab),))
    assert [one.limit_price for one in plan(snapshot, ON).intents] == [D("0.72")]
    nothing = seen(approval(wanted()), quotes=(a_quote("XLF"),))
    assert [one.limit_price for one in plan(nothing, ON).intents] == [D("0.63")]


def test_shares_and_several_legs_and_orders_without_a_limit() -> None:
    shares = wanted("40.00", "XLF", legs=(leg("XLF", "buy_to_open"),), purpose="open")
    better = seen(approval(shares), quotes=(a_quote("XLF", "39.00", "39.10"),))
    assert [one.limit_price for one in plan(better, ON).intents] == [D("39.05")]
    lower = put("XLF", EXPIRY, "37")
    spread = wanted("-0.20", legs=(leg(PUT, "sell_to_open"), leg(lower, "buy_to_open")), purpose="open")
    assert [one.limit_price for one in plan(seen(approval(spread)), ON).intents] == [D("-0.20")]
    assert [one.limit_price for one in plan(seen(approval(wanted(None))), ON).intents] == [None]


def test_approvals_go_in_the_order_of_their_numbers_and_lapsed_ones_not_at_all() -> None:
    several = (approval(wanted(key="b"), number=7), approval(wanted(key="a")), approval(wanted(), lapses_at=NOON))
    assert [one.key for one in plan(seen(*several), ON).intents] == ["a", "b"]


def test_a_follow_up_opens_nothing() -> None:
    assert plan(seen(approval(wanted()), follow_up=1), ON).intents == ()


def test_a_word_for_a_strategy_that_is_switched_off_is_named_and_not_carried_out() -> None:
    found = plan(seen(approval(wanted(strategy="another"))), ON)
    assert found.intents == ()
    assert [(note.subject, note.reason) for note in found.notes] == [
        ("proposal 3", "approved, and strategies.another is switched off: it is not sent")
    ]
    assert (PLANNER.needs, PLANNER.plan) == (needs, plan)
