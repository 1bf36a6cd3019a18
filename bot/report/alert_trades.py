"""Alerts about orders, fills, closed turns, and what gates kept from being sent. Pure: facts in, alerts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.money import ZERO, plain
from bot.domain.noticed import Blocked, ClosedTurn, EndedOrder, Noticed, SeenEnd, SeenFill, SeenIncome
from bot.domain.orders import ENTRY_PURPOSES
from bot.report.words import count, dollars, price_text

BUDGETS = frozenset({
    "contracts_within_tick", "contracts_within_day", "contracts_within_symbol_day", "orders_within_tick",
    "orders_within_window", "orders_within_day", "exits_within_tick", "exits_within_day", "exit_reprices_within_day",
    "round_trips_within_day", "turnover_within_window", "turnover_within_day",
})  # fmt: skip
"""Gates that say: no more of it for now."""
ENDED_HOW = {
    "assigned": "was assigned", "exercised": "was exercised", "expired": "expired", "called_away": "were called away",
}  # fmt: skip


def trade_alerts(noticed: Noticed) -> Iterator[Alert]:
    """Tell fills, orders that ended otherwise, assignments and expiries, closed turns, income, and what was blocked."""
    yield from (_filled(one) for one in noticed.fills)
    for order in noticed.orders:
        yield from _ended_order(order)
    yield from (_settled(one) for one in noticed.ends)
    yield from (_completed(one) for one in noticed.turns)
    yield from (_income(one) for one in noticed.income)
    yield from blocked_alerts(noticed.blocked)


def contract_words(symbol: str) -> str:
    """Write a contract as a person says it; a share stays its symbol.

    >>> contract_words("XLF261224P00050000"), contract_words("XLF")
    ('XLF 50 put of 24 Dec 2026', 'XLF')
    """
    if not is_option(symbol):
        return symbol
    option = parse_option(symbol)
    return f"{underlying_of(symbol)} {plain(option.strike)} {option.right} of {option.expiry:%-d %b %Y}"


def _amount(qty: Decimal, symbol: str) -> str:
    number = abs(qty)
    noun = "" if is_option(symbol) else " share" if number == 1 else " shares"
    return f"{plain(number)} {contract_words(symbol)}{noun}"


def _why(purpose: str, strategy: str) -> str:
    return f"{purpose.replace('_', ' ')} by {strategy}" if strategy else purpose.replace("_", " ")


def _filled(one: SeenFill) -> Alert:
    sold = one.side == "sell"
    size = abs(one.qty) * one.price * (100 if is_option(one.symbol) else 1)
    return Alert(
        at=one.at, topic=topics.ORDER_EXECUTED, severity="info", tick_id=one.tick_id, lasts="once",
        key=f"{topics.ORDER_EXECUTED}:{one.order}:{one.symbol}:{one.tick_id}",
        title=f"{'Sold' if sold else 'Bought'} {_amount(one.qty, one.symbol)} at {price_text(one.price)}",
        words=f"{dollars(size)} USD {'in' if sold else 'out'} before fees: {_why(one.purpose, one.strategy)}.",
    )  # fmt: skip


def _ended_order(one: EndedOrder) -> Iterator[Alert]:
    """Tell an order that ended and did not fill whole; one that we cancelled empty-handed is nobody's news."""
    part = ZERO < one.filled_qty < one.qty
    if one.status == "filled" or (one.state == "done" and not part and one.filled_qty):
        return
    if one.asked and not part:
        return
    refused = one.state == "refused" or one.status == "rejected"
    named = contract_words(one.what)
    key, what = f"order.ended:{one.order}", f"{_why(one.purpose, one.strategy)}, {named}"
    said = f" It said: {one.reason}." if one.reason and one.reason != "settled" else ""
    see = f" `bot why {one.order}` tells its life."
    if part:
        topic, severity = topics.TRADE_PARTIAL_FOLLOWUP, topics.SEVERITY_OF[topics.TRADE_PARTIAL_FOLLOWUP]
        title = f"Filled {plain(one.filled_qty)} of {plain(one.qty)} {named}, the rest is {one.status}"
        words = f"{what}. The next tick wants the rest again where it still makes sense.{see}"
    elif refused:
        entry = one.purpose in ENTRY_PURPOSES
        topic = topics.ORDER_FAILED if entry else topics.TRADE_FAILED
        severity = topics.SEVERITY_OF[topic]
        title = f"The broker refused an order: {what}"
        after = "Nothing was opened." if entry else "What it was to close or protect is still open: look at it now."
        words = f"{after}{said}{see}"
    elif one.status == "expired":
        topic, severity = topics.ORDER_FAILED, topics.SEVERITY_OF["trade.blocked"]
        title = f"An order expired unfilled: {named}"
        words = f"{what}. It was good for the day alone.{see}"
    else:
        topic, severity = topics.ORDER_FAILED, topics.SEVERITY_OF[topics.ORDER_FAILED]
        title = f"An order was cancelled, and not by this program: {named}"
        words = f"{what}.{said} If nobody cancelled it at the broker, ask the broker why.{see}"
    yield Alert(at=one.at, topic=topic, severity=severity, key=key, title=title, words=words, tick_id=one.tick_id,
                lasts="once")  # fmt: skip


