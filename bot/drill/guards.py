"""The guards that the drill's scenarios lean on, and how each is taken away to see the drill fail.

A gate is left out of the list that judges, a piece of code is replaced by what programs without it do. Either happens
in this process alone, for one scenario, on the drill's own account: while a guard is away every tick on any other
account is refused before it reads a thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

import bot.brokers.alpaca as adapter
import bot.engine.execute as sending
import bot.engine.invariants as counting
import bot.engine.observe as observing
import bot.engine.settle as settling
import bot.engine.settle_fills as fills
import bot.engine.settle_lines as lines
import bot.engine.trips as wires
import bot.store.account_lock as account_lock
import bot.store.lock as home
import bot.venues.alpaca_client as client
from bot.domain import invariants as names
from bot.domain.desk import Desk
from bot.domain.errors import BrokerError, OutcomeUnknown
from bot.domain.money import ZERO
from bot.domain.orders import OrderRequest, OwnOrder
from bot.domain.strategy import Strategy
from bot.drill.account import ACCOUNT
from bot.drill.stage import WORLDS, WorldName
from bot.engine.settle_lines import in_order
from bot.store.owner import OwnerLedger

judging: Any = import_module("bot.gates.judge")  # its package gives the name to the function
ticking: Any = import_module("bot.engine.tick")
stages: Any = import_module("bot.drill.stage")
Removal = Callable[[], AbstractContextManager[Any]]


class Guard(NamedTuple):
    """One guard: its name, what it does, the scenes (by name) that must fail without it, and how it is taken away."""

    name: str
    kind: Literal["gate", "code"]
    what: str
    scenes: tuple[str, ...]
    removal: Removal
    worlds: tuple[WorldName, ...] = WORLDS


@contextmanager
def without(guard: Guard) -> Iterator[None]:
    """Take a guard away for a while, for the drill's own account alone."""
    arrive = ticking.arrive

    def drills_only(broker: Any, *rest: Any) -> Any:
        arrival = arrive(broker, *rest)
        assert arrival.account.id.startswith(ACCOUNT), f"the guard {guard.name} is away: no tick but the drill's runs"
        return arrival

    with swapped(ticking, "arrive", drills_only), guard.removal():
        yield


@contextmanager
def swapped(place: Any, name: str, other: Any) -> Iterator[None]:
    """Put something else where a module or class keeps a name, and the former back."""
    former = getattr(place, name)
    setattr(place, name, other)
    try:
        yield
    finally:
        setattr(place, name, former)


def without_gate(name: str) -> AbstractContextManager[None]:
    """Leave one gate out of the list that judges."""
    left = tuple(one for one in judging.GATES if one[0] != name)
    assert len(left) == len(judging.GATES) - 1, f"there is no gate {name}"
    judge_one = judging.judge_one
    return swapped(judging, "judge_one", lambda intent, case: judge_one(intent, case, left))


# What programs without the guard do


def _concluded(sender: sending.Sender, order: OwnOrder, why: str, errors: list[str]) -> OwnOrder:
    return sending._step(sender, order, "refused", status="rejected", reason=why)


def _sent_again() -> AbstractContextManager[None]:
    look_up = sending._look_up

    def again(sender: sending.Sender, order: OwnOrder, why: str, errors: list[str]) -> OwnOrder:
        request = OrderRequest(
            client_order_id=order.client_order_id, legs=order.legs, qty=order.qty, order_type=order.order_type,
            limit_price=order.limit_price, trail_percent=order.trail_percent, time_in_force=order.time_in_force,
        )  # fmt: skip
        try:
            sender.broker.submit(request)
        except BrokerError as error:
            errors.append(str(error))
        return look_up(sender, order, why, errors)

    return swapped(sending, "_look_up", again)


def _posted_twice() -> AbstractContextManager[None]:
    send = client.AlpacaClient.send

    def twice(self: client.AlpacaClient, path: str, body: Any) -> Any:
        try:
            return send(self, path, body)
        except OutcomeUnknown:
            return send(self, path, body)

    return swapped(client.AlpacaClient, "send", twice)


def _unwritten() -> AbstractContextManager[None]:
    step = sending._step

    def not_written(sender: sending.Sender, order: OwnOrder, state: Any, **words: str) -> OwnOrder:
        return replace(order, state=state) if state == "sending" else step(sender, order, state, **words)

    return swapped(sending, "_step", not_written)


