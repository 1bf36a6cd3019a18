"""What dividends and earnings forbid. Unknown fails closed (wheel 1.9, 1.10)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.domain.desk import SymbolInfo
from bot.domain.market import Dividend, Earnings, Events
from bot.domain.sessions import previous_session, sessions_from
from bot.domain.snapshot import SessionFacts
from bot.planners.wheel_state import Refusal, minutes

EX_DATE_SESSIONS = 5
EXPECTED_GIVE = timedelta(days=5)
EX_DATE_EXIT_MINUTES = 120


def ex_date_refusal(events: Events | None, today: date) -> Refusal | None:
    """Refuse calls in the 5 sessions before a known or expected ex-date, and where dates are unknown (wheel 1.9).

    An expected date may fall 5 days earlier or later: the sessions are counted to its earliest day, and the refusal
    lasts to the day before its latest.
    """
    if events is None or events.dividend_status == "unknown":
        return Refusal("ex-dividend dates are unknown: no call is sold")
    for dividend in sorted(events.dividends, key=lambda one: one.ex_date):
        give = EXPECTED_GIVE if dividend.expected else timedelta()
        left = sessions_from(today, dividend.ex_date - give)
        if not (today < dividend.ex_date + give and left <= EX_DATE_SESSIONS):
            continue
        if dividend.expected:
            reason = f"an ex-date is expected on {dividend.ex_date}, give or take {EXPECTED_GIVE.days} days"
        else:
            reason = f"ex-date {dividend.ex_date} is {left} sessions ahead"
        return Refusal(reason, Decimal(left), Decimal(EX_DATE_SESSIONS + 1), "sessions")
    return None


def dividend_at_risk(events: Events | None, session: SessionFacts, at: datetime) -> Dividend | None:
    """Give the dividend whose last session before the ex-date is now within 120 minutes of its close (wheel 1.9)."""
    if events is None or minutes(session.close_at - at) > EX_DATE_EXIT_MINUTES:
        return None
    for dividend in sorted(events.dividends, key=lambda one: one.ex_date):
        if dividend.ex_date > session.day and previous_session(dividend.ex_date).day == session.day:
            return dividend
    return None


def earnings_unknown(events: Events | None, info: SymbolInfo | None) -> Refusal | None:
    """Refuse where earnings dates are unknown or stale; funds are exempt (wheel 1.10)."""
    if info is not None and info.kind == "etf":
        return None
    status = "unknown" if events is None else events.earnings_status
    if status in ("unknown", "stale"):
        return Refusal(f"earnings dates are {status}: state them in earnings.csv")
    return None


def earnings_before(events: Events | None, info: SymbolInfo | None, today: date, expiry: date) -> Refusal | None:
    """Refuse a series that would stand over an earnings release; funds are exempt (wheel 1.10)."""
    if events is None or (info is not None and info.kind == "etf") or events.earnings_status == "exempt":
        return None
    for release in sorted(events.earnings, key=lambda one: one.day):
        if _stands_over(release, today, expiry):
            return Refusal(f"earnings on {release.day} ({release.when}) before it expires")
    return None


def _stands_over(release: Earnings, today: date, expiry: date) -> bool:
    """Say whether a release falls between now and the expiry's close.

    Before the open: past once its day has begun. After the close: harmless on the expiry day itself.
    """
    if release.when == "bmo":
        return today < release.day <= expiry
    if release.when == "amc":
        return today <= release.day < expiry
    return today <= release.day <= expiry
