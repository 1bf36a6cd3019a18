"""One builder per fact: a test states only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.desk import Desk, Limits, SimulatorNumbers, SymbolInfo, WheelNumbers, WheelParams
from bot.domain.holdings import Account, Position
from bot.domain.instruments import option_symbol, parse_option, underlying_of
from bot.domain.ledger import Books, Halt, Lot, OptionLeg
from bot.domain.market import Chain, Events, Quote, Slab
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.sessions import last_session_at, next_session, previous_session, slot_of
from bot.domain.snapshot import HeldPosition, SessionFacts, Snapshot

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""A Wednesday, noon in New York, in the middle of a full session."""

D = Decimal


def a_session(at: datetime = NOON) -> SessionFacts:
    session = last_session_at(at)
    return SessionFacts(
        day=session.day, open_at=session.open_at, close_at=session.close_at, is_open=session.holds(at),
        previous_day=previous_session(session.day).day, next_day=next_session(session.day).day,
    )  # fmt: skip


def an_account(cash: str = "25000", **given: Any) -> Account:
    money = D(cash)
    facts: dict[str, Any] = {
        "id": "SIM-1", "status": "ACTIVE", "cash": money, "equity": money, "buying_power": money,
        "options_buying_power": money, "non_marginable_buying_power": money, "options_level": 3,
    }  # fmt: skip
    return Account(**(facts | given))


def a_quote(symbol: str, bid: str | None = "39.99", ask: str | None = "40.01", **given: Any) -> Quote:
    facts: dict[str, Any] = {
        "symbol": symbol, "bid": None if bid is None else D(bid), "ask": None if ask is None else D(ask),
        "at": NOON - timedelta(seconds=5), "source": "synthetic",
    }  # fmt: skip
    return Quote(**(facts | given))


def a_slab(expiry: date, rows: list[tuple[str, str, str, int, float, float]], odd: tuple[str, ...] = ()) -> Slab:
    """Rows are (strike, bid, ask, open interest, size of delta, volatility), strikes ascending."""
    return Slab(
        expiry=expiry,
        strikes=tuple(int(D(row[0]) * 1000) for row in rows),
        bids=tuple(int(D(row[1]) * 100) for row in rows),
        asks=tuple(int(D(row[2]) * 100) for row in rows),
        open_interests=tuple(row[3] for row in rows),
        deltas=tuple(round(row[4] * 10_000) if row[4] >= 0 else -1 for row in rows),
        volatilities=tuple(round(row[5] * 10_000) if row[5] >= 0 else -1 for row in rows),
        odd=odd,
    )


def a_chain(underlying: str, right: Any, *slabs: Slab, **given: Any) -> Chain:
    facts: dict[str, Any] = {
        "underlying": underlying, "right": right, "at": NOON - timedelta(seconds=5), "source": "synthetic",
        "greeks": "broker", "penny": True, "slabs": slabs,
    }  # fmt: skip
    return Chain(**(facts | given))


def some_events(symbol: str, **given: Any) -> Events:
    facts: dict[str, Any] = {
        "symbol": symbol, "dividend_status": "none", "earnings_status": "exempt", "as_of": NOON,
    }  # fmt: skip
    return Events(**(facts | given))


def a_lot(symbol: str = "XLF", qty: str = "100", basis: str = "40", **given: Any) -> Lot:
    facts: dict[str, Any] = {
        "id": f"lot-{symbol}", "symbol": symbol, "qty": D(qty), "opened_at": NOON - timedelta(days=10),
        "strategy": "wheel", "owner": "ours", "cycle": f"cycle-{symbol}", "basis_strike": D(basis),
        "basis_tax": D(basis), "basis_wheel": D(basis),
    }  # fmt: skip
    return Lot(**(facts | given))


