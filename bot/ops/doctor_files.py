"""What `bot doctor` finds of the files in a home: whose they are, who may read them, and what nobody tends."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import BotError
from bot.ops.finding import Finding
from bot.report.words import count
from bot.store.logbook import FOLDER as LOGS
from bot.store.logfiles import days_of, oldest_plain
from bot.store.panicking import HALT_NAME
from bot.wiring import House

SHOWN = 3
LOG_DAY_LOOK = 50_000_000
"""Bytes of one day's log that no healthy desk writes."""
LOOKED_AT = 20_000
"""Files at most: a home with more of them is looked at no further."""


class _Seen(NamedTuple):
    path: Path
    facts: os.stat_result


def examine_files(house: House, now: datetime, *, look_inside: bool = True) -> list[Finding]:
    """Look at every file of the home, at the log, and at Snapshots that are due for thinning.

    Without `look_inside` the ledger is not opened.
    """
    home = house.home
    seen = list(_walk(home))
    mine = os.getuid()
    strange = [one.path for one in seen if one.facts.st_uid != mine]
    locked = [one.path for one in seen if one.facts.st_uid == mine and not _usable(one)]
    # A HALT file is a person's sign and holds nothing: however it was made, it is well.
    open_ = [one.path for one in seen if stat.S_IMODE(one.facts.st_mode) & 0o077 and one.path.name != HALT_NAME]
    found = []
    if strange:
        words = f"{_listed(home, strange)} of another user"
        found.append(Finding("stop", "files", words, f"sudo chown -R {mine} {home}"))
    if locked:
        words = f"{_listed(home, locked)} that this user cannot read and write"
        found.append(Finding("stop", "files", words, f"chmod -R u+rwX {home}"))
    if open_:
        words = f"{_listed(home, open_)} open to other users (wanted 600, folders 700)"
        found.append(Finding("look", "files", words, f"chmod -R go-rwx {home}"))
    if not found:
        found.append(Finding("good", "files", f"{count(len(seen), 'file')}, all for this user alone"))
    return [*found, _log(house, now), *(_thinning(house, now) if look_inside else ())]


def _walk(home: Path) -> Iterator[_Seen]:
    """Give what lies in the home, folders too; links are not followed, for what they name is not the home's."""
    left, looked_at = [home], 0
    while left and looked_at < LOOKED_AT:
        folder = left.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue  # told as one that cannot be read
        for entry in entries:
            looked_at += 1
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile: a tick may be writing
            if stat.S_ISLNK(facts.st_mode):
                continue
            yield _Seen(Path(entry.path), facts)
            if stat.S_ISDIR(facts.st_mode):
                left.append(Path(entry.path))


def _usable(one: _Seen) -> bool:
    """Say whether its owner may read and write it, and enter it where it is a folder; what root may is no answer."""
    wanted = 0o700 if stat.S_ISDIR(one.facts.st_mode) else 0o600
    return one.facts.st_mode & wanted == wanted


def _listed(home: Path, paths: list[Path]) -> str:
    names = ", ".join(str(path.relative_to(home)) for path in paths[:SHOWN])
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{names}{more} {'is' if len(paths) == 1 else 'are'}"


def _log(house: House, now: datetime) -> Finding:
    folder = house.home / LOGS
    files = [path for paths in days_of(folder).values() for path in paths]
    late = oldest_plain(folder, now.astimezone(UTC).date())
    if late:
        words = f"{count(late, 'day')} in {folder} should have been compressed a week ago"
        return Finding("look", "log", words, "`bot vacuum`")
    sizes = {path: path.stat().st_size for path in files if path.exists()}
    size = sum(sizes.values())
    today = sum(each for path, each in sizes.items() if f"{now:%Y-%m-%d}" in path.name)
    if today > LOG_DAY_LOOK:
        words = f"{today / 1e6:,.0f} MB since midnight UTC: something fails over and over"
        return Finding("look", "log", words, "`bot log --since 1h --kind error,venue`")
    kept = "for ever" if house.desk.keep.log_days is None else count(house.desk.keep.log_days, "day")
    return Finding("good", "log", f"{count(len(files), 'file')}, {size / 1e6:,.1f} MB, kept {kept}")


def _thinning(house: House, now: datetime) -> list[Finding]:
    from bot.store.queries import ledger_exists, open_for_questions
    from bot.store.thinning import months_due

    days = house.desk.keep.snapshots_full_days
    if days is None or not ledger_exists(house.home):
        return []
    try:
        with open_for_questions(house.home) as ledger:
            due = [month for month in months_due(ledger.connection, now, days) if len(month) == len("2026-11")]
    except BotError:
        return []  # the finding about the store says it
    if not due:
        return []
    words = f"Snapshots of {count(len(due), 'month')} are older than {days} days: due for thinning"
    return [Finding("look", "snapshots", words, "`bot vacuum`")]
