"""`bot log`: the lines the log kept, picked by time, kind and tick."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.commands.looking import print_json
from bot.commands.opening import warn
from bot.domain.errors import StoreError, UsageError
from bot.report.log_text import log_line
from bot.store.logbook import FOLDER
from bot.store.logfiles import lines_of
from bot.wiring import House, load_house, wall_clock

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def run_log(env: str, *, since: str, kind: str, tick: int, as_json: bool) -> None:
    """Print the lines since a moment, oldest first; with a tick and no moment, all of that tick's."""
    house = load_house(env)
    warn(house)
    now = wall_clock()
    start = since_of(since, now) if since or not tick else datetime.min.replace(tzinfo=UTC)
    kinds = {word.strip() for word in kind.split(",") if word.strip()}
    found = list(_picked(house, start, now, kinds, tick))
    if as_json:
        print_json({"home": str(house.home), "since": start, "lines": found})
        return
    for told in found:
        print(log_line(told))
    if not found:
        print(f"no line of the log fits in {house.home / FOLDER}{_hint(kinds)}")


def since_of(text: str, now: datetime) -> datetime:
    """Read how far back: 30m, 12h, 7d, a day of UTC, or an ISO moment with a zone; without one, a day.

    >>> since_of("12h", datetime(2026, 11, 18, 17, tzinfo=UTC)).isoformat()
    '2026-11-18T05:00:00+00:00'
    """
    span = re.fullmatch(r"(\d{1,5})([dhm])", text or "1d")
    if span:
        return now - timedelta(**{UNITS[span.group(2)]: int(span.group(1))})
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--since takes 30m, 12h, 7d, YYYY-MM-DD or an ISO moment with a zone, got {text!r}"
        ) from error
    if len(text) == 10:
        return read.replace(tzinfo=UTC)
    if read.tzinfo is None:
        raise UsageError(f"--since needs a zone: write {text}+00:00 for UTC")
    return read.astimezone(UTC)


def _picked(house: House, start: datetime, now: datetime, kinds: set[str], tick: int) -> Iterator[dict[str, Any]]:
    first = f"{start:%Y-%m-%dT%H:%M:%S}" if start.year > 1 else ""
    # A clock that ran ahead may have dated a file tomorrow.
    days = (date.min if not first else start.date(), now.astimezone(UTC).date() + timedelta(days=1))
    try:
        for told in lines_of(house.home / FOLDER, *days):
            if told["ts"] >= first and (not kinds or told["kind"] in kinds) and (not tick or told.get("tick") == tick):
                yield told
    except OSError as error:
        path = error.filename or house.home / FOLDER
        raise StoreError(f"{path} cannot be read ({error.strerror}): chmod it") from error
    except zlib.error as error:
        raise StoreError(f"a file in {house.home / FOLDER} cannot be unpacked ({error}): move it away") from error


def _hint(kinds: set[str]) -> str:
    return f" (kinds asked for: {', '.join(sorted(kinds))})" if kinds else ""