def _absence_ends(reads: Any, memory: Any, drift: Any, at: Any) -> list[OwnOrder]:
    shown = {one.client_order_id for one in reads.orders}
    unresolved = [one for one in memory.own_orders if one.state in ("sending", "unknown")]
    return [replace(one, state="not_sent") for one in unresolved if one.client_order_id not in shown]


def _lines_skipped(*kinds: str) -> AbstractContextManager[None]:
    apply_line = lines.apply_line

    def skipping(ledger: Any, line: Any) -> None:
        if line.kind not in kinds:
            apply_line(ledger, line)

    return swapped(lines, "apply_line", skipping)


def _strategies_without(kind: str) -> AbstractContextManager[None]:
    strategies_of = stages.strategies_of

    def fewer(desk: Desk) -> tuple[Strategy, ...]:
        return tuple(one for one in strategies_of(desk) if one.planner.kind != kind)

    return swapped(stages, "strategies_of", fewer)


def _nothing(name: str, unit: str) -> counting.Number:
    return counting.Number(name, ZERO, unit, True)


def _two_nothings(bare: Any) -> tuple[counting.Number, counting.Number]:
    return _nothing(names.UNPROTECTED, "usd"), _nothing(names.WAIVED, "usd")


def _unconfirmed() -> AbstractContextManager[None]:
    read_trips = wires.read_trips

    def at_once(former: Any, limits: Any, seen: Any) -> Any:
        return read_trips(former, replace(limits, halt_confirm_readings=None), seen)

    return swapped(wires, "read_trips", at_once)


def _dry_sends() -> AbstractContextManager[None]:
    run = ticking._run

    def live(world: Any, book: Any, *rest: Any) -> Any:
        return run(world, book._replace(dry=False), *rest)

    return swapped(ticking, "_run", live)


class _NoLocks:
    """A kernel that lets everybody hold every file."""

    LOCK_EX = LOCK_NB = 0

    @staticmethod
    def flock(handle: int, how: int) -> None:
        """Lock nothing."""


def _held_by_all(*words: Any) -> AbstractContextManager[int]:
    return nullcontext(-1)


def _gate(name: str, what: str, *scenes: str) -> Guard:
    return Guard(name, "gate", what, scenes, partial(without_gate, name))


def _code(name: str, what: str, scenes: tuple[str, ...], removal: Removal, *worlds: WorldName) -> Guard:
    return Guard(name, "code", what, scenes, removal, worlds or WORLDS)


