"""The JSON of Alpaca's answers: strings where Alpaca sends strings, numbers in the data API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from bot.domain.instruments import is_option
from bot.tests.alpaca.facts import Holding, Listed, Order, Tick
from bot.tests.alpaca.funds import funds_of, locked_by_orders, multiplier_of, shares_under_calls

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

D = Decimal


def text(value: Decimal | None) -> str | None:
    """Write a number as Alpaca does: without exponent and needless zeros."""
    if value is None:
        return None
    shown = format(value, "f")
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown) or "0"


def stamp(moment: datetime | None) -> str | None:
    """Write a moment with Alpaca's nine digits behind the second."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"


def asset_id(symbol: str) -> str:
    """Give an asset's id: always the same for a symbol."""
    return str(uuid5(NAMESPACE_URL, symbol)) if symbol else ""


def order_json(order: Order, *, nested: bool = True) -> dict[str, Any]:
    """Write an order; a multi-leg parent has no symbol and no side, a leg has no type."""
    parent, leg = bool(order.legs), bool(order.parent)
    kind = "" if leg else order.type
    average = order.paid / order.filled_qty if order.filled_qty else None
    body: dict[str, Any] = {
        "id": order.id, "client_order_id": order.client_order_id, "created_at": stamp(order.submitted_at),
        "updated_at": stamp(order.updated_at), "submitted_at": stamp(order.submitted_at),
        "filled_at": stamp(order.ended_at) if order.status == "filled" else None,
        "expired_at": stamp(order.ended_at) if order.status == "expired" else None,
        "expires_at": stamp(order.expires_at),
        "canceled_at": stamp(order.ended_at) if order.status == "canceled" else None,
        "failed_at": stamp(order.ended_at) if order.status == "rejected" else None,
        "replaced_at": stamp(order.ended_at) if order.status == "replaced" else None,
        "replaced_by": order.replaced_by or None, "replaces": order.replaces or None,
        "asset_id": asset_id(order.symbol), "symbol": order.symbol, "asset_class": asset_class(order.symbol),
        "notional": None, "qty": text(order.qty), "filled_qty": text(order.filled_qty),
        "filled_avg_price": text(average), "order_class": order.order_class, "order_type": kind, "type": kind,
        "side": order.side, "time_in_force": order.time_in_force, "limit_price": text(order.limit_price),
        "stop_price": text(order.stop_price), "status": order.status, "extended_hours": False, "legs": None,
        "trail_percent": text(order.trail_percent), "trail_price": text(order.trail_price), "hwm": text(order.hwm),
        "subtag": None, "source": None,
    }  # fmt: skip
    if not parent:
        body["position_intent"] = order.position_intent
    if leg:
        body["ratio_qty"] = str(order.ratio)
    if parent and nested:
        body["legs"] = [order_json(one) for one in order.legs]
    return body


def asset_class(symbol: str) -> str:
    """Give the class of a symbol; a multi-leg parent has none."""
    if not symbol:
        return ""
    return "us_option" if is_option(symbol) else "crypto" if "/" in symbol else "us_equity"


def account_json(world: AlpacaWorld) -> dict[str, Any]:
    """Write the account with what its positions and working orders leave free."""
    funds = funds_of(world)
    value = sum((market_value(world, symbol, held) for symbol, held in world.holdings.items()), D(0))
    longs = sum((market_value(world, s, h) for s, h in world.holdings.items() if h.qty > 0), D(0))
    equity = world.cash + value
    free = max(funds.free, D(0))
    return {
        "id": asset_id(world.account_number), "account_number": world.account_number, "status": world.status,
        "crypto_status": "ACTIVE", "currency": "USD", "cash": text(world.cash), "equity": text(equity),
        "last_equity": text(equity), "portfolio_value": text(equity), "position_market_value": text(value),
        "long_market_value": text(longs), "short_market_value": text(value - longs),
        "buying_power": text(free * world.multiplier), "regt_buying_power": text(free * world.multiplier),
        "effective_buying_power": text(free * world.multiplier), "non_marginable_buying_power": text(free),
        "options_buying_power": text(free), "initial_margin": text(funds.collateral),
        "maintenance_margin": text(funds.collateral), "last_maintenance_margin": "0", "sma": "0",
        "multiplier": str(world.multiplier), "accrued_fees": text(world.accrued_fees), "pending_transfer_in": "0",
        "pending_transfer_out": text(world.pending_transfer_out), "pending_reg_taf_fees": "0",
        "intraday_adjustments": "0", "balance_asof": f"{world.at:%Y-%m-%d}",
        "created_at": "2023-01-01T18:20:20.272275Z",
        "shorting_enabled": False, "trading_blocked": world.trading_blocked, "transfers_blocked": False,
        "account_blocked": world.account_blocked, "trade_suspended_by_user": False,
        "options_approved_level": max(world.options_level, 0), "options_trading_level": world.options_level,
        "admin_configurations": {}, "user_configurations": None,
    }  # fmt: skip


