"""The exit rules of short options, in their stated order (wheel 1.6): whether each holds now, with its number."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bot.domain.ledger import OptionLeg
from bot.domain.market import Quote
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import Purpose
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.domain.wheelmath import LADDER_LAST, extrinsic, intrinsic, option_fees, share_of_profit, spread_passes
from bot.planners.wheel_events import dividend_at_risk
from bot.planners.wheel_rolls import roll_refusal
from bot.planners.wheel_state import Refusal, Situation

LADDER_MINUTES = 60
"""Expiry-day exits start this long before their deadline: four steps of the ladder, one a tick."""
LAST_STEP_MINUTES = 15
"""In the last slot before the deadline they pay the natural price, whatever was missed on the way."""
PREMIUM_STOP_READINGS = 3
PREMIUM_STOP_QUIET_MINUTES = 30


class Match(NamedTuple):
    """One exit rule that holds now. A roll becomes `fallback` where no series pays it ("" means nothing)."""

    purpose: Purpose
    reason: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    fallback: Purpose | None = None
    step: int = 0


class View(NamedTuple):
    """One short leg as it stands now."""

    now: Situation
    snapshot: Snapshot
    one: OptionLeg
    qty: Decimal
    quote: Quote
    spot: Decimal | None
    word: str
    dte: int

    @property
    def in_the_money(self) -> bool:
        """Say whether exercise would pay its holder; unknown without a share price."""
        return self.spot is not None and intrinsic(self.one.right, self.one.strike, self.spot) > 0


def matches_of(view: View, notes: list[Note]) -> list[Match]:
    """List every exit rule that holds, in the stated order (wheel 1.6), less those the owner's word suppresses."""
    found = [
        _owner(view),
        None if view.word == "let_assign" else _ex_dividend(view, notes),
        None if view.word == "let_assign" else _expiry_day(view, notes),
        None if view.word == "hold" else _profit_target(view),
        _premium_stop(view),
        None if view.word in ("hold", "let_assign") else _roll(view, notes),
        None if view.word == "hold" else _time_exit(view),
    ]
    holding = [match for match in found if match is not None]
    # A profit target always beats a roll, one for a dividend or on expiry day too: the sort keeps the order else.
    profit = any(match.purpose == "take_profit" for match in holding)
    return sorted(holding, key=lambda match: profit and match.purpose == "roll_close")


def _owner(view: View) -> Match | None:
    return Match("owner_close", "the owner asked to close it") if view.word == "close" else None


def _ex_dividend(view: View, notes: list[Note]) -> Match | None:
    """Rule 1.9: the last session before the ex-date, in the money, extrinsic value below the dividend."""
    numbers = view.now.params.numbers[view.one.underlying]
    if view.one.right != "call" or not view.in_the_money or view.spot is None:
        return None
    events = view.snapshot.events_of.get(view.one.underlying)
    if events is None or events.dividend_status == "unknown":
        notes.append(note_on(view, "ex-dividend dates are unknown: early assignment of this call is not judged"))
        return None
    dividend = dividend_at_risk(events, view.snapshot.session, view.snapshot.at)
    if dividend is None:
        return None
    # Without a bid there is no mid: the ask is the only price there is.
    price = view.quote.mid if view.quote.mid is not None else view.quote.ask
    assert price is not None, "a leg without an ask is judged by nobody"
    left = extrinsic("call", view.one.strike, view.spot, price)
    if left >= dividend.amount:
        return None
    reason = f"goes ex {plain(dividend.amount)} on {dividend.ex_date} with less extrinsic value left"
    if numbers.ex_date_exit == "accept":
        figures = Match("ex_dividend_close", "", left, dividend.amount, "usd")
        notes.append(note_on(view, f"{reason}: assignment is accepted", figures))
        return None
    if numbers.ex_date_exit == "roll":
        return Match("roll_close", reason, left, dividend.amount, "usd", "ex_dividend_close")
    return Match("ex_dividend_close", reason, left, dividend.amount, "usd")


