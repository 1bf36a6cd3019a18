"""The history of an Alpaca account in the house's signs, each line once, none lost and none made up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.brokers.alpaca_activities import joined_splits, lines_of
from bot.domain.errors import BrokerUnreachable
from bot.domain.holdings import Activity
from bot.tests.brokers.canned import PUT, Bench, a_fill_answer, a_line_answer

D = Decimal
DAY = date(2026, 11, 18)
LONG_AGO = date(2015, 1, 1)


def one_line(row: dict[str, Any]) -> Activity:
    (line,) = lines_of(row)
    return line


def read(*rows: dict[str, Any], since: date = LONG_AGO) -> tuple[Activity, ...]:
    return Bench(activities=list(rows)).broker.read_activities(since)


# What lines mean


@pytest.mark.parametrize(
    ("side", "qty"), [("buy", 2), ("sell", -2), ("sell_short", -2), ("buy_to_close", 2), ("SELL", -2)]
)
def test_a_fill_takes_its_sign_from_its_side(side: str, qty: int) -> None:
    line = one_line(a_fill_answer(side=side))
    assert (line.kind, line.symbol, line.qty, line.price, line.order_id) == ("FILL", "XLF", D(qty), D("40.78"), "b-1")
    assert line.at == datetime(2026, 11, 18, 14, 55, 9, 981482, tzinfo=UTC)
    assert (line.net_amount, line.raw_type) == (D(0), "")


def test_a_partial_fill_is_an_execution_of_its_own() -> None:
    lines = read(
        a_fill_answer(id="20261118095509981::a", type="partial_fill", leaves_qty="8"),
        a_fill_answer(id="20261118095510981::b", qty="8", cum_qty="10", transaction_time="2026-11-18T14:55:10.9Z"),
    )
    assert [line.qty for line in lines] == [D(2), D(8)]


@pytest.mark.parametrize("qty", ["2", "-2"])
def test_an_assignment_closes_a_short_and_an_exercise_a_long_whatever_the_sign(qty: str) -> None:
    assert one_line(a_line_answer("OPASN", symbol=PUT, qty=qty)).qty == 2
    assert one_line(a_line_answer("OPEXC", symbol=PUT, qty=qty)).qty == -2


@pytest.mark.parametrize("qty", ["1", "-2"])
def test_an_expiry_keeps_the_sign_of_the_change(qty: str) -> None:
    assert one_line(a_line_answer("OPEXP", symbol=PUT, qty=qty)).qty == D(qty)


@pytest.mark.parametrize(
    ("row", "qty", "price", "net"),
    [
        ({"qty": "200", "price": "150", "net_amount": "-30000"}, 200, 150, -30000),
        ({"qty": "-200", "price": "150", "net_amount": "30000"}, -200, 150, 30000),
        ({"qty": "200", "price": "150", "net_amount": "30000"}, -200, 150, 30000),
        ({"qty": "200", "price": "90", "net_amount": "-30000"}, 200, 150, -30000),
        ({"qty": "200", "net_amount": "-30000"}, 200, 150, -30000),
        ({"qty": "-200", "price": "150", "net_amount": None}, -200, 150, 30000),
    ],
)
def test_the_cash_of_a_share_trade_tells_its_sign_and_its_strike(
    row: dict[str, Any], qty: int, price: int, net: int
) -> None:
    """Alpaca's own example shows a price of 90 beside 200 shares for 30,000 dollars."""
    line = one_line(a_line_answer("OPTRD", symbol="SPY", **row))
    assert (line.kind, line.qty, line.price, line.net_amount) == ("OPTRD", D(qty), D(price), D(net))


