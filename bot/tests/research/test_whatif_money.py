"""What an order that never went out would have made: each dollar here was worked out by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bot.domain.market import ChainRequest, QuotesRequest
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.sessions import next_session, session_on
from bot.domain.snapshot import Snapshot
from bot.engine.replay import Decided
from bot.gates.case import Case
from bot.gates.judge import judge
from bot.research.whatif import Flip, compare, uncovered
from bot.research.whatif_money import NOTHING, Seen, Worth, symbols_of, worth_of, worth_of_change
from bot.tests.builders import NOON, D, a_chain, a_desk, a_quote, a_slab, a_snapshot, an_intent, put

TODAY = NOON.date()
EXPIRY = date(2026, 11, 27)
SERIES = put("XLF", EXPIRY, "50")
LATER_SERIES = put("XLF", date(2026, 12, 18), "50")
SOLD = an_intent(SERIES)


def followed(intent: OrderIntent, *moments: tuple[datetime, dict[str, tuple[str, str]]], **given: Any) -> Seen:
    """Show a record of moments, each with (bid, ask) by symbol; ticks are numbered from 1."""
    seen = Seen(symbols_of(intent))
    for number, (at, quotes) in enumerate(moments, start=1):
        shown = tuple(a_quote(symbol, bid, ask, volatility=0.2, **given) for symbol, (bid, ask) in quotes.items())
        seen.add(number, a_snapshot(at, quotes=shown))
    return seen


def noon_of(day: date) -> datetime:
    session = session_on(day) or next_session(day)
    return session.open_at + timedelta(hours=2)


def test_a_sold_put_fills_at_the_next_quote_and_is_marked_to_the_last_one() -> None:
    # The desk decides on 1.00/1.10. Fill 0.95 (far) or 1.00 (mid); end 0.60 (far) or 0.55 (mid).
    seen = followed(
        an_intent(LATER_SERIES),
        (NOON, {LATER_SERIES: ("1.00", "1.10")}),
        (NOON + timedelta(minutes=15), {LATER_SERIES: ("0.95", "1.05")}),
        (noon_of(date(2026, 11, 25)), {LATER_SERIES: ("0.50", "0.60")}),
    )
    worth = worth_of(an_intent(LATER_SERIES), 1, TODAY, seen)
    assert (worth.far, worth.mid, worth.how) == (D("35.00"), D("45.00"), "recorded")
    bought = worth_of(an_intent(LATER_SERIES, "buy_to_close", qty="2"), 1, TODAY, seen)
    assert (bought.far, bought.mid) == (D("-110.00"), D("-90.00"))  # 2 x 100 x (0.50-1.05), (0.55-1.00)


def test_an_expired_put_is_worth_what_the_recorded_underlying_makes_it() -> None:
    seen = followed(
        SOLD,
        (NOON, {SERIES: ("1.00", "1.10"), "XLF": ("49.99", "50.01")}),
        (NOON + timedelta(minutes=15), {SERIES: ("0.95", "1.05")}),
        (noon_of(EXPIRY), {"XLF": ("48.49", "48.51")}),
        (noon_of(date(2026, 12, 1)), {"XLF": ("55.00", "55.02")}),
    )
    worth = worth_of(SOLD, 1, TODAY, seen)
    assert (worth.far, worth.mid, worth.how) == (D("-55.00"), D("-50.00"), "recorded")  # 0.95 - 1.50, 1.00 - 1.50


def test_what_the_record_does_not_price_is_modelled_and_says_so() -> None:
    seen = followed(
        SOLD,
        (NOON, {SERIES: ("1.00", "1.10"), "XLF": ("49.99", "50.01")}),
        (noon_of(EXPIRY), {"XLF": ("50.99", "51.01")}),
    )
    worth = worth_of(SOLD, 1, TODAY, seen)
    # No later quote that session: filled on the quote it was decided on; it expired worthless.
    assert (worth.far, worth.mid, worth.how) == (D("100.00"), D("105.00"), "modelled")
    open_still = an_intent(LATER_SERIES)
    seen = followed(
        open_still,
        (NOON, {LATER_SERIES: ("1.00", "1.10"), "XLF": ("49.99", "50.01")}),
        (NOON + timedelta(minutes=15), {LATER_SERIES: ("1.00", "1.10")}),
        (noon_of(date(2026, 11, 25)), {"XLF": ("79.99", "80.01")}),
    )
    worth = worth_of(open_still, 1, TODAY, seen)
    assert (worth.far, worth.mid, worth.how) == (
        D("100.00"),
        D("105.00"),
        "modelled",
    )  # 30 out of the money: nothing left
    assert "modelled at the end of the record" in worth.words


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (an_intent("XLF", "sell_to_close", order_type="trailing_stop", limit_price=None, trail_percent=D(8)), "a stop"),
        (an_intent(SERIES, replaces="desk-1"), "reprice"),
        (an_intent(SERIES, action="cancel", legs=()), "cancellation"),
        (SOLD, "no usable quote"),
    ],
)
def test_what_cannot_be_valued_is_said_and_never_zero(intent: OrderIntent, words: str) -> None:
    worth = worth_of(intent, 1, TODAY, followed(intent, (NOON, {})))
    assert worth.how == "not valued"
    assert words in worth.words


def test_a_change_is_the_new_order_less_the_old_one() -> None:
    old, new = Worth(D(35), D(45), "recorded", "a"), Worth(D(20), D(22), "modelled", "b")
    assert worth_of_change("changes", old, new, price_only=False)[:3] == (D(-15), D(-23), "modelled")
    assert worth_of_change("vanishes", old, NOTHING, price_only=False)[:3] == (D(-35), D(-45), "recorded")
    assert worth_of_change("appears", NOTHING, new, price_only=False)[:3] == (D(20), D(22), "modelled")
    assert worth_of_change("changes", old, old, price_only=True).how == "not valued"


def test_a_quote_is_found_in_a_chain_too_and_a_crossed_one_is_no_price() -> None:
    slab = a_slab(EXPIRY, [("50", "1.00", "1.10", 500, 0.5, 0.2)])
    seen = Seen([SERIES])
    seen.add(1, a_snapshot(chains=(a_chain("XLF", "put", slab),)))
    seen.add(2, a_snapshot(NOON + timedelta(minutes=15), quotes=(a_quote(SERIES, "1.20", "1.10"),)))
    found = seen.decided_on(SERIES, 1)
    assert found is not None
    assert (found.bid, found.ask) == (D("1.00"), D("1.10"))
    assert seen.next_after(SERIES, 1, TODAY) is None


def judged(snapshot: Snapshot, *intents: OrderIntent) -> Decided:
    return Decided(judge(intents, Case(snapshot=snapshot, desk=a_desk("XLF", "EWZ"))), ())


def sent(intent: OrderIntent) -> Verdict:
    """Give a verdict in which every gate allowed."""
    refused = judge((intent,), Case(snapshot=a_snapshot(), desk=a_desk("XLF", "EWZ")))[0]
    checks = tuple(type(one)(gate=one.gate, ok=True, reason="") for one in refused.checks)
    return Verdict(intent=intent, checks=checks)


def test_orders_appear_vanish_and_change_and_missing_data_silences_its_name_alone() -> None:
    old, other = an_intent(SERIES, key="put-XLF"), an_intent(put("EWZ", EXPIRY, "30"), key="put-EWZ")
    new = an_intent(put("XLF", EXPIRY, "48"), key="put-XLF")
    was, now = Decided((sent(old),), ()), Decided((sent(new), sent(other)), ())
    found = compare(a_snapshot(), was, now, {})
    assert [(one.kind, one.was, one.now) for one in found.changes] == [
        ("changes", old, new), ("appears", None, other),
    ]  # fmt: skip
    assert [one.kind for one in compare(a_snapshot(), now, was, {}).changes] == ["changes", "vanishes"]
    silenced = compare(a_snapshot(), was, now, {"XLF": "the put chain"})
    assert [(one.kind, one.now) for one in silenced.changes] == [("appears", other)]


def test_a_gate_that_answers_otherwise_is_named() -> None:
    intent = an_intent(SERIES)
    refused = judge((intent,), Case(snapshot=a_snapshot(), desk=a_desk("XLF")))[0]
    assert not refused.approved
    found = compare(a_snapshot(), Decided((refused,), ()), Decided((sent(intent),), ()), {})
    gates = [check.gate for check in refused.checks if not check.ok]
    assert found.flips == tuple(Flip(gate, allows=True) for gate in gates)
    assert [one.kind for one in found.changes] == ["appears"]


def test_a_wider_window_than_the_recorded_one_is_not_answered() -> None:
    def window(last: int, low: str = "0.8") -> ChainRequest:
        return ChainRequest(
            underlying="XLF", right="put", dte_min=25, dte_max=last, moneyness_min=D(low), moneyness_max=D(1)
        )

    assert uncovered(window(45), (window(45),)) == uncovered(window(30), (window(45),)) == {}
    assert "XLF" in uncovered(window(60), (window(45),))
    assert "XLF" in uncovered(window(45, "0.7"), (window(45),))
    quotes = (QuotesRequest(symbols=("XLF", "SPY")),)
    assert uncovered(QuotesRequest(symbols=("XLF",)), quotes) == {}
    assert uncovered(QuotesRequest(symbols=("XLF", SERIES)), quotes) == {"XLF": f"the quote of {SERIES}"}
