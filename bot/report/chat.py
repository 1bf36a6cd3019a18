"""What a phone shows: the same facts as the terminal's reports in short lines without columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.domain.alerts import KeptAlert
from bot.domain.money import plain
from bot.domain.trip import Trip, measured
from bot.report.books import BooksReport
from bot.report.day import DayReport
from bot.report.holdings import OptionLine, ShareLine, mark_words, owner_word
from bot.report.proposals import ProposalLine, left
from bot.report.status import StatusReport, WorkingLine
from bot.report.tallies import GateLine, PassedLine
from bot.report.trips import trip_sentences
from bot.report.week import WeekReport
from bot.report.why import IntentReport, NoteLine, SymbolReport, WishStory
from bot.report.words import ago, clock, count, dollars, limit_word, new_york, number, percent, price_text, wish

MOST = 3_900
"""Characters of an answer, below Telegram's 4,096 with room for what says that there is more."""
SHOWN = 12
_TYPED = re.compile(r"`(?:BOT_\w+=\S+ )?(?:\S*/)?bot ((?:approve|decline|resume|status|week|why|halt|pause)\b)([^`]*)`")
_REASON = re.compile(r" --reason \S+")


def phone_words(text: str) -> str:
    """Name a command as the chat takes it where a terminal's words name one, and leave the home's folder out.

    >>> phone_words("lifted by `bot resume`; `bot approve --all` or `bot audit verify`   home /srv/bot")
    'lifted by /resume; /approve all or `bot audit verify`'
    """
    told = re.sub(r"(?: {3}|\n)home \S+$", "", text, flags=re.MULTILINE)
    return _TYPED.sub(lambda found: f"/{found[1]}{_REASON.sub('', found[2]).replace('--all', 'all')}", told)


def fitted(lines: Sequence[str], more: str) -> str:
    """Join lines to one answer; what has no room is left out whole, and `more` says where it stands.

    >>> fitted(["a" * 3000, "b" * 3000], "bot status")[-18:]
    'a\\nmore: bot status'
    """
    kept: list[str] = []
    room = MOST
    for line in lines:
        size = _units(line) + 1
        if size > room:
            if not kept:
                kept.append(line[: MOST // 2])
            return "\n".join([*kept, f"more: {more}"])
        kept.append(line)
        room -= size
    return "\n".join(kept)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _some(lines: list[str], more: str) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], f"and {rest} more: {more}"] if rest > 0 else lines


def status_text(report: StatusReport) -> list[str]:
    """Say how it stands."""
    account = f", account {report.account}" if report.account else ""
    lines = [f"{report.kind}, desk {report.desk}, {report.mode}{account}"]
    halt = report.halt
    if halt.level == "run":
        lines.append("halt: none")
    else:
        lines.append(f"HALT {halt.level} by {halt.author}: {halt.reason}; clears: {halt.clears or 'by a person'}")
    if report.panic is not None:
        lines.append("a panic stands: look at `bot status` there")
    tick = report.tick
    if tick is None:
        lines.append("no tick has run yet")
    else:
        lines.append(f"tick {tick.id}, {new_york(tick.at)}, {ago(tick.at, report.now)}: {tick.status}")
        lines += [tick.note] if tick.note else []
        lines += [f"error: {error}" for error in tick.errors if error != tick.note]
    late = f"; {count(report.sessions_without_tick, 'session')} without a tick" if report.sessions_without_tick else ""
    lines.append(f"next tick {new_york(report.next_slot)}{late}")
    if report.equity is not None:
        lines.append(f"equity {dollars(report.equity)}, cash {dollars(report.cash)}")
    if report.day_profit is not None:
        day = f"day {dollars(report.day_profit, signed=True)} ({percent(report.day_fraction, signed=True)})"
        lines.append(f"{day}, drawdown {percent(report.drawdown_fraction)}")
    held = f"{count(len(report.shares), 'share line')}, {count(len(report.options), 'option')} held"
    lines.append(f"{held}, {count(len(report.orders), 'order')} working (/positions)")
    lines += [f"trip wire: {sentence}" for sentence in trip_sentences(report.trips)]
    lines += [f"pause: {one.symbol} until {new_york(one.until)}: {one.reason}" for one in report.pauses]
    broken = [one.name for one in report.invariants if not one.ok]
    lines += [f"BROKEN: {', '.join(broken)}"] if broken else []
    lines += [f"unresolved: {one.client_order_id} on {one.symbol}" for one in report.unresolved]
    lines += [f"drift ({one.kind}) {one.symbol}: {one.what}" for one in report.drift]
    waiting = sum(1 for one in report.proposals if one.approved_at is None)
    lines += [f"{count(waiting, 'proposal')} for your word: /approve"] if waiting else []
    return [*lines, *([report.quiet.sentence] if report.quiet is not None else [])]


