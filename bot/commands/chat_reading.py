"""What a chat may look at: the facts the terminal's commands gather, in the words of a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from bot.commands.approving import standing_lines
from bot.commands.looking import nothing_yet
from bot.domain.errors import StoreError
from bot.domain.sessions import new_york_day
from bot.report import chat
from bot.store.queries import Ledger, open_for_questions
from bot.wiring import House

ALERTS_SHOWN = 30
Clock = Callable[[], datetime]


def status(house: House, env: str, now: Clock) -> list[str]:
    """Say how it stands, as `bot status` does."""
    from bot.commands.looking_facts import status_report

    with open_for_questions(house.home) as ledger:
        return chat.status_text(status_report(ledger, house, now()))


def positions(house: House, env: str, now: Clock) -> list[str]:
    """List what is held, as `bot status` does."""
    from bot.commands.looking_facts import status_report
    from bot.report.words import new_york

    with open_for_questions(house.home) as ledger:
        report = status_report(ledger, house, now())
    valued = "no tick yet" if report.valued_at is None else new_york(report.valued_at)
    return chat.positions_text(report.shares, report.options, report.orders, valued)


def today(house: House, env: str, now: Clock) -> list[str]:
    """Tell the newest session day, as `bot report` does."""
    from bot.commands.day_facts import day_report

    with open_for_questions(house.home) as ledger:
        moment = now()
        return chat.today_text(day_report(ledger, house, _newest_day(ledger, house, moment), moment))


def pnl(house: House, env: str, now: Clock) -> list[str]:
    """Say what was earned, as `bot report` and `bot books` do."""
    from bot.commands.bookkeeping import books_of
    from bot.commands.day_facts import day_report

    with open_for_questions(house.home) as ledger:
        moment = now()
        report = day_report(ledger, house, _newest_day(ledger, house, moment), moment)
        return chat.pnl_text(report, books_of(ledger, house))


def _newest_day(ledger: Ledger, house: House, now: datetime) -> date:
    days = ledger.session_days(10_000)
    if not days:
        raise StoreError(nothing_yet(house, ""))
    today = new_york_day(now)
    return max((one for one in days if one <= today), default=days[-1])


def week(house: House, env: str, now: Clock) -> list[str]:
    """Look ahead, as `bot week` does."""
    from bot.commands.weekly import week_of

    return chat.week_text(week_of(house, 7, now))


def health(house: House, env: str, now: Clock) -> list[str]:
    """Say what `bot doctor` finds: what wants an eye in full, the rest as a count."""
    from bot.ops.doctor import examine
    from bot.report.words import count

    findings = examine(env)
    bad = [one for one in findings if one.level != "good"]
    said = [f"{'STOP' if one.level == 'stop' else 'look'} {one.what}: {one.words}" for one in bad]
    good = len(findings) - len(bad)
    return [f"{count(good, 'thing')} good, {len(bad)} to look at", *said]


def limits(house: House, env: str, now: Clock) -> list[str]:
    """Say the trip wires' readings and every limit in force, as `bot status` and `bot config show` do."""
    from bot.config.effective import effective

    with open_for_questions(house.home) as ledger:
        trips = ledger.trips()
    shown = ((one.key.removeprefix("limits."), one.value) for one in effective(house.settings, house.desk)
             if one.key.startswith("limits."))  # fmt: skip
    return chat.limits_text(trips, shown)


def waiting(house: House, env: str, now: Clock) -> list[str]:
    """List what waits for the owner's word, as `bot approve` does."""
    moment = now()
    lines, nothing, _ = standing_lines(house, moment)
    return chat.proposals_text(lines, nothing, moment)


def why(house: House, what: str) -> list[str]:
    """Explain a symbol or one wish, as `bot why` does."""
    from bot.commands.looking import why_of
    from bot.report.why import SymbolReport

    with open_for_questions(house.home) as ledger:
        report = why_of(ledger, house, what)
    return chat.symbol_text(report) if isinstance(report, SymbolReport) else chat.intent_text(report)


def alerts(house: House, env: str, now: Clock) -> list[str]:
    """List the alerts that stand, as `bot alerts list` does."""
    from bot.store.alerting import list_alerts

    with open_for_questions(house.home) as ledger:
        return chat.alerts_text(list_alerts(ledger.connection, ALERTS_SHOWN, everything=False), now())


READERS: dict[str, tuple[Callable[[House, str, Clock], list[str]], str]] = {
    "status": (status, "bot status"), "positions": (positions, "bot status"), "today": (today, "bot report"),
    "pnl": (pnl, "bot books"), "week": (week, "bot week"), "health": (health, "bot doctor"),
    "limits": (limits, "bot config show"), "alerts": (alerts, "bot alerts list"),
    "approve": (waiting, "bot approve"),
}  # fmt: skip
"""What reads: its function, and the command that says all of it."""
