"""What this program would do to a home that another version wrote: looked at, never done.

The store and the Snapshots go up by themselves at the next tick, desk.toml by `bot config upgrade`. None of it goes
down again: the way back is the backup made before.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot import __version__
from bot.config.deskfile import CONFIG_VERSION, examine_desk, read_text
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.domain.errors import ConfigError, ForeignStore, StoreError
from bot.domain.snapshot import SCHEMA
from bot.ops.backup import ROOM_LEFT
from bot.ops.doctor_machine import lock
from bot.ops.doctor_store import foreign_user
from bot.report.words import count
from bot.store import condition
from bot.store.database import LEDGER_NAME, migrations, store_error
from bot.store.snapshots import FOLDER
from bot.wiring import ACCOUNT_FILE

_TOUCHED = re.compile(
    r"\b(?:FROM|UPDATE|ALTER TABLE|DROP TABLE|JOIN|ON)\s+(?:IF EXISTS\s+)?\"?([a-z_]+)\"?", re.IGNORECASE
)
_COMMENT = re.compile(r"--.*")
RESTORE = "`bot restore BACKUP --home NEW` with the backup from before"


class Change(NamedTuple):
    """One thing this program would change or let lapse, in words."""

    what: str
    words: str


class Upgrade(NamedTuple):
    """Everything an upgrade of one home means. `changes` empty: nothing is to be done."""

    home: Path
    changes: tuple[Change, ...]
    facts: tuple[Change, ...]
    """What is so and needs nothing."""
    cautions: tuple[Change, ...]
    """What should be seen to before."""
    steps: tuple[str, ...]


def examine_upgrade(settings: Settings, now: datetime) -> Upgrade:
    """Compare a home with this program; reads only.

    Raises ForeignStore where the store is of a newer program, ConfigError where desk.toml has other faults than keys
    that this program brings, StoreError where the ledger cannot be read.
    """
    home = settings.home
    if not settings.desk_file.exists():
        raise ConfigError(f"no desk at {settings.desk_file}: there is nothing to upgrade; `bot init` writes one")
    changes, facts = list(_desk(settings)), [Change("program", __version__)]
    cautions: list[Change] = []
    if (home / LEDGER_NAME).exists():
        stranger = foreign_user(home / LEDGER_NAME)
        if stranger is not None:
            raise StoreError(f"{stranger.words}: {stranger.do}")
        store, told = _store(settings)
        changes += store
        facts += told
        cautions += _cautions(home, now)
    else:
        facts.append(Change("store", "there is none yet: the first tick makes it"))
    return Upgrade(home, tuple(changes), tuple(facts), tuple(cautions), _steps(changes) if changes else ())


def _desk(settings: Settings) -> Iterator[Change]:
    """Say which keys of desk.toml are missing, each with its profile's value."""
    text = read_text(settings.desk_file)
    desk, reading = examine_desk(text, name=str(settings.desk_file))
    if desk is None and len(reading.missing) < len(reading.faults) - (reading.written < CONFIG_VERSION):
        raise ConfigError(["mend desk.toml first:", *reading.faults])
    if reading.written < CONFIG_VERSION:
        yield Change("desk.toml", f"config_version {reading.written}, this program's is {CONFIG_VERSION}")
    for table, key, value in reading.missing:
        where = f"{table}.{key}" if table else key
        yield Change("desk.toml", f"{where} = {value} is missing ({reading.profile} profile's value)")


def _store(settings: Settings) -> tuple[list[Change], list[Change]]:
    home = settings.home
    path = home / LEDGER_NAME
    version, known = condition.read_version(home), migrations()
    newest = known[-1][0]
    if version > newest:
        raise ForeignStore(
            f"{path} was written by a newer program (version {version}, this one knows {newest}): install that program "
            f"again; to go on with this one, {RESTORE}"
        )
    changes: list[Change] = []
    facts: list[Change] = []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)) as ledger:
            for number, script in known:
                if number > version:
                    rows = condition.rows_of(ledger, tables_of(script.read_text(encoding="utf-8")))
                    words = f"{script.stem}, about {count(rows, 'row')} touched"
                    changes.append(Change("store", words))
            if version == newest:
                facts.append(Change("store", f"version {version}, nothing to migrate"))
            facts += _snapshots(ledger, home)
            lapsing = list(_lapsing(ledger, settings))
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    return changes + lapsing, facts


