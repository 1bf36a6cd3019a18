"""A hand-written client of Alpaca with canned answers, in the shapes Alpaca publishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from bot.brokers.alpaca import AlpacaBroker
from bot.domain.errors import BrokerRefused, RefusalCode
from bot.tests.builders import NOON

D = Decimal
PUT = "SPY261224P00412500"
LOWER_PUT = "SPY261224P00400000"
CALL = "SPY261224C00450000"


class CannedClient:
    """Answers by path: a value, an error to raise, or a function of the query. Remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "/account": an_account_answer(), "/positions": [], "/orders": [], "/account/activities": [],
            "/clock": {"timestamp": "2026-11-18T12:00:00.123456789-05:00", "is_open": True},
        }  # fmt: skip
        self.sent_answer: Any = None
        self.remove_answer: Any = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.sent: list[dict[str, Any]] = []
        self.removed: list[str] = []
        self.closed = False
        self.answers |= answers

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        self.asked.append((path, dict(query or {})))
        if path not in self.answers:
            raise BrokerRefused(RefusalCode.NOT_FOUND, f"{path} not found", status=404, broker_code=40410000)
        return given(self.answers[path], dict(query or {}))

    def send(self, path: str, body: Mapping[str, Any]) -> Any:
        assert path == "/orders"
        self.sent.append(dict(body))
        return given(self.sent_answer, dict(body))

    def remove(self, path: str) -> None:
        self.removed.append(path)
        given(self.remove_answer, {})

    def close(self) -> None:
        self.closed = True

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class MemoryCache:
    """A day's cache that lives in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, date], Any] = {}

    def get(self, name: str, day: date, make: Callable[[], Any]) -> Any:
        if (name, day) not in self.kept:
            self.kept[name, day] = make()
        return self.kept[name, day]

    def forget(self, name: str) -> None:
        self.kept = {key: value for key, value in self.kept.items() if key[0] != name}


class Bench:
    """A broker over a canned client, with a clock in the test's hand."""

    def __init__(
        self, *, environment: str = "paper", pinned: str = "", others: Mapping[str, Any] | None = None, **answers: Any
    ) -> None:
        self.client = CannedClient(**{path(key): value for key, value in (answers | dict(others or {})).items()})
        self.at = NOON
        self.pauses: list[float] = []
        self.cache = MemoryCache()
        client, cache = cast(Any, self.client), cast(Any, self.cache)
        self.broker = AlpacaBroker(
            client, environment=environment, pinned=pinned, cache=cache, now=lambda: self.at,
            pause=self.pauses.append,
        )  # fmt: skip

    def later(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)


def path(key: str) -> str:
    """Give the path an answer stands under; two have names of their own."""
    return {"activities": "/account/activities", "found": "/orders:by_client_order_id"}.get(key, f"/{key}")


def given(answer: Any, what: dict[str, Any]) -> Any:
    if isinstance(answer, BaseException):
        raise answer
    return answer(what) if callable(answer) else answer


def in_turn(*answers: Any) -> Callable[[dict[str, Any]], Any]:
    """Give one answer after the other."""
    left = list(answers)

    def answer(what: dict[str, Any]) -> Any:
        return given(left.pop(0), what)

    return answer


def refused(status: int, code: RefusalCode = RefusalCode.OTHER) -> BrokerRefused:
    return BrokerRefused(code, "as Alpaca put it", status=status)


def an_account_answer(**given: Any) -> dict[str, Any]:
    return {
        "id": "1d9eed04-be39-4e01-9b84-a48ac5bbafcf", "account_number": "PALPACA_123", "status": "ACTIVE",
        "crypto_status": "ACTIVE", "currency": "USD", "cash": "122086.5", "equity": "123346.11",
        "buying_power": "245432.61", "options_buying_power": "122716.305", "non_marginable_buying_power": "122086.5",
        "accrued_fees": "0.52", "pending_transfer_in": "0", "pending_transfer_out": "100", "multiplier": "2",
        "options_approved_level": 3, "options_trading_level": 2, "account_blocked": False, "trading_blocked": False,
        "trade_suspended_by_user": False, "transfers_blocked": True, "user_configurations": None,
    } | given  # fmt: skip


