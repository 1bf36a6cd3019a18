"""F10, F11, F14, F15: mute data, wrong clocks, a planner out of its mind, and whoever else is at work."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from bot.domain.errors import TryLater
from bot.domain.instruments import parse_option
from bot.domain.market import QuotesRequest
from bot.domain.money import CENT, HUNDRED, plain
from bot.domain.orders import OwnOrder
from bot.drill.protection import SHARES
from bot.drill.scene import IsOff, Play, Scene, adopted, filled, held, quote_of, wish_of
from bot.drill.stage import MINUTE, SLOT, Stage, entries, refused_by, refusing
from bot.drill.wishes import Runaway, again, running_away, want
from bot.store.account_lock import AccountLock
from bot.store.lock import home_lock

PER_DAY = (
    "orders_per_day", "contracts_per_day", "contracts_per_symbol_day", "turnover_per_day",
)  # fmt: skip
PER_MOMENT = ("orders_per_tick", "orders_per_window", "contracts_per_tick", "turnover_per_window")
OTHERS = (
    *PER_DAY, *PER_MOMENT, "exit_orders_per_tick", "exit_orders_per_day", "round_trips_per_day", "put_series_total",
    "put_series_per_symbol", "contracts_per_symbol", "cooldown_entry_minutes", "symbol_share", "symbol_share_first",
    "group_share", "put_collateral_share", "stress_loss_share", "order_loss_share", "open_underlyings",
    "cash_buffer_share", "cash_buffer_min",
)  # fmt: skip
"""Limits that a cap's scenario switches off, so that the cap is seen to hold alone."""
RUNAWAY_SYMBOLS = 3
RUNAWAY_TICKS = 7
REACH = {
    name: Decimal(most)
    for name, most in (
        ("orders_per_tick", "6"), ("orders_per_window", "6"), ("orders_per_day", "30"), ("contracts_per_tick", "3"),
        ("contracts_per_day", "6"), ("contracts_per_symbol_day", "2"), ("turnover_per_window", "0.6"),
        ("turnover_per_day", "1.5"), ("round_trips_per_day", "4"), ("exit_orders_per_day", "30"),
    )
}  # fmt: skip
"""How high a cap may be to be reached in a drill; a higher one is tried here, with the same gate."""
WEEK = 7


def mute_feed(play: Play) -> None:
    """Play a feed that stands still for two hours: nothing new is opened on what it last said."""
    limits = play.setting.desk.limits
    with play.stage() as stage:
        wish = wish_of(stage.tick(dry=True))
        ages = (limits.quote_age_option_seconds, limits.quote_age_share_seconds)
        told = ", ".join("off" if age is None else f"{age} s" for age in ages)
        play.must(None not in ages, f"the oldest quote of options and shares: {told}")
        stage.market.behind = timedelta(hours=2)
        result = stage.tick(again(wish, "again"))
        sent = sum(stage.account.door.values())
        gates = refusing(result)
        play.must("quote_is_fresh" in gates and sent == 0, f"{sent} sent, an entry {refused_by(gates)}")


def empty_list(play: Play) -> None:
    """Play a list of positions that is suddenly empty: never read as flat."""
    with play.stage() as stage:
        wish, _ = filled(stage)
        before = sum(stage.account.door.values())
        stage.account.faults.no_positions = True
        stage.pass_by(MINUTE)
        result = stage.tick(again(wish, "again"))
        sent, legs = sum(stage.account.door.values()) - before, len(result.snapshot.books.legs)
        gates = refusing(result)
        play.must("positions_are_known" in gates and sent == 0, f"{sent} sent, an entry {refused_by(gates)}")
        play.must(legs == 1, f"{legs} leg still in the books")


