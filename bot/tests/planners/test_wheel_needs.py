"""What the wheel asks of the market: no more than this tick can act on (design 4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from msgspec.structs import replace

from bot.domain.ledger import Halt, Roll
from bot.domain.market import ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.snapshot import Snapshot
from bot.planners.wheel import PLANNER
from bot.tests.builders import NOON, D, a_lot, a_snapshot, an_option_leg, an_order, call, held, put
from bot.tests.planners.wheel_scene import NEAR, PUT_385, holdings_of, params, scene, some_books, word

SOON = date(2026, 11, 20)


def needed(snapshot: Snapshot, given: Any = None) -> tuple[Request, ...]:
    return PLANNER.needs(holdings_of(snapshot), given or params(), snapshot.at)


def chains(snapshot: Snapshot, given: Any = None) -> list[ChainRequest]:
    return [one for one in needed(snapshot, given) if isinstance(one, ChainRequest)]


def quotes(snapshot: Snapshot, given: Any = None) -> tuple[str, ...]:
    return next((one.symbols for one in needed(snapshot, given) if isinstance(one, QuotesRequest)), ())


def test_outside_the_session_nothing_is_asked() -> None:
    assert needed(a_snapshot(datetime(2026, 11, 18, 22, 0, tzinfo=UTC))) == ()


def test_an_idle_wheel_asks_for_one_put_chain_with_share_and_events() -> None:
    assert needed(scene()) == (
        QuotesRequest(symbols=("XLF",)),
        EventsRequest(symbols=("XLF",)),
        ChainRequest(
            underlying="XLF", right="put", dte_min=25, dte_max=45, moneyness_min=D("0.80"), moneyness_max=D(1)
        ),
    )


def test_a_low_delta_band_asks_for_a_wider_window() -> None:
    (request,) = chains(scene(), params(put_delta_min=D("0.12")))
    assert request.moneyness_min == D("0.75")
    (request,) = chains(scene(), params(put_delta_max=D("0.60")))
    assert request.moneyness_max == D("1.10")


def test_a_wheel_with_nothing_to_write_asks_for_no_chain() -> None:
    """design 4"""
    short = put("XLF", NEAR, "38")
    snapshot = scene(positions=(held(short, "-1"),), books=some_books(legs=(an_option_leg(short),)))
    assert chains(snapshot) == []
    assert quotes(snapshot) == ("XLF", short)


def test_a_working_order_is_watched_by_its_quote_not_by_a_chain() -> None:
    snapshot = scene(own_orders=(an_order(PUT_385),))
    assert chains(snapshot) == []
    assert quotes(snapshot) == ("XLF", PUT_385)


def test_shares_ask_for_calls_from_the_floor_and_not_for_puts() -> None:
    cheap = scene(positions=(held("XLF", "100", price="40"),), books=some_books(lots=(a_lot(basis="39"),)))
    (request,) = chains(cheap)
    assert (request.right, request.dte_min, request.dte_max) == ("call", 14, 40)
    assert (request.moneyness_min, request.moneyness_max) == (D(1), D("1.25"))
    dear = scene(positions=(held("XLF", "100", price="40"),), books=some_books(lots=(a_lot(basis="52"),)))
    (request,) = chains(dear)
    assert (request.moneyness_min, request.moneyness_max) == (D("1.28"), D("1.43"))


def test_covered_shares_ask_for_nothing_but_quotes() -> None:
    short = call("XLF", NEAR, "42")
    books = some_books(lots=(a_lot(),), legs=(an_option_leg(short),))
    assert chains(scene(positions=(held("XLF", "100"), held(short, "-1")), books=books)) == []


def test_a_put_near_expiry_asks_for_the_chain_it_could_roll_into() -> None:
    short = put("XLF", SOON, "41")
    snapshot = scene(positions=(held(short, "-1"),), books=some_books(legs=(an_option_leg(short),)))
    (request,) = chains(snapshot)
    assert (request.dte_min, request.dte_max) == (1, 60)
    assert request.moneyness_max > 1
    assert chains(snapshot, params(put_roll_dte=None)) == []
    assert chains(snapshot, params(put_roll_dte=1)) == []
    assert chains(snapshot, params(rolls_max=0)) == []
    assert chains(replace(snapshot, halt=Halt(level="no_new_risk"))) == []
    for said in ("no_roll", "hold", "let_assign", "close"):
        told = replace(snapshot, books=replace(snapshot.books, instructions=(word(short, said),)))
        assert chains(told) == []


def test_a_call_asks_for_a_chain_only_when_a_dividend_could_roll_it_late_in_the_day() -> None:
    short = call("XLF", NEAR, "39")
    books = some_books(lots=(a_lot(),), legs=(an_option_leg(short),))
    snapshot = scene(positions=(held("XLF", "100"), held(short, "-1")), books=books)
    late = replace(snapshot, at=datetime(2026, 11, 18, 19, 0, tzinfo=UTC))
    assert chains(late) == []
    assert chains(snapshot, params(ex_date_exit="roll")) == []
    assert [one.right for one in chains(late, params(ex_date_exit="roll"))] == ["call"]


def test_expiry_day_rolls_ask_only_near_their_hour() -> None:
    short = put("XLF", NOON.date(), "41")
    snapshot = scene(positions=(held(short, "-1"),), books=some_books(legs=(an_option_leg(short),)))
    late = replace(snapshot, at=datetime(2026, 11, 18, 19, 0, tzinfo=UTC))
    given = params(itm_at_expiry_put="roll")
    assert chains(snapshot, given) == []
    assert len(chains(late, given)) == 1
    assert chains(late) == []


def test_a_roll_in_flight_asks_for_its_chain_and_joins_it_with_an_entry() -> None:
    roll = Roll(
        id="roll-1", underlying="XLF", right="put", old_symbol=put("XLF", SOON, "41"), old_strike=D(41), qty=D(1),
        strategy="wheel", cycle="c", chain="c", rolls=1, stage="opening", budget=D(120), ticks_left=4, started_at=NOON,
    )  # fmt: skip
    (request,) = chains(scene(books=some_books(rolls=(roll,))))
    assert (request.dte_min, request.dte_max, request.moneyness_max) == (1, 60, D("1.40"))
    spent = scene(books=some_books(rolls=(replace(roll, ticks_left=0),)))
    assert chains(spent) == []


def test_one_request_serves_entry_and_roll_of_one_side() -> None:
    short = call("XLF", SOON, "39")
    books = some_books(lots=(a_lot(qty="200", basis="39"),), legs=(an_option_leg(short),))
    snapshot = scene(positions=(held("XLF", "200"), held(short, "-1")), books=books)
    late = replace(snapshot, at=datetime(2026, 11, 18, 19, 0, tzinfo=UTC))
    (request,) = chains(late, params(ex_date_exit="roll"))
    assert (request.dte_min, request.dte_max) == (1, 60)
    assert (request.moneyness_min, request.moneyness_max) == (D("0.60"), D("1.25"))
