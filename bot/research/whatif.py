"""One recorded tick decided by two desks: which orders appear, vanish or change, which gates flip, what is unknown.

Pure. Each tick starts from what really happened; nothing that a changed desk would have done before is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from bot.domain.instruments import underlying_of
from bot.domain.market import BarsRequest, ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Strategy
from bot.engine.replay import Decided

Kind = Literal["appears", "vanishes", "changes"]


class Change(NamedTuple):
    """An order that would have gone out and did not, or the other way round, or another one in its place."""

    kind: Kind
    was: OrderIntent | None
    now: OrderIntent | None


class Flip(NamedTuple):
    """A gate that answers otherwise on a wish of both desks."""

    gate: str
    allows: bool


class Compared(NamedTuple):
    """What the change of a desk does to one tick.

    `missing` names the underlyings for which the changed desk asks for something that was not recorded, with it in
    words: whatever it would want there is unknown, and so is what became of the `unknown` orders that did go out there.
    `refused` counts wishes that appear or vanish without being sent.
    """

    changes: tuple[Change, ...]
    flips: tuple[Flip, ...]
    missing: dict[str, str]
    refused: int = 0
    unknown: int = 0


def compare(snapshot: Snapshot, was: Decided, now: Decided, missing: dict[str, str]) -> Compared:
    """Hold two decisions on one Snapshot side by side, underlyings with missing data left out."""
    before = [one for one in was.verdicts if one.intent.underlying not in missing]
    after = [one for one in now.verdicts if one.intent.underlying not in missing]
    changes: list[Change] = []
    flips: list[Flip] = []
    refused = 0
    for old, new in paired(before, after):
        sent_before = old is not None and old.approved
        sent_after = new is not None and new.approved
        if old is not None and new is not None:
            flips += flips_of(old, new)
        if sent_before and sent_after:
            assert old is not None
            assert new is not None
            if _terms(old.intent) != _terms(new.intent):
                changes.append(Change("changes", old.intent, new.intent))
        elif sent_after and new is not None:
            changes.append(Change("appears", None, new.intent))
        elif sent_before and old is not None:
            changes.append(Change("vanishes", old.intent, None))
        elif old is None or new is None:
            refused += 1
    unknown = sum(1 for one in was.verdicts if one.approved and one.intent.underlying in missing)
    return Compared(tuple(changes), tuple(flips), missing, refused, unknown)


def paired(was: Sequence[Verdict], now: Sequence[Verdict]) -> list[tuple[Verdict | None, Verdict | None]]:
    """Pair wishes: first those of one strategy, purpose and key, then what is left by underlying."""
    left = list(now)
    pairs: list[tuple[Verdict | None, Verdict | None]] = []
    alone: list[Verdict] = []
    for old in was:
        same = next((one for one in left if _key(one.intent) == _key(old.intent)), None)
        if same is None:
            alone.append(old)
        else:
            left.remove(same)
            pairs.append((old, same))
    for old in alone:
        near = next((one for one in left if _place(one.intent) == _place(old.intent)), None)
        if near is not None:
            left.remove(near)
        pairs.append((old, near))
    return [*pairs, *((None, one) for one in left)]


def flips_of(old: Verdict, new: Verdict) -> list[Flip]:
    """Give the gates that allow now what they refused, or refuse now what they allowed."""
    before = {check.gate: check.ok for check in old.checks}
    return [
        Flip(check.gate, check.ok) for check in new.checks if check.gate in before and before[check.gate] != check.ok
    ]


def unrecorded(snapshot: Snapshot, was: Iterable[Strategy], now: Iterable[Strategy]) -> dict[str, str]:
    """Give the underlyings for which changed strategies ask what the Snapshot never asked, with it in words.

    What the strategies of the record would lack just the same is no effect of the change.
    """
    holdings = Holdings(
        session=snapshot.session, account=snapshot.account, positions=snapshot.positions,
        own_orders=snapshot.own_orders, books=snapshot.books, halt=snapshot.halt, follow_up=snapshot.follow_up,
    )  # fmt: skip
    before = _lacking(snapshot, holdings, was)
    return {name: words for name, words in _lacking(snapshot, holdings, now).items() if before.get(name) != words}


def _lacking(snapshot: Snapshot, holdings: Holdings, strategies: Iterable[Strategy]) -> dict[str, str]:
    found: dict[str, str] = {}
    for strategy in strategies:
        if strategy.enabled:
            for request in strategy.planner.needs(holdings, strategy.params, snapshot.at):
                found |= uncovered(request, snapshot.requests)
    return found


def uncovered(request: Request, recorded: Sequence[Request]) -> dict[str, str]:
    """Give what of a request the recorded ones do not hold, by symbol, in words; empty where they hold all of it."""
    if isinstance(request, QuotesRequest):
        asked = {symbol for one in recorded if isinstance(one, QuotesRequest) for symbol in one.symbols}
        return {underlying_of(symbol): f"the quote of {symbol}" for symbol in request.symbols if symbol not in asked}
    if isinstance(request, EventsRequest):
        asked = {symbol for one in recorded if isinstance(one, EventsRequest) for symbol in one.symbols}
        return {symbol: "dividends and earnings" for symbol in request.symbols if symbol not in asked}
    if isinstance(request, ChainRequest):
        if any(isinstance(one, ChainRequest) and _covers(one, request) for one in recorded):
            return {}
        days, low, high = f"{request.dte_min}-{request.dte_max} days", request.moneyness_min, request.moneyness_max
        return {request.underlying: f"the {request.right} chain ({days}, strikes {low}-{high} of spot)"}
    held = any(
        isinstance(one, BarsRequest) and (one.symbol, one.step) == (request.symbol, request.step)
        and one.count >= request.count
        for one in recorded
    )  # fmt: skip
    return {} if held else {request.symbol: f"{request.count} bars of {request.step}"}


def _covers(one: ChainRequest, asked: ChainRequest) -> bool:
    return (
        (one.underlying, one.right) == (asked.underlying, asked.right)
        and one.dte_min <= asked.dte_min
        and one.dte_max >= asked.dte_max
        and one.moneyness_min <= asked.moneyness_min
        and one.moneyness_max >= asked.moneyness_max
    )


def _key(intent: OrderIntent) -> tuple[str, str, str]:
    return intent.strategy, intent.purpose, intent.key


def _place(intent: OrderIntent) -> tuple[str, str, str]:
    return intent.strategy, intent.purpose, intent.underlying


def _terms(intent: OrderIntent) -> tuple[object, ...]:
    return (
        intent.legs, intent.qty, intent.order_type, intent.limit_price, intent.stop_price, intent.trail_percent,
        intent.replaces, intent.action,
    )  # fmt: skip
