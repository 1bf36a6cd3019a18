"""What will be done with a contract, in sentences; one sentence a prospect, the soonest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from bot.domain.adoption import adopt_fault
from bot.domain.instruments import Contract
from bot.domain.money import plain
from bot.domain.outlook import Prospect
from bot.domain.sessions import new_york_day
from bot.report.week_lines import day_words
from bot.report.words import clock, count, price_text

WORDS = {
    "hold": "your word: hold (no profit target, roll or time exit closes it)",
    "let_assign": "your word: let assign (neither rolled nor closed for its expiry)",
    "no_roll": "your word: no roll (its other exits stand)",
    "close": "your word: close it",
}
FIRST = ("word", "now", "idle", "unwatched", "dividend_unknown", "take_profit", "premium_stop")
"""What is not about a day stands before what is, in this order."""


def foreign_plan(symbol: str, qty: Decimal) -> tuple[str, ...]:
    """Say what is done with a contract that is not ours, and what takes it over if anything does."""
    return (f"nothing: not ours; {adopt_fault(symbol, qty) or f'`bot adopt {symbol}` takes it over'}",)


def plan_words(
    prospects: Iterable[Prospect], contract: Contract, credit: Decimal | None, at: datetime, *, session_open: bool
) -> tuple[str, ...]:
    """Say everything ahead of a leg, one sentence each; what is not about a day comes first, then by day."""
    ordered = sorted(prospects, key=lambda one: (FIRST.index(one.rule) if one.rule in FIRST else len(FIRST), _day(one)))
    return tuple(_sentence(one, contract, credit, at, session_open=session_open) for one in ordered)


def _day(prospect: Prospect) -> float:
    return 0.0 if prospect.from_at is None else prospect.from_at.timestamp()


def _sentence(one: Prospect, contract: Contract, credit: Decimal | None, at: datetime, *, session_open: bool) -> str:
    if one.rule == "word":
        return WORDS.get(one.reason, f"your word: {one.reason}")
    if one.rule == "now":
        return f"{'now' if session_open else 'at these prices'}: {one.reason}"
    if one.rule in ("idle", "unwatched", "dividend_unknown"):
        return one.reason
    if one.rule == "take_profit":
        return _profit(one, credit)
    if one.rule == "premium_stop":
        return f"buys back when its mid stands at {_price(one.price)} or more on three ticks running"
    if one.rule == "time_exit":
        return f"{_from(one, at)}: buys back at any profit after fees, offered at {_price(one.price)} or less"
    if one.rule == "roll":
        times = f"up to {count(one.times or 0, 'more time')}"
        least = "" if one.net_min is None else f" for a net credit of at least {price_text(one.net_min)}"
        return f"{_from(one, at)}, in the money: rolls{least}, {times}"
    if one.rule == "no_roll":
        return f"{_from(one, at)}, in the money: no roll ({one.reason})"
    return _last_days(one, contract)


def _profit(one: Prospect, credit: Decimal | None) -> str:
    kept = ""
    if one.fraction is not None and credit is not None:
        kept = f" ({one.fraction * 100:.0f} % of {price_text(credit)} kept)"
    return f"buys back once offered at {_price(one.price)} or less{kept}"


def _price(price: Decimal | None) -> str:
    return "an unknown price" if price is None else price_text(price)


def _from(one: Prospect, at: datetime) -> str:
    """Say from which day on, and how many days are left then."""
    assert one.from_at is not None, f"{one.rule} begins on a day"
    left = "" if one.dte is None else f" ({count(one.dte, 'day')} left)"
    if new_york_day(one.from_at) <= new_york_day(at):
        return f"from now on{left}"
    return f"from {day_words(new_york_day(one.from_at))}{left}"


def _last_days(one: Prospect, contract: Contract) -> str:
    assert one.from_at is not None, f"{one.rule} happens on a day"
    day = day_words(new_york_day(one.from_at))
    if one.rule in ("ex_dividend", "dividend_accepted"):
        end = "assignment is accepted" if one.rule == "dividend_accepted" else one.reason
        paid = "" if one.amount is None else f" of {plain(one.amount)}"
        return (
            f"{day} from {clock(one.from_at)}, in the money with less time value than the dividend{paid} of the next "
            f"session: {end}"
        )
    if one.rule == "assignment":
        why = f" ({one.reason})" if one.reason else ""
        return f"{day}, expires at {clock(one.from_at)}: in the money its assignment is accepted{why}, else worthless"
    until = "" if one.until_at is None else f" to {clock(one.until_at)}"
    act = "bought back" if one.rule == "expiry_close" else "rolled if a later series pays it"
    return f"{day}, expires: in the money {act} from {clock(one.from_at)}{until}, else assigned"
