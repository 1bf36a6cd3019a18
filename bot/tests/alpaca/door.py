"""A hand that speaks plain HTTP to the pretended Alpaca, with the right keys."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import requests

from bot.tests.alpaca.world import KEY, SECRET, AlpacaWorld

D = Decimal


class Door:
    """A world, its server, and a hand that speaks HTTP with the right keys."""

    def __init__(self, world: AlpacaWorld, url: str) -> None:
        self.world, self.url = world, url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET})

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        return self.session.request(method, self.url + path, json=body, params=query, timeout=5)

    def get(self, path: str, **query: str) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(
        self, symbol: str, intent: str, qty: str = "1", price: str | None = None, **more: Any
    ) -> requests.Response:
        body = {
            "symbol": symbol, "side": intent.partition("_")[0], "position_intent": intent, "qty": qty,
            "type": "market" if price is None else "limit", "time_in_force": "day", "limit_price": price,
        }  # fmt: skip
        return self.ask("POST", "/v2/orders", {k: v for k, v in (body | more).items() if v is not None})

    def order(self, order_id: str) -> Any:
        return self.get(f"/v2/orders/{order_id}", nested="true")

    def money(self, key: str = "options_buying_power") -> Decimal:
        return D(self.get("/v2/account")[key])

    def held(self) -> dict[str, str]:
        return {one["symbol"]: one["qty"] for one in self.get("/v2/positions")}

    def kinds(self) -> list[str]:
        return [line["activity_type"] for line in self.get("/v2/account/activities", direction="asc")]


def spread(sold: str, bought: str, **more: Any) -> dict[str, Any]:
    """Write the order for two put spreads at a credit of 0.36 each."""
    legs = [
        {"symbol": sold, "ratio_qty": "1", "side": "sell", "position_intent": "sell_to_open"},
        {"symbol": bought, "ratio_qty": "1", "side": "buy", "position_intent": "buy_to_open"},
    ]
    body = {"order_class": "mleg", "qty": "2", "type": "limit", "limit_price": "-0.36", "time_in_force": "day"}
    return {**body, "legs": legs, **more}
