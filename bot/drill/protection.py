"""F3, F4, F5, F12: stops that are missing, gone or doubled, exits of what is not there, remainders and dust."""

from __future__ import annotations

from decimal import Decimal

from bot.domain import invariants as numbers
from bot.domain.desk import Desk
from bot.domain.money import CENT
from bot.domain.orders import OrderRequest, leg
from bot.drill.scene import IsOff, NotPlayable, Play, Scene, adopted, alive, filled, held, quote_of, sent_for, spot
from bot.drill.stage import MINUTE, Stage, drill_verdicts, invariant, refused_by, refusing
from bot.drill.wishes import want

SHARES = Decimal(10)
OTHER_SHARES = ("KO", "PFE", "T", "F")
"""Names outside any shipped universe: shares that no wheel has a claim on."""
TRIES_MAX = 16
REFUSED_MAX = Decimal(6)


def stop_missing(play: Play) -> None:
    """Play shares whose stop a hand takes away: counted as unprotected, and stopped again in the same tick."""
    symbol, strategy = _protected_symbol(play.setting.desk)
    with play.stage() as stage:
        adopted(stage, symbol, SHARES, strategy)
        stage.tick()
        stage.pass_by()
        bare = invariant(stage.tick(), numbers.UNPROTECTED).value
        play.must(bare == 0 and alive(stage, symbol, "sell_to_close") == 1, f"a stop rests, {bare} USD unprotected")
        stage.account.end(_stop_on(stage, symbol))
        stage.pass_by()
        result = stage.tick()
        seen = invariant(result, numbers.UNPROTECTED)
        play.must(seen.value > 0 and seen.since is not None, f"its stop gone: {seen.value} USD unprotected, dated")
        stage.pass_by()
        bare = invariant(stage.tick(), numbers.UNPROTECTED).value
        stops = alive(stage, symbol, "sell_to_close")
        play.must(bare == 0 and stops == 1, f"a tick later {bare} USD, {stops} stop at the broker")


def flat_is_not_sold(play: Play) -> None:
    """Play a position that ended while we were away: no exit of it is sent."""
    with play.stage() as stage:
        _, order = filled(stage)
        symbol = order.legs[0].symbol
        stage.account.trade(symbol, order.qty, CENT, "bought-back")
        stage.pass_by()
        before = sum(stage.account.door.values())
        limit = quote_of(stage, symbol).ask
        exit_wish = want(symbol, "buy_to_close", order.qty, purpose="close", key="exit", limit=limit)
        result = stage.alone(exit_wish)
        sent = sum(stage.account.door.values()) - before
        play.must("position_is_held" in refusing(result), f"an exit of it: {refused_by(refusing(result))}")
        left = held(stage, symbol)
        play.must(sent == 0 and left == 0, f"{sent} exits sent, {left} held")


def refused_thrice(play: Play) -> None:
    """Play a broker that refuses the same wish over and over: it is asked so often and no more."""
    limit = play.setting.desk.limits.identical_rejections
    if limit is None:
        raise IsOff("identical_rejections is off: a wish the broker refuses is asked again for ever")
    limit = min(limit, REFUSED_MAX)
    with play.stage() as stage:
        stage.with_limits(identical_rejections=limit, orders_per_day=None, orders_per_window=None)
        stage.account.faults.submit = "refuse"
        stopped = False
        for _ in range(TRIES_MAX):
            result = stage.tick()
            stopped = stopped or any(
                not check.ok for one in result.verdicts for check in one.checks if check.gate == "rejections_are_few"
            )
            stage.pass_by(5 * MINUTE)
        asked: dict[tuple[str, str, str], int] = {}
        for one in stage.own().values():
            wish = (one.strategy, one.purpose, one.underlying)
            asked[wish] = asked.get(wish, 0) + 1
        most = max(asked.values(), default=0)
        play.must(0 < most <= limit, f"the same wish was asked {most} times in {TRIES_MAX} ticks, at most {limit}")
        play.must(stopped, "then rejections_are_few refused it")


def two_stops(play: Play) -> None:
    """Play a second stop on the same shares, from us and from a hand at the broker."""
    symbol, strategy = _protected_symbol(play.setting.desk)
    with play.stage() as stage:
        lot = adopted(stage, symbol, SHARES, strategy)
        stage.tick()
        stage.pass_by()
        second = want(symbol, "sell_to_close", SHARES, purpose="trailing_stop", key=lot, trail=Decimal(5), lot=lot)
        result = stage.tick(second)
        stops = alive(stage, symbol, "sell_to_close")
        gates = refusing(result)
        play.must(
            {"not_a_duplicate", "stop_has_shares"} <= gates and stops == 1,
            f"{stops} stop rests, a second one: {refused_by(gates)}",
        )
        by_hand = OrderRequest(
            client_order_id="by-hand-stop", legs=(leg(symbol, "sell_to_close"),), qty=SHARES,
            order_type="trailing_stop", trail_percent=Decimal(40), time_in_force="gtc",
        )  # fmt: skip
        stage.account.place(by_hand, checked=False)
        stage.pass_by()
        beyond = invariant(stage.alone(), numbers.DOUBLED).value
        play.must(beyond == SHARES, f"one by hand: {beyond} shares stopped beyond those held")
        stage.account.end("by-hand-stop")
        stage.pass_by()
        beyond = invariant(stage.alone(), numbers.DOUBLED).value
        play.must(beyond == 0 and held(stage, symbol) == SHARES, f"{beyond} once it is gone, none sold")


