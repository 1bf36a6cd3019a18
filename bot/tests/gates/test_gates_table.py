"""Every gate has a pass, a refusal and, where it compares, the exact boundary."""

from __future__ import annotations

import inspect
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from bot.domain.desk import ApproveRule
from bot.domain.invariants import DOUBLED, FOREIGN, ORPHANS, Invariant
from bot.domain.ledger import Books, Counters, Drift, Halt, Loss, Opening, Pause, PutEntry, Rejections, Reprices
from bot.domain.market import Slab
from bot.domain.orders import OrderIntent, leg
from bot.gates import (
    GATES,
    account,
    approval,
    exposure,
    form,
    invariants,
    judge,
    market,
    options,
    pacing,
    plausible,
    prices,
    repetition,
    safety,
    turnover,
)
from bot.tests.builders import (
    NOON,
    a_chain,
    a_lot,
    a_quote,
    a_slab,
    a_snapshot,
    an_account,
    an_intent,
    an_order,
    call,
    held,
    put,
    symbols,
)
from bot.tests.gates.scenes import (
    CALL,
    EXPIRY,
    PUT,
    PUT_LOWER,
    TODAY_PUT,
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
    quotes,
    with_shares,
)

OPEN = a_snapshot().session.open_at
CLOSE = a_snapshot().session.close_at
SECOND = timedelta(seconds=1)


def listed_as(why: str | None) -> dict[str, Any]:
    """A chain in which the put is listed as standard (None), or as odd for a reason."""
    odd = () if why is None else (PUT,)
    slab = replace(a_slab(EXPIRY, [("37", "0.58", "0.62", 500, 0.25, 0.2)], odd=odd), odd_why=(why,) if why else ())
    return {"chains": (a_chain("XLF", "put", slab),)}


class Proof(NamedTuple):
    """One scene for a gate: what is asked, in which case, and whether it stands at the boundary."""

    gate: str
    ok: bool
    edge: bool
    intent: OrderIntent
    facts: dict[str, Any]


def proofs() -> list[Proof]:
    rows: list[Proof] = []

    def add(gate: str, intent: OrderIntent, *scenes: tuple[str, dict[str, Any]]) -> None:
        for word, facts in scenes:
            rows.append(Proof(gate, word in ("pass", "edge"), word in ("edge", "over"), intent, facts))

    def vary(gate: str, facts: dict[str, Any], *scenes: tuple[str, OrderIntent]) -> None:
        for word, intent in scenes:
            add(gate, intent, (word, facts))

    _form_and_safety(add, vary)
    _approval(add, vary)
    _market(add, vary)
    _prices(add, vary)
    _options(add, vary)
    _account(add)
    _exposure(add)
    _pacing(add, vary)
    return rows


def _form_and_safety(add: Any, vary: Any) -> None:
    vary("intent_is_well_formed", {}, ("pass", a_put()), ("edge", a_put(qty="0.01")), ("over", a_put(qty="0")))
    diagonal = an_intent(PUT, legs=(leg(PUT, "sell_to_open"), leg(put("XLF", date(2027, 1, 15), "36"), "buy_to_open")))
    vary("shape_is_known", {}, ("pass", a_put()), ("refuse", diagonal))
    vary("quantities_are_whole", {}, ("pass", a_put()), ("edge", a_put(qty="1.0")), ("over", a_put(qty="1.01")))
    add(
        "halt_allows", a_put(),
        ("pass", {}), ("refuse", {"halt": Halt(level="no_new_risk")}), ("refuse", {"halt": Halt(level="stop")}),
    )  # fmt: skip
    stop = an_order("XLF", "sell_to_close", "100", order_type="trailing_stop", client_order_id="s1")
    resting = with_shares() | {"own_orders": (stop,)}
    vary(
        "protection_stays", resting,
        ("pass", a_cancel("s1", "cancel_stop")), ("edge", a_sale(replaces="s1")),
        ("over", a_sale(qty="99", replaces="s1")), ("refuse", a_cancel("s1")), ("refuse", a_call(replaces="s1")),
    )  # fmt: skip
    add("protection_stays", a_cancel("s1", "cancel_stop"), ("refuse", resting | {"halt": Halt(level="no_new_risk")}))
    works = an_order(PUT, client_order_id="e1", qty="3", filled_qty=D(1))
    following = {"follow_up": 1, "own_orders": (works,)}
    vary(
        "follow_up_allows", following,
        ("pass", a_put(replaces="e1")), ("edge", a_put(qty="2", replaces="e1")),
        ("over", a_put(qty="3", replaces="e1")), ("refuse", a_put()), ("refuse", a_put(PUT_LOWER, replaces="e1")),
        ("pass", a_cancel("e1")),
    )  # fmt: skip
    add("follow_up_allows", a_put(), ("pass", {}))
    short = {"positions": (held(PUT, "-1"),), "follow_up": 3}
    add("follow_up_allows", a_buy_back(), ("pass", short))
    add("follow_up_allows", a_call(replaces="s1"), ("refuse", resting | {"follow_up": 1}))
    lost = an_order(PUT_LOWER, state="unknown")
    add("nothing_unresolved", a_put(), ("pass", {}), ("refuse", {"own_orders": (lost,)}))
    gone = Drift(symbol="XLF", kind="unexplained", what="shares are gone", broker=D(0), ours=D(100))
    add("no_drift", a_put(), ("pass", {}), ("refuse", {"books": Books(drift=(gone,))}))
    _invariants(add)
    before = Books(last_positions=(("XLF", D(100)),))
    add("positions_are_known", a_put(), ("pass", {}), ("refuse", {"books": before}))
    for symbol, qty, word in (
        ("XLE", "100", "pass"), ("XLE", "0.37", "pass"), ("XLE", "-1", "refuse"), ("BTCUSD", "0.5", "refuse"),
        ("W#RD!", "1", "refuse"), (PUT_LOWER, "-1", "pass"),
    ):  # fmt: skip
        add("holdings_are_understood", a_put(), (word, {"positions": (held(symbol, qty),)}))
    odd = {"positions": (held(PUT, "-1"), held("W#RD!", "1"))}
    add("holdings_are_understood", a_buy_back(), ("pass", odd))
    ends = Pause(symbol="XLF", until=NOON, reason="cooldown")
    lasts = Pause(symbol="*", until=NOON + SECOND, reason="holiday")
    add(
        "symbol_not_paused", a_put(),
        ("pass", {}), ("edge", {"books": Books(pauses=(ends,))}), ("over", {"books": Books(pauses=(lasts,))}),
    )  # fmt: skip
    add(
        "owner_is_ours", a_buy_back(),
        ("pass", {"positions": (held(PUT, "-1", "adopted"),)}),
        ("refuse", {"positions": (held(PUT, "-1", "foreign"),)}),
    )  # fmt: skip
    _own_lots(add)
    add("not_a_duplicate", a_put(), ("pass", {}), ("refuse", {"own_orders": (an_order(PUT),)}))