def missed_slots(play: Play) -> None:
    """Play ticks that did not come: the next one takes no new risk until enough of them did."""
    limit = play.setting.desk.limits.missed_ticks
    if limit is None:
        raise IsOff("missed_ticks is off: after hours without a tick this desk goes on as if nothing were")
    with play.stage() as stage:
        wish = wish_of(stage.tick(dry=True))
        stage.alone()
        stage.pass_by(SLOT * (int(limit) + 1))
        result = stage.alone(again(wish, "again"))
        _halted(play, result, f"{limit} slots without a tick", "missed_ticks")
        levels = _levels(stage, 4)
        play.must(levels[-1] == "run", f"slots that came: {', '.join(levels)}")


def clock_skewed(play: Play) -> None:
    """Play a broker's clock that is not ours: no entry once that is confirmed, until the clocks agree again."""
    limits = play.setting.desk.limits
    if limits.clock_skew_seconds is None:
        raise IsOff("clock_skew_seconds is off: a wrong clock stops nothing")
    needed = int(limits.halt_confirm_readings or 1)
    with play.stage() as stage:
        wish = wish_of(stage.tick(dry=True))
        stage.account.faults.skew = timedelta(seconds=int(limits.clock_skew_seconds) + 60)
        for _ in range(needed):
            result = stage.alone(again(wish, f"again-{stage.at:%H%M}"))
            stage.pass_by()
        _halted(play, result, f"{needed} readings apart", "clock_skew_seconds")
        stage.account.faults.skew = timedelta(0)
        levels = _levels(stage, 4)
        play.must(levels[-1] == "run", f"clocks that agree: {', '.join(levels)}")


def runaway(name: str, gate: str, play: Play) -> None:
    """Play a planner that wants puts at every minute: one cap alone, all others of its kind off."""
    limit, changes, said = _within_reach(play, name)
    with play.stage(_runaway_equity(play, 8 if name.startswith("turnover") else 40)) as stage:
        stage.with_limits(**changes)
        params = _runaway_params(play)
        fills = not name.startswith("orders")
        most, refused = Decimal(0), False
        sent: list[OwnOrder] = []
        for _ in range(RUNAWAY_TICKS):
            result = stage.alone(others=(running_away(params),))
            sent += entries(result)
            refused = refused or gate in refusing(result)
            most = max(most, _measure(name, stage, sent, result.snapshot.equity))
            for order in entries(result):
                _settle(stage, order, fills=fills)
            stage.pass_by(MINUTE)
        play.must(most <= limit, f"{float(most):g} of at most {said}, {len(sent)} orders in all")
        play.must(refused, f"then {gate} refused")


def _within_reach(play: Play, name: str) -> tuple[Decimal, dict[str, Decimal | None], str]:
    """Give a cap as it is tried, the limits it is tried alone with, and words; one beyond reach is tried lower."""
    limit: Decimal | None = getattr(play.setting.desk.limits, name)
    if limit is None:
        raise IsOff(f"{name} is off")
    tried = min(limit, REACH[name])
    changes: dict[str, Decimal | None] = {one: None for one in OTHERS if one != name}
    said = plain(limit) if tried == limit else f"{plain(tried)} (tried there, {plain(limit)} is beyond a drill)"
    return tried, {**changes, name: tried}, said


def round_trips(play: Play) -> None:
    """Play a planner that opens and closes without end: after so many round trips nothing new is opened."""
    limit, changes, said = _within_reach(play, "round_trips_per_day")
    with play.stage(_runaway_equity(play, 40)) as stage:
        stage.with_limits(**changes)
        params = replace(_runaway_params(play), symbols=_runaway_params(play).symbols[:1])
        trips, refused = 0, False
        for number in range(int(limit) + 2):
            result = stage.alone(others=(running_away(params),))
            refused = refused or "round_trips_within_day" in refusing(result)
            for order in entries(result):
                stage.account.fill_or_end(order.client_order_id, fill=order is entries(result)[0])
            stage.pass_by(MINUTE)
            symbol = next((leg.symbol for leg in stage.alone().snapshot.books.legs), "")
            if not symbol:
                continue
            price = quote_of(stage, symbol).ask
            wish = want(symbol, "buy_to_close", -held(stage, symbol), purpose="close", key=f"out-{number}", limit=price)
            for order in stage.alone(wish).orders:
                stage.account.fill(order.client_order_id, price=CENT)
                trips += 1
            stage.pass_by(MINUTE)
        play.must(trips <= limit, f"{trips} round trips, at most {said} a session")
        play.must(refused, "then round_trips_within_day refused")