def remainder_ends(play: Play) -> None:
    """Play an order that fills in part: its remainder is ours until the close, then it has ended."""
    with play.stage() as stage:
        symbol, part = _bought(stage), Decimal(3)
        order = next(one for one in stage.own().values() if one.underlying == symbol)
        stage.account.fill(order.client_order_id, part)
        stage.pass_by(MINUTE)
        stage.alone()
        found = stage.own()[order.client_order_id]
        play.must(
            found.state == "working" and found.filled_qty == part,
            f"{found.filled_qty} of {found.qty} filled, the rest is {found.state}",
        )
        stage.after_close()
        result = stage.alone()
        found = stage.own()[order.client_order_id]
        lots = sum((lot.qty for lot in result.snapshot.books.lots if lot.symbol == symbol), Decimal(0))
        play.must(
            found.state == "done" and lots == held(stage, symbol) == part,
            f"after the close it is {found.state} ({found.status}), {lots} in the books and at the broker",
        )
        orders = sent_for(stage, symbol)
        play.must(orders == 1, f"{orders} order in all")


def dust_is_left(play: Play) -> None:
    """Play a fraction of a share that came from elsewhere: counted, never sold, and no tick stumbles over it."""
    symbol, dust = OTHER_SHARES[0], Decimal("0.4")
    with play.stage() as stage:
        stage.alone()
        stage.account.bring_in(symbol, dust, spot(stage, symbol))
        stage.pass_by()
        wish = want(symbol, "sell_to_close", dust, purpose="close", key="dust", limit=spot(stage, symbol))
        result = stage.alone(wish)
        play.must("quantities_are_whole" in refusing(result), f"a sale of it: {refused_by(refusing(result))}")
        worth = invariant(result, numbers.FOREIGN).value
        play.must(worth > 0 and held(stage, symbol) == dust, f"it counts as {worth} USD that are not ours")


def _bought(stage: Stage) -> str:
    """Buy ten of the cheapest shares the gates let the desk buy, at a limit that rests; gives the symbol."""
    prices = sorted((spot(stage, symbol), symbol) for symbol in stage.desk.universe)
    gates: frozenset[str] = frozenset()
    for _, symbol in prices:
        limit = _below(quote_of(stage, symbol).bid)
        wish = want(symbol, "buy_to_open", SHARES, purpose="open", key=f"buy-{symbol}", limit=limit)
        result = stage.alone(wish)
        if any(one.approved for one in drill_verdicts(result)):
            return symbol
        gates = refusing(result)
    raise NotPlayable(f"no ten shares of the universe may be bought: {refused_by(gates)}")


def _below(price: Decimal | None) -> Decimal:
    """Give a limit that rests for a while: a little below the market."""
    return ((price or CENT) * Decimal("0.97")).quantize(CENT)


def _protected_symbol(desk: Desk) -> tuple[str, str]:
    """Name shares that a trailing-stop strategy of the desk protects, and that strategy."""
    for _, enabled, params in desk.trailing_stops:
        names = params.symbols or tuple(sorted(desk.universe)) + OTHER_SHARES
        free = [symbol for symbol in names if symbol not in params.wheel_symbols]
        if enabled and free:
            return free[0], params.name
    raise IsOff("no trailing-stop strategy protects shares outside the wheel: they lie without a stop, by choice")


def _stop_on(stage: Stage, symbol: str) -> str:
    return next(
        one.client_order_id for one in stage.account.orders()
        if not one.terminal and one.order_type == "trailing_stop" and one.legs[0].symbol == symbol
    )  # fmt: skip


SCENES = (
    Scene("F3", "stop missing", "a hand takes the stop of our shares away", stop_missing),
    Scene("F4", "flat", "our position ended while we were away, an exit is wanted", flat_is_not_sold),
    Scene("F4", "rejections", "the broker refuses the same wish again and again", refused_thrice),
    Scene("F5", "two stops", "a second stop on the same shares, by us and by hand", two_stops),
    Scene("F12", "remainder", "three shares of ten fill, then the session ends", remainder_ends),
    Scene("F12", "dust", "a fraction of a share lies in the account", dust_is_left),
)