def _own_lots(add: Any) -> None:
    books = Books(lots=(a_lot(id="mine", strategy="cross"), a_lot(id="lot-XLF-1")))
    wanted = ("cross mine", "owner mine"), ("cross mine 101", "cross lot-XLF-1", "cross none", "patient mine")
    for word, said in [("pass", one) for one in wanted[0]] + [("refuse", one) for one in wanted[1]]:
        strategy, lot, qty = (*said.split(), "100")[:3]
        sale = a_sale(qty=qty, strategy=strategy, lot=lot)
        add("owner_is_ours", sale, (word, {"positions": (held("XLF", "200"),), "books": books}))


def _invariants(add: Any) -> None:
    def told(name: str, ok: bool = False, symbols: tuple[str, ...] = ()) -> dict[str, Any]:
        number = Invariant(name=name, value=D(0 if ok else 1), unit="orders", ok=ok, symbols=symbols)
        return {"invariants": (number,)}

    add(
        "invariants_hold", a_put(),
        ("pass", {}), ("pass", told(ORPHANS, ok=True)), ("refuse", told(ORPHANS)),
        ("refuse", told(ORPHANS, symbols=("KO",))), ("refuse", told(DOUBLED, symbols=("KO", "XLF"))),
        ("pass", told(DOUBLED, symbols=("KO",))), ("pass", told(FOREIGN)),
    )  # fmt: skip
    add("invariants_hold", a_buy_back(), ("pass", {"positions": (held(PUT, "-1"),)} | told(ORPHANS)))
    add("invariants_hold", a_cancel("e1"), ("pass", told(ORPHANS)))
    add("invariants_hold", a_stop(), ("pass", with_shares() | told(ORPHANS)))


def _approval(add: Any, vary: Any) -> None:
    always = {"approvals": (("wheel", ApproveRule(word="always")),)}
    given = always | {"books": Books(approvals=(a_proposal(a_put(qty="2")),))}
    vary(
        "approval_is_given", given,
        ("pass", a_put(limit_price=D("0.61"))), ("edge", a_put(qty="2")), ("over", a_put(limit_price=D("0.59"))),
        ("over", a_put(qty="3")), ("refuse", a_put(PUT_LOWER)),
    )  # fmt: skip
    add("approval_is_given", a_put(), ("pass", {}), ("refuse", always))
    lapsed = a_proposal(a_put(), lapses_at=NOON)
    lasts = a_proposal(a_put(), lapses_at=NOON + SECOND)
    add(
        "approval_is_given", a_put(),
        ("edge", always | {"books": Books(approvals=(lasts,))}),
        ("over", always | {"books": Books(approvals=(lapsed,))}),
    )  # fmt: skip
    first = {"approvals": (("wheel", ApproveRule(word="first", first=3)),)}
    for sent, word in ((2, "over"), (3, "edge"), (4, "pass")):
        add("approval_is_given", a_put(), (word, first | {"books": Books(entries_sent=(("wheel", sent),))}))


