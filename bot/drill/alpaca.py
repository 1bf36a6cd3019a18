"""An Alpaca in memory: the answers of the trading API over the drill's account, put under the house's own adapter.

It stands where `Wire` stands: adapter, client, parsing, refusals and unknown outcomes are the real code, and no socket
is opened. It answers what the adapter asks: account, clock, calendar, positions, orders, history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.domain.holdings import Activity, BrokerOrder, OrderLeg
from bot.domain.instruments import is_option
from bot.domain.money import plain
from bot.domain.orders import OrderRequest
from bot.domain.sessions import NEW_YORK, session_on
from bot.drill.account import DrillAccount
from bot.venues.answers import Answer
from bot.venues.wire import NoAnswer

EVER = datetime(2000, 1, 1, tzinfo=UTC)
FIELDS: dict[RefusalCode, dict[str, str]] = {
    RefusalCode.INSUFFICIENT_FUNDS: {"buying_power": "0", "cost_basis": "0"},
    RefusalCode.INSUFFICIENT_QUANTITY: {"available": "0", "existing_qty": "0", "held_for_orders": "0"},
}
"""The fields that tell Alpaca's refusals of one code apart."""
_ENCODE = msgspec.json.Encoder().encode


class MemoryWire:
    """Answers requests from a `DrillAccount`, one at a time; a fault of the account is a fault of the wire."""

    def __init__(self, account: DrillAccount) -> None:
        self._account = account

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        json: Any = None,
        allow_redirects: bool = False,
    ) -> Answer:
        """Answer one request, or raise NoAnswer where none comes back."""
        path, query = unquote(urlsplit(url).path).removeprefix("/v2"), dict(params or {})
        try:
            if method == "POST":
                return _answer(200, order_json(self._account.submit(request_of(json))))
            if method == "DELETE":
                self._account.cancel(path.rpartition("/")[2])
                return Answer(204, {}, b"")
            return self._read(path, query)
        except (OutcomeUnknown, BrokerUnreachable) as fault:
            raise NoAnswer(str(fault)) from None
        except BrokerRefused as refusal:
            body = {"code": refusal.broker_code, "message": str(refusal), **FIELDS.get(refusal.code, {})}
            return _answer(refusal.status or 422, body)

    def close(self) -> None:
        """Let go of nothing."""

    def _read(self, path: str, query: dict[str, str]) -> Answer:
        account = self._account
        if path == "/account":
            return _answer(200, self._account_json())
        if path == "/clock":
            clock = account.read_clock()
            return _answer(200, {"timestamp": clock.at.isoformat(), "is_open": clock.is_open})
        if path == "/calendar":
            return _answer(200, calendar_json(query))
        if path == "/positions":
            return _answer(200, [_position_json(one) for one in account.read_positions()])
        if path.startswith("/positions/"):
            found = [one for one in account.read_positions() if one.symbol == path.removeprefix("/positions/")]
            return _answer(200, _position_json(found[0])) if found else _missing("position does not exist")
        if path == "/orders":
            return _answer(200, self._listing(query))
        if path == "/account/activities":
            return _answer(200, self._history(query))
        if path == "/orders:by_client_order_id":
            order = account.find_order(query["client_order_id"])
        else:
            wanted = path.rpartition("/")[2]
            order = next((one for one in account.read_orders(EVER) if one.broker_order_id == wanted), None)
        return _missing("order not found") if order is None else _answer(200, order_json(order))

    def _account_json(self) -> dict[str, Any]:
        found = self._account.read_account()
        return {
            "account_number": found.id, "status": found.status, "currency": "USD", "cash": plain(found.cash),
            "equity": plain(found.equity), "buying_power": plain(found.buying_power),
            "options_buying_power": _text(found.options_buying_power),
            "non_marginable_buying_power": _text(found.non_marginable_buying_power),
            "accrued_fees": _text(found.accrued_fees), "pending_transfer_out": "0",
            "multiplier": str(found.multiplier), "options_trading_level": found.options_level,
            "options_approved_level": found.options_level, "trading_blocked": False, "account_blocked": False,
            "trade_suspended_by_user": False,
        }  # fmt: skip

    def _listing(self, query: dict[str, str]) -> list[dict[str, Any]]:
        after = _moment(query["after"]) if query.get("after") else EVER
        orders = [one for one in self._account.read_orders(EVER) if one.submitted_at > after]
        if query.get("status") == "open":
            orders = [one for one in orders if not one.terminal]
        return [order_json(one) for one in orders[: int(query["limit"])]]

    def _history(self, query: dict[str, str]) -> list[dict[str, Any]]:
        after = _moment(query["after"])
        lines = [one for one in self._account.read_activities(after.date() - timedelta(days=1)) if one.at > after]
        start = next((place + 1 for place, one in enumerate(lines) if one.id == query.get("page_token")), 0)
        return [activity_json(one) for one in lines[start : start + int(query["page_size"])]]