def today_text(report: DayReport) -> list[str]:
    """Tell a day: its colour and why, money, fills, refusals."""
    lines = [f"{report.colour.upper()} {report.day:%a %Y-%m-%d}, {report.kind}, {report.mode}"]
    lines += [f"because: {cause}" for cause in report.causes]
    lines.append(f"equity {dollars(report.equity)}, cash {dollars(report.cash)}")
    if report.day_profit is not None:
        lines.append(f"day {dollars(report.day_profit, signed=True)} ({percent(report.day_fraction, signed=True)})")
    lines.append(f"premium taken {dollars(report.premium_day)}")
    fills = [
        f"{clock(one.at)} {one.side} {plain(one.qty)} {one.symbol} at {price_text(one.price)} "
        f"({dollars(one.amount, signed=True)})"
        for one in report.fills
    ]
    lines += ["", count(len(fills), "fill"), *_some(fills, "bot report")]
    lines += [f"cycle closed: {one.symbol} {dollars(one.pnl, signed=True)}" for one in report.cycles]
    quiet = report.quiet
    if not quiet.orders_sent:
        lines.append(quiet.sentence)
    if quiet.gates:
        lines += ["", f"refused: {count(quiet.wishes_refused, 'wish', 'wishes')}"]
        lines += [_gate(one) for one in quiet.gates[:5]]
    health = report.health
    lines += ["", f"{count(health.ticks, 'tick')} for {count(health.slots, 'slot')}, {len(health.failed)} failed"]
    return [*lines, f"head {report.head[:16]}"]


def _gate(one: GateLine | PassedLine) -> str:
    name = one.gate if isinstance(one, GateLine) else f"{one.subject}: {one.reason}"
    near = ""
    if one.value is not None and one.limit is not None:
        near = f", nearest {number(one.value, one.unit)} against {limit_word(one.limit, one.unit)}"
    return f"{name}: {one.times}{near}{f' ({one.symbol})' if one.symbol else ''}"


def pnl_text(report: DayReport, books: BooksReport | None) -> list[str]:
    """Say what was earned: returns beside holding and the benchmark, income, each strategy's book."""
    lines = [f"{report.day:%a %Y-%m-%d}, {report.kind}"]
    if report.day_profit is not None:
        lines.append(f"day {dollars(report.day_profit, signed=True)} of {dollars(report.equity)}")
    for one in report.returns:
        beside = [f"{report.benchmark} {percent(one.benchmark, signed=True)}"]
        beside += [f"holding {percent(one.holding, signed=True)}"] if one.holding is not None else []
        lines.append(f"{one.period}: {percent(one.ours, signed=True)} ({', '.join(beside)})")
    lines.append(f"premium taken: day {dollars(report.premium_day)}, month {dollars(report.premium_month)}")
    for kind in report.income:
        amounts = f"day {dollars(kind.day, signed=True)}, month {dollars(kind.month, signed=True)}"
        lines.append(f"{kind.kind}: {amounts}")
    lines.append(f"drawdown {percent(report.drawdown_fraction)}")
    for book in () if books is None else books.lines:
        if book.strategy not in ("foreign", "unassigned"):
            result = f"result {dollars(book.total, signed=True)}, earned {dollars(book.income, signed=True)}"
            lines.append(f"{book.strategy}: {result}")
    return lines


def positions_text(
    shares: Iterable[ShareLine], options: Iterable[OptionLine], orders: Iterable[WorkingLine], valued: str
) -> list[str]:
    """List what is held and what works, one line each, and from when the marks are."""
    lines = [_share(one) for one in shares] + [_option(one) for one in options]
    held = [f"held, marks of {valued}", *lines] if lines else ["nothing is held"]
    return [*held, *(_working(one) for one in orders)]


def _working(one: WorkingLine) -> str:
    price = "" if one.limit_price is None else f" at {price_text(one.limit_price)}"
    return f"working: {one.side} {plain(one.remaining)} {one.symbol}{price}, {one.status or one.state}"


def _share(one: ShareLine) -> str:
    owner = f" ({owner_word(one.owner)})" if owner_word(one.owner) else ""
    paid = f"paid {dollars(one.basis)}, mark {mark_words(one.mark, one.mark_source)}"
    return f"{plain(one.qty)} {one.symbol}{owner}: {paid}, P&L {dollars(one.unrealised, signed=True)}"


def _option(one: OptionLine) -> str:
    owner = f" ({owner_word(one.owner)})" if owner_word(one.owner) else ""
    name = f"{plain(one.qty)} {one.underlying} {one.right} {plain(one.strike)} {one.expiry:%m-%d}{owner}"
    away = f"{percent(one.distance_fraction)} away" if one.distance_fraction is not None else "distance unknown"
    inside = " IN THE MONEY" if one.distance_fraction is not None and one.distance_fraction < 0 else ""
    result = f"{percent(one.profit_share)} of max, P&L {dollars(one.unrealised, signed=True)}"
    return f"{name}: {one.dte} d, {away}{inside}, {result}"