def _market(add: Any, vary: Any) -> None:
    add(
        "session_is_open", a_put(),
        ("pass", {}), ("edge", {"at": OPEN}), ("edge", {"at": CLOSE - SECOND}), ("over", {"at": CLOSE}),
        ("pass", {"broker_open": True}), ("refuse", {"broker_open": False}),
    )  # fmt: skip
    short = {"positions": (held(PUT, "-1"),), "broker_open": False}
    add("session_is_open", a_buy_back(), ("pass", short | {"broker_open": None}), ("refuse", short))
    add("session_is_open", a_stop(), ("pass", with_shares() | {"broker_open": False}))
    early, late = OPEN + timedelta(minutes=20), CLOSE - timedelta(minutes=20)
    add(
        "entry_window_is_open", a_put(),
        ("pass", {}), ("edge", {"at": early}), ("over", {"at": early - SECOND}),
        ("edge", {"at": late}), ("over", {"at": late + SECOND}),
    )  # fmt: skip
    tomorrow = put("XLF", date(2026, 11, 19), "37")
    gone = put("XLF", date(2026, 11, 17), "39")
    vary(
        "expiry_is_later", {},
        ("pass", a_put()), ("edge", a_put(tomorrow)), ("over", a_put(TODAY_PUT)), ("refuse", a_put(gone)),
        ("pass", a_purchase()),
    )  # fmt: skip
    out = CLOSE - timedelta(minutes=60)
    add(
        "expiring_series_has_time", a_buy_back(TODAY_PUT),
        ("pass", {}), ("edge", {"at": out}), ("over", {"at": out + SECOND}),
    )  # fmt: skip
    add("symbol_not_halted", a_put(), ("pass", {}), ("refuse", {"quotes": (a_quote("XLF", halted=True),)}))
    add(  # no delay is allowed, and a delayed feed has one of 15 minutes
        "feed_is_accepted", a_put(),
        ("edge", {"environment": "live", "quotes": quotes(source="alpaca opra")}),
        ("over", {"environment": "live", "quotes": quotes(source="alpaca indicative")}),
        ("refuse", {"environment": "live", "quotes": (a_quote("XLF", source="alpaca iex"), *quotes()[1:])}),
        ("pass", {"environment": "paper", "quotes": quotes(source="alpaca indicative")}),
    )  # fmt: skip
    add(
        "quote_is_valid", a_put(),
        ("pass", {}), ("edge", {"quotes": quotes(bid="0.01")}), ("over", {"quotes": quotes(bid="0")}),
        ("refuse", {"quotes": quotes(bid="0.62")}), ("refuse", {"quotes": quotes(ask=None)}),
    )  # fmt: skip
    for source, cap in (("opra", 300), ("indicative", 1200)):
        at_cap, beyond = NOON - timedelta(seconds=cap), NOON - timedelta(seconds=cap + 1)
        add(
            "quote_is_fresh", a_put(),
            ("pass", {}), ("edge", {"quotes": quotes(at=at_cap, source=source)}),
            ("over", {"quotes": quotes(at=beyond, source=source)}),
        )  # fmt: skip
    for age, word in ((60, "edge"), (61, "over")):
        share = a_quote("XLF", at=NOON - timedelta(seconds=age))
        add("quote_is_fresh", a_put(), (word, {"quotes": (share, *quotes()[1:])}))
    add(
        "spread_is_narrow", a_put(),
        ("pass", {}), ("edge", {"quotes": quotes(bid="0.52")}),  # 0.10 wide, at the absolute cap
        ("over", {"quotes": quotes(bid="0.51")}),
        ("edge", {"quotes": quotes(bid="1.85", ask="2.15")}), ("over", {"quotes": quotes(bid="1.84", ask="2.15")}),
    )  # fmt: skip
    for bid, word in (("39.94", "edge"), ("39.93", "over"), ("39.99", "pass")):
        ask_price = "40.06" if bid != "39.99" else "40.01"
        add(
            "underlying_spread_is_narrow",
            a_put(),
            (word, {"quotes": (a_quote("XLF", bid, ask_price),)}),
        )
    add(
        "open_interest_is_enough", a_put(),
        ("pass", {}), ("edge", {"quotes": quotes(open_interest=100)}), ("over", {"quotes": quotes(open_interest=99)}),
        ("refuse", {"quotes": quotes(open_interest=None)}),
    )  # fmt: skip


def _prices(add: Any, vary: Any) -> None:
    vary(
        "price_is_on_grid", {},
        ("pass", a_put()), ("edge", a_put(limit_price=D("3.05"))), ("over", a_put(limit_price=D("3.01"))),
        ("refuse", a_put(limit_price=D("0.605"))),
    )  # fmt: skip
    _plausible(add)
    _prices_of_several_legs(add, vary)
    wide = {"quotes": quotes(bid="0.40", ask="1.60")}  # mid 1.00, collar 0.15
    vary(
        "price_within_collar", wide,
        ("pass", a_put(limit_price=D("1.00"))), ("edge", a_put(limit_price=D("0.85"))),
        ("over", a_put(limit_price=D("0.84"))), ("edge", a_put(limit_price=D("1.15"))),
        ("over", a_put(limit_price=D("1.16"))),
    )  # fmt: skip
    vary(
        "price_within_collar", {},
        ("edge", a_put(limit_price=D("0.58"))), ("over", a_put(limit_price=D("0.57"))),
        ("edge", a_purchase(PUT, "1", limit_price=D("0.62"))), ("over", a_purchase(PUT, "1", limit_price=D("0.63"))),
    )  # fmt: skip
    for word, symbol, name in (("pass", "XLF", "cross"), ("refuse", "XLF", "patient"), ("refuse", PUT, "cross")):
        buying = a_purchase(symbol, "1", strategy=name, order_type="market", limit_price=None)
        vary("price_within_collar", {}, (word, buying), ("refuse", replace(buying, strategy="wheel")))
        for edge, bid, offered in (("edge", "34.00", "46.00"), ("over", "33.99", "46.01")) if word == "pass" else ():
            add("price_within_collar", buying, (edge, {"quotes": (a_quote("XLF", bid, offered),)}))