def calendar_json(query: Mapping[str, str]) -> list[dict[str, str]]:
    """List the sessions of a range of days, in New York's hours."""
    day, last = date.fromisoformat(query["start"]), date.fromisoformat(query["end"])
    rows = []
    while day <= last:
        session = session_on(day)
        if session is not None:
            opens, closes = (one.astimezone(NEW_YORK).strftime("%H:%M") for one in (session.open_at, session.close_at))
            rows.append({"date": day.isoformat(), "open": opens, "close": closes})
        day += timedelta(days=1)
    return rows


def request_of(body: Mapping[str, Any]) -> OrderRequest:
    """Read an order as the adapter wrote it."""
    legs = body.get("legs") or [body]
    return OrderRequest(
        client_order_id=body["client_order_id"],
        legs=tuple(
            OrderLeg(
                symbol=one["symbol"], side=one["side"], ratio=int(one.get("ratio_qty", 1)),
                position_intent=one["position_intent"],
            )
            for one in legs
        ),
        qty=Decimal(body["qty"]), order_type=body["type"], limit_price=_number(body, "limit_price"),
        stop_price=_number(body, "stop_price"), trail_percent=_number(body, "trail_percent"),
        time_in_force=body["time_in_force"],
    )  # fmt: skip


def order_json(order: BrokerOrder) -> dict[str, Any]:
    """Write an order as Alpaca does: numbers as text, several legs under a parent without a symbol."""
    ended = _stamp(order.updated_at) if order.terminal else None
    body: dict[str, Any] = {
        "id": order.broker_order_id, "client_order_id": order.client_order_id, "created_at": _stamp(order.submitted_at),
        "submitted_at": _stamp(order.submitted_at), "updated_at": _stamp(order.updated_at),
        "qty": plain(order.qty), "filled_qty": plain(order.filled_qty),
        "filled_avg_price": _text(order.filled_avg_price), "type": order.order_type, "order_type": order.order_type,
        "time_in_force": order.time_in_force, "limit_price": _text(order.limit_price),
        "stop_price": _text(order.stop_price), "trail_percent": _text(order.trail_percent),
        "hwm": _text(order.high_water_mark), "status": order.status, "order_class": "", "legs": None,
        f"{'expired' if order.status == 'expired' else 'filled' if order.status == 'filled' else 'canceled'}_at": ended,
    }  # fmt: skip
    legs = [
        {"symbol": one.symbol, "side": one.side, "position_intent": one.position_intent, "ratio_qty": str(one.ratio)}
        for one in order.legs
    ]
    if len(legs) > 1:
        return body | {"order_class": "mleg", "symbol": "", "side": "", "legs": legs}
    return body | legs[0]


def activity_json(line: Activity) -> dict[str, Any]:
    """Write a line of history: a fill has a side and a moment of its own, others a day and a booking."""
    body: dict[str, Any] = {
        "id": line.id, "activity_type": line.raw_type or line.kind, "symbol": line.symbol or None,
        "qty": plain(line.qty), "price": _text(line.price), "net_amount": plain(line.net_amount),
        "order_id": line.order_id or None, "group_id": line.group_id or None, "description": line.description,
        "status": "executed",
    }  # fmt: skip
    if line.kind == "FILL":
        side = "buy" if line.qty > 0 else "sell"
        return body | {
            "qty": plain(abs(line.qty)), "side": side, "type": "fill", "transaction_time": _stamp(line.at),
        }  # fmt: skip
    return body | {"created_at": _stamp(line.at), "date": line.at.date().isoformat()}


def _position_json(one: Any) -> dict[str, Any]:
    side: Literal["long", "short"] = "long" if one.qty > 0 else "short"
    return {
        "symbol": one.symbol, "qty": plain(one.qty), "side": side, "avg_entry_price": _text(one.avg_entry_price),
        "current_price": _text(one.price), "qty_available": _text(one.qty_available),
        "asset_class": "us_option" if is_option(one.symbol) else "us_equity",
    }  # fmt: skip


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, {}, _ENCODE(body))


def _missing(words: str) -> Answer:
    return _answer(404, {"code": 40410000, "message": words})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _number(body: Mapping[str, Any], key: str) -> Decimal | None:
    return None if body.get(key) is None else Decimal(body[key])


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
