"""Follow-up ticks of `bot tick` and `bot loop`, and how they are said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bot.domain.invariants import DOUBLED, OLDEST_INPUT, OLDEST_UNKNOWN, ORPHANS, UNPROTECTED, Invariant
from bot.domain.money import plain
from bot.domain.orders import OwnOrder
from bot.engine.follow import FollowUp, Span, follow_ups, orders_after
from bot.engine.ports import TickResult
from bot.report.foreign import ForeignLine, foreign_in
from bot.report.invariants import broken
from bot.report.words import count
from bot.wiring import DEADLINE_SECONDS, House

Again = Callable[[int, float], TickResult]
"""Runs one follow-up: its number, and the seconds it has."""

ERRORS_SHOWN = 3
UNSAID = frozenset({UNPROTECTED, ORPHANS, DOUBLED, OLDEST_INPUT, OLDEST_UNKNOWN})
"""Invariants that neither what is not ours nor drift tells already."""


def followed(
    house: House, first: TickResult, again: Again, *, pause: Callable[[float], None], elapsed: Callable[[], float]
) -> Iterator[FollowUp]:
    """Run the follow-ups of a tick in real time; `elapsed` counts seconds since it began (design 14)."""
    return follow_ups(first, house.desk, again, pause=pause, elapsed=elapsed, span=Span(DEADLINE_SECONDS))


def follow_line(one: FollowUp) -> str:
    """Say in one line what a follow-up did."""
    if one.result is None:
        return f"follow-up {one.number} failed: {one.failure}"
    result = one.result
    done = [f"filled {plain(fill.qty)} {fill.symbol} at {plain(fill.price)}" for fill in result.settlement.fills]
    done += [_sent(order) for order in result.orders]
    done += [
        f"withdrew an order on {verdict.intent.underlying}"
        for verdict in result.verdicts
        if verdict.approved and verdict.intent.action == "cancel"
    ]
    refused = sum(1 for verdict in result.verdicts if not verdict.approved)
    done += [f"{refused} refused"] if refused else []
    done += [count(len(result.errors), "error")] if result.errors else []
    working = len(orders_after(result))
    return f"follow-up {one.number}: {', '.join(done) or 'nothing to change'}; {working} of our orders work"


def asides(result: TickResult, prefix: str, said: set[str]) -> list[str]:
    """Say what may not go unseen after a tick: what is not ours, drift, errors; a line each, where there is any.

    What is in `said` is left out, and what is told goes into it. `prefix` stands before a command to type.
    """
    lines = []
    for title, told, most in (
        ("not ours", [_foreign(line, prefix) for line in foreign_in(result.snapshot)], None),
        ("drift", [f"{one.symbol} ({one.kind}) {one.what}" for one in result.snapshot.books.drift], None),
        ("does not hold", [_broken(one) for one in broken(result.snapshot.invariants) if one.name in UNSAID], None),
        ("note", list(result.snapshot.remarks), ERRORS_SHOWN),
        ("errors", list(result.errors), ERRORS_SHOWN),
    ):
        new = [words for words in dict.fromkeys(told) if words not in said]
        said.update(new)
        shown = new[:most]
        more = f"; and {len(new) - len(shown)} more" if len(new) > len(shown) else ""
        lines += [f"{title}: {'; '.join(shown)}{more}"] if new else []
    return lines


def _foreign(line: ForeignLine, prefix: str) -> str:
    """Name one thing that is not ours with its command, or why there is none, in a few words."""
    what = f"`{prefix}{line.command}`" if line.command else line.means.split(": ")[0]
    return f"{line.symbol} {plain(line.qty)} ({what})"


def _broken(one: Invariant) -> str:
    """Name an invariant that does not hold by what it is about, not by its number: that moves with every tick."""
    return f"{one.name.replace('_', ' ')} ({one.detail})" if one.detail else one.name.replace("_", " ")


def _sent(order: OwnOrder) -> str:
    symbol = order.legs[0].symbol if len(order.legs) == 1 else order.underlying
    word = "repriced" if order.replaces else f"sent {order.purpose} on"
    limit = "" if order.limit_price is None else f" to {plain(order.limit_price)}"
    return f"{word} {symbol}{limit} ({order.status or order.state})"


def follow_object(one: FollowUp) -> dict[str, Any]:
    """Give a follow-up as a JSON object: a tick of its own with its number, or why it failed."""
    if one.result is None:
        return {"follow_up": one.number, "failure": one.failure}
    from bot.report.tick_json import tick_object

    return {"follow_up": one.number, **tick_object(one.result)}