def beside(strike: str, bid: str, ask: str, delta: float = -1) -> dict[str, Any]:
    """The put, of which every answer says a delta of 0.30, and one more series of its expiry."""
    rows = sorted([("37", "0.58", "0.62", 500, 0.30, -1.0), (strike, bid, ask, 500, delta, -1.0)])
    return {"quotes": quotes(delta=-0.30), "chains": (a_chain("XLF", "put", a_slab(EXPIRY, rows)),)}


def _plausible(add: Any) -> None:
    add(
        "price_is_plausible", a_put(),
        ("pass", {}), ("edge", {"quotes": quotes(bid="37.00", ask="37.10")}),
        ("over", {"quotes": quotes(bid="37.01", ask="37.10")}),  # no put is worth more than its strike
        ("edge", beside("36", "0.62", "0.66")), ("over", beside("36", "0.63", "0.67")),
        ("edge", beside("38", "0.54", "0.58")), ("over", beside("38", "0.53", "0.57")),
        ("edge", beside("36", "0.40", "0.44", 0.40)), ("over", beside("36", "0.40", "0.44", 0.4001)),
        ("edge", beside("38", "0.80", "0.84", 0.20)), ("over", beside("38", "0.80", "0.84", 0.1999)),
        ("pass", {"quotes": quotes(volatility=0.36)}), ("refuse", {"quotes": quotes(volatility=0.03)}),
        ("refuse", {"quotes": quotes(volatility=3.0)}), ("refuse", {"quotes": quotes(bid=None)}),
        ("edge", {"quotes": quotes(bid="3.05", ask="3.15")}), ("over", {"quotes": quotes(bid="3.10", ask="3.20")}),
        ("edge", {"quotes": quotes(bid="5.15", ask="5.25", volatility=1.5)}),
        ("over", {"quotes": quotes(bid="5.20", ask="5.30", volatility=1.5)}),
        ("over", {"quotes": quotes(bid="5.15", ask="5.25", volatility=1.5001)}),
    )  # fmt: skip
    deep = put("XLF", EXPIRY, "45")  # at 40 it is worth 5.00 at once, and 2 % of the share may pass between the quotes
    for ask_price, word in (("4.20", "edge"), ("4.19", "over")):
        deep_quotes = {"quotes": (a_quote("XLF"), a_quote(deep, "4.10", ask_price))}
        add("price_is_plausible", a_put(deep), (word, deep_quotes))


def _prices_of_several_legs(add: Any, vary: Any) -> None:
    """A put spread that receives 0.40 at the mid and 0.36 at the natural price, and the one that pays it."""
    priced = {"quotes": (a_quote("XLF"), a_quote(PUT, "0.58", "0.62"), a_quote(PUT_LOWER, "0.18", "0.22"))}
    sold: dict[str, Any] = {"legs": (leg(PUT, "sell_to_open"), leg(PUT_LOWER, "buy_to_open"))}
    bought: dict[str, Any] = {"legs": (leg(PUT, "buy_to_open"), leg(PUT_LOWER, "sell_to_open"))}
    vary(
        "spread_price_has_its_sign", priced,
        ("pass", a_put(**sold, limit_price=D("-0.40"))), ("edge", a_put(**sold, limit_price=D("-0.01"))),
        ("over", a_put(**sold, limit_price=D(0))), ("refuse", a_put(**sold, limit_price=D("0.40"))),
        ("pass", a_put(**bought, limit_price=D("0.40"))), ("edge", a_put(**bought, limit_price=D("0.01"))),
        ("over", a_put(**bought, limit_price=D(0))), ("refuse", a_put(**bought, limit_price=D("-0.40"))),
    )  # fmt: skip
    # So wide that the natural price pays: what it is worth at the mid decides.
    torn = {"quotes": (a_quote("XLF"), a_quote(PUT, "0.20", "1.00"), a_quote(PUT_LOWER, "0.10", "0.30"))}
    vary(
        "spread_price_has_its_sign", torn,
        ("pass", a_put(**sold, limit_price=D("-0.40"))), ("refuse", a_put(**sold, limit_price=D("0.10"))),
    )  # fmt: skip
    add("spread_price_has_its_sign", a_put(**sold, limit_price=D("-0.40")), ("refuse", {"quotes": (a_quote("XLF"),)}))
    works = {"own_orders": (an_order(PUT, client_order_id="e1", qty="2", limit_price=D("0.60")),)}
    vary(
        "reprice_stays_in_bounds", works,
        ("pass", a_put(limit_price=D("0.59"), replaces="e1")), ("edge", a_put(limit_price=D("0.58"), replaces="e1")),
        ("over", a_put(limit_price=D("0.57"), replaces="e1")), ("edge", a_put(qty="2", replaces="e1")),
        ("over", a_put(qty="3", replaces="e1")), ("refuse", a_put(PUT_LOWER, replaces="e1")), ("pass", a_put()),
    )  # fmt: skip
    buying = {"own_orders": (an_order(PUT, "buy_to_close", client_order_id="x1"),), "positions": (held(PUT, "-1"),)}
    vary(
        "reprice_stays_in_bounds", buying,
        ("edge", a_buy_back(limit_price=D("0.62"), replaces="x1")),
        ("over", a_buy_back(limit_price=D("0.63"), replaces="x1")),
    )  # fmt: skip
    spread = an_order(PUT, client_order_id="e2", **sold, limit_price=D("-0.40"))
    vary(
        "reprice_stays_in_bounds", priced | {"own_orders": (spread,)},
        ("edge", a_put(**sold, limit_price=D("-0.36"), replaces="e2")),
        ("over", a_put(**sold, limit_price=D("-0.35"), replaces="e2")),
        ("refuse", a_put(**sold, limit_price=D("0.01"), replaces="e2")),
        ("refuse", a_put(**sold, limit_price=D(0), replaces="e2")),
    )  # fmt: skip