GUARDS: tuple[Guard, ...] = (
    _code("looked up by id", "an order without an answer is asked for by its id at once", ("answer lost",),
          partial(swapped, sending, "_look_up", _concluded)),
    _code("sent once", "what left is never sent again", ("answer lost", "unknown blocks"), _sent_again),
    _code("one POST", "the client repeats no order", ("answer lost",), _posted_twice, "alpaca"),
    _gate("nothing_unresolved", "an unknown order blocks its underlying", "unknown blocks", "not found"),
    _code("written before sent", "`sending` is durable before the request leaves", ("death after sending", "disk full"),
          _unwritten),
    _code("orphans counted", "orders in our name that the ledger does not know are counted", ("orphan",),
          partial(swapped, counting, "_orphans", lambda snapshot: _nothing(names.ORPHANS, "orders"))),
    _gate("invariants_hold", "no new risk beside an orphan", "orphan"),
    _code("stops armed", "shares without their stop get it in the same tick", ("stop missing",),
          partial(_strategies_without, "trailing_stop")),
    _code("bare shares counted", "shares without their stop are counted in dollars", ("stop missing",),
          partial(swapped, counting, "_shares", _two_nothings)),
    _gate("position_is_held", "only what is held is closed", "flat"),
    _gate("rejections_are_few", "a wish refused too often is asked no more", "rejections"),
    _gate("not_a_duplicate", "one stop a lot", "two stops"),
    _gate("stop_has_shares", "no stop beyond the shares held", "two stops"),
    _code("doubled stops counted", "shares stopped beyond those held are counted", ("two stops",),
          partial(swapped, counting, "_doubled", lambda snapshot: _nothing(names.DOUBLED, "shares"))),
    _code("absence is no verdict", "an order ends by proof alone", ("not found",),
          partial(swapped, settling, "absent_orders", _absence_ends)),
    _code("fills by execution id", "a line of history is booked once", ("told twice",),
          partial(swapped, settling, "unseen", lambda told, seen: in_order(list(told)))),
    _gate("no_drift", "no new risk where broker and books differ", "told late", "vanished"),
    _gate("owner_is_ours", "what is not ours is not traded", "foreign"),
    _code("foreign counted", "what is not ours is counted in dollars", ("foreign",),
          partial(swapped, counting, "_foreign", lambda snapshot: _nothing(names.FOREIGN, "usd"))),
    _code("assignments booked", "an assignment ends the leg and opens the lot", ("assignment",),
          partial(_lines_skipped, "OPASN", "OPEXC", "OPTRD")),
    _code("others' fills booked", "what the broker closes of ours leaves the books", ("liquidation",),
          partial(swapped, fills, "_foreign_fill", lambda ledger, line: "")),
    _gate("halt_allows", "a halt refuses new risk", "panic", "one bad reading", "missed slots", "clock"),
    _code("panic worked", "every tick works on a panic", ("flatten",), partial(_strategies_without, "panic")),
    _code("halts confirmed", "one reading halts nothing", ("one bad reading",), _unconfirmed),
    _gate("quote_is_fresh", "no entry on an old quote", "mute feed"),
    _gate("positions_are_known", "an empty list is not read as flat", "empty list"),
    _code("missed slots counted", "ticks that did not come are counted", ("missed slots",),
          partial(swapped, wires, "missed_slots", lambda *rest: ZERO)),
    _code("clock measured", "the broker's clock is held against ours", ("clock",),
          partial(swapped, observing, "skew_of", lambda *rest: ZERO)),
    _code("the broker ends orders", "an order ends when the broker says so", ("remainder", "death after sending"),
          partial(swapped, settling, "_join", lambda own, found, rescaling=None: None)),
    _gate("quantities_are_whole", "no fraction is traded", "dust"),
    _code("dry sends nothing", "a dry tick plans no order", ("dry",), _dry_sends),
    _code("pin checked", "the account is held against the pinned one first", ("another account",),
          partial(swapped, adapter, "check_account", lambda *rest: None), "alpaca"),
    _code("ledger stamped", "a ledger takes one account only", ("another account",),
          partial(swapped, OwnerLedger, "_check_stamp", lambda self, *rest: True)),
    _code("keys fit", "keys of one environment open no other", ("other keys",),
          partial(swapped, client, "check_keys", lambda *rest: None), "alpaca"),
    _code("host fits", "the host of one environment stands in no other", ("other keys",),
          partial(swapped, client, "trading_url", lambda environment, override="": "https://127.0.0.1"), "alpaca"),
    _gate("orders_within_tick", "orders of a tick", "orders_per_tick"),
    _gate("orders_within_window", "orders in five minutes", "orders_per_window"),
    _gate("orders_within_day", "orders of a session", "orders_per_day"),
    _gate("contracts_within_tick", "contracts of a tick", "contracts_per_tick"),
    _gate("contracts_within_day", "contracts of a session", "contracts_per_day"),
    _gate("contracts_within_symbol_day", "contracts on one underlying", "contracts_per_symbol_day"),
    _gate("turnover_within_window", "notional in five minutes", "turnover_per_window"),
    _gate("turnover_within_day", "notional of a session", "turnover_per_day"),
    _gate("round_trips_within_day", "positions opened and closed in a session", "round trips"),
    _gate("exits_within_day", "exits of a session", "exits"),
    _code("one tick a home", "the second tick in a home leaves", ("second tick",),
          partial(swapped, home, "fcntl", _NoLocks)),
    _code("one home an account", "the second home on an account leaves", ("second tick",),
          partial(swapped, account_lock, "held", _held_by_all)),
)  # fmt: skip
"""Every guard the scenarios lean on. `nobody listens` and `caps` lean on none: nothing there can be taken away."""


def guards_of(scene: str, world: WorldName) -> tuple[str, ...]:
    """Name the guards a scene leans on in a world."""
    return tuple(one.name for one in GUARDS if scene in one.scenes and world in one.worlds)
