"""Why something was, or was not, traded: a symbol's story, or one wish with every gate and its order's life."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from bot.domain.consent import waits
from bot.domain.facts import Fact
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OwnOrder, Verdict
from bot.report.feeds import Feed, feed_line
from bot.report.gates_text import check_lines
from bot.report.holdings import OptionLine, ShareLine, option_table, share_table
from bot.report.shapes import FillLike, HeldLike, NoteLike, StepLike
from bot.report.tallies import GateLine, PassedLine, gate_table, passed_table
from bot.report.words import (
    ago,
    count,
    dollars,
    filled_text,
    home_lines,
    limit_word,
    new_york,
    number,
    price_text,
    section,
    table,
    wish,
)


class NoteLine(Fact, frozen=True, kw_only=True):
    """A chance passed over in one tick."""

    strategy: str
    subject: str
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""


class StepLine(Fact, frozen=True, kw_only=True):
    """One step in an order's life."""

    at: datetime
    state_before: str
    state: str
    status: str
    filled_qty: Decimal | None
    filled_avg_price: Decimal | None
    reason: str


class FilledLine(Fact, frozen=True, kw_only=True):
    """One fill; dollars per share."""

    at: datetime
    side: str
    symbol: str
    qty: Decimal
    price: Decimal


class OrderStory(Fact, frozen=True, kw_only=True):
    """An order with its steps and fills."""

    order: OwnOrder
    steps: tuple[StepLine, ...]
    fills: tuple[FilledLine, ...]


class WishStory(Fact, frozen=True, kw_only=True):
    """One wish as it was judged: the number to ask for it by, its tick, and what became of it."""

    intent: int
    tick: int
    at: datetime
    verdict: Verdict
    status: str = ""
    client_order_id: str = ""


class SymbolReport(Fact, frozen=True, kw_only=True):
    """A symbol's story: what is held, what the newest tick said, what the last sessions said."""

    home: str
    kind: str
    simulated: bool
    symbol: str
    now: datetime
    phase: str
    tick: int
    at: datetime
    wishes: tuple[WishStory, ...]
    earlier: WishStory | None
    notes: tuple[NoteLine, ...]
    shares: tuple[ShareLine, ...]
    options: tuple[OptionLine, ...]
    sessions: int
    gates: tuple[GateLine, ...]
    reasons: tuple[PassedLine, ...]
    orders: tuple[OrderStory, ...]
    feeds: tuple[Feed, ...] = ()


class IntentReport(Fact, frozen=True, kw_only=True):
    """One wish with every gate, and its order's life where there was one."""

    home: str
    kind: str
    simulated: bool
    now: datetime
    wish: WishStory
    order: OrderStory | None
    thinned_at: datetime | None = None
    """When the Snapshot it was decided on was thinned out, None while it can still be read."""


def phase_of(symbol: str, held: Iterable[HeldLike], orders: Iterable[OwnOrder]) -> str:
    """Read the wheel's phase from positions and working orders; it is never remembered (design 12)."""
    shares = ZERO
    short = {"put": ZERO, "call": ZERO}
    for one in held:
        if underlying_of(one.symbol) != symbol:
            continue
        if not is_option(one.symbol):
            shares += one.qty
        elif one.qty < 0:
            short[parse_option(one.symbol).right] -= one.qty
    parts = []
    if shares:
        parts.append(f"{plain(shares)} shares")
    parts += [f"{plain(qty)} {right} short" for right, qty in short.items() if qty]
    if short["call"] and shares > short["call"] * SHARES_PER_CONTRACT:
        parts.append(f"{plain(shares - short['call'] * SHARES_PER_CONTRACT)} shares uncovered")
    working = [order for order in orders if order.underlying == symbol and order.alive]
    if working:
        parts.append(f"{count(len(working), 'order')} working")
    return ", ".join(parts) or "flat"


def _words(purpose: str) -> str:
    return purpose.replace("_", " ")


def note_line(note: NoteLike) -> NoteLine:
    """Turn a note into its line."""
    return NoteLine(
        strategy=note.strategy, subject=note.subject, reason=note.reason, value=note.value, limit=note.limit,
        unit=note.unit,
    )  # fmt: skip


def order_story(order: OwnOrder, steps: Iterable[StepLike], fills: Iterable[FillLike]) -> OrderStory:
    """Put an order's life together."""
    return OrderStory(
        order=order,
        steps=tuple(
            StepLine(
                at=one.at, state_before=one.state_before, state=one.state, status=one.status,
                filled_qty=one.filled_qty, filled_avg_price=one.filled_avg_price, reason=one.reason,
            )
            for one in steps
        ),
        fills=tuple(
            FilledLine(at=one.at, side=one.side, symbol=one.symbol, qty=one.qty, price=one.price) for one in fills
        ),
    )  # fmt: skip