def _options(add: Any, vary: Any) -> None:
    add(
        "options_level_allows", a_put(),
        ("pass", {}), ("edge", {"account": an_account(options_level=1)}),
        ("over", {"account": an_account(options_level=0)}),
    )  # fmt: skip
    vary("contract_is_standard", {}, ("pass", a_put()), ("refuse", a_put("XLF1261218P00037000", underlying="XLF")))
    for why, word in ((None, "edge"), ("multiplier 99", "over"), ("size 101", "over"), ("european", "refuse")):
        add("contract_is_standard", a_put(), (word, listed_as(why)))
    short = {"positions": (held(PUT, "-2"),)}
    vary(
        "position_is_held", short,
        ("pass", a_buy_back()), ("edge", a_buy_back(qty="2")), ("over", a_buy_back(qty="3")),
        ("refuse", a_buy_back(PUT_LOWER)),
    )  # fmt: skip
    vary(
        "stop_has_shares", with_shares("100"),
        ("pass", a_stop(qty="50")), ("edge", a_stop()), ("over", a_stop(qty="101")),
    )  # fmt: skip
    add("stop_leaves_wheel_lots", a_stop("XLU"), ("refuse", {}), ("pass", {"protect": True}))
    add(
        "call_is_covered", a_call(),
        ("pass", with_shares("200")), ("edge", with_shares("100")), ("over", with_shares("99")),
    )  # fmt: skip
    for strike, word in (("42", "pass"), ("40", "edge"), ("39.5", "over")):
        add("call_above_basis", a_call(call("XLF", EXPIRY, strike)), (word, with_shares()))
    rolling = {"books": Books(rolls=(a_roll(),))}
    roll = {"purpose": "roll_open", "roll": "r1"}
    vary(
        "roll_earns_its_budget", rolling,
        ("pass", a_put(**roll)), ("edge", a_put(limit_price=D("0.50"), **roll)),
        ("over", a_put(limit_price=D("0.49"), **roll)),
        ("edge", a_put(put("XLF", EXPIRY, "41"), **roll)), ("over", a_put(put("XLF", EXPIRY, "41.5"), **roll)),
    )  # fmt: skip


def _account(add: Any) -> None:
    add(
        "account_is_active", a_put(),
        ("pass", {}), ("refuse", {"account": an_account(blocked=True)}),
        ("refuse", {"account": an_account(status="ACCOUNT_CLOSED")}),
        ("refuse", {"account": an_account(currency="EUR")}),
    )  # fmt: skip
    add(
        "equity_is_enough", a_put(),
        ("pass", {}), ("edge", {"equity": D(2000)}), ("over", {"equity": D("1999.99")}),
    )  # fmt: skip
    add(
        "cash_is_not_negative", a_put(),
        ("pass", {}), ("edge", {"account": an_account("0")}), ("over", {"account": an_account("-0.01")}),
    )  # fmt: skip
    add(  # collateral 3,700 and a buffer of 10 % of 25,000
        "collateral_is_free", a_put(),
        ("pass", {}), ("edge", {"account": an_account("6200")}), ("over", {"account": an_account("6199.99")}),
    )  # fmt: skip
    add(
        "options_buying_power_covers", a_put(),
        ("pass", {}), ("edge", {"account": an_account(options_buying_power=D(3700))}),
        ("over", {"account": an_account(options_buying_power=D("3699.99"))}),
    )  # fmt: skip