def an_option_leg(symbol: str, qty: str = "-1", credit: str = "0.60", **given: Any) -> OptionLeg:
    contract = parse_option(symbol)
    facts: dict[str, Any] = {
        "id": f"leg-{symbol}", "symbol": symbol, "underlying": underlying_of(symbol), "right": contract.right,
        "strike": contract.strike, "expiry": contract.expiry, "qty": D(qty),
        "opened_at": NOON - timedelta(days=10), "strategy": "wheel", "owner": "ours",
        "cycle": f"cycle-{underlying_of(symbol)}", "chain": f"leg-{symbol}", "credit": D(credit),
    }  # fmt: skip
    return OptionLeg(**(facts | given))


def held(symbol: str, qty: str, owner: Any = "ours", price: str | None = None) -> HeldPosition:
    return HeldPosition(
        position=Position(symbol=symbol, qty=D(qty), price=None if price is None else D(price), qty_available=D(qty)),
        owner=owner,
    )


def an_intent(symbol: str, position_intent: str = "sell_to_open", qty: str = "1", **given: Any) -> OrderIntent:
    facts: dict[str, Any] = {
        "strategy": "wheel", "purpose": "cash_secured_put", "key": f"key-{symbol}",
        "underlying": underlying_of(symbol), "legs": (leg(symbol, position_intent),), "qty": D(qty),
        "limit_price": D("0.60"), "reason": "a test wants it",
    }  # fmt: skip
    return OrderIntent(**(facts | given))


def an_order(symbol: str, position_intent: str = "sell_to_open", qty: str = "1", **given: Any) -> OwnOrder:
    facts: dict[str, Any] = {
        "client_order_id": f"desk-{symbol}-{position_intent}", "broker_order_id": f"b-{symbol}",
        "strategy": "wheel", "purpose": "cash_secured_put", "key": f"key-{symbol}",
        "underlying": underlying_of(symbol), "legs": (leg(symbol, position_intent),), "qty": D(qty),
        "order_type": "limit", "limit_price": D("0.60"), "time_in_force": "day", "state": "working",
        "status": "accepted", "slot": slot_of(NOON - timedelta(minutes=15)),
        "planned_at": NOON - timedelta(minutes=15),
    }  # fmt: skip
    return OwnOrder(**(facts | given))


def a_snapshot(at: datetime = NOON, **given: Any) -> Snapshot:
    facts: dict[str, Any] = {
        "desk": "test", "at": at, "slot": slot_of(at), "broker": "simulator", "market": "synthetic",
        "environment": "simulated", "simulated": True, "session": a_session(at), "account": an_account(),
        "equity": D(25000), "positions": (), "own_orders": (), "requests": (), "quotes": (), "chains": (),
        "books": Books(cash=D(25000), equity_previous=D(25000)), "halt": Halt(),
    }  # fmt: skip
    return Snapshot(**(facts | given))


def some_limits(**given: Any) -> Limits:
    """The balanced profile's limits (wheel.md section 3)."""
    facts: dict[str, Any] = {
        "equity_min": D(2000), "cash_buffer_share": D("0.10"), "cash_buffer_min": D(250),
        "symbol_share": D("0.25"), "symbol_share_first": D("0.40"), "group_share": D("0.45"),
        "put_collateral_share": D("0.80"), "stress_loss_share": D("0.16"), "order_loss_share": D("0.40"),
        "contracts_per_symbol": D(5), "put_series_per_symbol": D(1), "put_series_total": D(5),
        "open_underlyings": D(6), "contracts_per_tick": D(1), "contracts_per_day": D(2),
        "contracts_per_symbol_day": D(1), "orders_per_tick": D(4), "orders_per_day": D(10),
        "exit_orders_per_tick": D(12), "exit_orders_per_day": D(30), "exit_reprices_per_day": D(100),
            "round_trips_per_day": D(2), "open_interest_min": D(100),
        "orders_per_window": D(3), "turnover_per_window": D("0.40"), "turnover_per_day": D(1),
        "cooldown_entry_minutes": D(120), "cooldown_loss_sessions": D(3), "identical_rejections": D(3),
        "daily_loss_share": D("0.04"), "drawdown_no_new_risk": D("0.12"), "drawdown_reduce_only": D("0.18"),
        "losing_streak": D(4), "streak_pause_days": D(7), "halt_confirm_readings": D(3), "missed_ticks": D(3),
        "clock_skew_seconds": D(5), "disk_free_mb": D(500), "drill_age_days": D(30),
        "option_spread_fraction": D("0.15"), "option_spread_absolute": D("0.10"),
        "underlying_spread_fraction": D("0.003"), "underlying_spread_fraction_iex": D("0.01"),
        "quote_age_share_seconds": D(60), "quote_age_option_seconds": D(300), "quote_age_delayed_seconds": D(1200),
        "price_collar_fraction": D("0.15"), "entry_after_open_minutes": D(20), "entry_before_close_minutes": D(20),
        "expiry_out_minutes": D(60), "options_level_min": D(1), "covered_calls_under_no_new_risk": True,
        "accept_delayed_feed": False,
    }  # fmt: skip
    return Limits(**(facts | given))


