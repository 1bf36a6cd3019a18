"""The calendar that Alpaca gave last, read from what a tick kept: for looking ahead without asking anybody."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from bot.brokers.alpaca_account import sessions_of
from bot.domain.errors import BrokerUnreachable
from bot.domain.sessions import Session

if TYPE_CHECKING:
    from bot.venues.daycache import DayCache

_NAME = re.compile(r"alpaca-calendar-(\d{4}-\d{2}-\d{2})-(\d{4}-\d{2}-\d{2})")


def calendar_name(first: date, last: date) -> str:
    """Name what is kept of the days first..last."""
    return f"alpaca-calendar-{first.isoformat()}-{last.isoformat()}"


def kept_calendar(cache: DayCache) -> tuple[Session, ...]:
    """Give the sessions of the newest calendar kept, whatever its day; none where none can be read."""
    spans = []
    for name in cache.names():
        try:
            match = _NAME.fullmatch(name)
            spans += [(date.fromisoformat(match[1]), date.fromisoformat(match[2]))] if match else []
        except ValueError:
            continue
    for first, last in sorted(spans, reverse=True):
        try:
            return sessions_of(cache.kept(calendar_name(first, last)), first, last)
        except BrokerUnreachable:
            continue  # damaged: an older one will do
    return ()