def runaway_exits(play: Play) -> None:
    """Play exits that are wanted at every minute and never fill: they end at their own cap."""
    limit, changes, said = _within_reach(play, "exit_orders_per_day")
    with play.stage() as stage:
        stage.with_limits(**changes)
        symbol = next(iter(stage.desk.universe))
        adopted(stage, symbol, SHARES)
        refused = False
        for number in range(int(limit) + 2):
            price = quote_of(stage, symbol).ask
            wish = want(symbol, "sell_to_close", SHARES, purpose="close", key=f"exit-{number}", limit=price)
            result = stage.alone(wish)
            refused = refused or "exits_within_day" in refusing(result)
            for order in result.orders:
                _settle(stage, order, fills=False)
            stage.pass_by(MINUTE)
        sent = sum(stage.account.door.values())
        play.must(sent <= limit, f"{sent} exits sent, at most {said} a session")
        play.must(refused, "then exits_within_day refused")


def caps_there(play: Play) -> None:
    """Look whether anything at all caps a planner out of its mind: without, no desk passes."""
    limits = play.setting.desk.limits
    for what, names in (("a session", PER_DAY), ("a tick or five minutes", PER_MOMENT)):
        caps = [name for name in names if getattr(limits, name) is not None]
        play.must(bool(caps), f"in {what}: {', '.join(caps) or 'nothing caps orders'}")


def second_tick(play: Play) -> None:
    """Play two programs in one home, and two homes on one account: the second leaves at once."""
    with play.stage() as stage:
        with home_lock(stage.home, "another tick", stage.at):
            play.must(_leaves(stage.tick), "a second tick in the home left, nothing done")
        play.must(stage.account.reads == 0, f"{stage.account.reads} reads by it")
        folder = stage.home / "state"
        folder.mkdir(mode=0o700)
        first, second = (
            AccountLock(folder, "alpaca", "live", f"home {number}, since {stage.at:%H:%M}") for number in (1, 2)
        )
        with closing(first), closing(second):
            first.claim("PADRILL")
            play.must(_leaves(partial(second.claim, "PADRILL")), "a second home on the account left")


def nobody_listens(play: Play) -> None:
    """Play a world in which no talker, webhook or witness answers: a tick asks none of them."""
    with play.stage() as stage, _deaf() as tried:
        result = stage.tick()
        play.must(bool(entries(result)), f"the tick sent {len(entries(result))} entry and sealed {result.head[:12]}")
        play.must(not tried, f"{len(tried)} connections tried beside the broker's")


@contextmanager
def _deaf() -> Iterator[list[Any]]:
    """Let every connection of this process fail for a while, and list those that were tried."""
    tried: list[Any] = []
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError("nobody listens")

    socket.socket.connect = refuse  # type: ignore[method-assign, assignment]
    with ExitStack() as stack:
        stack.callback(setattr, socket.socket, "connect", connect)
        yield tried


def _leaves(act: Callable[[], Any]) -> bool:
    try:
        act()
    except TryLater:
        return True
    return False


def _halted(play: Play, result: Any, when: str, wire: str) -> None:
    halt, gates = result.snapshot.halt, refusing(result)
    play.must(halt.author == f"trip: {wire}", f"{when}: {halt.level} by {halt.author or 'nobody'}")
    play.must("halt_allows" in gates, f"an entry {refused_by(gates)}")


def _levels(stage: Stage, ticks: int) -> list[str]:
    levels: list[str] = []
    for _ in range(ticks):
        levels.append(stage.alone().snapshot.halt.level)
        stage.pass_by()
    return levels