def _exposure(add: Any) -> None:
    add(  # it can lose 3,640
        "order_loss_within", a_put(),
        ("pass", {}), ("edge", {"equity": D(9100)}), ("over", {"equity": D("9099.99")}),
    )  # fmt: skip
    add(  # 3,700 on an empty symbol: the first contract's share, 40 %
        "symbol_share_within", a_put(),
        ("pass", {}), ("edge", {"equity": D(9250)}), ("over", {"equity": D("9249.99")}),
    )  # fmt: skip
    share = a_purchase(qty="1")  # no first contract: 40 against 25 %
    add("symbol_share_within", share, ("edge", {"equity": D(160)}), ("over", {"equity": D("159.99")}))
    add(  # the second one: 7,300 against 25 %
        "symbol_share_within", a_put(),
        ("edge", {"equity": D(29200), "positions": (held(PUT_LOWER, "-1"),)}),
        ("over", {"equity": D("29199.99"), "positions": (held(PUT_LOWER, "-1"),)}),
    )  # fmt: skip
    add(
        "group_share_within", a_put(),
        ("pass", {}), ("edge", {"limits": {"group_share": D("0.148")}}),
        ("over", {"limits": {"group_share": D("0.1479")}}),
        ("refuse", {"universe": symbols("XLU")}),
    )  # fmt: skip
    add(
        "put_collateral_within", a_put(),
        ("pass", {}), ("edge", {"limits": {"put_collateral_share": D("0.148")}}),
        ("over", {"limits": {"put_collateral_share": D("0.1479")}}),
    )  # fmt: skip
    add(  # at 32 the put is worth 5.00, less the credit of 0.60: 440
        "stress_loss_within", a_put(),
        ("pass", {}), ("edge", {"limits": {"stress_loss_share": D("0.0176")}}),
        ("over", {"limits": {"stress_loss_share": D("0.01759")}}), ("refuse", {"quotes": ()}),
    )  # fmt: skip
    add(
        "contracts_within_symbol", a_put(),
        ("pass", {}), ("edge", {"positions": (held(PUT_LOWER, "-4"),)}),
        ("over", {"positions": (held(PUT_LOWER, "-5"),)}),
    )  # fmt: skip
    add(
        "put_series_within_symbol", a_put(),
        ("edge", {}), ("pass", {"positions": (held(PUT, "-1"),)}), ("over", {"positions": (held(PUT_LOWER, "-1"),)}),
    )  # fmt: skip
    others = tuple(held(put(f"AA{letter}", EXPIRY, "20"), "-1") for letter in "BCDEFG")
    add(
        "put_series_within_total", a_put(),
        ("pass", {}), ("edge", {"positions": others[:4]}), ("over", {"positions": others[:5]}),
    )  # fmt: skip
    add(
        "underlyings_within", a_put(),
        ("pass", {"positions": (*others, held("XLF", "1"))}), ("edge", {"positions": others[:5]}),
        ("over", {"positions": others}),
    )  # fmt: skip


def _pacing(add: Any, vary: Any) -> None:
    vary("contracts_within_tick", {}, ("edge", a_put()), ("over", a_put(qty="2")), ("pass", a_buy_back()))
    for name, sent, word in (("XLU", 0, "pass"), ("XLU", 1, "edge"), ("XLU", 2, "over")):
        books = Books(counters=Counters(contracts_today=((name, sent),)))
        add("contracts_within_day", a_put(), (word, {"books": books}))
    for name, word in (("XLU", "edge"), ("XLF", "over")):
        books = Books(counters=Counters(contracts_today=((name, 1),)))
        add("contracts_within_symbol_day", a_put(), (word, {"books": books}))
    add("contracts_within_symbol_day", a_buy_back(), ("pass", {}))
    add(
        "orders_within_tick", a_put(),
        ("pass", {}), ("edge", {"limits": {"orders_per_tick": D(1)}}), ("over", {"limits": {"orders_per_tick": D(0)}}),
    )  # fmt: skip
    for sent, word in ((0, "pass"), (9, "edge"), (10, "over")):
        add("orders_within_day", a_put(), (word, {"books": Books(counters=Counters(orders_today=sent))}))
    short = {"positions": (held(PUT, "-1"),)}
    add(
        "exits_within_tick", a_buy_back(),
        ("pass", short), ("edge", short | {"limits": {"exit_orders_per_tick": D(1)}}),
        ("over", short | {"limits": {"exit_orders_per_tick": D(0)}}),
    )  # fmt: skip
    for sent, word in ((0, "pass"), (29, "edge"), (30, "over")):
        add("exits_within_day", a_buy_back(), (word, short | {"books": Books(counters=Counters(exits_today=sent))}))
    for done, word in ((0, "pass"), (1, "edge"), (2, "over")):
        trips = Books(counters=Counters(round_trips=(("XLU", done),)))
        add("round_trips_within_day", a_put(), (word, {"books": trips}))
    rests = an_order(PUT, "buy_to_close", purpose="take_profit", client_order_id="e1", limit_price=D("0.50"))
    for count, word in ((0, "pass"), (99, "edge"), (100, "over")):
        again = Reprices(strategy=rests.strategy, purpose=rests.purpose, key=rests.key, count=count)
        books = Books(counters=Counters(exit_reprices=(again,)))
        follows = a_buy_back(replaces="e1", key=rests.key)
        add("exit_reprices_within_day", follows, (word, short | {"books": books, "own_orders": (rests,)}))
    _rate_and_repetition(add)


