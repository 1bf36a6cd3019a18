"""A person at a phone, a loopback Telegram and a desk: messages in, what the chat shows out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.tests.commands.typed import Done, typed
from bot.tests.talkers.chat_server import Reply
from bot.tests.talkers.telegram_server import CHAT, TOKEN, TelegramServer, telegram_server

ADMIN, OPERATOR, STRANGER = 7, 8, 666
COMMANDS = "SELECT state, words, author, outcome, times FROM commands ORDER BY id"
NOON = datetime(2026, 11, 18, 17, 2, tzinfo=UTC)
"""A Wednesday, two minutes past noon in New York."""


class Phone:
    """Writes to the desk's chat and reads what it shows; time goes on by `pass_seconds` alone."""

    def __init__(self, server: TelegramServer, folder: Path) -> None:
        self.server, self.folder, self.now = server, folder, NOON

    @property
    def home(self) -> Path:
        return self.folder / "data"

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def write(self, text: str, user: int = ADMIN, *, age: float = 1, chat: str = CHAT, name: str = "owner") -> int:
        at = int((self.now - timedelta(seconds=age)).timestamp())
        return self.server.write(text, user=user, chat=int(chat), at=at, name=name)

    def variables(self) -> dict[str, str]:
        return {
            "BOT_MODE": "live", "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT,
            "TELEGRAM_ADMINS": str(ADMIN), "TELEGRAM_OPERATORS": str(OPERATOR),
            "TELEGRAM_API_URL": self.server.address, "XDG_STATE_HOME": str(self.folder / "state"),
        }  # fmt: skip

    def listen(self, **variables: str) -> Done:
        return typed(self.folder, "listen", "--seconds", "0", now=self.now, **self.variables() | variables)

    def shown(self) -> list[str]:
        return [str(one["shown"]) for one in self.server.taken]

    def ask(self, text: str, user: int = ADMIN, **how: Any) -> str:
        """Write, let the desk listen once, and give the newest thing the chat shows."""
        before = len(self.server.taken)
        self.write(text, user, **how)
        done = self.listen()
        assert done.code == 0, done.err
        self.pass_seconds(7)
        return "\n".join(self.shown()[before:])

    def confirmed(self, text: str, user: int = ADMIN) -> str:
        """Write what wants a code and confirm it."""
        return self.ask(code_in(self.ask(text, user)), user)

    def rows(self, question: str = COMMANDS) -> list[Any]:
        with closing(sqlite3.connect(self.home / "ledger.sqlite")) as ledger:
            return ledger.execute(question).fetchall()

    @contextmanager
    def server_that_forgets(self, update: dict[str, Any]) -> Iterator[None]:
        """Let the server give one message again whatever offset it is asked from, under the next number it knows."""
        kept = self.server._updates
        answer = Reply(200, {"ok": True, "result": [update]})
        self.server._updates = lambda fields: answer  # type: ignore[method-assign]
        try:
            yield
        finally:
            self.server._updates = kept  # type: ignore[method-assign]

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


def code_in(answer: str) -> str:
    """Give the line that confirms."""
    return next(line for line in answer.splitlines() if line.startswith("/confirm "))


@contextmanager
def phone_for(folder: Path) -> Iterator[Phone]:
    """Give a person at a phone, for one desk."""
    with telegram_server() as server:
        yield Phone(server, folder)
