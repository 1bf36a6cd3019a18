"""Whatever JSON comes back, it is read, or it is an error that can be explained: nothing else escapes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import BotError
from bot.domain.holdings import Account, Activity, BrokerOrder, Clock, Position
from bot.tests.brokers.canned import (
    PUT,
    Bench,
    a_fill_answer,
    a_line_answer,
    a_position_answer,
    a_spread_answer,
    an_account_answer,
    an_order_answer,
)
from bot.tests.brokers.tape import an_order_request

WORDS = st.sampled_from(
    ["", " ", "NaN", "-Infinity", "1e400", "-1", "0", "0.5", "1.5", "99999999999999999999", "true", "buy", "sell",
     "mleg", "filled", "replaced", "canceled", "executed", "2026-11-18", "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59.9-14:00",
     "2026-11-18T14:40:00Z", PUT, "XLF", "b-1", "OPTRD", "SPLIT", "é\u0000\u2028", "9" * 5000]
)  # fmt: skip
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), WORDS, st.text(max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from([Decimal("1E+20"), Decimal("1E-20")]),
)  # fmt: skip
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
SINCE = datetime(2026, 11, 11, tzinfo=UTC)


def spoiled(answer: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give a good answer with some of its fields made nonsense and some gone."""
    changes = st.dictionaries(st.sampled_from(sorted(answer)), JSON, max_size=4)
    gone = st.sets(st.sampled_from(sorted(answer)), max_size=3)
    return st.tuples(changes, gone).map(
        lambda drawn: {key: value for key, value in (answer | drawn[0]).items() if key not in drawn[1]}
    )


def rows(*answers: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.one_of(JSON, st.lists(st.one_of(*[spoiled(one) for one in answers]), max_size=4))


def reads(bench: Bench, call: str, kind: Any, *given: Any) -> Any:
    """Call, let only explained errors pass, and prove that what came can be stored and read again."""
    try:
        value = getattr(bench.broker, call)(*given)
    except BotError:
        return None
    stored = msgspec.json.encode(value)
    given_kind = kind if not isinstance(value, tuple) else tuple.__class_getitem__((kind, ...))
    assert value is None or msgspec.json.decode(stored, type=given_kind) == value
    return value


@given(st.one_of(JSON, spoiled(an_account_answer())))
def test_no_account_breaks_the_reader(answer: Any) -> None:
    account = reads(Bench(account=answer), "read_account", Account)
    assert account is None or account.cash.is_finite()


@given(rows(a_position_answer(), a_position_answer(PUT, "-2")))
def test_no_positions_break_the_reader(answer: Any) -> None:
    positions = reads(Bench(positions=answer), "read_positions", Position)
    assert positions is None or len(positions) == len(answer)


@given(st.one_of(JSON, spoiled({"timestamp": "2026-11-18T12:00:00-05:00", "is_open": True})))
def test_no_clock_breaks_the_reader(answer: Any) -> None:
    reads(Bench(clock=answer), "read_clock", Clock)


ORDERS = (
    an_order_answer(), a_spread_answer(), an_order_answer("b-2", PUT, "sell", status="replaced", replaced_by="b-1"),
    an_order_answer("b-3", replaces="b-2", order_class="oco", legs=[an_order_answer("b-4", side="sell")]),
)  # fmt: skip


@settings(max_examples=200)
@given(rows(*ORDERS), rows(*ORDERS))
def test_no_orders_break_the_reader_and_no_live_one_is_lost(first: Any, second: Any) -> None:
    bench = Bench(orders=lambda query: first if query["status"] == "open" else second)
    orders = reads(bench, "read_orders", BrokerOrder, SINCE)
    if orders is not None:
        shown = {order.broker_order_id for order in orders}
        alive = [row for row in second if row.get("status") == "new" and not row.get("legs") and row.get("id") == "b-1"]
        assert not alive or "b-1" in shown


@given(st.one_of(JSON, *[spoiled(one) for one in ORDERS]))
def test_no_found_order_breaks_the_reader(answer: Any) -> None:
    reads(Bench(found=answer), "find_order", BrokerOrder, "c-b-1")


@given(st.one_of(JSON, *[spoiled(one) for one in ORDERS]))
def test_no_answer_to_an_order_breaks_the_reader(answer: Any) -> None:
    bench = Bench()
    bench.client.sent_answer = answer
    request = an_order_request("XLF", "buy_to_open", "10", limit_price="39.50", id="c-b-1")
    order = reads(bench, "submit", BrokerOrder, request)
    assert order is None or order.client_order_id == "c-b-1"
    assert len(bench.client.sent) == 1


@settings(max_examples=200)
@given(
    rows(
        a_fill_answer(), a_line_answer("OPASN", symbol=PUT, qty="1"), a_line_answer("CSD", net_amount="5"),
        a_line_answer("OPTRD", symbol="SPY", qty="100", price="412.5", net_amount="-41250"),
        a_line_answer("SPLIT", symbol="XLF", qty="-100", group_id="g"),
        a_line_answer("SPLIT", id="20261118000000000::o", symbol="XLF", qty="300", group_id="g"),
    ),
    st.sampled_from([date(2015, 1, 1), date(2026, 11, 18), date.min, date.max]),
)  # fmt: skip
def test_no_history_breaks_the_reader_and_keys_are_never_shared(answer: Any, since: date) -> None:
    lines = reads(Bench(activities=answer), "read_activities", Activity, since)
    assert lines is None or len({line.key for line in lines}) == len(lines)


@given(rows({"date": "2026-11-25", "open": "09:30", "close": "16:00"}))
def test_no_calendar_breaks_the_reader(answer: Any) -> None:
    try:
        sessions = Bench(calendar=answer).broker.read_calendar(date(2026, 11, 1), date(2026, 12, 1))
    except BotError:
        return
    assert all(one.open_at < one.close_at for one in sessions)
