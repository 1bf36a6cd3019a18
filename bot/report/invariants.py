"""Invariants for the owner's eyes: one green line, or each that does not hold with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain import invariants as names
from bot.domain.invariants import Invariant
from bot.domain.money import plain
from bot.report.words import dollars, filled_text, new_york

ALPACA_PAGE = "https://app.alpaca.markets, Orders"

WHAT_TO_DO = {
    names.UNPROTECTED: "`{p}bot tick` arms the stop in the session; `{p}bot why {s}` says what keeps it from that",
    names.ORPHANS: "no new risk anywhere: cancel it by its broker id ({page}), and take over what it filled with "
    "`{p}bot adopt SYMBOL`",
    names.DOUBLED: "no new risk there: the next live tick cancels a stop of its own; cancel one of yours at the broker "
    "({page})",
    names.FOREIGN: "`{p}bot adopt SYMBOL` takes over what this program may trade; the rest counts in risk",
    names.CASH_UNEXPLAINED: "no new risk anywhere: compare the broker's statement with `{p}bot books`",
    names.POSITIONS_UNEXPLAINED: "no new risk there: look at the broker's account history",
    names.CASH_GAP: "compare the broker's statement with `{p}bot books`",
    names.POSITIONS_GAP: "look at the broker's account history; the broker's list decides what is traded",
    names.STRATEGIES_GAP: "`{p}bot books` shows them beside the account; it is a fault of this program",
    names.OLDEST_INPUT: "the price feed stands still: entries on it are refused until it moves",
    names.OLDEST_UNKNOWN: "no new risk there until the broker's record proves what became of it: `{p}bot tick` asks, "
    "`{p}bot order list` says how to end it by hand",
}
"""What the owner may do about each that can fail; `{p}` stands before a command, `{s}` is its first symbol."""


def broken(invariants: Iterable[Invariant]) -> tuple[Invariant, ...]:
    """List those that do not hold."""
    return tuple(one for one in invariants if not one.ok)


def amount(one: Invariant) -> str:
    """Give the number with its unit."""
    if one.unit == "usd":
        return f"{dollars(one.value)} USD"
    return f"{plain(one.value)} {one.unit.removesuffix('s') if one.value == 1 else one.unit}"


def broken_words(one: Invariant, prefix: str = "", broker: str = "") -> str:
    """Say what does not hold, since when, and what to do."""
    since = "" if one.since is None else f" since {new_york(one.since)}"
    told = f" ({one.detail})" if one.detail else ""
    page = ALPACA_PAGE if broker == "alpaca" else "its list of open orders"
    what = WHAT_TO_DO[one.name].format(p=prefix, s=one.symbols[0] if one.symbols else "SYMBOL", page=page)
    return f"{one.name.replace('_', ' ')}: {amount(one)}{since}{told}; {what}"


def invariant_lines(invariants: tuple[Invariant, ...], prefix: str = "", broker: str = "") -> list[str]:
    """Give one line where all hold, else those that do not; nothing where none was taken."""
    if not invariants:
        return []
    off = broken(invariants)
    if not off:
        return [f"invariants: all {len(invariants)} hold"]
    return [
        line for one in off for line in filled_text(f"invariant: {broken_words(one, prefix, broker)}", hanging="  ")
    ]