def _settled(one: SeenEnd) -> Alert:
    verb = ENDED_HOW[one.how]
    many = abs(one.qty) != 1
    if many and verb.startswith("was "):
        verb = f"were {verb[4:]}"
    return Alert(
        at=one.at, topic=topics.TRADE_SETTLED, severity="info", tick_id=one.tick_id, lasts="once",
        key=f"{topics.TRADE_SETTLED}:{one.key}", title=f"{_amount(one.qty, one.symbol)} {verb}",
        words=f"Income {dollars(one.income, signed=True)} USD. `bot week` shows what comes next.",
    )  # fmt: skip


def _completed(one: ClosedTurn) -> Alert:
    days = (one.closed_at - one.opened_at).days
    taken = f", {count(one.assignments, 'assignment')}" if one.assignments else ""
    return Alert(
        at=one.closed_at, topic=topics.TRADE_COMPLETED, severity="info", tick_id=one.tick_id, lasts="once",
        key=f"{topics.TRADE_COMPLETED}:{one.id}",
        title=f"{one.symbol}: a turn of the wheel is closed, {dollars(one.pnl, signed=True)} USD",
        words=f"{one.strategy}, {count(days, 'day')}{taken}; after fees.",
    )  # fmt: skip


def _income(one: SeenIncome) -> Alert:
    word = "Dividend" if one.kind == "DIV" else "Interest"
    return Alert(
        at=one.at, topic=topics.TRADE_SETTLED, severity="info", tick_id=one.tick_id, lasts="once",
        key=f"{topics.TRADE_SETTLED}:{one.key}",
        title=f"{word}{f' of {one.symbol}' if one.symbol else ''}: {dollars(one.amount, signed=True)} USD",
    )  # fmt: skip


def blocked_alerts(blocked: Iterable[Blocked]) -> Iterator[Alert]:
    """Tell once a day and gate that it kept something from being sent; why is the gate's own sentence."""
    for one in blocked:
        if not one.opens:
            topic, what = topics.TRADE_BLOCKED, "kept a wish that closes or protects from being sent"
        elif one.gate in BUDGETS:
            topic, what = topics.BUDGET_EXCEEDED, "says it is enough for now"
        else:
            topic, what = topics.RISK_BLOCKED, "keeps entries back"
        yield Alert(
            at=one.at, topic=topic, severity=topics.SEVERITY_OF[topic], tick_id=one.tick_id, lasts="once",
            key=f"{topic}:{one.day}:{one.gate}", title=f"{one.gate} {what} on {one.day}",
            words=f"The newest: {one.symbol}, {one.strategy}: {one.reason}. `bot why {one.symbol}` shows every gate.",
        )  # fmt: skip