def _cheapest(play: Play) -> list[tuple[Decimal, str]]:
    """Give the cheapest underlyings of the universe with their prices."""
    setting = play.setting
    symbols = tuple(sorted(setting.desk.universe))
    quotes = setting.market.fetch((QuotesRequest(symbols=symbols),), setting.begins).quotes
    prices = [(price, one.symbol) for one in quotes if (price := one.mid or one.last) is not None]
    return sorted(prices)[:RUNAWAY_SYMBOLS]


def _runaway_equity(play: Play, contracts: int) -> Decimal:
    """Give the cash that secures so many puts on the dearest of them: what caps orders then is the cap alone."""
    return (_cheapest(play)[-1][0] * HUNDRED * contracts).quantize(Decimal(1))


def _runaway_params(play: Play) -> Runaway:
    wheels = [numbers for _, _, params in play.setting.desk.wheels for numbers in params.numbers.values()]
    low = min((one.put_dte_min for one in wheels), default=WEEK)
    symbols = tuple(symbol for _, symbol in _cheapest(play))
    return Runaway(symbols=symbols, dte_min=low, dte_max=low + 2 * WEEK)


def _settle(stage: Stage, order: OwnOrder, *, fills: bool) -> None:
    """End an order by hand, or fill it and let a hand buy it back: either way the next one has the money it held."""
    stage.account.fill_or_end(order.client_order_id, fill=fills)
    if not fills:
        return
    symbol = order.legs[0].symbol
    stage.account.trade(symbol, -held(stage, symbol), CENT, "bought-back")


def _measure(name: str, stage: Stage, sent: list[OwnOrder], equity: Decimal) -> Decimal:
    """Give what a cap is about, as the broker's own list has it."""
    since = stage.at - (5 * MINUTE if name.endswith("window") else timedelta(0))
    if name.endswith("day"):
        since = stage.session().open_at
    counted = [one for one in sent if one.planned_at >= since]
    if name.startswith("orders"):
        return Decimal(len(counted))
    if name.startswith("turnover"):
        return sum((_notional(one) for one in counted), Decimal(0)) / equity
    by_symbol: Counter[str] = Counter()
    for one in counted:
        by_symbol[one.underlying if "symbol" in name else ""] += int(one.qty)
    return Decimal(max(by_symbol.values(), default=0))


def _notional(order: OwnOrder) -> Decimal:
    return parse_option(order.legs[0].symbol).strike * HUNDRED * order.qty


_RUNAWAY = (
    ("orders_per_tick", "orders_within_tick"),
    ("orders_per_window", "orders_within_window"),
    ("orders_per_day", "orders_within_day"),
    ("contracts_per_tick", "contracts_within_tick"),
    ("contracts_per_day", "contracts_within_day"),
    ("contracts_per_symbol_day", "contracts_within_symbol_day"),
    ("turnover_per_window", "turnover_within_window"),
    ("turnover_per_day", "turnover_within_day"),
)

SCENES = (
    Scene("F10", "mute feed", "the feed stands still for two hours", mute_feed),
    Scene("F10", "empty list", "the list of positions is empty after a full one", empty_list),
    Scene("F10", "missed slots", "ticks do not come for longer than allowed", missed_slots),
    Scene("F11", "clock", "the broker's clock differs from ours", clock_skewed),
    Scene("F14", "caps", "which caps stand outside the strategies", caps_there),
    *(
        Scene("F14", limit, f"a planner wants puts every minute; {limit} alone", partial(runaway, limit, gate))
        for limit, gate in _RUNAWAY
    ),
    Scene("F14", "round trips", "a planner opens and closes without end", round_trips),
    Scene("F14", "exits", "an exit is wanted every minute and never fills", runaway_exits),
    Scene("F15", "second tick", "two programs in one home, two homes on one account", second_tick),
    Scene("F15", "nobody listens", "no talker, webhook or witness answers", nobody_listens),
)
