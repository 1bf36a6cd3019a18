"""Desks that faults are played on: a simulated account and a pretended Alpaca, seen from outside the ledger.

Every tick of a stand opens its own lock, ledger and broker, as a process of its own would: nothing is carried over but
the files of the home and the account.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from threading import RLock
from typing import NamedTuple, Protocol

import pytest

from bot import wiring
from bot.brokers.simulator import SimulatorBroker
from bot.commands.ticking import one_tick
from bot.config.deskfile import read_desk
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.engine.ports import TickResult
from bot.markets.synthetic import SyntheticMarket
from bot.store.chain import verify
from bot.store.database import LEDGER_NAME
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import AlpacaWorld
from bot.tests.world.runs import choice_of, make_house
from bot.wiring import ACCOUNT_FILE, DESK_FILE, House

EVER = datetime(2000, 1, 1, tzinfo=UTC)
MORNING = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""A Monday, a quarter past ten in New York: the first moment of a simulated stand."""
PROOF = frozenset({"working", "done"})
"""The states in which the ledger says that the broker has an order."""


class Placed(NamedTuple):
    """An order as the broker has it."""

    client_order_id: str
    broker_order_id: str
    qty: Decimal
    filled: Decimal
    alive: bool


class Account(NamedTuple):
    """What the broker itself says: its orders, its cash and what is held there."""

    orders: tuple[Placed, ...]
    cash: Decimal
    held: dict[str, Decimal]


class Stand(Protocol):
    """A desk whose ticks can be made to fail."""

    at: datetime

    @property
    def home(self) -> Path: ...
    def tick(self) -> TickResult: ...
    def account(self) -> Account: ...
    def pass_by(self, time: timedelta) -> None: ...
    def fork(self, folder: Path) -> Stand: ...
    def close(self) -> None: ...


@cache
def market_of(seed: int) -> SyntheticMarket:
    """Give the market of a seed; it is a pure function of seed and moment, so all may share it."""
    return SyntheticMarket(seed)


def house_at(home: Path) -> House:
    """Open a home that has a desk, live on the simulated account."""
    text = (home / DESK_FILE).read_text(encoding="utf-8")
    settings = Settings(home=home, env_file=None, mode="live")
    fingerprint, settings_json = config_hash(text, settings)
    return House(settings, read_desk(text), text, fingerprint, settings_json)