def _expiry_day(view: View, notes: list[Note]) -> Match | None:
    """Rule 1.16: in the money on expiry day, be out before the deadline; the ladder starts an hour ahead of it."""
    numbers, limits = view.now.params.numbers[view.one.underlying], view.now.params.limits
    if view.dte != 0 or not view.in_the_money:
        return None
    word = numbers.itm_at_expiry_put if view.one.right == "put" else numbers.itm_at_expiry_call
    out, left = limits.expiry_out_minutes or ZERO, view.now.minutes_to_close
    if word == "assign" or left > out + LADDER_MINUTES:
        return None
    if left < out:
        notes.append(note_on(view, f"within {plain(out)} minutes of its last close: it is left to be assigned"))
        return None
    reason = f"expires today in the money and is to be out {plain(out)} minutes before the close"
    step = 0 if left > out + LAST_STEP_MINUTES else LADDER_LAST
    if word == "roll":
        return Match("roll_close", reason, round(left, 1), out, "minutes", step=step)
    return Match("expiry_close", reason, round(left, 1), out, "minutes", step=step)


def _profit_target(view: View) -> Match | None:
    """Formula 2.8 at the ask: the share of the credit already earned."""
    target = view.now.params.numbers[view.one.underlying].profit_share_close
    share = share_of_profit(view.one.credit, view.quote.ask)
    if target is None or share is None or share < target:
        return None
    return Match("take_profit", "the profit target is reached at the ask", share, target, "fraction")


def _premium_stop(view: View) -> Match | None:
    """Rule 1.4: puts only, mid at m times the credit on three ticks running, on a spread that can be believed."""
    limits, multiple = view.now.params.limits, view.now.params.numbers[view.one.underlying].premium_stop_multiple
    mid, credit = view.quote.mid, view.one.credit
    if view.one.right != "put" or multiple is None or mid is None or credit is None or mid < multiple * credit:
        return None
    if view.now.minutes_since_open < PREMIUM_STOP_QUIET_MINUTES:
        return None
    bid, ask = view.quote.bid, view.quote.ask
    if not spread_passes(bid, ask, limits.option_spread_fraction, limits.option_spread_absolute):
        return None
    if view.one.premium_stop_readings < PREMIUM_STOP_READINGS:
        return None
    return Match("premium_stop", f"{plain(multiple)} times the credit on three ticks", mid, multiple * credit, "usd")


def _roll(view: View, notes: list[Note]) -> Match | None:
    """Rule 1.5: a put in the money near its expiry. On expiry day itself the expiry-day rule decides alone."""
    most = view.now.params.numbers[view.one.underlying].put_roll_dte
    if view.one.right != "put" or most is None or not 1 <= view.dte <= most or not view.in_the_money:
        return None
    refusal = roll_refusal(view.now, view.one, view.word)
    if refusal is not None:
        notes.append(refusal.note(view.now.params.name, view.one.underlying, view.one.symbol))
        return None
    return Match("roll_close", "in the money near expiry", Decimal(view.dte), Decimal(most), "days")


def _time_exit(view: View) -> Match | None:
    """Close a put in profit after fees at this DTE: gamma rises late."""
    most, credit, ask = view.now.params.numbers[view.one.underlying].time_exit_dte, view.one.credit, view.quote.ask
    if view.one.right != "put" or most is None or view.dte > most or credit is None or ask is None:
        return None
    fees = view.one.fees + option_fees(-view.one.qty, sell=False)
    profit = (credit - ask) * SHARES_PER_CONTRACT * -view.one.qty - fees
    if profit <= 0:
        return None
    return Match(
        "time_exit", f"{plain(profit)} USD in profit after fees near expiry", Decimal(view.dte), Decimal(most), "days"
    )


def note_on(view: View, reason: str, match: Match | None = None) -> Note:
    """Give a note on a leg, with a rule's figures where it is about one."""
    value, limit, unit = (match.value, match.limit, match.unit) if match is not None else (None, None, "")
    return Refusal(reason, value, limit, unit).note(view.now.params.name, view.one.underlying, view.one.symbol)