def week_text(report: WeekReport) -> list[str]:
    """Look ahead: each short option with what will be done, cash if assigned, the calendar."""
    span = f"{report.today:%a %m-%d} to {report.until:%a %m-%d}"
    lines = [f"{report.kind}, {span}, next tick {new_york(report.next_slot)}"]
    lines.append(f"equity {dollars(report.equity)}, free cash {dollars(report.cash_free)}")
    if report.empty:
        return [*lines, "nothing is held"]
    for one in report.options:
        chance = f", chance in the money {percent(one.chance)}" if one.chance is not None else ""
        away = f"{percent(one.distance_fraction)} away" if one.distance_fraction is not None else "distance unknown"
        lines.append(f"{plain(one.qty)} {one.words}: {one.dte} d, {away}{chance}")
        lines += [f"  {words}" for words in one.plan[:2]]
    for case in report.scenarios:
        if case.name == "window" and case.options:
            below = " (BELOW ZERO)" if case.cash_negative else ""
            lines.append(f"if all of this week is assigned: cash {dollars(case.cash_after)}{below}")
    ahead = [f"{row.day:%a %m-%d} {row.what}" for row in report.calendar if row.in_window]
    lines += ["", "calendar", *_some(ahead, "bot week")] if ahead else []
    return [*lines, *(f"error: {error}" for error in report.errors)]


def symbol_text(report: SymbolReport) -> list[str]:
    """Say why a symbol was, or was not, traded."""
    lines = [f"{report.symbol}: {report.phase}, {report.kind}"]
    lines.append(f"tick {report.tick}, {new_york(report.at)}, {ago(report.at, report.now)}")
    for story in report.wishes or (() if report.earlier is None else (report.earlier,)):
        lines += wish_text(story)
    lines += _some([f"passed over: {_note(one)}" for one in report.notes], f"bot why {report.symbol}")
    sessions = count(report.sessions, "session")
    lines += [f"last {sessions}, refused by {_gate(one)}" for one in report.gates[:5]]
    lines += [f"last {sessions}, passed over: {_gate(one)}" for one in report.reasons[:5]]
    lines.append(f"orders lately: {len(report.orders)}")
    return lines


def _note(one: NoteLine) -> str:
    measured_words = f", {number(one.value, one.unit)}" if one.value is not None else ""
    against = f" against {limit_word(one.limit, one.unit)}" if one.limit is not None else ""
    return f"{one.subject}: {one.reason}{measured_words}{against}"


def wish_text(story: WishStory) -> list[str]:
    """Say one wish: what, why, and each gate that refused it."""
    verdict = story.verdict
    became = f", {story.status.replace('_', ' ')}" if story.status else ""
    word = "approved" if verdict.approved else "REFUSED"
    lines = [f"intent {story.intent}: {wish(verdict.intent)}: {word}{became}", f"  wanted: {verdict.intent.reason}"]
    return [*lines, *(f"  NO {check.gate}: {check.reason}" for check in verdict.checks if not check.ok)]


def intent_text(report: IntentReport) -> list[str]:
    """Say why one wish was, or was not, sent, and what became of its order."""
    lines = [report.kind, *wish_text(report.wish)]
    if report.order is None:
        return [*lines, "no order was made of it"]
    order = report.order.order
    return [*lines, f"order {order.client_order_id}: {order.status or order.state}, {plain(order.filled_qty)} filled"]


def proposals_text(lines: Sequence[ProposalLine], nothing: str, now: datetime) -> list[str]:
    """List what waits for the owner's word with what answers it."""
    if not lines:
        return [nothing]
    said = [f"{count(len(lines), 'proposal')} {'stands' if len(lines) == 1 else 'stand'}"]
    for one in lines:
        credit = f", credit {dollars(one.credit)}" if one.credit is not None else ""
        tied = f", ties up {dollars(one.collateral)}" if one.collateral else ""
        answer = "approved" if one.approved_at is not None else f"/approve {one.number} or /decline {one.number}"
        said += [f"{one.number}: {one.wish}{credit}{tied}", f"  {one.reason}"]
        said.append(f"  lapses in {left(one.lapses_at, now)}: {answer}")
    return said


def alerts_text(kept: Sequence[KeptAlert], now: datetime) -> list[str]:
    """List the alerts that stand, newest first, with what acknowledges each."""
    if not kept:
        return ["no alert stands"]
    lines = [f"{count(len(kept), 'alert')} standing; /ack N or /ack all says that you know"]
    for one in kept:
        known = f" (known to {one.acknowledged_by})" if one.acknowledged_at is not None else ""
        times = f", {one.times} times" if one.times > 1 else ""
        head = f"{one.id}: {one.alert.severity.upper()} {one.alert.title}"
        lines.append(f"{head}, {ago(one.alert.at, now)}{times}{known}")
        lines += [f"  {one.alert.words}"] if one.alert.words else []
    return lines


def limits_text(trips: Sequence[Trip], limits: Iterable[tuple[str, str]]) -> list[str]:
    """Say each trip wire's reading against its limit, and every limit in force."""
    wires = [f"{measured(one)}{' TRIPPED' if one.tripped else ''}" for one in trips]
    lines = ["trip wires", *wires] if wires else ["trip wires: none was read yet"]
    return [*lines, "", "limits", *(f"{name} {value}" for name, value in limits)]