class SimulatedStand:
    """A desk on the simulated account. `at` is the moment of the next tick."""

    def __init__(self, home: Path, seed: int = 1, at: datetime = MORNING) -> None:
        if not home.exists():
            make_house(home, choice_of("balanced", 100_000), seed)
        self.house = house_at(home)
        self.at = at

    @property
    def home(self) -> Path:
        """Give the home folder."""
        return self.house.home

    def tick(self) -> TickResult:
        """Run one live tick as `bot tick` does, with everything opened anew but the market, which remembers nothing."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wiring, "embedded_market", lambda house: market_of(house.desk.simulator.seed))
            return one_tick(self.house, dry=False, at=self.at, command="bot tick", clock=lambda: self.at)

    def account(self) -> Account:
        """Read the account from its own file, as it was left."""
        market = market_of(self.house.desk.simulator.seed)
        broker = SimulatorBroker(self.home / ACCOUNT_FILE, market, self.house.desk.simulator, lambda: self.at)
        with closing(broker):
            orders = tuple(
                Placed(one.client_order_id, one.broker_order_id, one.qty, one.filled_qty, not one.terminal)
                for one in broker.read_orders(EVER)
            )
            held = {one.symbol: one.qty for one in broker.read_positions()}
            return Account(orders, broker.read_account().cash, held)

    def pass_by(self, time: timedelta) -> None:
        """Let time pass."""
        self.at += time

    def fork(self, folder: Path) -> SimulatedStand:
        """Copy the whole stand into a folder that does not exist yet."""
        shutil.copytree(self.home, folder)
        return SimulatedStand(folder, at=self.at)

    def close(self) -> None:
        """Let go of nothing: every tick has closed what it opened."""


class AlpacaStand:
    """A desk on a pretended Alpaca that speaks HTTP."""

    def __init__(self, folder: Path, world: AlpacaWorld | None = None) -> None:
        self.desk = AlpacaDesk(folder, world)
        if world is None:
            self.desk.__enter__()
        else:
            self.desk.server.__enter__()

    @property
    def at(self) -> datetime:
        """Give the world's moment."""
        return self.desk.world.at

    @at.setter
    def at(self, moment: datetime) -> None:
        self.desk.world.pass_to(moment)
        self.desk.renew()

    @property
    def home(self) -> Path:
        """Give the home folder."""
        return self.desk.home

    @property
    def world(self) -> AlpacaWorld:
        """Give the pretended Alpaca."""
        return self.desk.world

    def tick(self) -> TickResult:
        """Run one live tick as `bot tick` does."""
        return self.desk.tick()

    def account(self) -> Account:
        """Read the account past HTTP."""
        with self.world.lock:
            orders = tuple(
                Placed(one.client_order_id, one.id, one.qty, one.filled_qty, not one.done) for one in self.world.orders
            )
            held = {symbol: one.qty for symbol, one in self.world.holdings.items() if one.qty}
            return Account(orders, self.world.cash, held)

    def pass_by(self, time: timedelta) -> None:
        """Let time pass, and the market move with it."""
        self.desk.pass_by(time)

    def fork(self, folder: Path) -> AlpacaStand:
        """Copy the home and the whole pretended Alpaca; the copy has a server of its own."""
        shutil.copytree(self.desk.folder, folder)
        with self.world.lock:
            shared = {id(self.world.lock): RLock(), id(self.world.contracts): self.world.contracts}
            world = copy.deepcopy(self.world, shared)
        return AlpacaStand(folder, world)

    def close(self) -> None:
        """Stop the server."""
        server: AlpacaServer = self.desk.server
        server.__exit__(None, None, None)


class Row(NamedTuple):
    """What the ledger says of one order."""

    client_order_id: str
    broker_order_id: str
    state: str
    status: str
    wish: tuple[str, str, str]
    slot: str


def ledger_rows(home: Path) -> dict[str, Row]:
    """Read every order of a ledger, by id."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        found = ledger.execute(
            "SELECT client_order_id, broker_order_id, state, status, strategy, purpose, key, slot FROM orders"
        ).fetchall()
    return {
        row[0]: Row(row[0], row[1] or "", row[2], row[3], (row[4], row[5], row[6].removesuffix("-again")), row[7])
        for row in found
    }


def newest_tick(home: Path) -> datetime:
    """Give the moment of the ledger's newest tick."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        row = ledger.execute("SELECT ts FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
    return EVER if row is None else datetime.fromisoformat(row[0])


class Tally:
    """What faults came to: how many were played, and every order that was doubled or lost, with everything odd."""

    def __init__(self, what: str, strangers: frozenset[str] = frozenset()) -> None:
        self.what, self.strangers = what, strangers
        self.faults = self.ticks = self.orders = self.unresolved = 0
        self.doubled: list[str] = []
        self.lost: list[str] = []
        self.odd: list[str] = []

    def look(self, stand: Stand, result: TickResult, where: str, *, chain: bool = True, known: bool = True) -> None:
        """Compare the ledger with the account after the next tick, and count what is wrong.

        `chain` walks the whole chain too; without `known` the broker hides an order, which cannot be known yet.
        """
        rows, account = ledger_rows(stand.home), stand.account()
        self.doubled += [f"{where}: {one}" for one in doubled(account.orders, rows)]
        if known:
            self.lost += [f"{where}: {one}" for one in lost(account.orders, rows)]
        placed = {one.client_order_id for one in account.orders}
        self.unresolved += sum(
            1 for row in rows.values() if row.state in ("sending", "unknown") and row.client_order_id not in placed
        )
        self.orders = max(self.orders, len(account.orders))
        self.odd += [f"{where}: {one}" for one in odd(result, account, self.strangers)]
        if chain:
            with closing(sqlite3.connect(stand.home / LEDGER_NAME)) as ledger:
                self.odd += [f"{where}: {fault}" for fault in verify(ledger, stand.home)]

    @property
    def line(self) -> str:
        """Say it all in one line of a table."""
        return (
            f"| {self.what} | {self.faults} | {self.ticks} | {self.orders} | {len(self.doubled)} | {len(self.lost)} | "
            f"{len(self.odd)} | {self.unresolved} |"
        )

    def must_be_clean(self, seed: int | None = None) -> None:
        """Print the line, and fail naming the seed and the first things wrong."""
        print(f"\n{self.line}" + ("" if seed is None else f" seed {seed}"))
        wrong = [*self.doubled, *self.lost, *self.odd]
        assert not wrong, f"{self.what}, seed {seed}: {len(wrong)} wrong\n" + "\n".join(wrong[:12])