def test_an_assignment_and_its_shares_belong_together_even_where_only_their_id_is_shared() -> None:
    rows = [
        a_line_answer("OPASN", id="x::1", symbol=PUT, qty="1"),
        a_line_answer("OPTRD", id="x::1", symbol="SPY", qty="100", price="412.5", net_amount="-41250"),
        a_line_answer("OPEXP", id="x::2", symbol=PUT, qty="1", group_id=None),
        a_line_answer("OPASN", id="x::3", symbol=PUT, qty="1", group_id="g-7"),
    ]
    lines = read(*rows)
    assert [(line.kind, line.group_id) for line in lines] == [
        ("OPASN", "x::1"), ("OPTRD", "x::1"), ("OPEXP", ""), ("OPASN", "g-7"),
    ]  # fmt: skip
    assert len({line.key for line in lines}) == 4


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("DIV", "DIV"), ("DIVNRA", "DIV"), ("DIVCGL", "DIV"), ("DIVROC", "DIV"), ("CGD", "DIV"), ("FEE", "FEE"),
        ("CFEE", "FEE"), ("PTC", "FEE"), ("INT", "INT"), ("INTNRA", "INT"), ("CSD", "CSD"), ("CSW", "CSW"),
        ("JNLC", "JNLC"), ("JNL", "JNLC"), ("TRANS", "TRANS"), ("ACATC", "ACATC"),
    ],
)  # fmt: skip
def test_lines_of_cash_carry_their_amount_and_no_quantity(word: str, kind: str) -> None:
    line = one_line(a_line_answer(word, net_amount="-1.02", qty="2", per_share_amount="0.51"))
    assert (line.kind, line.net_amount, line.qty, line.price) == (kind, D("-1.02"), D(0), D("0.51"))
    assert line.raw_type == ("" if word == kind else word)


def test_a_fee_keeps_which_it_is() -> None:
    assert one_line(a_line_answer("FEE", activity_sub_type="ORF", net_amount="-0.05")).raw_type == "FEE ORF"


@pytest.mark.parametrize(
    ("row", "raw_type"),
    [
        ({"activity_type": "OPCA", "activity_sub_type": "DIV.CDIV"}, "OPCA DIV.CDIV"), ({"activity_type": "MA"}, "MA"),
        ({"activity_type": "BONUS"}, "BONUS"),
        ({"activity_type": "DIV", "activity_sub_type": "SDIV"}, "DIV SDIV"), ({"activity_type": None}, "unknown"),
    ],
)  # fmt: skip
def test_what_the_house_has_no_word_for_keeps_alpacas_and_its_cash(row: dict[str, Any], raw_type: str) -> None:
    line = one_line(a_line_answer("X", net_amount="12.30") | row)
    assert (line.kind, line.raw_type, line.net_amount) == ("OTHER", raw_type, D("12.30"))


@pytest.mark.parametrize("word", ["ACATS", "JNLS", "JNL"])
def test_securities_moved_in_or_out_are_a_transfer_whoever_moved_them(word: str) -> None:
    """A journal of shares is money moved at market (wheel 2.14): as a line of no kind it would count as result."""
    line = one_line(a_line_answer(word, symbol="XLF", qty="100", price="0", net_amount="0"))
    assert (line.kind, line.symbol, line.qty, line.net_amount) == ("ACATS", "XLF", D(100), D(0))
    assert line.raw_type == ("" if word == "ACATS" else word)


def half(qty: str, id: str, **given: Any) -> dict[str, Any]:
    """Build one half of a split as Alpaca books it: its `price` is a share price."""
    facts: dict[str, Any] = {"id": id, "symbol": "XLF", "qty": qty, "price": "100.00", "group_id": "g-1"}
    return a_line_answer("SPLIT", **(facts | given))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("group", ["g-1", None])
def test_the_two_halves_of_a_split_become_one_line_with_its_ratio(order: int, group: str | None) -> None:
    rows = [half("-100", "x::1", group_id=group), half("300", "x::2", group_id=group)]
    (line,) = read(*rows[::order])
    assert (line.kind, line.symbol, line.qty, line.price) == ("SPLIT", "XLF", D(200), D(3))
    assert line.id == "x::1+x::2"


def test_a_half_alone_has_no_ratio_unless_it_names_one() -> None:
    assert one_line(half("-100", "x::1")).price is None
    assert one_line(half("200", "x::1", old_rate="1", new_rate="3")).price == 3
    assert one_line(half("200", "x::1", old_rate="0", new_rate="3")).price is None


def test_splits_of_two_symbols_and_halves_of_one_sign_are_not_joined() -> None:
    rows = [half("-100", "x::1"), half("300", "x::2", symbol="GLD"), half("5", "x::3", group_id="g-2"),
            half("6", "x::4", group_id="g-2")]  # fmt: skip
    assert [line.id for line in joined_splits([one_line(row) for row in rows])] == ["x::1", "x::2", "x::3", "x::4"]