def market_value(world: AlpacaWorld, symbol: str, held: Holding) -> Decimal:
    """Give what a position is worth at the middle of its quote."""
    tick = world.quotes.get(symbol)
    price = tick.mid if tick is not None and tick.mid is not None else held.average
    return held.qty * price * multiplier_of(symbol)


def position_json(world: AlpacaWorld, symbol: str, held: Holding) -> dict[str, Any]:
    """Write a position; what orders and covered calls hold back is not available."""
    value = market_value(world, symbol, held)
    cost = held.qty * held.average * multiplier_of(symbol)
    price = value / (held.qty * multiplier_of(symbol))
    free = abs(held.qty) - locked_by_orders(world, symbol) - shares_under_calls(world, symbol)
    available = max(free, D(0)).copy_sign(held.qty) if free > 0 else D(0)
    gain = value - cost
    return {
        "asset_id": asset_id(symbol), "symbol": symbol, "asset_class": asset_class(symbol),
        "exchange": "" if is_option(symbol) else "ARCA", "asset_marginable": not is_option(symbol),
        "avg_entry_price": text(held.average), "qty": text(held.qty), "qty_available": text(available),
        "side": "long" if held.qty > 0 else "short", "market_value": text(value), "cost_basis": text(cost),
        "unrealized_pl": text(gain), "unrealized_plpc": text(round(gain / abs(cost), 6) if cost else D(0)),
        "unrealized_intraday_pl": "0", "unrealized_intraday_plpc": "0", "current_price": text(price),
        "lastday_price": text(price), "change_today": "0",
    }  # fmt: skip


def contract_json(one: Listed, today: str, *, deliverables: bool) -> dict[str, Any]:
    """Write a contract; open interest and close may be null, deliverables come on demand."""
    body: dict[str, Any] = {
        "id": asset_id(one.symbol), "symbol": one.symbol, "status": "active", "tradable": one.tradable,
        "name": f"{one.underlying} {one.expiry:%b %d %Y} {one.strike} {one.right.title()}",
        "expiration_date": one.expiry.isoformat(), "root_symbol": one.symbol[:-15],
        "underlying_symbol": one.underlying, "underlying_asset_id": asset_id(one.underlying), "type": one.right,
        "style": one.style, "strike_price": text(one.strike), "multiplier": one.multiplier, "size": one.size,
        "ppind": one.penny, "close_price": None, "close_price_date": None,
        "open_interest": None if one.open_interest is None else str(one.open_interest),
        "open_interest_date": None if one.open_interest is None else today,
    }  # fmt: skip
    if deliverables:
        body["deliverables"] = [{
            "type": "equity", "symbol": one.underlying, "asset_id": asset_id(one.underlying), "amount": one.shares,
            "allocation_percentage": "100", "settlement_type": "T+1", "settlement_method": "CCC",
            "delayed_settlement": False,
        }]  # fmt: skip
    return body


def quote_json(tick: Tick, at: datetime, *, option: bool) -> dict[str, Any]:
    """Write the latest quote: an absent side is zero, as the data API shows it."""
    size = 10 if tick.size is None else tick.size
    body: dict[str, Any] = {
        "t": stamp(at), "bp": number(tick.bid), "bs": size if tick.bid else 0, "ap": number(tick.ask),
        "as": size if tick.ask else 0, "bx": "C", "ax": "C", "c": "A" if option else ["R"],
    }  # fmt: skip
    return body if option else body | {"z": "B"}


def number(value: Decimal | None) -> float | int:
    """Give a JSON number; nothing there is 0."""
    if value is None:
        return 0
    return int(value) if value == value.to_integral_value() else float(value)


def option_snapshot_json(tick: Tick, at: datetime) -> dict[str, Any]:
    """Write an option's snapshot; greeks and volatility are missing where none were set."""
    body: dict[str, Any] = {"latestQuote": quote_json(tick, at, option=True)}
    if tick.last is not None:
        body["latestTrade"] = {"t": stamp(at), "p": number(tick.last), "s": 1, "x": "C", "c": "I"}
    if tick.delta is not None:
        body["greeks"] = {"delta": tick.delta, "gamma": 0.05, "rho": 0.01, "theta": -0.02, "vega": 0.04}
    if tick.volatility is not None:
        body["impliedVolatility"] = tick.volatility
    return body


def stock_snapshot_json(tick: Tick, at: datetime) -> dict[str, Any]:
    """Write a share's snapshot: latest quote and trade, the minute's and two days' bars."""
    price = number(tick.last if tick.last is not None else tick.mid)
    bar = {"t": stamp(at), "o": price, "h": price, "l": price, "c": price, "v": 1000, "n": 10, "vw": price}
    return {
        "latestTrade": {"t": stamp(at), "p": price, "s": 100, "x": "V", "c": ["@"], "i": 1, "z": "B"},
        "latestQuote": quote_json(tick, at, option=False), "minuteBar": bar, "dailyBar": bar, "prevDailyBar": bar,
    }  # fmt: skip