def doubled(orders: tuple[Placed, ...], rows: dict[str, Row]) -> list[str]:
    """Name what the broker has twice: an id, a wish that works twice, or a wish of one slot carried out twice."""
    found: list[str] = []
    ids = [one.client_order_id for one in orders]
    found += [f"{name} twice at the broker" for name in sorted(set(ids)) if ids.count(name) > 1]
    alive: dict[tuple[str, str, str], list[str]] = {}
    carried: dict[tuple[tuple[str, str, str], str], tuple[Decimal, Decimal]] = {}
    for one in orders:
        row = rows.get(one.client_order_id)
        if row is None:
            continue
        if one.alive:
            alive.setdefault(row.wish, []).append(one.client_order_id)
        done, most = carried.get((row.wish, row.slot), (Decimal(0), Decimal(0)))
        carried[row.wish, row.slot] = done + (one.qty if one.alive else one.filled), max(most, one.qty)
    found += [f"{wish} works as {names}" for wish, names in alive.items() if len(names) > 1]
    found += [f"{wish} of {slot}: {done} of {most}" for (wish, slot), (done, most) in carried.items() if done > most]
    return found


def lost(orders: tuple[Placed, ...], rows: dict[str, Row]) -> list[str]:
    """Name each order at the broker that the ledger does not know as one the broker has."""
    found: list[str] = []
    for one in orders:
        row = rows.get(one.client_order_id)
        if row is None:
            found.append(f"{one.client_order_id} is at the broker and not in the ledger")
        elif row.state not in PROOF or row.broker_order_id != one.broker_order_id:
            found.append(f"{one.client_order_id} is at the broker, the ledger says {row.state} {row.status}")
        elif one.alive and row.state == "done":
            found.append(f"{one.client_order_id} works at the broker, the ledger says {row.state}")
    return found


def odd(result: TickResult, account: Account, strangers: frozenset[str] = frozenset()) -> list[str]:
    """Name everything in which a tick's books and the account differ, to the cent and the share.

    `strangers` are symbols that may be held for somebody else.
    """
    books = result.snapshot.books
    found = [f"{one.symbol} {one.what}" for one in books.drift if one.kind == "unexplained"]
    if books.cash != result.snapshot.account.cash:
        found.append(f"our cash {books.cash}, the account's {result.snapshot.account.cash}")
    if result.snapshot.halt.level != "run":
        found.append(f"halted: {result.snapshot.halt.level}")
    ours: dict[str, Decimal] = {}
    for symbol, qty in [*((lot.symbol, lot.qty) for lot in books.lots), *((leg.symbol, leg.qty) for leg in books.legs)]:
        ours[symbol] = ours.get(symbol, Decimal(0)) + qty
    shown = {
        one.position.symbol: one.position.qty
        for one in result.snapshot.positions
        if one.owner != "foreign" or one.position.symbol not in strangers
    }
    if shown != {symbol: qty for symbol, qty in ours.items() if qty}:
        found.append(f"the account shows {shown}, our books {ours}")
    return found