# States


@pytest.mark.parametrize("status", ["executed", "correct", "", None])
def test_what_is_executed_or_corrected_is_booked(status: str | None) -> None:
    assert one_line(a_line_answer("CSD", net_amount="1000", status=status)).net_amount == 1000


def test_a_cancelled_line_of_cash_comes_to_nothing_whether_it_was_seen_before_or_not() -> None:
    first, back = lines_of(a_line_answer("CSD", net_amount="1000", status="canceled"))
    before = one_line(a_line_answer("CSD", net_amount="1000"))
    assert first == before
    assert (back.kind, back.net_amount, back.id) == ("CSD", D(-1000), f"{before.id}#canceled")


@pytest.mark.parametrize(
    ("row", "mark"),
    [
        (a_line_answer("OPASN", symbol=PUT, qty="1", status="canceled"), "canceled"),
        (a_line_answer("CSD", net_amount="1000", status="queued"), "queued"),
        (a_line_answer("JNLC", net_amount="1000", status="pending"), "pending"),
        (a_line_answer("DIV", net_amount="1000", status="dreamt"), "dreamt"),
    ],
)
def test_what_is_not_booked_is_named_moves_nothing_and_leaves_its_key_free(row: dict[str, Any], mark: str) -> None:
    line, booked = one_line(row), one_line(row | {"status": "executed"})
    assert (line.kind, line.net_amount, line.qty) == ("OTHER", D(0), D(0))
    assert mark in line.raw_type
    assert row["activity_type"] in line.raw_type
    assert line.id != booked.id


