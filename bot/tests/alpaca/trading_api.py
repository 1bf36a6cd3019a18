"""The trading endpoints, under /v2: account, clock, calendar, positions, orders, activities, contracts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bot.domain.instruments import is_option, underlying_of
from bot.domain.sessions import NEW_YORK, Session
from bot.tests.alpaca.acceptance import accept
from bot.tests.alpaca.facts import MALFORMED, NOT_FOUND, Line, Listed, Order, Refusal
from bot.tests.alpaca.matching import fill, match
from bot.tests.alpaca.shapes import account_json, asset_class, contract_json, order_json, position_json

if TYPE_CHECKING:
    from bot.tests.alpaca.world import AlpacaWorld

T = TypeVar("T")
Query = dict[str, str]
BAD_REQUEST = (400, 40010000)


class Answer(NamedTuple):
    """A status and what is sent as JSON; None sends no body."""

    status: int
    body: Any = None


def answer(world: AlpacaWorld, method: str, path: str, query: Query, body: Any) -> Answer | None:
    """Answer a trading request, or give None where there is no such path."""
    if method == "GET":
        simple: dict[str, Callable[[], Any]] = {
            "/account": lambda: account_json(world),
            "/clock": lambda: clock_json(world),
            "/calendar": lambda: calendar_json(world, query),
            "/positions": lambda: [position_json(world, s, h) for s, h in sorted(world.holdings.items())],
            "/orders": lambda: list_orders(world, query),
            "/orders:by_client_order_id": lambda: one_order(world, query.get("client_order_id", ""), ours=True),
            "/account/activities": lambda: list_activities(world, query, ""),
            "/options/contracts": lambda: list_contracts(world, query),
        }
        if path in simple:
            return Answer(200, simple[path]())
        if path.startswith("/account/activities/"):
            return Answer(200, list_activities(world, query, path.rpartition("/")[2]))
        if path.startswith("/orders/"):
            return Answer(200, one_order(world, path.rpartition("/")[2]))
        if path.startswith("/positions/"):
            return Answer(200, one_position(world, path.removeprefix("/positions/")))
    if method == "POST" and path == "/orders":
        return place(world, body)
    if method == "DELETE" and path.startswith("/orders/"):
        return cancel(world, path.rpartition("/")[2])
    return None


def whole(query: Query, key: str, default: int, most: int, least: int = 1) -> int:
    """Read a bounded whole number, or refuse it."""
    try:
        value = int(query.get(key) or default)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise Refusal(MALFORMED, f"{key} must be between {least} and {most}")
    return value


def truth(query: Query, key: str) -> bool:
    """Read a flag in either spelling."""
    return query.get(key, "").lower() == "true"


def moment(given: str) -> datetime:
    """Read a day or a moment."""
    try:
        read = datetime.fromisoformat(given)
    except ValueError:
        raise Refusal(MALFORMED, f"invalid time: {given}") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def page(rows: Sequence[T], token: str, size: int) -> tuple[list[T], str | None]:
    """Give a page and the token of the next one, None at the end."""
    try:
        start = int(base64.urlsafe_b64decode(token.encode())) if token else 0
    except (binascii.Error, ValueError):
        raise Refusal(BAD_REQUEST, "invalid page_token") from None
    following = start + size
    more = following < len(rows)
    return list(rows[start:following]), base64.urlsafe_b64encode(str(following).encode()).decode() if more else None


def clock_json(world: AlpacaWorld) -> dict[str, Any]:
    """Write the market's clock, in New York time."""
    coming = [one for one in coming_sessions(world) if one.close_at > world.at]
    opens = next(one.open_at for one in coming if one.open_at > world.at)
    return {
        "timestamp": world.at.astimezone(NEW_YORK).isoformat(), "is_open": world.session() is not None,
        "next_open": opens.astimezone(NEW_YORK).isoformat(),
        "next_close": coming[0].close_at.astimezone(NEW_YORK).isoformat(),
    }  # fmt: skip


def coming_sessions(world: AlpacaWorld) -> list[Session]:
    """List the sessions of today and the next ten days."""
    days = (world.today() + timedelta(days=n) for n in range(11))
    return [session for session in map(world.session_of, days) if session is not None]


