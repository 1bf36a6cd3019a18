"""What `bot doctor --json` says in a folder, by what was looked at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from bot.ops.finding import Finding
from bot.store.database import LEDGER_NAME, moment_text
from bot.tests.commands.typed import SATURDAY, typed


def doctored(folder: Path, *words: str, now: datetime = SATURDAY, **variables: str) -> dict[str, Finding]:
    """Ask the doctor; of several findings about one thing the gravest stands."""
    done = typed(folder, "doctor", "--json", *words, now=now, **variables)
    found: dict[str, Finding] = {}
    for told in json.loads(done.out):
        one = Finding(**told)
        if one.what not in found or one.level == "stop" or found[one.what].level == "good":
            found[one.what] = one
    assert done.code == int(any(one.level == "stop" for one in found.values())), done.out
    return found


@contextmanager
def ledger_of(home: Path) -> Iterator[sqlite3.Connection]:
    """Open a home's ledger to write into it as talkers do."""
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger, ledger:
        yield ledger


def keep_message(
    home: Path, channel: str, kind: str, key: str, at: datetime, state: str = "sent", delivered: datetime | None = None
) -> None:
    """Put a row into the outbox."""
    with ledger_of(home) as ledger:
        ledger.execute(
            'INSERT INTO outbox (at, channel, kind, "key", payload_json, state, delivered_at)'
            " VALUES (?, ?, ?, ?, '{}', ?, ?)",
            (moment_text(at), channel, kind, key, state, None if delivered is None else moment_text(delivered)),
        )


def keep_channel(home: Path, channel: str, *, sent: datetime | None = None, dead: datetime | None = None) -> None:
    """Put a channel's row into the store."""
    with ledger_of(home) as ledger:
        ledger.execute(
            "INSERT OR REPLACE INTO channels (channel, address_hash, dead_since, dead_why, sent_at)"
            " VALUES (?, '', ?, ?, ?)",
            (channel, dead and moment_text(dead), "Discord: the webhook was deleted" if dead else "",
             sent and moment_text(sent)),
        )  # fmt: skip