def opened(ago: timedelta, puts: str = "0", count: int = 1, **given: Any) -> dict[str, Any]:
    """Openings sent so long ago, the dollars of puts on the first."""
    one = Opening(underlying="XLU", at=NOON - ago, since=NOON - ago, puts=D(puts), **given)
    rest = (replace(one, puts=D(0)),) * (count - 1)
    return {"books": Books(counters=Counters(openings=(one, *rest)))}


def _rate_and_repetition(add: Any) -> None:
    five = timedelta(minutes=5)
    for facts, word in (
        ({}, "pass"), (opened(five, count=2), "edge"), (opened(five, count=3), "over"),
        (opened(five + timedelta(microseconds=1), count=3), "edge"),
    ):  # fmt: skip
        add("orders_within_window", a_put(), (word, facts))
    for facts, word in (  # the put is 3,700 of 25,000
        ({}, "pass"), (opened(five, "6300"), "edge"), (opened(five, "6300.01"), "over"),
        (opened(five + timedelta(microseconds=1), "6300.01"), "edge"),
    ):  # fmt: skip
        add("turnover_within_window", a_put(), (word, facts))
    for dollars, word in (("0", "pass"), ("21300", "edge"), ("21300.01", "over")):
        add("turnover_within_day", a_put(), (word, opened(timedelta(hours=2), dollars)))
    for ago, word in ((timedelta(minutes=120), "edge"), (timedelta(minutes=119, seconds=59), "over")):
        last = PutEntry(underlying="XLF", order="e1", filled_at=NOON - ago)
        add("entry_cooldown_is_over", a_put(), (word, {"books": Books(put_entries=(last,))}))
        add("entry_cooldown_is_over", a_call(), ("pass", with_shares(put_entries=(last,))))
    for day, word in ((12, "pass"), (13, "edge"), (16, "over"), (18, "refuse")):  # Thursday, Friday, Monday, today
        lost = Loss(underlying="XLF", what="c1", day=date(2026, 11, day), income=D("-0.01"))
        add("loss_cooldown_is_over", a_put(), (word, {"books": Books(losses=(lost,))}))
    for times, word in ((0, "pass"), (2, "edge"), (3, "over")):
        again = Rejections(strategy="wheel", purpose="cash_secured_put", underlying="XLF", count=times)
        add("rejections_are_few", a_put(), (word, {"books": Books(counters=Counters(rejections=(again,)))}))


PROOFS = proofs()
WITHOUT_NUMBER = {
    "shape_is_known", "halt_allows", "nothing_unresolved", "no_drift", "invariants_hold", "positions_are_known",
    "owner_is_ours",
    "holdings_are_understood",
    "not_a_duplicate", "symbol_not_halted", "stop_leaves_wheel_lots", "account_is_active",
}  # fmt: skip
"""Gates that answer yes or no and have no boundary to stand on."""


@pytest.mark.parametrize("proof", PROOFS, ids=lambda one: f"{one.gate}-{'passes' if one.ok else 'refuses'}")
def test_a_gate_allows_and_refuses_where_it_says(proof: Proof) -> None:
    result = ask(proof.gate, proof.intent, a_case(**proof.facts))
    assert result.ok is proof.ok, result.reason


def test_every_gate_has_a_pass_a_refusal_and_the_exact_boundary() -> None:
    missing = []
    for name, _ in GATES:
        found = {(proof.ok, proof.edge) for proof in PROOFS if proof.gate == name}
        if not {True, False} <= {ok for ok, _ in found}:
            missing.append(f"{name}: a pass and a refusal")
        if name not in WITHOUT_NUMBER and not {(True, True), (False, True)} <= found:
            missing.append(f"{name}: both sides of its boundary")
    assert missing == []
    assert {proof.gate for proof in PROOFS} == {name for name, _ in GATES}


FAMILIES = (
    form, safety, invariants, approval, market, plausible, prices, options, account, exposure, pacing, repetition,
    turnover,
)  # fmt: skip


def test_every_public_gate_function_is_in_the_list() -> None:
    written = {
        name
        for family in FAMILIES
        for name, function in inspect.getmembers(family, inspect.isfunction)
        if function.__module__ == family.__name__
        and not name.startswith("_")
        and list(inspect.signature(function).parameters) == ["intent", "case"]
    }
    assert written == {name for name, _ in GATES}
    assert len(GATES) == len({name for name, _ in GATES})


def test_a_number_is_shown_with_its_limit_and_the_room_left() -> None:
    result = ask("collateral_is_free", a_put(), a_case(account=an_account("6199.99")))
    assert (result.value, result.limit, result.distance) == (D(3700), D("3699.99"), D("-0.01"))
    result = ask("put_collateral_within", a_put(), a_case())
    assert (result.value, result.limit, result.distance) == (D("0.148"), D("0.80"), D("0.652"))


