"""A storm over a pretended Alpaca: whatever goes wrong with requests, in the end both sides agree to the cent.

Requests meet 429, 5xx, resets before and after they took effect, answers that are nonsense, orders that show late and
requests that arrive twice. While it blows no wish is carried out twice; when it is over, the ledger's orders, positions
and cash are the broker's (design 10, 11; F1, F2, F6).
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.brokers import alpaca
from bot.domain.errors import BotError
from bot.domain.sessions import next_session
from bot.store.chain import verify
from bot.store.database import LEDGER_NAME
from bot.tests.alpaca.facts import Fault
from bot.tests.alpaca.world import AlpacaWorld
from bot.tests.faults.soaking import many, seed_of
from bot.tests.faults.stands import AlpacaStand, doubled, ledger_rows, lost
from bot.venues import alpaca_client

SOON, SLOT = timedelta(minutes=1), timedelta(minutes=15)
LATE = timedelta(seconds=90)
CALM_TICKS = 4
GONE_WRONG = 0.2
"""How many requests of a storm go wrong."""
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "processed": False, "headers": {"Retry-After": "0"}},
    "500": {"status": 500, "processed": False},
    "502 after it took effect": {"status": 502},
    "503": {"status": 503, "processed": False},
    "504 after it took effect": {"status": 504},
    "reset": {"reset": True, "processed": False},
    "reset after it took effect": {"reset": True},
    "hung up after it took effect": {"cut": True},
    "nonsense after it took effect": {"body": b"<html>bad gateway</html>"},
    "twice": {"again": True},
}


class Storm:
    """Decides request by request what goes wrong, by dice; counts all that went wrong."""

    def __init__(self, world: AlpacaWorld, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.met: Counter[str] = Counter()

    def fault(self, method: str, path: str) -> Fault | None:
        """Give the fault of the next request, or none."""
        if self.dice.random() >= GONE_WRONG:
            return None
        if method == "GET" and path.startswith("/v2/orders") and self.dice.random() < 0.3:
            self.met["orders shown late"] += 1
            return Fault(path=path, method=method, change=self.without_new)
        name = self.dice.choice(sorted(FAULTS))
        self.met[name] += 1
        return Fault(path=path, method=method, **FAULTS[name])

    def without_new(self, body: Any) -> Any:
        """Leave the orders of the last moments out of an answer."""
        with self.world.lock:
            new = {one.client_order_id for one in self.world.orders if self.world.at - one.submitted_at < LATE}
        if isinstance(body, list):
            return [row for row in body if row.get("client_order_id") not in new]
        return body


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every pause out: between tries, and where the minute's requests are used up."""
    monkeypatch.setattr(alpaca, "SECOND_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(alpaca_client, "_backoff", lambda path, attempt: 0.0)
    given = alpaca_client.AlpacaClient.__init__.__kwdefaults__
    assert given is not None
    monkeypatch.setitem(given, "pause", lambda seconds: None)


def go_on(stand: AlpacaStand, dice: random.Random) -> None:
    """Let orders fill and time pass: a minute or a slot, and at the end of a session to the next morning."""
    session = stand.world.session()
    for order in stand.world.working():
        if session is not None and order.limit_price is not None and dice.random() < 0.4:
            stand.world.fill_now(order.client_order_id, "1", str(order.limit_price))
    step = SOON if dice.random() < 0.25 else SLOT
    if session is not None and stand.at + step < session.close_at:
        stand.pass_by(step)
    else:
        stand.at = next_session(stand.world.today()).open_at + timedelta(minutes=45)


def tick(stand: AlpacaStand) -> None:
    """Run a tick that may fail."""
    with suppress(BotError):
        stand.tick()


def blow(stand: AlpacaStand, dice: random.Random, requests: int, where: str) -> tuple[Storm, int]:
    """Let ticks run in a storm until so many requests were made; nothing is doubled meanwhile."""
    storm = Storm(stand.world, dice)
    stand.world.next_fault = storm.fault  # type: ignore[method-assign]
    first, ticks = len(stand.world.seen), 0
    while len(stand.world.seen) - first < requests:
        tick(stand)
        ticks += 1
        wrong = doubled(stand.account().orders, ledger_rows(stand.home))
        assert wrong == [], f"{where}, tick {ticks}: {wrong}"
        go_on(stand, dice)
    del stand.world.next_fault
    return storm, len(stand.world.seen) - first


def calm_down(stand: AlpacaStand) -> None:
    """Let the storm pass: two slots, the close and two ticks of the next morning, which prove what never arrived."""
    for _ in range(2):
        stand.pass_by(SLOT)
        stand.tick()
    stand.at = next_session(stand.world.today()).open_at + timedelta(minutes=45)
    for _ in range(CALM_TICKS):
        stand.tick()
        stand.pass_by(SLOT)


def differences(stand: AlpacaStand) -> list[str]:
    """Name everything in which the ledger and the broker differ now."""
    result, rows, account = stand.tick(), ledger_rows(stand.home), stand.account()
    found = [*doubled(account.orders, rows), *lost(account.orders, rows)]
    found += [f"{row.client_order_id} is {row.state}" for row in rows.values() if row.state in ("sending", "unknown")]
    found += [
        f"{one.client_order_id} is not in the ledger" for one in account.orders if one.client_order_id not in rows
    ]  # fmt: skip
    books = result.snapshot.books
    if books.cash != account.cash:
        found.append(f"cash {books.cash} in the books, {account.cash} at the broker")
    ours: dict[str, Decimal] = {}
    held = [*((lot.symbol, lot.qty) for lot in books.lots), *((leg.symbol, leg.qty) for leg in books.legs)]
    for symbol, qty in held:
        ours[symbol] = ours.get(symbol, Decimal(0)) + qty
    if {symbol: qty for symbol, qty in ours.items() if qty} != account.held:
        found.append(f"{ours} in the books, {account.held} at the broker")
    found += [f"{one.symbol}: {one.what}" for one in books.drift]
    with closing(sqlite3.connect(stand.home / LEDGER_NAME)) as ledger:
        found += [str(fault) for fault in verify(ledger, stand.home)]
        filled = dict(ledger.execute("SELECT client_order_id, filled_qty FROM orders"))
    found += [
        f"{one.client_order_id}: {filled[one.client_order_id]} filled in the ledger, {one.filled} at the broker"
        for one in account.orders
        if Decimal(filled.get(one.client_order_id, "-1")) != one.filled
    ]
    return found


@pytest.mark.usefixtures("quick")
def test_a_storm_leaves_broker_and_ledger_equal_to_the_cent(tmp_path: Path) -> None:
    seed, storms, requests = seed_of(1960), many(2, 20), many(150, 500)
    met: Counter[str] = Counter()
    made = orders = fills = unproved = 0
    for number in range(storms):
        dice = random.Random(seed + number)
        stand = AlpacaStand(tmp_path / f"storm-{number}")
        where = f"seed {seed}, storm {number}"
        try:
            stand.world.charges_fees = True
            storm, count = blow(stand, dice, requests, where)
            made, met = made + count, met + storm.met
            unproved += sum(1 for row in ledger_rows(stand.home).values() if row.state in ("sending", "unknown"))
            calm_down(stand)
            assert differences(stand) == [], where
            orders += len(stand.world.orders)
            fills += sum(1 for line in stand.world.lines if line.body["activity_type"] == "FILL")
        finally:
            stand.close()
    print(
        f"\n| storms, Alpaca | {storms} | {made} requests | {sum(met.values())} gone wrong | {orders} orders | "
        f"{fills} fills | {unproved} unproved when it ended | 0 differ | seed {seed}"
    )
    assert orders > 0
    assert set(met) == {*FAULTS, "orders shown late"}, "a kind of fault never came"