def one_position(world: AlpacaWorld, symbol: str) -> dict[str, Any]:
    """Show one position."""
    if symbol not in world.holdings:
        raise Refusal(NOT_FOUND, "position does not exist")
    return position_json(world, symbol, world.holdings[symbol])


def calendar_json(world: AlpacaWorld, query: Query) -> list[dict[str, str]]:
    """Write the trading days of a range, hours in New York time."""
    day = moment(query["start"]).date() if query.get("start") else date(world.today().year, 1, 1)
    last = moment(query["end"]).date() if query.get("end") else date(world.today().year, 12, 31)
    rows = []
    while day <= last:
        session = world.session_of(day)
        if session is not None:
            rows.append({
                "date": day.isoformat(), "open": f"{session.open_at.astimezone(NEW_YORK):%H:%M}",
                "close": f"{session.close_at.astimezone(NEW_YORK):%H:%M}", "session_open": "0400",
                "session_close": "2000", "settlement_date": day.isoformat(),
            })  # fmt: skip
        day += timedelta(days=1)
    return rows


def show(world: AlpacaWorld, order: Order, *, nested: bool = True) -> dict[str, Any]:
    """Write an order as it is now, and let a cancellation that takes its time go on by one read."""
    body = order_json(order, nested=nested)
    if order.status == "pending_cancel":
        order.pending_reads -= 1
        if order.pending_reads <= 0:
            finish_cancel(world, order)
    return body


def one_order(world: AlpacaWorld, name: str, *, ours: bool = False) -> dict[str, Any]:
    """Show one order by Alpaca's id or ours."""
    order = world.by_client_id(name) if ours else world.by_id(name)
    if order is None:
        raise Refusal(NOT_FOUND, f"order not found for {name}")
    return show(world, order)


def list_orders(world: AlpacaWorld, query: Query) -> list[dict[str, Any]]:
    """List orders by status, submission time, symbol and side; newest first unless asked otherwise."""
    status, nested = query.get("status") or "open", truth(query, "nested")
    if status not in ("open", "closed", "all"):
        raise Refusal(MALFORMED, f"invalid status: {status}")
    size = whole(query, "limit", 50, 500)
    rows = [one for order in world.orders for one in ([order] if nested else [order, *order.legs])]
    if status != "all":
        rows = [order for order in rows if order.done == (status == "closed")]
    if query.get("after"):
        rows = [order for order in rows if order.submitted_at > moment(query["after"])]
    if query.get("until"):
        rows = [order for order in rows if order.submitted_at < moment(query["until"])]
    rows = _around(world, query, rows)
    if query.get("symbols"):
        names = set(query["symbols"].split(","))
        rows = [one for one in rows if any(p.symbol in names or underlying_of(p.symbol) in names for p in one.parts)]
    if query.get("side"):
        rows = [order for order in rows if order.side == query["side"]]
    if query.get("asset_class"):
        classes = set(query["asset_class"].split(","))
        rows = [order for order in rows if asset_class(order.parts[0].symbol) in classes]
    rows.sort(key=lambda order: order.submitted_at, reverse=query.get("direction", "desc") != "asc")
    return [show(world, order, nested=nested) for order in rows[:size]]


def _around(world: AlpacaWorld, query: Query, rows: list[Order]) -> list[Order]:
    """Keep what was submitted before or after a named order."""
    for key, sign in (("before_order_id", -1), ("after_order_id", 1)):
        if query.get(key):
            order = world.by_id(query[key])
            if order is None:
                raise Refusal(NOT_FOUND, f"order not found for {query[key]}")
            rows = [one for one in rows if (one.submitted_at - order.submitted_at).total_seconds() * sign > 0]
    return rows


def place(world: AlpacaWorld, body: Any) -> Answer:
    """Take an order; it shows as just received, and meets the market right after the answer."""
    order = accept(world, body)
    world.orders.append(order)
    shown = order_json(order)
    match(world)
    return Answer(200, shown)