@pytest.mark.parametrize(
    "row",
    [
        a_fill_answer(qty="NaN"), a_fill_answer(price=None), a_fill_answer(price="-1"), a_fill_answer(side="hold"),
        a_fill_answer(symbol=None), a_fill_answer(type="trade_bust"), a_line_answer("CSD", net_amount="much"),
        a_line_answer("DIV", net_amount=None), a_line_answer("OPASN", symbol=PUT, qty=None),
        a_line_answer("OPEXP", symbol="", qty="1"), a_line_answer("OPTRD", symbol="SPY", qty="100", net_amount=None),
        a_line_answer("FEE", net_amount="-1", status=7), a_line_answer("MA", net_amount=[]),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_named_and_moves_nothing(row: dict[str, Any]) -> None:
    line = one_line(row)
    assert (line.kind, line.qty, line.net_amount) == ("OTHER", D(0), D(0))
    assert line.id.endswith("#unreadable")
    assert "cannot be read" in line.raw_type


# When


def test_a_line_stands_where_it_was_booked() -> None:
    assert one_line(a_line_answer("OPASN", symbol=PUT, qty="1")).at == datetime(
        2026, 11, 19, 9, 23, 24, 973256, tzinfo=UTC
    )


@pytest.mark.parametrize("written", ["2026-11-18", "2026-11-18T00:00:00Z"])
def test_without_a_booking_it_stands_at_the_close_of_its_day(written: str) -> None:
    line = one_line(a_line_answer("OPEXP", symbol=PUT, qty="1", created_at=None, date=written))
    assert line.at == datetime(2026, 11, 18, 21, tzinfo=UTC)


def test_an_id_tells_the_moment_where_nothing_else_does() -> None:
    """The start of an id is a New York moment; all zeros where only the day is known."""
    fill = one_line(a_fill_answer(transaction_time=None))
    assert fill.at == datetime(2026, 11, 18, 14, 55, 9, tzinfo=UTC)
    line = one_line(a_line_answer("CSD", net_amount="1", created_at="x", date=None))
    assert line.at == datetime(2026, 11, 18, 21, tzinfo=UTC)


@pytest.mark.parametrize("id", ["", "x::1", "99999999999999999::1", "00010101000000000::1", "20261118"])
def test_a_line_without_any_day_is_an_error(id: str) -> None:
    with pytest.raises(BrokerUnreachable, match="no moment and no day"):
        lines_of(a_line_answer("CSD", net_amount="1", created_at=None, date="soon", id=id))


def test_only_what_was_booked_since_the_day_is_kept_though_a_day_more_is_asked_for() -> None:
    late = a_fill_answer(id="20261117180000000::a", transaction_time="2026-11-18T04:59:59Z")
    early = a_fill_answer(id="20261118000000001::b", transaction_time="2026-11-18T05:00:01Z")
    bench = Bench(activities=[late, early])
    assert [line.id for line in bench.broker.read_activities(DAY)] == [early["id"]]
    assert bench.client.asked[1] == (
        "/account/activities", {"after": "2026-11-17T00:00:00Z", "direction": "asc", "page_size": "100"},
    )  # fmt: skip


def test_lines_come_oldest_first_however_alpaca_lists_them() -> None:
    rows = [a_line_answer("CSD", net_amount="1"), a_fill_answer()]
    assert [line.kind for line in read(*rows)] == ["FILL", "CSD"]


def test_the_whole_history_can_be_asked_for() -> None:
    bench = Bench(activities=[])
    assert bench.broker.read_activities(date.min) == ()
    assert bench.client.asked[1][1]["after"] == "1970-12-31T00:00:00Z"


# Pages


class Ledger:
    """Rows as Alpaca pages them: so many after the row whose id is the token."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, query: dict[str, str]) -> list[dict[str, Any]]:
        token = query.get("page_token")
        ids = [row["id"] for row in self.rows]
        start = 0 if token is None else len(ids) - ids[::-1].index(token)
        return self.rows[start : start + 100]


def deposit(number: int, **given: Any) -> dict[str, Any]:
    return a_line_answer("CSD", **({"id": f"x::{number:05}", "net_amount": str(number)} | given))


@pytest.mark.parametrize("count", [0, 99, 100, 101, 730])
def test_history_is_read_to_its_last_page(count: int) -> None:
    bench = Bench(activities=Ledger([deposit(n) for n in range(1, count + 1)]))
    lines = bench.broker.read_activities(LONG_AGO)
    assert sum(line.net_amount for line in lines) == count * (count + 1) // 2


@pytest.mark.parametrize("before", range(95, 101))
def test_two_lines_with_one_id_are_not_parted_by_a_page(before: int) -> None:
    pair = [
        a_line_answer("OPASN", id="y::1", symbol=PUT, qty="1"),
        a_line_answer("OPTRD", id="y::1", symbol="SPY", qty="100", price="412.5", net_amount="-41250"),
    ]
    rows = [deposit(n) for n in range(before)] + pair + [deposit(n) for n in range(200, 250)]
    lines = Bench(activities=Ledger(rows)).broker.read_activities(LONG_AGO)
    assert len(lines) == before + 52
    assert {line.kind for line in lines} == {"CSD", "OPASN", "OPTRD"}


def test_a_page_that_comes_again_and_again_is_an_error() -> None:
    bench = Bench(activities=[deposit(n) for n in range(100)])
    with pytest.raises(BrokerUnreachable, match="cannot be told from"):
        bench.broker.read_activities(LONG_AGO)
    assert len(bench.client.asked) == 3


def test_a_history_without_an_end_is_an_error() -> None:
    def endless(query: dict[str, str]) -> list[dict[str, Any]]:
        start = int(query.get("page_token", "x::0")[3:])
        return [{"id": f"x::{start + n}"} for n in range(1, 101)]

    with pytest.raises(BrokerUnreachable, match="more than 1000 pages"):
        Bench(activities=endless).broker.read_activities(LONG_AGO)


def test_a_line_told_twice_counts_once_and_one_with_other_numbers_is_another() -> None:
    lines = read(deposit(1), deposit(1), deposit(1, net_amount="7"))
    assert [line.net_amount for line in lines] == [D(1), D(7)]
    assert len({line.key for line in lines}) == 2


def test_lines_without_an_id_are_told_apart_by_what_they_say() -> None:
    rows = [deposit(1, id=None), deposit(2, id=""), deposit(1, id=None)]
    lines = read(*rows)
    assert sorted(line.net_amount for line in lines) == [D(1), D(2)]
    assert lines == read(*rows)


@pytest.mark.parametrize("answer", [None, {}, "[]", [None], [[]], 5])
def test_a_history_that_cannot_be_read_is_never_read_as_empty(answer: Any) -> None:
    with pytest.raises(BrokerUnreachable, match="history"):
        Bench(activities=answer).broker.read_activities(DAY)