def wish_lines(story: WishStory, now: datetime) -> list[str]:
    """Say one wish in full: what, why, its numbers and every gate."""
    verdict, intent = story.verdict, story.verdict.intent
    refusals = [check for check in verdict.checks if not check.ok]
    word = "APPROVED" if verdict.approved else "WAITED FOR YOUR WORD" if waits(verdict) else "REFUSED"
    became = f", {story.status.replace('_', ' ')}" if story.status and not waits(verdict) else ""
    lines = [
        f"intent {story.intent}: {word}{became}   {wish(intent)}   ({intent.strategy}, {_words(intent.purpose)})",
        f"  tick {story.tick}, {new_york(story.at)}, {ago(story.at, now)}",
        *filled_text(f"wanted because: {intent.reason}", "  ", "    "),
    ]
    for check in refusals:
        lines += filled_text(f"{check.gate} refused: {check.reason}", "  ", "    ")
    if intent.numbers:
        listed = ", ".join(f"{name} {value}" for name, value in intent.numbers)
        lines += filled_text(f"looked at: {listed}", "  ", "    ")
    return [*lines, *check_lines(verdict.checks)]


def order_lines(story: OrderStory) -> list[str]:
    """Say an order's life."""
    order = story.order
    price = "" if order.limit_price is None else f" at {price_text(order.limit_price)}"
    single = order.legs[0] if len(order.legs) == 1 else None
    what = order.underlying if single is None else f"{single.position_intent} {plain(order.qty)} {single.symbol}"
    lines = [
        f"order {order.client_order_id}: {order.status or order.state}, "
        f"filled {plain(order.filled_qty)} of {plain(order.qty)}",
        f"  {_words(order.purpose)}: {what}{price}",
    ]
    lines += table(
        ("when", "state", "broker", "filled", "price", "why"),
        [
            (
                new_york(step.at).removesuffix(" New York"), step.state, step.status,
                "" if step.filled_qty is None else plain(step.filled_qty),
                "" if step.filled_avg_price is None else plain(step.filled_avg_price), step.reason,
            )
            for step in story.steps
        ],
        right=frozenset({3, 4}),
    )  # fmt: skip
    for fill in story.fills:
        units = SHARES_PER_CONTRACT if is_option(fill.symbol) else Decimal(1)
        lines.append(
            f"  fill  {new_york(fill.at)}  {fill.side} {plain(fill.qty)} at {price_text(fill.price)}, "
            f"{dollars(fill.qty * fill.price * units)} USD"
        )
    return lines


def symbol_lines(report: SymbolReport, prefix: str = "") -> list[str]:
    """Tell a symbol's story in lines for a terminal."""
    lines = [
        f"{report.kind}   {report.symbol}   {report.phase}",
        f"newest tick {report.tick}, {new_york(report.at)}, {ago(report.at, report.now)}",
        *([f"prices {feed_line(report.feeds)}"] if report.feeds else []),
        *section("", share_table(report.shares))[1:],
        *section("", option_table(report.options))[1:],
        *section("THE NEWEST TICK PASSED OVER", _notes(report.notes)),
    ]
    for story in report.wishes:
        lines += ["", *wish_lines(story, report.now)]
    if not report.wishes:
        lines += ["", f"the newest tick's planners wanted nothing on {report.symbol}"]
        if report.earlier is not None:
            lines += ["", "THE NEWEST WISH BEFORE IT", *wish_lines(report.earlier, report.now)]
    title = "THE LAST SESSION" if report.sessions == 1 else f"THE LAST {report.sessions} SESSIONS"
    lines += section(f"{title}: REFUSED", gate_table(report.gates))
    lines += section(f"{title}: PASSED OVER", passed_table(report.reasons, one_symbol=True))
    for place, order in enumerate(report.orders):
        lines += ["", *(["LAST ORDERS"] if place == 0 else []), *order_lines(order)]
    if not report.orders:
        lines += ["", f"no order on {report.symbol} yet"]
    first = report.wishes[0] if report.wishes else report.earlier
    wishes = () if first is None else (f"bot why {first.intent}",)
    return [*lines, *home_lines(report.home, prefix, *wishes, f"bot scan {report.symbol}")]


def intent_lines(report: IntentReport, prefix: str = "") -> list[str]:
    """Tell one wish's story in lines for a terminal."""
    intent = report.wish.verdict.intent
    lines = [f"{report.kind}   {intent.underlying}", "", *wish_lines(report.wish, report.now), ""]
    if report.order is not None:
        lines += order_lines(report.order)
    elif report.wish.verdict.approved:
        lines.append("it was approved and no order was made of it: the tick was dry")
    elif waits(report.wish.verdict):
        lines.append("no order was made of it: every other gate allowed it, it waited for your word (`bot approve`)")
    else:
        lines.append("no order was made of it: a gate refused")
    if report.thinned_at is not None:
        lines.append(
            f"what it was decided on was thinned out on {report.thinned_at:%Y-%m-%d}: every check above is as it was "
            "sealed, but it cannot be decided again"
        )
    return [*lines, *home_lines(report.home, prefix, f"bot why {intent.underlying}")]


def _notes(notes: Iterable[NoteLine]) -> list[str]:
    return table(
        ("", "why", "number", "limit", "strategy"),
        [
            (
                note.subject, note.reason, number(note.value, note.unit),
                limit_word(note.limit, note.unit) if note.value is not None else "", note.strategy,
            )
            for note in notes
        ],
        right=frozenset({2, 3}),
    )  # fmt: skip
