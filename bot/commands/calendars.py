"""`bot import-earnings`: dates out of another file into the home's earnings.csv."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bot.commands.opening import load_house, say_home, warn
from bot.domain.errors import ConfigError, StoreError, UsageError
from bot.domain.market import Earnings
from bot.domain.sessions import new_york_day
from bot.markets.earnings import earnings_status, load_earnings, upcoming_earnings
from bot.markets.earnings_import import Change, Imported, calendar_text, merge, read_foreign
from bot.report.words import count
from bot.store.lock import home_lock
from bot.wiring import House, wall_clock

EARNINGS_FILE = "earnings.csv"
LARGEST_BYTES = 64 << 20


def run_import_earnings(env: str, *, file: str, as_of: str, dry: bool, skip_bad: bool, as_json: bool) -> None:
    """Merge a file's releases of this desk's stocks into earnings.csv, all of them or (if a row is bad) none.

    `as_of` is the day the file was checked; without it that is the day the file was last written.
    """
    house = load_house(env)
    warn(house)
    now = wall_clock()
    today = new_york_day(now)
    source = Path(file)
    checked = _checked(as_of, source, today)
    stocks = frozenset(symbol for symbol, info in house.desk.universe.items() if info.kind == "stock")
    imported = read_foreign(_text(source), source.name, wanted=stocks, as_of=checked)
    if imported.faults and not skip_bad:
        raise ConfigError(
            [*imported.faults, f"nothing was written; mend {source.name}, or leave such rows out with --skip-bad"]
        )
    target = house.home / EARNINGS_FILE
    if dry:
        calendar, changes = merge(load_earnings(target), imported)
    else:
        with home_lock(house.home, "bot import-earnings", now):
            calendar, changes = merge(load_earnings(target), imported)
            if changes:
                write_whole(target, calendar_text(calendar))
    told = _Told(house, imported, calendar, changes, stocks, today, checked, dry)
    if as_json:
        print(json.dumps(told.object()))
        say_home(house)
        return
    for line in told.lines():
        print(line)


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step: whoever reads it sees the former text or the new one. Raises StoreError."""
    temporary = ""
    try:
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written ({error.strerror}): the former file stands") from error


def _checked(text: str, source: Path, today: date) -> date:
    """Give the day the file's rows were checked: as said, else the file's own day, never a day to come."""
    if text:
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise UsageError(f"--as-of takes a day like 2026-01-29, got {text!r}") from error
        if day > today:
            raise UsageError(f"--as-of {day} is yet to come (today is {today} in New York)")
        return day
    try:
        written_at = datetime.fromtimestamp(source.stat().st_mtime, UTC)
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    return min(new_york_day(written_at), today)


def _text(source: Path) -> str:
    try:
        if source.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{source}: {source.stat().st_size:,} bytes are too many for an earnings calendar")
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is no UTF-8 text: save it as CSV in UTF-8") from error
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error


class _Told:
    """What an import came to, as lines and as one object."""

    def __init__(
        self,
        house: House,
        imported: Imported,
        calendar: Mapping[str, tuple[Earnings, ...]],
        changes: Sequence[Change],
        stocks: frozenset[str],
        today: date,
        checked: date,
        dry: bool,
    ) -> None:
        self.house, self.imported, self.calendar, self.changes = house, imported, calendar, changes
        self.stocks, self.today, self.checked, self.dry = sorted(stocks), today, checked, dry

    def lines(self) -> list[str]:
        """Say what changed, what was left out, and what is known of each stock now."""
        lines = [f"not read: {fault}" for fault in self.imported.faults]
        lines += [_change_line(change, self.today) for change in self.changes]
        if self.imported.left_out:
            left = count(self.imported.left_out, "row")
            lines.append(f"left out: {left} about names that are no stocks of this desk")
        if not self.stocks:
            lines.append("the universe is ETFs only: they need no earnings dates")
        lines += [self._standing(symbol) for symbol in self.stocks]
        path = self.house.home / EARNINGS_FILE
        if not self.changes:
            lines.append(f"nothing to change in {path}")
        elif self.dry:
            lines.append(f"{path} would change in {count(len(self.changes), 'row')}; --dry wrote nothing")
        else:
            lines.append(f"{path}: {count(len(self.changes), 'row')} changed")
        return lines

    def _standing(self, symbol: str) -> str:
        status = earnings_status(self.calendar, symbol, "stock", self.today)
        ahead = upcoming_earnings(self.calendar, symbol, self.today)
        if not ahead:
            return f"{symbol:<6} {status}: no release is told; contracts that avoid earnings are refused"
        age = (self.today - max(one.as_of for one in ahead)).days
        return f"{symbol:<6} {status}: next release {ahead[0].day} ({ahead[0].when}), checked {_days_ago(age)}"

    def object(self) -> dict[str, Any]:
        """Give the same as plain objects."""
        return {
            "file": str(self.house.home / EARNINGS_FILE),
            "written": bool(self.changes) and not self.dry,
            "as_of": str(self.checked),
            "changes": [
                {"what": one.what, **_plain(one.release), "before": None if one.before is None else _plain(one.before)}
                for one in self.changes
            ],
            "faults": list(self.imported.faults),
            "left_out": self.imported.left_out,
            "status": {symbol: earnings_status(self.calendar, symbol, "stock", self.today) for symbol in self.stocks},
        }


def _plain(release: Earnings) -> dict[str, str]:
    return {
        "symbol": release.symbol, "date": str(release.day), "when": release.when, "as_of": str(release.as_of),
    }  # fmt: skip


def _change_line(change: Change, today: date) -> str:
    release, before = change.release, change.before
    how: str = change.what
    if before is not None and change.what == "moved":
        how = f"moved from {before.day}"
    elif before is not None and change.what == "time":
        how = f"{release.when} instead of {before.when}"
    age = _days_ago((today - release.as_of).days)
    return f"{release.symbol:<6} {release.day} {release.when:<7} checked {release.as_of} ({age}): {how}"


def _days_ago(days: int) -> str:
    return "today" if days == 0 else "yesterday" if days == 1 else f"{days} days ago"