def wheel_numbers(**given: Any) -> WheelNumbers:
    """The balanced profile's wheel numbers (wheel.md section 3)."""
    facts: dict[str, Any] = {
        "put_while_holding": False, "put_dte_min": 25, "put_dte_max": 45, "put_dte_target": 35,
        "put_delta_min": D("0.18"), "put_delta_target": D("0.25"), "put_delta_max": D("0.30"),
        "call_dte_min": 14, "call_dte_max": 40, "call_dte_target": 28, "call_delta_min": D("0.18"),
        "call_delta_target": D("0.25"), "call_delta_max": D("0.35"), "otm_fallback": D("0.06"),
        "call_floor": "tax", "put_yield_min": D("0.07"), "call_yield_min": D("0.04"), "credit_min": D("0.10"),
        "profit_share_close": D("0.60"), "time_exit_dte": 14, "premium_stop_multiple": None, "put_roll_dte": 7,
        "rolls_max": 2, "roll_net_min": D("0.05"), "roll_dte_max": 60, "roll_ticks_max": 8,
        "itm_at_expiry_put": "assign", "itm_at_expiry_call": "assign", "earnings_avoided_put": True,
        "earnings_avoided_call": True, "ex_date_entry_avoided": True, "ex_date_exit": "close",
        "covered_call_cap": D(1), "contracts_per_order": 1,
    }  # fmt: skip
    return WheelNumbers(**(facts | given))


def symbols(*names: str, group: str = "") -> dict[str, SymbolInfo]:
    return {name: SymbolInfo(symbol=name, group=group or f"group-{name}", kind="etf") for name in names}


def wheel_params(*names: str, numbers: WheelNumbers | None = None, **given: Any) -> WheelParams:
    chosen = numbers or wheel_numbers()
    facts: dict[str, Any] = {
        "name": "wheel", "numbers": dict.fromkeys(names, chosen), "limits": some_limits(),
        "universe": symbols(*names),
    }  # fmt: skip
    return WheelParams(**(facts | given))


def simulator_numbers(**given: Any) -> SimulatorNumbers:
    facts: dict[str, Any] = {
        "equity": D(25000), "multiplier": 1, "options_level": 3, "seed": 1, "fee_occ": D("0.02"),
        "fee_orf": D("0.02685"), "fee_taf": D("0.00279"),
    }  # fmt: skip
    return SimulatorNumbers(**(facts | given))


def a_desk(*names: str, **given: Any) -> Desk:
    facts: dict[str, Any] = {
        "config_version": 1, "name": "test", "profile": "balanced", "universe": symbols(*(names or ("XLF",))),
        "limits": some_limits(), "simulator": simulator_numbers(),
    }  # fmt: skip
    return Desk(**(facts | given))


def put(underlying: str, expiry: date, strike: str) -> str:
    return option_symbol(underlying, expiry, "put", D(strike))


def call(underlying: str, expiry: date, strike: str) -> str:
    return option_symbol(underlying, expiry, "call", D(strike))