def cancel(world: AlpacaWorld, order_id: str) -> Answer:
    """Accept a cancellation. That is no cancellation yet: the order may still fill."""
    order = world.by_id(order_id)
    if order is None:
        raise Refusal(NOT_FOUND, f"order not found for {order_id}")
    if order.done or order.parent:
        raise Refusal(MALFORMED, f'order is already in "{order.status}" state')
    if world.pending_cancel_reads:
        for one in (order, *order.legs):
            one.status, one.updated_at = "pending_cancel", world.at
        order.pending_reads = world.pending_cancel_reads
    else:
        finish_cancel(world, order)
    return Answer(204)


def finish_cancel(world: AlpacaWorld, order: Order) -> None:
    """End a cancellation, or let a fill overtake it."""
    if world.on_cancel != "fill":
        order.end("canceled", world.at)
        return
    prices = []
    for part in order.parts:
        tick = world.quotes.get(part.symbol)
        far = None if tick is None else tick.ask if part.side == "buy" else tick.bid
        prices.append(order.limit_price if not order.legs and order.limit_price is not None else far or Decimal(0))
    fill(world, order, order.left, prices)


def list_activities(world: AlpacaWorld, query: Query, kind: str) -> list[dict[str, Any]]:
    """List the history by creation: a page starts after the line whose id is the token."""
    size = whole(query, "page_size", 100, 100)
    if query.get("date") and (query.get("after") or query.get("until")):
        raise Refusal(MALFORMED, "date cannot be combined with after and until")
    rows = [line for line in world.lines if line.created_at <= world.at]
    kinds = set(filter(None, (kind or query.get("activity_types", "")).split(",")))
    if kinds:
        rows = [line for line in rows if line.body["activity_type"] in kinds]
    if query.get("date"):
        first = moment(query["date"])
        rows = [line for line in rows if first <= line.created_at < first + timedelta(days=1)]
    if query.get("after"):
        rows = [line for line in rows if line.created_at > moment(query["after"])]
    if query.get("until"):
        rows = [line for line in rows if line.created_at < moment(query["until"])]
    rows.sort(key=lambda line: line.created_at)
    if query.get("direction", "desc") != "asc":
        rows.reverse()
    return [line.body for line in _after_token(rows, query.get("page_token", ""))[:size]]


def _after_token(rows: list[Line], token: str) -> list[Line]:
    if not token:
        return rows
    for place, line in enumerate(rows):
        if line.id == token:
            return rows[place + 1 :]
    raise Refusal(MALFORMED, "invalid page_token")


def list_contracts(world: AlpacaWorld, query: Query) -> dict[str, Any]:
    """List contracts; without bounds only those to the next weekend, a hundred to a page."""
    size = min(whole(query, "limit", 100, 10_000), world.page_max)
    weekend = world.today() + timedelta(days=(5 - world.today().weekday()) % 7)
    exact = query.get("expiration_date")
    first = date.fromisoformat(exact or query.get("expiration_date_gte") or world.today().isoformat())
    last = date.fromisoformat(exact or query.get("expiration_date_lte") or weekend.isoformat())
    names = set(filter(None, query.get("underlying_symbols", "").split(",")))
    rows = [
        one for one in sorted(world.contracts.values(), key=lambda one: one.symbol)
        if first <= one.expiry <= last and not world.has_expired(one.expiry)
        and (not names or one.underlying in names) and fits(one, query)
    ]  # fmt: skip
    if query.get("ppind"):
        rows = [one for one in rows if one.penny == truth(query, "ppind")]
    shown, token = page(rows, query.get("page_token", ""), size)
    today, deliverables = world.today().isoformat(), truth(query, "show_deliverables")
    return {
        "option_contracts": [contract_json(one, today, deliverables=deliverables) for one in shown],
        "next_page_token": token,
    }


def fits(one: Listed, query: Query) -> bool:
    """Say whether a contract is within the bounds of right, strike and root that both APIs take."""
    try:
        low, high = Decimal(query.get("strike_price_gte") or 0), Decimal(query.get("strike_price_lte") or "1e9")
    except InvalidOperation:
        raise Refusal(BAD_REQUEST, "invalid strike price") from None
    root = query.get("root_symbol")
    assert is_option(one.symbol)
    return (
        low <= one.strike <= high
        and query.get("type") in (None, "", one.right)
        and (not root or one.symbol[:-15] == root)
    )