def a_position_answer(symbol: Any = "XLF", qty: Any = "100", **given: Any) -> dict[str, Any]:
    return {
        "asset_id": "904837e3-3b76-47ec-b432-046db621571b", "symbol": symbol, "exchange": "NASDAQ",
        "asset_class": "us_equity", "avg_entry_price": "40.10", "qty": qty, "qty_available": qty,
        "side": "short" if str(qty).startswith("-") else "long", "market_value": "4050.0", "cost_basis": "4010.0",
        "current_price": "40.50", "lastday_price": "40.00", "change_today": "0.0125",
    } | given  # fmt: skip


def an_order_answer(id: str = "b-1", symbol: Any = "XLF", side: str = "buy", **given: Any) -> dict[str, Any]:
    """Build a resting order as Alpaca shows it; moments are of 18 November 2026, 14:40 UTC."""
    return {
        "id": id, "client_order_id": f"c-{id}", "created_at": "2026-11-18T14:40:00.337711497Z",
        "updated_at": "2026-11-18T14:40:00.337754768Z", "submitted_at": "2026-11-18T14:40:00.313261061Z",
        "filled_at": None, "expired_at": None, "canceled_at": None, "failed_at": None, "replaced_at": None,
        "replaced_by": None, "replaces": None, "asset_id": "b0b6dd9d", "symbol": symbol, "asset_class": "us_equity",
        "notional": None, "qty": "10", "filled_qty": "0", "filled_avg_price": None, "order_class": "",
        "order_type": "limit", "type": "limit", "side": side, "time_in_force": "day", "limit_price": "39.50",
        "stop_price": None, "status": "new", "extended_hours": False, "legs": None, "trail_percent": None,
        "trail_price": None, "hwm": None, "subtag": None, "source": None,
    } | given  # fmt: skip


def a_leg_answer(symbol: str, side: str, intent: str | None, ratio: Any = "1", **given: Any) -> dict[str, Any]:
    return an_order_answer(
        id=f"leg-{symbol}", symbol=symbol, side=side, position_intent=intent, ratio_qty=ratio, order_class="mleg",
        type="", order_type="", limit_price=None, asset_class="us_option",
    ) | given  # fmt: skip


def a_spread_answer(**given: Any) -> dict[str, Any]:
    """Build a put spread sold for a credit of 1.25, as Alpaca shows it: the parent has no symbol and no side."""
    legs = [a_leg_answer(PUT, "sell", "sell_to_open"), a_leg_answer(LOWER_PUT, "buy", "buy_to_open")]
    return (
        an_order_answer(
            id="m-1", symbol="", side="", asset_class="", order_class="mleg", qty="2", limit_price="-1.25", legs=legs
        )
        | given
    )


def a_fill_answer(symbol: Any = "XLF", side: str = "buy", qty: Any = "2", **given: Any) -> dict[str, Any]:
    return {
        "activity_type": "FILL", "cum_qty": qty, "id": "20261118095509981::2d7be4ff-d1f3-43e9-856a-0f5cf5c5088e",
        "leaves_qty": "0", "order_id": "b-1", "order_status": "filled", "price": "40.78", "qty": qty, "side": side,
        "symbol": symbol, "transaction_time": "2026-11-18T14:55:09.981482Z", "type": "fill",
    } | given  # fmt: skip


def a_line_answer(kind: str, **given: Any) -> dict[str, Any]:
    return {
        "activity_type": kind, "id": f"20261118000000000::{kind}", "date": "2026-11-18", "net_amount": "0",
        "created_at": "2026-11-19T09:23:24.973256Z", "status": "executed", "currency": "USD",
        "description": f"a line of {kind}",
    } | given  # fmt: skip


def real_cache(folder: Path, now: Callable[[], datetime]) -> Any:
    """Give the cache that a desk uses."""
    from bot.venues.daycache import DayCache

    return DayCache(folder, now)
