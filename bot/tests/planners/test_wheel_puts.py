"""Selling puts on cash: which series, at what price, and what stands against it (C016, C018, C019)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.desk import SymbolInfo
from bot.domain.ledger import Counters, Drift, Halt, Pause
from bot.domain.market import Earnings
from bot.planners.wheel import PLANNER, candidates
from bot.tests.builders import (
    NOON,
    D,
    a_chain,
    a_quote,
    a_slab,
    a_snapshot,
    an_account,
    an_order,
    held,
    put,
    some_events,
    some_limits,
    wheel_numbers,
)
from bot.tests.planners.wheel_scene import (
    FAR,
    NEAR,
    PUT_385,
    ROWS,
    holdings_of,
    params,
    planned,
    put_chain,
    scene,
    some_books,
    the_intent,
    the_note,
)


def test_the_expiry_nearest_the_target_and_there_the_delta_nearest_its_target_is_sold() -> None:
    intent = the_intent(scene(put_chain()))
    assert (intent.purpose, intent.symbol, intent.side) == ("cash_secured_put", PUT_385, "sell_to_open")
    assert (intent.qty, intent.order_type, intent.time_in_force, intent.step) == (D(1), "limit", "day", 0)
    assert intent.limit_price == D("0.52")
    numbers = dict(intent.numbers)
    assert numbers["delta"] == "-0.2500"
    assert numbers["delta_source"] == "broker"
    assert (numbers["dte"], numbers["collateral"], numbers["open_interest"]) == ("36", "3850", "900")
    assert numbers["yield"] == str(round(D("0.52") / D("38.5") * 365 / 36, 4))


def test_where_the_nearest_expiry_has_nothing_the_next_one_is_taken() -> None:
    thin = [(*row[:3], 10, *row[4:]) for row in ROWS]
    assert the_intent(scene(put_chain(rows=thin))).symbol == put("XLF", NEAR, "38.5")


def test_numbers_of_one_symbol_override_the_others() -> None:
    """C016: per-symbol overrides."""
    given = params("XLF", "SLV")
    given.numbers["SLV"] = wheel_numbers(put_delta_target=D("0.20"))
    sold = {intent.underlying: intent.symbol for intent in planned(scene(put_chain(), put_chain("SLV")), given).intents}
    assert sold == {"XLF": PUT_385, "SLV": put("SLV", FAR, "38")}


def test_puts_are_ranked_by_annualised_yield_over_symbols() -> None:
    rich = [(row[0], str(D(row[1]) + D("0.30")), str(D(row[2]) + D("0.30")), *row[3:]) for row in ROWS]
    plan = planned(scene(put_chain("AAA"), put_chain("BBB", rows=rich)), params("AAA", "BBB"))
    assert [intent.underlying for intent in plan.intents] == ["BBB", "AAA"]


def test_a_series_outside_the_dte_window_is_not_looked_at() -> None:
    chain = a_chain("XLF", "put", a_slab(date(2026, 12, 11), ROWS), a_slab(date(2027, 1, 15), ROWS))
    note = the_note(scene(chain), "put")
    assert note.reason == "no put is listed 25 to 45 days out"


def test_the_dte_window_holds_both_its_ends() -> None:
    for expiry in (date(2026, 12, 13), date(2027, 1, 2)):
        assert the_intent(scene(a_chain("XLF", "put", a_slab(expiry, ROWS)))).symbol == put("XLF", expiry, "38.5")
    for expiry in (date(2026, 12, 12), date(2027, 1, 3)):
        assert not planned(scene(a_chain("XLF", "put", a_slab(expiry, ROWS)))).intents


def test_nothing_that_expires_today_is_sold_whatever_the_window_says() -> None:
    """wheel 1.16"""
    today = a_chain("XLF", "put", a_slab(NOON.date(), ROWS))
    assert not planned(scene(today), params(put_dte_min=0)).intents


@pytest.mark.parametrize(("delta", "sold"), [(0.18, True), (0.30, True), (0.1799, False), (0.3001, False)])
def test_the_delta_band_holds_both_its_ends(delta: float, sold: bool) -> None:
    chain = a_chain("XLF", "put", a_slab(FAR, [("38.5", "0.50", "0.53", 900, delta, 0.21)]))
    assert bool(planned(scene(chain)).intents) is sold


def test_the_nearest_miss_is_named_with_its_number_against_its_limit() -> None:
    """peers: the user could not tell why nothing happened."""
    chain = a_chain("XLF", "put", a_slab(FAR, ROWS))
    note = the_note(scene(chain), "put", params(put_yield_min=D("0.20")))
    assert note.value is not None
    assert round(note.value, 4) == D("0.1664")
    assert (note.limit, note.unit) == (D("0.20"), "fraction")
    assert "annualised yield too small" in note.reason
    assert "2 outside the delta band, 3 yield too small" in note.reason


def test_the_yield_is_judged_at_the_limit_sent_and_reaches_its_minimum_exactly() -> None:
    """wheel 2.5"""
    chain = a_chain("XLF", "put", a_slab(FAR, [("36.5", "0.50", "0.54", 900, 0.25, 0.21)]))
    exact = D("0.52") * 365 / (D("36.5") * 36)
    assert planned(scene(chain), params(put_yield_min=exact)).intents
    assert not planned(scene(chain), params(put_yield_min=exact + D("0.000001"))).intents


def test_the_minimum_credit_holds_at_its_boundary() -> None:
    assert planned(scene(put_chain()), params(credit_min=D("0.52"), put_delta_min=D("0.25"))).intents
    note = the_note(scene(put_chain()), "put", params(credit_min=D("0.65")))
    assert (note.value, note.limit, note.unit) == (D("0.64"), D("0.65"), "usd")


def test_limits_that_are_off_refuse_nothing() -> None:
    off = some_limits(open_interest_min=None, option_spread_fraction=None, option_spread_absolute=None)
    rows = [("38.5", "0.02", "0.90", -1, 0.25, 0.21)]
    chain = a_chain("XLF", "put", a_slab(FAR, rows))
    given = params(limits=off, put_yield_min=None, credit_min=None)
    assert planned(scene(chain), given).intents


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("38.5", "0.50", "0.53", 99, 0.25, 0.21), "open interest too small"),
        (("38.5", "0.50", "0.53", -1, 0.25, 0.21), "open interest too small"),
        (("38.5", "0.40", "0.60", 900, 0.25, 0.21), "spread too wide"),
        (("38.5", "0.00", "0.53", 900, 0.25, 0.21), "no valid bid and ask"),
        (("38.5", "0.53", "0.53", 900, 0.25, 0.21), "no valid bid and ask"),
        (("38.5", "0.50", "0.53", 900, 0.25, 0.0299), "implied volatility is an anomaly"),
        (("38.5", "0.50", "0.53", 900, 0.25, 4.0001), "implied volatility is an anomaly"),
    ],
)
def test_a_series_that_fails_a_market_rule_is_named(row: tuple[str, str, str, int, float, float], why: str) -> None:
    """wheel 1.19 and the limits of the desk."""
    chain = a_chain("XLF", "put", a_slab(FAR, [row]))
    assert why in the_note(scene(chain), "put").reason


@pytest.mark.parametrize("volatility", [0.03, 4.0])
def test_volatility_at_the_edge_is_no_anomaly(volatility: float) -> None:
    chain = a_chain("XLF", "put", a_slab(FAR, [("38.5", "0.50", "0.53", 900, 0.25, volatility)]))
    assert planned(scene(chain)).intents


def test_only_standard_contracts_are_sold() -> None:
    """wheel 1.18"""
    chain = a_chain("XLF", "put", a_slab(FAR, [ROWS[2]], odd=(PUT_385,)))
    assert "not a standard contract" in the_note(scene(chain), "put").reason


def test_without_a_brokers_delta_ours_comes_from_the_mid() -> None:
    """wheel 1.19: 38.5 at 0.515 with 36 days says about 21 % volatility and a delta near -0.25."""
    rows = [(*row[:4], -1, -1) for row in ROWS]
    intent = the_intent(scene(put_chain(rows=rows, near=rows, greeks="none")))
    numbers = dict(intent.numbers)
    assert numbers["delta_source"] == "model"
    assert -0.30 <= float(numbers["delta"]) <= -0.18
    assert 0.1 < float(numbers["iv"]) < 0.4


def test_a_models_delta_is_stored_as_such() -> None:
    assert dict(the_intent(scene(put_chain(greeks="model"))).numbers)["delta_source"] == "model"


def test_the_otm_fallback_serves_only_where_no_delta_can_be_had() -> None:
    """wheel 1.19: a put quoted above its strike has no volatility; the distance decides, if the profile allows."""
    rows = [("37.5", "39.00", "39.10", 900, -1.0, -1.0)]
    chain = a_chain("XLF", "put", a_slab(FAR, rows), greeks="none")
    intent = the_intent(scene(chain))
    assert dict(intent.numbers)["delta_source"] == "otm"
    assert "delta" not in dict(intent.numbers)
    assert "6.2 % out of the money" in intent.reason
    note = the_note(scene(chain), "put", params(otm_fallback=None))
    assert "OTM fallback is off" in note.reason


def test_the_otm_fallback_does_not_take_a_strike_far_from_its_distance() -> None:
    chain = a_chain("XLF", "put", a_slab(FAR, [("39.5", "45.00", "45.10", 900, -1.0, -1.0)]), greeks="none")
    note = the_note(scene(chain), "put")
    assert (note.value, note.limit) == (D("0.0125"), D("0.06"))


def test_one_hole_in_a_known_column_is_no_reason_to_fall_back() -> None:
    rows = [("37.5", "39.00", "39.10", 900, -1.0, -1.0), ROWS[0]]
    assert "neighbours" in the_note(scene(a_chain("XLF", "put", a_slab(FAR, rows))), "put").reason


def test_unknown_earnings_refuse_a_stock_and_exempt_a_fund() -> None:
    """wheel 1.10"""
    events = (some_events("XLF", earnings_status="unknown"),)
    stock = replace(params(), universe={"XLF": SymbolInfo(symbol="XLF", group="g", kind="stock")})
    assert planned(scene(put_chain(), events=events)).intents
    assert "earnings dates are unknown" in the_note(scene(put_chain(), events=events), "put", stock).reason
    stale = (some_events("XLF", earnings_status="stale"),)
    assert "earnings dates are stale" in the_note(scene(put_chain(), events=stale), "put", stock).reason
    assert "unknown" in the_note(scene(put_chain(), events=()), "put", stock).reason
    brave = replace(stock, numbers={"XLF": wheel_numbers(earnings_avoided_put=False)})
    assert planned(scene(put_chain(), events=events), brave).intents


@pytest.mark.parametrize(
    ("day", "when", "over"),
    [
        (FAR, "bmo", True),
        (FAR, "amc", False),
        (FAR, "unknown", True),
        (NOON.date(), "bmo", False),
        (NOON.date(), "amc", True),
        (date(2026, 12, 25), "bmo", False),
    ],
)
def test_no_put_stands_over_an_earnings_release(day: date, when: str, over: bool) -> None:
    """wheel 1.10"""
    release = msgspec.convert({"symbol": "XLF", "day": day, "when": when, "as_of": day}, Earnings, strict=False)
    events = (some_events("XLF", earnings_status="known", earnings=(release,)),)
    stock = replace(params(), universe={"XLF": SymbolInfo(symbol="XLF", group="g", kind="stock")})
    chain = a_chain("XLF", "put", a_slab(FAR, ROWS))
    assert bool(planned(scene(chain, events=events), stock).intents) is not over


def test_dividends_do_not_concern_puts() -> None:
    """wheel 1.9: puts have no ex-date rule."""
    assert planned(scene(put_chain(), events=(some_events("XLF", dividend_status="unknown"),))).intents


def refusals() -> list[tuple[str, dict[str, Any], str]]:
    shares = (held("XLF", "100"),)
    short = (held(put("XLF", NEAR, "38"), "-1"),)
    drift = Drift(symbol="XLF", kind="pending", what="assignment", broker=D(100), ours=D(0))
    pause = Pause(symbol="*", until=NOON + timedelta(days=1), reason="holiday")
    return [
        ("halt", {"halt": Halt(level="no_new_risk")}, "halt no_new_risk"),
        ("pause", {"books": some_books(pauses=(pause,))}, "paused until 2026-11-19 17:00 UTC: holiday"),
        ("drift", {"books": some_books(drift=(drift,))}, "pending difference on XLF: assignment"),
        ("shares", {"positions": shares}, "shares are held"),
        ("series", {"positions": short}, "short put series on this symbol"),
        ("day", {"books": some_books(counters=Counters(contracts_today=(("A", 1), ("B", 1))))}, "new contracts today"),
        ("symbol", {"books": some_books(counters=Counters(contracts_today=(("XLF", 1),)))}, "on this symbol today"),
        ("orders", {"books": some_books(counters=Counters(orders_today=10))}, "the day's orders are used"),
        ("unresolved", {"own_orders": (an_order(PUT_385, state="unknown"),)}, "is unresolved"),
    ]


@pytest.mark.parametrize(("name", "given", "why"), refusals(), ids=[one[0] for one in refusals()])
def test_what_stands_against_a_put_is_said_and_asks_for_no_chain(name: str, given: dict[str, Any], why: str) -> None:
    """C018; a wheel with nothing to write asks for no chain."""
    snapshot = scene(put_chain(), **given)
    assert not [intent for intent in planned(snapshot).intents if intent.purpose == "cash_secured_put"]
    assert any(why in note.reason for note in planned(snapshot).notes if note.subject == "put")
    requests = PLANNER.needs(holdings_of(snapshot), params(), NOON)
    assert not [one for one in requests if type(one).__name__ == "ChainRequest" and getattr(one, "right", "") == "put"]


def test_puts_are_sold_beside_shares_only_where_the_profile_says_so() -> None:
    """wheel 1.15"""
    snapshot = scene(put_chain(), positions=(held("XLF", "100"),))
    sold = planned(snapshot, params(put_while_holding=True)).intents
    assert [intent.symbol for intent in sold] == [PUT_385]


def test_a_pause_that_is_over_or_of_another_symbol_does_not_bind() -> None:
    pauses = (
        Pause(symbol="XLF", until=NOON, reason="over"),
        Pause(symbol="SPY", until=NOON + timedelta(days=1), reason="other"),
    )
    assert planned(scene(put_chain(), books=some_books(pauses=pauses))).intents


@pytest.mark.parametrize(
    ("moment", "sold"),
    [
        (datetime(2026, 11, 18, 14, 49, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 18, 14, 50, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 20, 40, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 20, 40, 1, tzinfo=UTC), False),
    ],
)
def test_entries_wait_after_the_open_and_stop_before_the_close(moment: datetime, sold: bool) -> None:
    snapshot = replace(scene(put_chain()), at=moment)
    assert bool(planned(snapshot).intents) is sold


def test_caps_over_the_whole_book_stop_new_puts() -> None:
    others = tuple(held(put(name, NEAR, "10"), "-1") for name in ("AAA", "BBB", "CCC", "DDD", "EEE"))
    note = the_note(scene(put_chain(), positions=others), "put")
    assert (note.reason, note.value, note.limit) == ("short put series in all", D(5), D(5))
    wide = some_limits(put_series_total=None, open_underlyings=D(5))
    note = the_note(scene(put_chain(), positions=others), "put", params(limits=wide))
    assert (note.reason, note.value, note.limit) == ("underlyings held or shorted", D(5), D(5))
    full = (held(put("AAA", NEAR, "100"), "-2"),)
    note = the_note(scene(put_chain(), positions=full), "put")
    assert (note.reason, note.value, note.limit) == ("collateral of short puts", D(20000), D(20000))


def test_an_order_is_no_larger_than_plain_caps_leave_room_for() -> None:
    given = params(contracts_per_order=9, limits=some_limits(contracts_per_tick=D(4), contracts_per_symbol_day=None,
                   contracts_per_day=D(3), symbol_share=D(1), order_loss_share=None))  # fmt: skip
    rich: dict[str, Any] = {"account": an_account("100000"), "equity": D(100000)}
    assert the_intent(scene(put_chain(), **rich), given).qty == 3
    poor: dict[str, Any] = {"account": an_account("8000"), "equity": D(8000)}
    assert the_intent(scene(put_chain(), **poor), given).qty == 2
    assert the_intent(scene(put_chain(), account=an_account("100")), given).qty == 1


def test_a_halted_share_or_one_without_a_price_is_left_alone() -> None:
    halted = scene(put_chain(), quotes=())
    stopped = replace(halted, quotes=(a_quote("XLF", halted=True),))
    assert the_note(stopped, "put").reason == "trading in the share is halted"
    assert the_note(replace(halted, quotes=()), "put").reason == "the share has no price"
    assert the_note(scene(), "put").reason == "no put chain was read"


def test_a_closed_market_wants_nothing_and_says_when_it_opens() -> None:
    evening = datetime(2026, 11, 18, 22, 0, tzinfo=UTC)
    plan = planned(a_snapshot(evening))
    assert not plan.intents
    assert "the market is closed" in plan.notes[0].reason


def test_under_the_stop_halt_nothing_at_all_is_wanted() -> None:
    """design 15"""
    plan = planned(scene(put_chain(), halt=Halt(level="stop", author="owner", reason="fire")))
    assert not plan.intents
    assert plan.notes[0].reason == "halt stop by owner: fire"


def test_candidates_show_every_series_with_its_reason() -> None:
    seen = candidates(scene(put_chain()), params(), "XLF", "put")
    assert len(seen) == 2 * len(ROWS)
    assert [one.rank for one in seen if not one.out] == [1, 2, 3, 4, 5, 6]
    assert seen[0].symbol == the_intent(scene(put_chain())).symbol
    assert {one.out for one in seen if one.out} == {"delta below the band", "delta above the band"}
    assert all(one.rank == 0 for one in seen if one.out)
    first = seen[0]
    assert (first.distance, first.collateral) == (D("1.5") / 40, D(3850))
    assert candidates(scene(), params(), "XLF", "put") == ()


ROW = st.tuples(st.integers(5, 90), st.integers(1, 12), st.integers(0, 200), st.integers(-1, 5000))


@given(near=st.lists(ROW, min_size=3, max_size=3), far=st.lists(ROW, min_size=3, max_size=3))
def test_the_planner_takes_or_names_what_a_look_at_every_series_puts_first(near: list[Any], far: list[Any]) -> None:
    def rows(made: list[Any]) -> list[tuple[str, str, str, int, float, float]]:
        return [
            (strike, str(D(bid) / 100), str(D(bid + width) / 100), interest, delta / 10_000, 0.2 if delta >= 0 else -1)
            for strike, (bid, width, interest, delta) in zip(("37", "38", "39"), made, strict=True)
        ]

    snapshot = scene(put_chain(rows=rows(far), near=rows(near)))
    seen = candidates(snapshot, params(), "XLF", "put")
    ranked = [one.symbol for one in seen if not one.out]
    assert [intent.symbol for intent in planned(snapshot).intents] == ranked[:1]
    if not ranked:
        missed = f"nearest miss {seen[0].symbol}: {seen[0].out}; of {len(seen)} puts"
        assert the_note(snapshot, "put").reason.startswith(missed)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    """design: decide is pure."""
    snapshot = scene(put_chain(), put_chain("SLV"))
    first, second = (planned(snapshot, params("XLF", "SLV")) for _ in range(2))
    encode = msgspec.msgpack.Encoder(order="deterministic").encode
    assert encode(first) == encode(second)