NUMBERED: list[tuple[str, OrderIntent, dict[str, Any], tuple[str, str, str, str]]] = [
    ("expiry_is_later", a_put(), {}, ("30", "1", "days", "29")),
    ("expiry_is_later", a_put(TODAY_PUT), {}, ("0", "1", "days", "-1")),
    ("expiry_is_later", a_put(put("XLF", date(2026, 11, 16), "39")), {}, ("-2", "1", "days", "-3")),
    ("expiring_series_has_time", a_buy_back(TODAY_PUT), {"at": CLOSE - timedelta(minutes=45)},
     ("45", "60", "minutes", "-15")),
    ("feed_is_accepted", a_put(), {"environment": "live", "quotes": quotes(source="alpaca indicative")},
     ("15", "0", "minutes", "-15")),
    ("contract_is_standard", a_put(), listed_as("multiplier 10, size 10, european"), ("10", "100", "shares", "-90")),
    ("contract_is_standard", a_put(), listed_as("delivers 150 shares"), ("150", "100", "shares", "-50")),
    ("contract_is_standard", a_put(), listed_as("style european, size 133.5"), ("133.5", "100", "shares", "-33.5")),
    ("options_level_allows", a_put(), {"account": an_account(options_level=0)}, ("0", "1", "level", "-1")),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "intent", "facts", "numbers"), NUMBERED, ids=[row[0] for row in NUMBERED])
def test_what_a_venue_may_get_wrong_is_refused_with_its_number(
    gate: str, intent: OrderIntent, facts: dict[str, Any], numbers: tuple[str, str, str, str]
) -> None:
    """A level too low, a contract that is not standard, one that expires, a feed that is delayed."""
    result = ask(gate, intent, a_case(**facts))
    value, limit, unit, distance = numbers
    assert (result.value, result.limit, result.unit, result.distance) == (D(value), D(limit), unit, D(distance))
    assert result.ok is (D(distance) >= 0)


def test_what_has_no_honest_number_is_refused_in_words() -> None:
    one_venue = {"environment": "live", "quotes": (a_quote("XLF", source="alpaca iex"), *quotes()[1:])}
    for gate, facts, words in (
        ("feed_is_accepted", one_venue, "XLF comes from alpaca iex, one venue of the whole market"),
        ("contract_is_standard", listed_as("2 deliverables, european"), "standard contract: 2 deliverables, european"),
        ("contract_is_standard", listed_as("multiplier not said"), "standard contract: multiplier not said"),
        ("contract_is_standard", listed_as(""), f"{PUT} is listed as no standard contract"),
    ):
        result = ask(gate, a_put(), a_case(**facts))
        assert (result.ok, result.value, result.limit) == (False, None, None)
        assert words in result.reason


def test_the_level_in_effect_decides_and_the_approved_one_is_shown_where_it_differs() -> None:
    lowered = an_account(options_level=0, options_level_approved=3)
    result = ask("options_level_allows", a_put(), a_case(account=lowered))
    assert (result.ok, result.reason) == (
        False, "the account's options level in effect (approved: 3) 0 level is below 1 level"
    )  # fmt: skip
    for same in (an_account(options_level=3, options_level_approved=3), an_account(options_level=3)):
        assert "approved" not in ask("options_level_allows", a_put(), a_case(account=same)).reason


@pytest.mark.parametrize(
    "limit",
    [
        "cash_buffer_share", "cash_buffer_min", "equity_min", "symbol_share", "symbol_share_first", "group_share",
        "put_collateral_share", "stress_loss_share", "order_loss_share", "contracts_per_symbol",
        "put_series_per_symbol", "put_series_total", "open_underlyings", "contracts_per_tick", "contracts_per_day",
        "contracts_per_symbol_day", "orders_per_tick", "orders_per_day", "round_trips_per_day",
        "open_interest_min", "orders_per_window", "turnover_per_window", "turnover_per_day",
        "cooldown_entry_minutes", "cooldown_loss_sessions", "identical_rejections",
        "option_spread_fraction", "option_spread_absolute", "underlying_spread_fraction", "quote_age_share_seconds",
        "quote_age_option_seconds", "price_collar_fraction", "entry_after_open_minutes", "entry_before_close_minutes",
        "options_level_min",
    ],
)  # fmt: skip
def test_a_limit_that_is_off_refuses_nothing(limit: str) -> None:
    """Design 9: zero is zero, off is off."""
    (verdict,) = judge([a_put()], a_case(limits={limit: None}))
    assert verdict.approved, verdict.reason


def test_a_quote_is_found_in_the_chain_where_none_was_asked_for_alone() -> None:
    slab: Slab = a_slab(EXPIRY, [("36", "0.40", "0.44", 200, 0.2, 0.2), ("37", "0.58", "0.62", 321, 0.25, 0.2)])
    case = a_case(quotes=(a_quote("XLF"),), chains=(a_chain("XLF", "put", slab),))
    assert ask("open_interest_is_enough", a_put(), case).value == Decimal(321)
    assert not ask("open_interest_is_enough", a_put(put("XLF", EXPIRY, "38")), case).ok
    assert CALL not in case.snapshot.quote_of
    assert not ask("quote_is_valid", a_call(), case).ok
