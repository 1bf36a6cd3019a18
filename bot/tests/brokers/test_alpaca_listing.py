"""All orders: two listings, to their last page, each order once, replaced ones followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.brokers.alpaca_listing import LOOK_UPS_MAX, PAGES_MAX
from bot.domain.errors import BrokerUnreachable
from bot.tests.brokers.canned import Bench, a_spread_answer, an_order_answer

D = Decimal
SINCE = datetime(2026, 11, 11, tzinfo=UTC)


class Shelf:
    """Orders as Alpaca lists them: by submission, `after` exclusive, so many at most."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)

    def __call__(self, query: dict[str, str]) -> list[dict[str, Any]]:
        assert (query["nested"], query["limit"], query["direction"]) == ("true", "500", "asc")
        after = query.get("after", "")
        over = {"filled", "canceled", "expired", "rejected", "replaced"}
        wanted = [
            row
            for row in self.rows
            if row["submitted_at"][:26] > after[:26] and (query["status"] == "all" or row["status"] not in over)
        ]
        return sorted(wanted, key=lambda row: row["submitted_at"])[:500]


def at(number: int, *, apart: timedelta = timedelta(seconds=1)) -> str:
    return f"{datetime(2026, 11, 18, 14, tzinfo=UTC) + apart * number:%Y-%m-%dT%H:%M:%S.%f}123Z"


def test_alive_orders_are_listed_however_old_and_ended_ones_since_a_moment() -> None:
    old = an_order_answer("old", submitted_at="2026-01-05T15:00:00Z", time_in_force="gtc")
    gone = an_order_answer("gone", submitted_at="2026-01-05T15:00:00Z", status="canceled")
    done = an_order_answer("done", status="filled", filled_qty="10")
    bench = Bench(orders=Shelf(done, gone, old))
    assert [one.broker_order_id for one in bench.broker.read_orders(SINCE)] == ["old", "done"]
    queries = [query for path, query in bench.client.asked if path == "/orders"]
    assert [query["status"] for query in queries] == ["open", "all"]
    assert [query.get("after") for query in queries] == [None, "2026-11-10T23:59:59.999999Z"]


def test_an_order_in_both_listings_counts_once_in_its_newer_state() -> None:
    before = an_order_answer()
    after = an_order_answer(status="filled", filled_qty="10", updated_at="2026-11-18T14:41:00Z")
    for first, second in ((before, after), (after, before)):
        bench = Bench(orders=lambda query, a=first, b=second: [a if query["status"] == "open" else b])
        (order,) = bench.broker.read_orders(SINCE)
        assert order.status == "filled"


@pytest.mark.parametrize("count", [499, 500, 501, 1300])
def test_pages_are_read_to_the_end(count: int) -> None:
    bench = Bench(orders=Shelf(*[an_order_answer(f"b-{n:04}", submitted_at=at(n)) for n in range(count)]))
    found = bench.broker.read_orders(SINCE)
    assert [one.broker_order_id for one in found] == [f"b-{n:04}" for n in range(count)]


