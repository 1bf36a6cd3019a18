"""What `bot listen` keeps: how far it read, each command before and after it was carried out, one-time codes.

Every function is one short durable transaction on a ledger that nobody need hold the lock of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Literal, NamedTuple

from bot.domain.alerts import Alert
from bot.domain.errors import TryLater
from bot.store.alerting import keep_alerts
from bot.store.database import LEDGER_NAME, Database, migrations, moment_of, moment_text, store_error

State = Literal["begun", "done", "refused", "failed", "cut_short", "dropped", "limited", "stranger"]
QUIET = timedelta(days=6)
"""Telegram numbers messages anew at random after a week without any: by then an old number says nothing."""
CODE_SECONDS = 60
CODE_TRIES = 3
ROWS_A_MINUTE = 10
"""Rows that messages nobody carries out may take a minute and user; the rest are counted on the newest."""
STRANGERS_A_DAY = 50
"""Rows that strangers may take a day; the rest are counted on the newest."""
_READ_ONLY_COUNTED = ("limited", "dropped", "stranger")


class Taken(NamedTuple):
    """A message as the store keeps it: whose, where, which, and when it was written."""

    bot: str
    update_id: int
    user: int
    chat: str
    author: str
    words: str
    sent_at: datetime


class Untold(NamedTuple):
    """A command whose answer nobody is known to have seen."""

    id: int
    at: datetime
    words: str
    state: State
    outcome: str
    chat: str
    times: int


@contextmanager
def listening_ledger(home: Path) -> Iterator[Database]:
    """Open a home's ledger for short writes beside whoever holds its lock.

    Raises TryLater where there is none yet, or where it is older than this program: a tick makes it and brings it up
    to date; StoreError where it cannot be read.
    """
    path = home / LEDGER_NAME
    if not path.exists():
        raise TryLater(f"no tick has run yet in {home}: run `bot tick --dry` once, commands are taken from then on")
    newest = migrations()[-1][0]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as looked:
            version: int = looked.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise store_error(path, error) from error
    if version < newest:
        raise TryLater(f"{path} is of an older program (version {version}, this one is {newest}): run `bot tick` once")
    with closing(Database(home)) as database:
        yield database


def offset_of(database: Database, bot: str, now: datetime) -> int:
    """Give the first message number that was not taken up yet; 0 asks for whatever waits."""
    row = database.connection.execute("SELECT update_id, at FROM listened WHERE bot = ?", (bot,)).fetchone()
    return 0 if row is None or _quiet(row[1], now) else int(row[0]) + 1


def _quiet(since: str, now: datetime) -> bool:
    return now - moment_of(since) > QUIET


def pass_over(database: Database, bot: str, update_id: int, now: datetime) -> bool:
    """Remember that a message was seen and says nothing to us; False where it was dealt with before."""
    with database.writing() as connection:
        return _advance(connection, bot, update_id, now)


def take_up(
    database: Database, taken: Taken, now: datetime, state: State, outcome: str = "", alert: Alert | None = None
) -> int | None:
    """Keep a message and how far messages are read, in one transaction, before anything is done about it.

    Gives the number of its row, or None where it was dealt with before and must not be again. Where a person or
    strangers send more than rows are worth, it is counted on a row that stands, and 0 is given. The alert comes with
    a row of its own.
    """
    with database.writing() as connection:
        if not _advance(connection, taken.bot, taken.update_id, now):
            return None
        if state in _READ_ONLY_COUNTED:
            row = _row_to_count_on(connection, taken, now, state)
            if row:
                connection.execute("UPDATE commands SET times = times + 1 WHERE id = ?", (row,))
                return 0
        cursor = connection.execute(
            'INSERT INTO commands (at, author, words, state, outcome, chat, "user", update_id, sent_at) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                moment_text(now), taken.author, taken.words, state, outcome, taken.chat, taken.user, taken.update_id,
                moment_text(taken.sent_at),
            ),
        )  # fmt: skip
        if alert is not None:
            keep_alerts(connection, (alert,), same_minutes=0)
        return cursor.lastrowid


def _advance(connection: sqlite3.Connection, bot: str, update_id: int, now: datetime) -> bool:
    row = connection.execute("SELECT update_id, at FROM listened WHERE bot = ?", (bot,)).fetchone()
    if row is not None and update_id <= row[0] and not _quiet(row[1], now):
        return False
    connection.execute(
        "INSERT INTO listened VALUES (?, ?, ?) "
        "ON CONFLICT (bot) DO UPDATE SET update_id = excluded.update_id, at = excluded.at",
        (bot, update_id, moment_text(now)),
    )
    return True


def _row_to_count_on(connection: sqlite3.Connection, taken: Taken, now: datetime, state: State) -> int:
    """Give the row that stands for this message too, or 0 where it deserves one of its own."""
    run = connection.execute
    if state == "stranger":
        day = moment_text(now)[:10]
        rows = run("SELECT id, \"user\" FROM commands WHERE state = 'stranger' AND at >= ? ORDER BY id", (day,))
        found = rows.fetchall()
        own = [number for number, user in found if user == taken.user]
        return int(own[-1]) if own else int(found[-1][0]) if len(found) >= STRANGERS_A_DAY else 0
    since = moment_text(now - timedelta(minutes=1))
    rows = run(
        'SELECT id FROM commands WHERE state = ? AND "user" = ? AND at > ? ORDER BY id', (state, taken.user, since)
    )
    own = [number for (number,) in rows]
    return int(own[-1]) if len(own) >= (1 if state == "limited" else ROWS_A_MINUTE) else 0


def recent(database: Database, now: datetime) -> dict[int, int]:
    """Count the commands of the last minute that were carried out or refused, by user."""
    rows = database.connection.execute(
        # What a clock that ran ahead wrote does not count: else nobody could stop the desk until that time has come.
        'SELECT "user", COUNT(*) FROM commands WHERE at > ? AND at <= ? '
        "AND chat != '' AND state NOT IN ('limited', 'dropped', 'stranger') GROUP BY \"user\"",
        (moment_text(now - timedelta(minutes=1)), moment_text(now)),
    )
    return {int(user): int(times) for user, times in rows}


def finish(database: Database, row: int, state: State, outcome: str) -> None:
    """Keep what came of a command, before anybody is told."""
    with database.writing() as connection:
        connection.execute("UPDATE commands SET state = ?, outcome = ? WHERE id = ?", (state, outcome, row))


def answered(database: Database, rows: list[int], now: datetime) -> None:
    """Keep that the chat took the answer to these commands."""
    with database.writing() as connection:
        for row in rows:
            connection.execute("UPDATE commands SET answered_at = ? WHERE id = ?", (moment_text(now), row))


def cut_short(database: Database) -> None:
    """Say of every command that was begun and not ended that it was cut short; for a run that has just begun."""
    with database.writing() as connection:
        connection.execute("UPDATE commands SET state = 'cut_short' WHERE state = 'begun'")


def untold(database: Database, now: datetime) -> list[Untold]:
    """List the commands of the last day whose answer the chat is not known to have taken, oldest first."""
    rows = database.connection.execute(
        "SELECT id, at, words, state, outcome, chat, times FROM commands "
        "WHERE answered_at IS NULL AND chat != '' AND state != 'stranger' AND at > ? ORDER BY id",
        (moment_text(now - timedelta(days=1)),),
    )
    return [Untold(row[0], moment_of(row[1]), *row[2:]) for row in rows]


def keep_code(database: Database, taken: Taken, words: str, code_hash: str, now: datetime) -> None:
    """Keep a code for one user and chat; it takes the place of an earlier one."""
    with database.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO codes VALUES (?, ?, ?, ?, ?, 0)",
            (taken.user, taken.chat, words, code_hash, moment_text(now)),
        )


def _held_since(connection: sqlite3.Connection, since: str) -> str:
    """Say what has held the desk back since a moment, so that nobody lifts what they have not seen; else nothing."""
    found = connection.execute(
        "SELECT author || ' set ' || level, at FROM halts WHERE at > ?1 AND level != 'run'"
        " UNION ALL SELECT author || ' began a panic', at FROM panics WHERE at > ?1"
        " UNION ALL SELECT name || ' tripped', tripped_at FROM trips WHERE tripped_at > ?1 ORDER BY 2 DESC LIMIT 1",
        (since,),
    ).fetchone()
    return "" if found is None else str(found[0])


def use_code(database: Database, taken: Taken, code_hash: str, row: int, now: datetime) -> tuple[str, str]:
    """Use a code up and give the command it confirms, or nothing and why not.

    A right code is gone, and the row of its message says what it confirms, before the command is carried out.
    """
    with database.writing() as connection:
        where = (taken.user, taken.chat)
        found = connection.execute(
            'SELECT words, code_hash, made_at, tries FROM codes WHERE "user" = ? AND chat = ?', where
        ).fetchone()
        if found is None:
            return "", "nothing waits for a code; send the command again"
        words, kept, made_at, tries = found
        age = (now - moment_of(made_at)).total_seconds()
        right = compare_digest(kept, code_hash)
        late = not 0 <= age <= CODE_SECONDS
        if right or late or tries + 1 >= CODE_TRIES:
            connection.execute('DELETE FROM codes WHERE "user" = ? AND chat = ?', where)
        else:
            connection.execute('UPDATE codes SET tries = tries + 1 WHERE "user" = ? AND chat = ?', where)
        if right and not late and words == "/resume" and (held := _held_since(connection, made_at)):
            return "", f"since you asked, {held}: nothing was lifted; look at /status, then send {words} again"
        if late:
            return "", f"the code ran out after {CODE_SECONDS} seconds: nothing was done; send {words} again"
        if right:
            connection.execute("UPDATE commands SET words = ? WHERE id = ?", (f"{words} (confirmed)", row))
            return words, ""
    if tries + 1 >= CODE_TRIES:
        return "", f"that was wrong {CODE_TRIES} times and the code is gone: nothing was done; send {words} again"
    return "", f"that is not the code: nothing was done; {CODE_TRIES - tries - 1} more tries for {words}"
