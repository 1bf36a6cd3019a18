"""A desk whose alerts are delivered to servers on this machine, and what those servers then know."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.alerts import Alert
from bot.domain.topics import Severity
from bot.report.composing import BEFORE
from bot.store.alerting import keep_alerts, open_outbox
from bot.store.database import LEDGER_NAME, moment_text
from bot.store.journal import LedgerJournal
from bot.tests.commands.typed import Done, new_home, typed

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""A Friday, noon in New York."""
MINUTE = timedelta(minutes=1)
_NUMBER = re.compile(r"#(\d+)(?:-#(\d+))?")


class SenderDesk:
    """A home that never ticked, with alerts put into its ledger by hand; `at` is its moment."""

    def __init__(self, folder: Path, *changes: tuple[str, str], **variables: str) -> None:
        self.folder = folder
        self.home = new_home(folder)
        self.at = NOON
        self.variables = variables
        LedgerJournal(self.home, "main").close()
        for name, value in changes:
            self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Set one key of [alerts] in desk.toml."""
        file = self.home / "desk.toml"
        head, mark, rest = file.read_text().partition("[alerts]\n")
        changed, count = re.subn(rf"(?m)^{name} = \S+", f"{name} = {value}", rest, count=1)
        assert count == 1, name
        file.write_text(head + mark + changed)

    def alert(
        self, count: int = 1, severity: Severity = "warning", *, topic: str = "order.failed", title: str = "",
        words: str = "why and what helps",
    ) -> None:  # fmt: skip
        """Let something be noticed, each a thing of its own."""
        (newest,) = self.rows("SELECT COALESCE(max(id), 0) FROM alerts")[0]
        alerts = (
            Alert(
                at=self.at, topic=topic, severity=severity, key=f"thing:{newest + one}", lasts="state",
                title=title or f"thing {newest + one + 1}", words=words,
            )
            for one in range(count)
        )  # fmt: skip
        with open_outbox(self.home) as database, database.relaxed() as connection:
            keep_alerts(connection, alerts, 60)

    def run(self, *words: str, **variables: str) -> Done:
        """Type a command at this desk's moment."""
        return typed(self.folder, *words, now=self.at, **(self.variables | variables))

    def send(self, after: timedelta = MINUTE, *, code: int = 0) -> Done:
        """Let time pass, then run the sender as its timer does."""
        self.at += after
        done = self.run("alerts", "send")
        assert done.code == code, done
        return done

    def rows(self, question: str, *values: Any) -> list[Any]:
        """Ask the ledger."""
        with closing(sqlite3.connect(self.home / LEDGER_NAME)) as ledger:
            return ledger.execute(question, values).fetchall()

    def change(self, statement: str, *values: Any) -> None:
        """Change the ledger by hand."""
        with closing(sqlite3.connect(self.home / LEDGER_NAME)) as ledger, ledger:
            ledger.execute(statement, values)

    def end(self, number: int) -> None:
        """Let the cause of an alert be gone now."""
        self.change("UPDATE alerts SET ended_at = ? WHERE id = ?", moment_text(self.at), number)


def shown(taken: dict[str, Any]) -> str:
    """Give a message that Discord took as its reader sees it."""
    texts = [taken.get("content", ""), *(one.get("description", "") for one in taken.get("embeds", ()))]
    return "\n".join(texts).replace("\\", "")


def numbers_in(text: str) -> set[int]:
    """Give the numbers of the alerts that a message names."""
    found: set[int] = set()
    for first, last in _NUMBER.findall(text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def told_in(text: str) -> dict[int, bool]:
    """Give the numbers of the alerts that a message tells, and whether it says that each may have been said before."""
    marked: set[int] = set()
    for line in text.splitlines():
        if BEFORE in line:
            marked |= numbers_in(line)
    return {number: number in marked for number in numbers_in(text)}


def doubled(texts: Iterable[str]) -> tuple[set[int], int]:
    """Give the alerts that were told again without a word of warning, and how many messages warned."""
    seen: set[int] = set()
    unmarked: set[int] = set()
    warned = 0
    for text in texts:
        found = told_in(text)
        unmarked |= {number for number, marked in found.items() if number in seen and not marked}
        warned += any(found.values())
        seen |= set(found)
    return unmarked, warned