def test_orders_of_one_moment_at_the_edge_of_a_page_are_neither_lost_nor_read_for_ever() -> None:
    rows = [an_order_answer(f"b-{n:04}", submitted_at=at(n // 7)) for n in range(1200)]
    bench = Bench(orders=Shelf(*rows))
    assert len(bench.broker.read_orders(SINCE)) == 1200
    assert len(bench.client.asked) < 12


def test_a_page_full_of_one_moment_is_an_error_not_a_loop() -> None:
    rows = [an_order_answer(f"b-{n:04}", submitted_at=at(1)) for n in range(600)]
    bench = Bench(orders=Shelf(*rows))
    with pytest.raises(BrokerUnreachable, match="full page of one moment"):
        bench.broker.read_orders(SINCE)
    assert len(bench.client.asked) < 5


def test_a_listing_without_an_end_is_an_error() -> None:
    def endless(query: dict[str, str]) -> list[dict[str, Any]]:
        start = datetime.fromisoformat(query.get("after", "2026-01-01T00:00:00Z"))
        moments = [start + timedelta(seconds=n + 1) for n in range(500)]
        return [an_order_answer(f"{one:%j%H%M%S}", submitted_at=one.isoformat()) for one in moments]

    with pytest.raises(BrokerUnreachable, match=f"more than {PAGES_MAX} pages"):
        Bench(orders=endless).broker.read_orders(SINCE)


def test_a_full_page_out_of_order_or_without_moments_is_an_error() -> None:
    backwards = [an_order_answer(f"b-{n}", submitted_at=at(1000 - n)) for n in range(500)]
    timeless = [an_order_answer(f"b-{n}", submitted_at=None, created_at=None) for n in range(500)]
    for rows in (backwards, timeless):
        with pytest.raises(BrokerUnreachable, match="order of their submission"):
            Bench(orders=rows).broker.read_orders(SINCE)


def test_legs_under_their_parents_count_towards_a_full_page() -> None:
    """Alpaca may count legs before it rolls them up: 250 parents of 2 legs can be a page of 750."""
    first = [a_spread_answer(id=f"m-{n:04}", submitted_at=at(n)) for n in range(250)]
    rest = [a_spread_answer(id=f"m-{n:04}", submitted_at=at(n)) for n in range(249, 300)]
    pages = {None: first, "2026-11-18T14:04:08.999999Z": rest}
    bench = Bench(orders=lambda query: pages[query.get("after")] if query["status"] == "open" else [])
    assert len(bench.broker.read_orders(SINCE)) == 300


@pytest.mark.parametrize("answer", [None, {}, [None], [[]], [{}], [{"id": "", "status": "new"}]])
def test_a_listing_that_cannot_be_read_is_never_read_as_empty(answer: Any) -> None:
    with pytest.raises(BrokerUnreachable, match="orders"):
        Bench(orders=answer).broker.read_orders(SINCE)


# Replaced orders


def replaced(id: str, by: str, **given: Any) -> dict[str, Any]:
    return an_order_answer(id, status="replaced", replaced_by=by, replaced_at="2026-11-18T15:00:00Z", **given)


def test_a_replaced_order_goes_on_under_our_id_in_its_successors_state() -> None:
    old = replaced("a", "b", filled_qty="4", filled_avg_price="39.00")
    new = an_order_answer("b", replaces="a", qty="6", filled_qty="2", filled_avg_price="39.60", submitted_at=at(9999))
    (order,) = Bench(orders=Shelf(old, new)).broker.read_orders(SINCE)
    assert (order.client_order_id, order.broker_order_id, order.status) == ("c-a", "b", "new")
    assert (order.qty, order.filled_qty, order.filled_avg_price) == (D(10), D(6), D("39.20"))


def test_a_chain_of_replacements_is_one_order() -> None:
    rows = [replaced("a", "b"), replaced("b", "c", replaces="a"), an_order_answer("c", replaces="b", status="canceled")]
    (order,) = Bench(orders=Shelf(*rows)).broker.read_orders(SINCE)
    assert (order.client_order_id, order.broker_order_id, order.status) == ("c-a", "c", "canceled")


def test_a_successor_whose_predecessor_is_not_listed_is_led_back_to_it() -> None:
    new = an_order_answer("b", replaces="a", client_order_id="someone", time_in_force="gtc")
    bench = Bench(orders=Shelf(new), others={"orders/a": replaced("a", "b", submitted_at="2026-01-05T15:00:00Z")})
    (order,) = bench.broker.read_orders(SINCE)
    assert (order.client_order_id, order.broker_order_id) == ("c-a", "b")
    assert bench.client.paths.count("/orders/a") == 1


def test_a_predecessor_nobody_knows_any_more_changes_nothing() -> None:
    (order,) = Bench(orders=Shelf(an_order_answer("b", replaces="a"))).broker.read_orders(SINCE)
    assert order.client_order_id == "c-b"


def test_looking_up_predecessors_has_an_end() -> None:
    rows = [an_order_answer(f"b-{n}", replaces=f"a-{n}") for n in range(30)]
    bench = Bench(orders=Shelf(*rows))
    assert len(bench.broker.read_orders(SINCE)) == 30
    assert len(bench.client.asked) == 3 + LOOK_UPS_MAX


def test_a_ring_of_replacements_is_told_as_it_stands() -> None:
    rows = [replaced("a", "b", replaces="b"), replaced("b", "a", replaces="a")]
    assert len(Bench(orders=Shelf(*rows)).broker.read_orders(SINCE)) == 2


def test_a_spread_keeps_the_ids_of_its_legs_and_those_of_the_order_it_was_before() -> None:
    def legs(name: str) -> list[dict[str, Any]]:
        shown = a_spread_answer()["legs"]
        return [leg | {"id": f"{name}-{number}"} for number, leg in enumerate(shown, start=1)]

    old = a_spread_answer(
        id="a", client_order_id="desk-1", status="replaced", replaced_by="b", legs=legs("a"), filled_qty="0"
    )
    new = a_spread_answer(id="b", client_order_id="another", replaces="a", legs=legs("b"), submitted_at=at(9999))
    (found,) = Bench(orders=Shelf(old, new)).broker.read_orders(SINCE)
    assert (found.client_order_id, found.leg_ids) == ("desk-1", ("a-1", "a-2", "b-1", "b-2"))


def test_an_average_that_is_not_known_in_part_is_not_known() -> None:
    old = replaced("a", "b", filled_qty="4", filled_avg_price=None)
    new = an_order_answer("b", replaces="a", qty="6", filled_qty="2", filled_avg_price="39.60")
    (order,) = Bench(orders=Shelf(old, new)).broker.read_orders(SINCE)
    assert (order.filled_qty, order.filled_avg_price) == (D(6), None)
