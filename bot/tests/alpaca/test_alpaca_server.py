"""The pretended Alpaca itself: shapes, money, fills, refusals, nights, pages, limits and faults, over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from bot.tests.alpaca.door import Door, spread
from bot.tests.alpaca.seeding import lay_chain
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import ACCOUNT, NOON, AlpacaWorld

D = Decimal
PUT, LOWER, CALL = "XLF261218P00039000", "XLF261218P00037000", "XLF261218C00042000"


@pytest.fixture
def door() -> Iterator[Door]:
    world = AlpacaWorld()
    world.quote("XLF", "40.00", "40.02")
    world.list_option(PUT, "0.60", "0.64", delta=-0.3, volatility=0.2)
    world.list_option(LOWER, "0.20", "0.24", delta=-0.1, volatility=0.2)
    world.list_option(CALL, "0.50", "0.54", delta=0.3, volatility=0.2)
    with AlpacaServer(world) as server:
        yield Door(world, server.url)


def refused(answer: requests.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]


# Keys and the clock


def test_the_account_shows_only_to_the_right_keys(door: Door) -> None:
    assert door.get("/v2/account")["account_number"] == ACCOUNT
    door.session.headers["APCA-API-SECRET-KEY"] = "another"
    assert door.ask("GET", "/v2/account").status_code == 403
    del door.session.headers["APCA-API-SECRET-KEY"]
    assert door.ask("GET", "/v2/account").status_code == 401


def test_clock_and_calendar_follow_the_tests_hand(door: Door) -> None:
    assert door.get("/v2/clock")["is_open"] is True
    door.world.pass_to(datetime(2026, 11, 27, 18, 0, tzinfo=UTC))
    clock = door.get("/v2/clock")
    assert (clock["is_open"], clock["next_open"]) == (False, "2026-11-30T09:30:00-05:00")
    days = door.get("/v2/calendar", start="2026-11-25", end="2026-11-27")
    assert [(day["date"], day["close"]) for day in days] == [("2026-11-25", "16:00"), ("2026-11-27", "13:00")]
    door.world.calendar_changes[date(2026, 11, 25)] = None
    assert len(door.get("/v2/calendar", start="2026-11-25", end="2026-11-27")) == 1


# Orders, fills and money


def test_a_marketable_limit_is_new_in_its_answer_and_filled_at_the_next_look(door: Door) -> None:
    answer = door.send(PUT, "sell_to_open", price="0.60").json()
    assert (answer["status"], answer["filled_qty"], answer["asset_class"]) == ("pending_new", "0", "us_option")
    order = door.order(answer["id"])
    assert (order["status"], order["filled_avg_price"], order["position_intent"]) == ("filled", "0.6", "sell_to_open")
    assert door.money("cash") == D(25060)
    assert door.held() == {PUT: "-1"}


def test_a_resting_order_reserves_money_until_a_quote_crosses_it(door: Door) -> None:
    order = door.send(PUT, "sell_to_open", price="0.70").json()
    assert door.money() == D(25000) - D(3900) + D(70)
    door.world.quote(PUT, "0.72", "0.75")
    assert door.order(order["id"])["filled_avg_price"] == "0.72"
    assert door.money() == D(25072) - D(3900)


def test_a_quote_with_a_size_fills_a_piece_and_the_rest_waits(door: Door) -> None:
    door.world.quote("XLF", "40.00", "40.02", size=30)
    order = door.send("XLF", "buy_to_open", "100", "40.05").json()
    shown = door.order(order["id"])
    assert (shown["status"], shown["filled_qty"]) == ("partially_filled", "30")
    door.world.quote("XLF", "40.00", "40.03")
    assert door.order(order["id"])["filled_avg_price"] == "40.027"
    fills = door.get("/v2/account/activities", activity_types="FILL", direction="asc")
    assert [(f["qty"], f["price"], f["type"], f["leaves_qty"]) for f in fills] == [
        ("30", "40.02", "partial_fill", "70"), ("70", "40.03", "fill", "0")
    ]  # fmt: skip
    assert {fill["order_id"] for fill in fills} == {order["id"]}


def test_a_trailing_stop_follows_the_bid_and_sells_below_its_stop(door: Door) -> None:
    door.world.trade("XLF", "100", "40.00")
    more = {"type": "trailing_stop", "trail_percent": "10", "time_in_force": "gtc"}
    order = door.send("XLF", "sell_to_close", "100", **more).json()
    door.world.quote("XLF", "45.00", "45.02")
    shown = door.order(order["id"])
    assert (shown["hwm"], shown["stop_price"], shown["status"]) == ("45", "40.5", "new")
    door.world.quote("XLF", "40.49", "40.51")
    assert door.order(order["id"])["filled_avg_price"] == "40.49"
    assert door.held() == {}


def test_day_orders_end_with_the_session_and_gtc_ones_stay(door: Door) -> None:
    day = door.send("XLF", "buy_to_open", "1", "30.00").json()
    kept = door.send("XLF", "buy_to_open", "1", "30.00", time_in_force="gtc").json()
    door.world.pass_to(NOON + timedelta(days=1))
    assert door.order(day["id"])["status"] == "expired"
    assert [order["id"] for order in door.get("/v2/orders")] == [kept["id"]]


def test_an_order_sent_at_night_waits_for_the_open(door: Door) -> None:
    door.world.pass_to(NOON + timedelta(hours=8))
    order = door.send("XLF", "buy_to_open", "1", "41.00").json()
    assert order["status"] == "accepted"
    door.world.pass_to(NOON + timedelta(days=1))
    assert door.order(order["id"])["status"] == "filled"


def test_what_is_available_is_net_of_orders_and_covered_calls(door: Door) -> None:
    door.world.trade("XLF", "300", "40.00")
    door.send(CALL, "sell_to_open", price="0.50")
    door.send("XLF", "sell_to_close", "50", "44.00")
    shares = next(one for one in door.get("/v2/positions") if one["symbol"] == "XLF")
    assert (shares["qty"], shares["qty_available"]) == ("300", "150")
    assert refused(door.send("XLF", "sell_to_close", "151", "45.00")) == (403, 40310000)
    assert refused(door.send(CALL, "sell_to_open", "2", "0.60")) == (403, 40310000)


# Cancelling


def test_a_cancellation_is_accepted_first_and_through_later(door: Door) -> None:
    door.world.pending_cancel_reads = 2
    order = door.send("XLF", "buy_to_open", "1", "30.00").json()
    assert door.ask("DELETE", f"/v2/orders/{order['id']}").status_code == 204
    states = [door.order(order["id"])["status"] for _ in range(3)]
    assert states == ["pending_cancel", "pending_cancel", "canceled"]
    assert refused(door.ask("DELETE", f"/v2/orders/{order['id']}")) == (422, 42210000)
    assert refused(door.ask("DELETE", "/v2/orders/none")) == (404, 40410000)


def test_a_fill_can_overtake_a_cancellation(door: Door) -> None:
    door.world.on_cancel = "fill"
    order = door.send("XLF", "buy_to_open", "1", "30.00").json()
    assert door.ask("DELETE", f"/v2/orders/{order['id']}").status_code == 204
    assert door.order(order["id"])["status"] == "filled"
    assert door.held() == {"XLF": "1"}


# Refusals


@pytest.mark.parametrize(
    ("intent", "symbol", "qty", "price", "more", "says"),
    [
        ("buy_to_open", "XLF", "2000", "40.00", {}, (403, 40310000)),
        ("sell_to_open", PUT, "7", "0.60", {}, (403, 40310000)),
        ("sell_to_open", CALL, "1", "0.50", {}, (403, 40310000)),
        ("sell_to_close", PUT, "1", "0.60", {}, (403, 40310000)),
        ("sell_to_open", "XLF", "1", "40.00", {}, (403, 40310000)),
        ("buy_to_close", PUT, "1", "0.70", {}, (422, 42210000)),
        ("sell_to_open", PUT, "0.5", "0.60", {}, (422, 42210000)),
        ("sell_to_open", PUT, "1", "0.605", {}, (422, 42210000)),
        ("sell_to_open", PUT, "1", None, {"type": "limit"}, (422, 42210000)),
        ("sell_to_open", PUT, "1", None, {"type": "trailing_stop", "trail_percent": "5"}, (422, 42210000)),
        ("sell_to_open", "XLF261218P00031000", "1", "0.60", {}, (422, 42210000)),
        ("buy_to_open", "ZZZZ", "1", "1.00", {}, (422, 42210000)),
        ("buy_to_open", "XLF", "1", "NaN", {}, (422, 42210000)),
        ("buy_to_open", "XLF", "-1", "40.00", {}, (422, 42210000)),
        ("buy_to_open", "XLF", "1", "40.00", {"time_in_force": "fok"}, (422, 42210000)),
    ],
)
def test_what_is_wrong_with_an_order_is_refused_with_its_code(
    door: Door, intent: str, symbol: str, qty: str, price: str | None, more: dict[str, Any], says: tuple[int, int]
) -> None:
    assert refused(door.send(symbol, intent, qty, price, **more)) == says
    assert door.get("/v2/orders", status="all") == []


def test_an_id_is_taken_once_and_for_all(door: Door) -> None:
    order = door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="mine").json()
    door.ask("DELETE", f"/v2/orders/{order['id']}")
    assert refused(door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="mine")) == (422, 40010001)
    assert door.get("/v2/orders:by_client_order_id", client_order_id="mine")["id"] == order["id"]
    assert refused(door.ask("GET", "/v2/orders:by_client_order_id", client_order_id="yours")) == (404, 40410000)


def test_trading_with_oneself_is_refused_and_a_trailing_stop_is_exempt(door: Door) -> None:
    door.world.trade("XLF", "100", "40.00")
    door.send("XLF", "sell_to_close", "50", "41.00")
    assert refused(door.send("XLF", "buy_to_open", "1", "41.00")) == (403, 40310000)
    assert door.send("XLF", "buy_to_open", "1", "30.00").status_code == 200
    stop = door.send("XLF", "sell_to_close", "50", type="trailing_stop", trail_percent="5")
    assert stop.status_code == 200


def test_level_and_restriction_are_refused(door: Door) -> None:
    door.world.options_level = 0
    assert refused(door.send(PUT, "sell_to_open", price="0.60")) == (403, 40310000)
    door.world.options_level, door.world.trading_blocked = 3, True
    assert refused(door.send(PUT, "sell_to_open", price="0.60")) == (403, 40310000)
    assert door.get("/v2/account")["trading_blocked"] is True


# Several legs


def test_a_spread_has_a_parent_without_symbol_and_legs_with_ids_of_their_own(door: Door) -> None:
    parent = door.ask("POST", "/v2/orders", spread(PUT, LOWER, client_order_id="mine")).json()
    assert (parent["symbol"], parent["side"], parent["asset_class"], parent["order_class"]) == ("", "", "", "mleg")
    shown = door.order(parent["id"])
    assert (shown["status"], shown["filled_avg_price"], shown["limit_price"]) == ("filled", "-0.36", "-0.36")
    legs = [(leg["symbol"], leg["filled_avg_price"], leg["qty"], leg["type"]) for leg in shown["legs"]]
    assert legs == [(PUT, "0.6", "2", ""), (LOWER, "0.24", "2", "")]
    flat = door.get("/v2/orders", status="all", nested="false", direction="asc")
    assert [order["symbol"] for order in flat] == ["", PUT, LOWER]
    assert len({order["client_order_id"] for order in flat}) == 3
    assert door.money("cash") == D(25072)
    # The width of two dollars, twice.
    assert door.money() == D(25072) - D(400)
    assert door.kinds() == ["CSD", "FILL", "FILL"]


@pytest.mark.parametrize(
    "more",
    [
        {"legs": [spread(PUT, LOWER)["legs"][0]]},
        {"legs": [spread(PUT, LOWER)["legs"][0]] * 2},
        {"symbol": "XLF"},
        {"qty": "0.5"},
        {"legs": [{**leg, "ratio_qty": "2"} for leg in spread(PUT, LOWER)["legs"]]},
        {"legs": [{k: v for k, v in leg.items() if k != "position_intent"} for leg in spread(PUT, LOWER)["legs"]]},
    ],
)
def test_a_misshapen_spread_is_refused(door: Door, more: dict[str, Any]) -> None:
    assert refused(door.ask("POST", "/v2/orders", spread(PUT, LOWER, **more))) == (422, 42210000)


# Nights


def test_an_assignment_moves_money_at_once_and_shows_its_lines_the_next_day(door: Door) -> None:
    door.send(PUT, "sell_to_open", price="0.60")
    door.world.assign(PUT)
    assert door.held() == {"XLF": "100"}
    assert door.money("cash") == D(25060) - D(3900)
    assert door.kinds() == ["CSD", "FILL"]
    door.world.pass_to(NOON + timedelta(days=1))
    option, shares = door.get("/v2/account/activities", direction="asc")[2:]
    assert [option[key] for key in ("activity_type", "symbol", "qty", "date")] == ["OPASN", PUT, "1", "2026-11-18"]
    assert [shares[key] for key in ("activity_type", "symbol", "qty", "price")] == ["OPTRD", "XLF", "100", "39"]
    assert shares["net_amount"] == "-3900"
    assert option["group_id"] == shares["group_id"]
    assert option["created_at"].startswith("2026-11-19")


@pytest.mark.parametrize(("spot", "held", "kind"), [("38.00", {"XLF": "100"}, "OPASN"), ("40.00", {}, "OPEXP")])
def test_a_short_put_ends_at_its_expiry(door: Door, spot: str, held: dict[str, str], kind: str) -> None:
    door.send(PUT, "sell_to_open", price="0.60")
    door.world.quote("XLF", spot, str(D(spot) + D("0.02")))
    door.world.pass_to(datetime(2026, 12, 18, 22, 0, tzinfo=UTC))
    assert door.held() == held
    assert kind not in door.kinds()
    assert refused(door.send(PUT, "sell_to_open", price="0.60")) == (422, 42210000)
    door.world.pass_to(datetime(2026, 12, 19, 12, 0, tzinfo=UTC))
    assert kind in door.kinds()


def test_fees_accrue_and_are_booked_rounded_up_the_next_day(door: Door) -> None:
    door.world.charges_fees = True
    door.send(PUT, "sell_to_open", price="0.60")
    assert door.money("accrued_fees") == D("0.04964")
    door.world.pass_to(NOON + timedelta(days=1))
    assert door.money("accrued_fees") == 0
    fees = door.get("/v2/account/activities/FEE")
    assert sorted((f["activity_sub_type"], f["net_amount"]) for f in fees) == [
        ("OCC", "-0.02"), ("ORF", "-0.03"), ("TAF", "-0.01")
    ]  # fmt: skip
    assert door.money("cash") == D(25060) - D("0.06")


def test_deposits_and_dividends_are_lines_with_their_money(door: Door) -> None:
    door.world.deposit("-500")
    door.world.trade("XLF", "100", "40.00")
    door.world.pay_dividend("XLF", "0.25")
    lines = {line["activity_type"]: line for line in door.get("/v2/account/activities")}
    assert lines["CSW"]["net_amount"] == "-500"
    assert (lines["DIV"]["net_amount"], lines["DIV"]["per_share_amount"]) == ("25", "0.25")
    assert door.money("cash") == D(25000) - 500 - 4000 + 25


# Lists and pages


def test_history_is_paged_by_the_last_id_and_filtered_by_creation(door: Door) -> None:
    for _ in range(5):
        door.world.trade("XLF", "1", "40.00")
    first = door.get("/v2/account/activities", page_size="4", direction="asc")
    rest = door.get("/v2/account/activities", page_size="4", direction="asc", page_token=first[-1]["id"])
    assert [len(first), len(rest)] == [4, 2]
    assert len({line["id"] for line in first + rest}) == 6
    assert len(door.get("/v2/account/activities", after="2026-11-18T00:00:00Z")) == 5
    assert len(door.get("/v2/account/activities", until="2026-11-18")) == 1
    assert len(door.get("/v2/account/activities", date="2026-11-18")) == 5
    assert door.ask("GET", "/v2/account/activities", page_size="101").status_code == 422


def test_orders_are_listed_newest_first_up_to_a_limit(door: Door) -> None:
    sent = [door.send("XLF", "buy_to_open", "1", "30.00").json() for _ in range(3)]
    ids = [order["id"] for order in sent]
    assert [order["id"] for order in door.get("/v2/orders")] == ids[::-1]
    assert [order["id"] for order in door.get("/v2/orders", limit="2", direction="asc")] == ids[:2]
    rest = door.get("/v2/orders", direction="asc", after=sent[0]["submitted_at"])
    assert [order["id"] for order in rest] == ids[1:]
    assert door.get("/v2/orders", until=sent[0]["submitted_at"]) == []
    assert door.ask("GET", "/v2/orders", limit="501").status_code == 422


def test_contracts_need_both_bounds_and_come_in_pages(door: Door) -> None:
    assert door.get("/v2/options/contracts", underlying_symbols="XLF")["option_contracts"] == []
    query = {"underlying_symbols": "XLF", "expiration_date_gte": "2026-12-01", "expiration_date_lte": "2026-12-31"}
    door.world.page_max = 2
    first = door.get("/v2/options/contracts", **query)
    rest = door.get("/v2/options/contracts", **query, page_token=first["next_page_token"])
    rows = first["option_contracts"] + rest["option_contracts"]
    assert [row["symbol"] for row in rows] == sorted([PUT, LOWER, CALL])
    assert rest["next_page_token"] is None
    assert "deliverables" not in rows[0]
    (row,) = door.get("/v2/options/contracts", **query, type="call", show_deliverables="true")["option_contracts"]
    assert (row["strike_price"], row["size"], row["deliverables"][0]["amount"]) == ("42", "100", "100")


# Data


def test_snapshots_are_numbers_and_leave_out_what_is_unknown(door: Door) -> None:
    shown = door.get("/v2/stocks/snapshots", symbols="XLF,NONE", feed="iex")
    assert list(shown) == ["XLF"]
    assert (shown["XLF"]["latestQuote"]["bp"], shown["XLF"]["latestQuote"]["ap"]) == (40, 40.02)
    assert shown["XLF"]["latestQuote"]["t"].startswith("2026-11-18T16:59:59")
    assert door.ask("GET", "/v2/stocks/snapshots", symbols="XLF,BTC/USD", feed="iex").status_code == 400
    assert door.ask("GET", "/v2/stocks/snapshots", symbols="XLF", feed="sip").status_code == 403


def test_a_batch_of_options_fails_whole_for_one_bad_name(door: Door) -> None:
    found = door.get("/v1beta1/options/snapshots", symbols=f"{PUT},{CALL}")
    assert found["snapshots"][PUT]["greeks"]["delta"] == -0.3
    assert door.ask("GET", "/v1beta1/options/snapshots", symbols=f"{PUT},nonsense").status_code == 400
    many = ",".join(f"XLF261218P{n:08d}" for n in range(1000, 102_000, 1000))
    assert door.ask("GET", "/v1beta1/options/snapshots", symbols=many).status_code == 400


def test_a_chain_is_bounded_and_paged(door: Door) -> None:
    lay_chain(door.world, "XLF", [("36", "0.10", "0.12", 0.1), ("38", "0.30", "0.32", 0.2)], days=37)
    bounds = {"type": "put", "strike_price_gte": "37", "expiration_date_lte": "2026-12-31"}
    door.world.page_max = 2
    first = door.get("/v1beta1/options/snapshots/XLF", **bounds)
    rest = door.get("/v1beta1/options/snapshots/XLF", **bounds, page_token=first["next_page_token"])
    assert sorted({**first["snapshots"], **rest["snapshots"]}) == [LOWER, PUT, "XLF261225P00038000"]


def test_bars_and_corporate_actions_are_listed_by_day(door: Door) -> None:
    door.world.bars["XLF", "1Day"] = [{"t": f"2026-11-{n:02d}T05:00:00Z", "c": n} for n in range(1, 11)]
    asked = {"symbols": "XLF", "timeframe": "1Day", "start": "2026-11-03", "end": "2026-11-05T23:00:00Z", "feed": "iex"}
    answer = door.get("/v2/stocks/bars", **asked)
    assert [bar["c"] for bar in answer["bars"]["XLF"]] == [3, 4, 5]
    door.world.announce("cash_dividends", "XLF", date(2026, 12, 21), rate=0.25)
    query = {"symbols": "XLF", "types": "cash_dividend", "start": "2026-01-01", "end": "2026-12-31"}
    assert door.get("/v1/corporate-actions", **query)["corporate_actions"]["cash_dividends"][0]["rate"] == 0.25


# Limits and faults


def test_a_minute_holds_so_many_requests(door: Door) -> None:
    door.world.requests_a_minute = 2
    answers = [door.ask("GET", "/v2/clock") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["X-RateLimit-Remaining"] == "1"
    assert int(answers[2].headers["X-RateLimit-Reset"]) == int((NOON + timedelta(minutes=1)).timestamp())
    assert door.ask("GET", "/v2/stocks/snapshots", symbols="XLF", feed="iex").status_code == 200
    door.world.pass_to(NOON + timedelta(minutes=1))
    assert door.ask("GET", "/v2/clock").status_code == 200


def test_an_answer_can_be_lost_after_the_order_was_taken(door: Door) -> None:
    door.world.spoil("/orders$", "POST", cut=True)
    with pytest.raises(requests.ConnectionError):
        door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="mine")
    door.world.spoil("/orders$", "POST", status=504)
    assert door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="mine-too").status_code == 504
    door.world.spoil("/orders$", "POST", status=500, processed=False)
    assert door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="not-mine").status_code == 500
    assert sorted(order["client_order_id"] for order in door.get("/v2/orders")) == ["mine", "mine-too"]
    assert [one.status for one in door.world.requests("POST")] == [0, 504, 500]


def test_an_answer_can_be_nonsense_late_or_bent(door: Door) -> None:
    door.world.spoil("/clock", body=b"<html>maintenance</html>", content_type="text/html")
    door.world.spoil("/account$", change=lambda account: {**account, "status": "NEW_WORD"})
    door.world.spoil("/positions", delay=0.05)
    door.world.spoil("/calendar", drip=0.001)
    assert door.ask("GET", "/v2/clock").text.startswith("<html>")
    assert door.get("/v2/account")["status"] == "NEW_WORD"
    assert door.get("/v2/positions") == []
    assert door.get("/v2/calendar", start="2026-11-25", end="2026-11-25")[0]["date"] == "2026-11-25"
    assert door.get("/v2/clock")["is_open"] is True
    assert door.world.faults == []


def test_every_request_is_written_down(door: Door) -> None:
    door.get("/v2/orders", status="all", nested="true")
    door.send("XLF", "buy_to_open", "1", "30.00", client_order_id="mine")
    read, sent = door.world.seen
    assert (read.method, read.path, read.query) == ("GET", "/v2/orders", {"status": "all", "nested": "true"})
    assert (sent.method, sent.body["client_order_id"], sent.status) == ("POST", "mine", 200)
    assert door.ask("GET", "/v2/nothing").status_code == 404