def tables_of(script: str) -> frozenset[str]:
    """Name the tables whose rows a migration reads, rewrites or indexes.

    >>> sorted(tables_of("INSERT INTO b SELECT x FROM a; -- FROM nothing\\nCREATE INDEX i ON c (x);"))
    ['a', 'c']
    """
    return frozenset(name.lower() for name in _TOUCHED.findall(_COMMENT.sub("", script)))


def _snapshots(ledger: sqlite3.Connection, home: Path) -> Iterator[Change]:
    schema = condition.newest_schema(ledger, home)
    if schema is None:
        return
    words = f"the newest is of schema {schema}, this program writes {SCHEMA} and reads every older one"
    yield Change("Snapshots", words if schema < SCHEMA else f"schema {schema}, as this program writes it")


def _lapsing(ledger: sqlite3.Connection, settings: Settings) -> Iterator[Change]:
    """Say what counts no more under this program: a drill's pass, a person's approval."""
    program = condition.newest_program(ledger)
    if program not in ("", __version__):
        yield Change("program", f"the newest tick was of {program}, this one is {__version__}")
    there = {row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "drills" in there:
        row = ledger.execute("SELECT at, code_version FROM drills WHERE passed = 1 ORDER BY id DESC LIMIT 1").fetchone()
        if row is not None and row[1] != __version__:
            yield Change("drill", f"the pass of {row[0][:10]} was of program {row[1]}: it counts no more")
    text = read_text(settings.desk_file)
    approved = ledger.execute("SELECT hash, text FROM configs WHERE approved_at IS NOT NULL").fetchall()
    if approved and settings.alpaca_env == "live":
        try:
            fingerprint, _ = config_hash(text, settings)
        except ConfigError:
            fingerprint = ""
        if fingerprint not in {row[0] for row in approved} and text in {row[1] for row in approved}:
            yield Change("approval", "this program counts more settings: what was approved must be approved again")


def _cautions(home: Path, now: datetime) -> Iterator[Change]:
    wanted, free = room_wanted(home), shutil.disk_usage(home).free
    if free < wanted:
        words = f"{free // 2**20} MB free and a backup here wants {wanted // 2**20} MB: make it elsewhere (--to FOLDER)"
        yield Change("disk", words)
    held = lock(home, now)
    if "held by" in held.words and "last held" not in held.words:
        yield Change("lock", f"{held.words}: wait until it has ended")
    try:
        with closing(sqlite3.connect(f"{(home / LEDGER_NAME).resolve().as_uri()}?mode=ro", uri=True)) as ledger:
            under_way = condition.tick_under_way(ledger)
    except sqlite3.Error as error:
        raise store_error(home / LEDGER_NAME, error) from error
    if under_way is not None:
        yield Change("tick", f"tick {under_way[0]} began at {under_way[1]:%H:%M} UTC and has not ended")


def room_wanted(home: Path) -> int:
    """Give the bytes that a whole backup of a home takes at the most."""
    names = (LEDGER_NAME, f"{LEDGER_NAME}-wal", ACCOUNT_FILE, f"{ACCOUNT_FILE}-wal")
    files = [home / name for name in names if (home / name).exists()]
    return ROOM_LEFT + sum(path.stat().st_size for path in (*files, *(home / FOLDER).glob("*.bin")))


def _steps(changes: list[Change]) -> tuple[str, ...]:
    """Give what to type, in order; the first ones with the program that is in use until now."""
    touched = {one.what for one in changes}
    steps = [
        'bot halt no_new_risk --reason "upgrade"          # the old program; exits and stops go on',
        "bot backup --to FOLDER                           # the old program; the only way back",
        "sudo systemctl stop 'bot-*@DESK.timer' 'bot-loop@DESK.service'",
        "make install-systemd DESK=... APPLY=1            # after the new program stands; units may have changed",
    ]
    if "desk.toml" in touched:
        steps.append("bot config upgrade                               # writes the keys above; read them")
    steps += [
        "bot doctor",
        "bot tick --dry                                   # migrates the store; sends nothing",
        "bot drill",
    ]
    if touched & {"desk.toml", "approval"}:
        steps.append("bot config approve                               # real money asks for it")
    steps += [
        "sudo systemctl start 'bot-*@DESK.timer'",
        'bot resume --reason "upgraded"',
    ]
    return tuple(steps)
