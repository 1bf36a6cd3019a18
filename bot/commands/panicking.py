"""`bot panic`: cancel what adds risk, with `--flatten` close everything of ours, and say what the broker still lists.

The word is durable before anything is sent, and every live tick works on it until a person resumes. Done is only what
the broker's own list shows: each cancellation is read by itself, and the account is listed again after it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from bot.commands.looking import print_json
from bot.commands.opening import open_ledger, say_home, warn
from bot.commands.owner import author
from bot.commands.panic_house import load_house_to_get_out
from bot.commands.patience import Patience
from bot.commands.ticking import one_tick
from bot.domain.clearing import Left, left_of
from bot.domain.errors import BotError, UsageError
from bot.domain.ledger import Halt, Panic
from bot.domain.money import plain
from bot.domain.sessions import NEW_YORK
from bot.domain.slots import next_open
from bot.engine.ports import TickResult
from bot.report.words import wish
from bot.wiring import House, known_sessions, moment, panic_strategy, wall_clock

ROUNDS_MAX = 4
"""Ticks run one after the other: each proves by its list what the one before did; the rest is for the next slots."""
ROUND_SECONDS = 1.0
"""Time a real broker gets between them."""
NOT_DONE = 1


def run_panic(
    env: str, *, flatten: bool, reason: str, at: str, as_json: bool, pause: Callable[[float], None] = time.sleep
) -> None:
    """Keep the panic, work on it, and say what is left; ends with 1 unless the broker's list shows nothing more."""
    if not reason.strip():
        raise UsageError('--reason needs words: whoever reads the record must know why, as in --reason "a bad feed"')
    house = load_house_to_get_out(env)
    warn(house)
    fixed = moment(at, house.settings, wall_clock())
    waits = Patience(pause)
    panic = Panic(at=wall_clock(), author=author(), reason=reason, flatten=flatten)

    def keep() -> Halt:
        with open_ledger(house, "bot panic", wall_clock()) as journal:
            return journal.begin_panic(panic)

    halt = waits.until_free(keep)
    try:
        results = _work(house, fixed, pause, waits)
    except BotError:
        print(
            f"the {panic.word} stands and was not carried out: what is left is not known; every live tick works on it",
            file=sys.stderr,
        )
        raise
    last = results[-1]
    left = _left(last, panic)
    if as_json:
        print_json(_object(house, panic, halt, results, left))
        say_home(house)
    else:
        for line in _lines(house, panic, halt, results, left):
            print(line)
    if not left.done:
        raise SystemExit(NOT_DONE)


def _work(house: House, at: datetime | None, pause: Callable[[float], None], waits: Patience) -> list[TickResult]:
    """Run ticks in which nothing else plans, until one had nothing to send: its list is the proof."""
    results: list[TickResult] = []
    for number in range(ROUNDS_MAX):
        if results and house.settings.broker != "simulator":
            pause(ROUND_SECONDS)
        tick = partial(
            one_tick, house, dry=False, at=at, command="bot panic", clock=wall_clock, follow_up=number,
            strategies=(panic_strategy(),), decided_as="panic",
        )  # fmt: skip
        result = waits.until_free(tick)
        results.append(result)
        if result.mode == "dry" or not any(verdict.approved for verdict in result.verdicts):
            break
    return results


def _left(last: TickResult, panic: Panic) -> Left:
    """Say what the last list showed, with the orders sent after it as they ended."""
    snapshot = last.snapshot
    orders = {order.client_order_id: order for order in (*snapshot.own_orders, *last.orders)}
    positions = ((held.position.symbol, held.position.qty, held.owner) for held in snapshot.positions)
    # The panic that stands may be an earlier one that asks for more than this word did.
    return left_of(
        snapshot.books.panic or panic,
        positions,
        snapshot.books,
        orders.values(),
        snapshot.foreign_orders,
        snapshot.desk,
    )


def _lines(house: House, panic: Panic, halt: Halt, results: list[TickResult], left: Left) -> list[str]:
    last = results[-1]
    lines = [f"{panic.word}: {panic.reason}; halt {halt.level} until `bot resume`   home {house.home}"]
    for result in results:
        sent = {order.client_order_id: order for order in result.orders}
        for verdict in result.verdicts:
            intent = verdict.intent
            if not verdict.approved:
                lines.append(f"tick {result.tick_id}: not sent: {wish(intent)}: {verdict.reason}")
            elif intent.action == "cancel":
                did = "would cancel" if result.mode == "dry" else "asked to cancel"
                lines.append(f"tick {result.tick_id}: {did} {intent.replaces} on {intent.underlying}")
            elif result.mode == "dry":
                lines.append(f"tick {result.tick_id}: would send {wish(intent)}")
        lines += [f"tick {result.tick_id}: {one.status or one.state}: {one.client_order_id}" for one in sent.values()]
        lines += [f"tick {result.tick_id}: {error}" for error in result.errors]
        lines += [f"tick {result.tick_id}: {one.subject}: {one.reason}" for one in result.notes]
    if left.foreign:
        told = ", ".join(f"{plain(qty)} {symbol}" for symbol, qty in left.foreign)
        lines.append(f"not ours and not touched: {told}")
    lines += [f"not ours and not touched: {words}" for words in left.strangers]
    if left.done:
        shown = "nothing of ours" if panic.flatten else "no order of ours that adds risk"
        return [*lines, f"done: the broker lists {shown} (tick {last.tick_id})"]
    return [*lines, f"LEFT: {left.words()}", f"not done: {_when(house, halt, last)}"]


def _when(house: House, halt: Halt, last: TickResult) -> str:
    """Say when what is left is worked on, or what keeps it from being."""
    if halt.level == "stop":
        return f"halt stop by {halt.author}: {halt.reason}: nothing is sent until it is cleared ({halt.clears})"
    if last.mode == "dry":
        origin = house.settings.origins.get("BOT_MODE", "default")
        return f"BOT_MODE is dry ({origin}): nothing was sent; it stands, and every live tick works on it"
    if not last.snapshot.session.is_open:
        opens = next_open(last.snapshot.at, known_sessions(house)).astimezone(NEW_YORK)
        return f"the market is closed; it stands and is worked on from {opens:%a %Y-%m-%d %H:%M} New York on"
    return "the next tick works on it (`bot tick` at once, or the timer)"


def _object(house: House, panic: Panic, halt: Halt, results: list[TickResult], left: Left) -> dict[str, object]:
    last = results[-1]
    return {
        "home": str(house.home),
        "panic": {"author": panic.author, "reason": panic.reason, "flatten": panic.flatten, "at": panic.at.isoformat()},
        "halt": {"level": halt.level, "author": halt.author, "reason": halt.reason, "clears": halt.clears},
        "ticks": [result.tick_id for result in results],
        "mode": last.mode,
        "errors": [error for result in results for error in result.errors],
        "done": left.done,
        "left": {
            "openings": [order.client_order_id for order in left.openings],
            "closings": [order.client_order_id for order in left.closings],
            "held": {symbol: plain(qty) for symbol, qty in left.held},
        },
        "foreign": {symbol: plain(qty) for symbol, qty in left.foreign},
        "foreign_orders": list(left.strangers),
        "orphans": list(left.orphans),
        "next": "" if left.done else _when(house, halt, last),
    }
