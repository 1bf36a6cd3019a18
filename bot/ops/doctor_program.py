"""What `bot doctor` finds of the program itself: Python, SQLite, packages against the lock, and the zone data."""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo

import bot
from bot import __version__
from bot.ops.finding import Finding
from bot.report.words import count

PYTHON_LEAST = (3, 11)
SQLITE_LEAST = (3, 37, 0)
LOCK_FILE = Path(bot.__file__).parent.parent / "requirements.lock"
OPTIONAL = (("matplotlib", "pictures in reports", "report"), ("pyarrow", "Parquet files", "data"))
# New York's clocks on both sides of both changes of a year: moments in UTC and the offset that must hold.
ZONE_PROOFS = (
    (datetime(2026, 3, 8, 6, 59, tzinfo=UTC), -5), (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), -4),
    (datetime(2026, 11, 1, 5, 59, tzinfo=UTC), -4), (datetime(2026, 11, 1, 6, 0, tzinfo=UTC), -5),
)  # fmt: skip
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
TICKS_ON = ("alpaca-py", "msgspec", "python-dotenv", "requests", "sqlite-utils", "typer", "tzdata", "urllib3")
"""Packages that a tick stands on; others may differ without harm."""


def examine_program(last_program: str | None, lock: Path = LOCK_FILE) -> Iterator[Finding]:
    """Look at what runs; `last_program` is the version that wrote the newest tick, or "", None where nobody looked."""
    yield _python()
    yield _sqlite()
    yield _packages(lock)
    yield from _optional()
    if last_program is not None:
        yield _written(last_program)
    yield zone()


def _python() -> Finding:
    words = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < PYTHON_LEAST:
        least = ".".join(map(str, PYTHON_LEAST))
        return Finding("stop", "python", f"{words}, and {least} is the least", f"make a .venv with Python {least}")
    return Finding("good", "python", f"{words} at {sys.executable}")


def _sqlite() -> Finding:
    words = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        return Finding("stop", "sqlite", f"{words}, and 3.37 is the least", "install a Python with a newer SQLite")
    return Finding("good", "sqlite", words)


def _packages(lock: Path) -> Finding:
    """Compare what is installed with what the project was tested with; a copy without its lock is only told."""
    try:
        told = dict(_PINNED.findall(lock.read_text(encoding="utf-8")))
    except OSError:
        return Finding("good", "packages", f"program {__version__}; no lock file lies beside it to compare with")
    pinned = {name: told[name] for name in TICKS_ON if name in told}
    odd = []
    for name, wanted in pinned.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "missing"
        if found != wanted:
            odd.append(f"{name} {found} (tested with {wanted})")
    if odd:
        shown = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
        do = f"{sys.executable} -m pip install -r {lock}"
        return Finding("look", "packages", f"{shown}: not what this program was tested with", do)
    return Finding("good", "packages", f"program {__version__}, {count(len(pinned), 'package')} as locked")


def _optional() -> Iterator[Finding]:
    for name, use, extra in OPTIONAL:
        try:
            yield Finding("good", name, f"{metadata.version(name)}, for {use}")
        except metadata.PackageNotFoundError:
            yield Finding("good", name, f"not installed: no {use} (`pip install 'escapement[{extra}]'` brings it)")


def _written(last_program: str) -> Finding:
    if last_program in ("", __version__):
        return Finding("good", "written by", f"program {last_program}" if last_program else "no tick yet")
    words = f"the newest tick was of program {last_program}, this one is {__version__}"
    return Finding("look", "written by", words, "`bot upgrade --check`, then `bot drill`")


def zone(name: str = "America/New_York") -> Finding:
    """Prove the zone data of the market's clock; this machine's own zone is of no account."""
    do = f"{sys.executable} -m pip install --upgrade tzdata"
    try:
        there = ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return Finding("stop", "zone data", f"{name} is not known on this machine", do)
    for moment, hours in ZONE_PROOFS:
        found = moment.astimezone(there).utcoffset()
        if found != timedelta(hours=hours):
            words = f"{name} is wrong at {moment:%Y-%m-%d %H:%M} UTC: every slot of that day would be an hour off"
            return Finding("stop", "zone data", words, do)
    return Finding(
        "good", "zone data", f"{name} is right on both sides of both changes; this machine's own is {time.tzname[0]}"
    )


def calendar_end(today: date) -> Finding:
    """Look how far the shipped table of New York's sessions still reaches."""
    from bot.domain.nyse import LAST_YEAR

    left = (date(LAST_YEAR, 12, 31) - today).days
    words = f"the shipped table of sessions ends with {LAST_YEAR}"
    if left < 0:
        return Finding("stop", "sessions", f"{words}, which is past: nothing knows when the market trades",
                       "update the program")  # fmt: skip
    if left < 120:
        return Finding("look", "sessions", f"{words}, in {count(left, 'day')}", "update the program")
    return Finding("good", "sessions", words)
