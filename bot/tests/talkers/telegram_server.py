"""Telegram's Bot API as its documentation has it: chats, markup, limits, updates and who may poll. On this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from threading import Lock
from typing import Any

from bot.tests.talkers.chat_server import PNG, Asked, ChatServer, Reply

TOKEN = "1234567:CANARYbotCANARYbotCANARYbot"
CHAT = "-100200300"
_TAGS = re.compile(r"</?(b|i|u|s|code|pre)>")


class TelegramServer(ChatServer):
    """One bot. `chats` are those it may write to; `write` puts a person's message among the updates."""

    def __init__(self, chats: tuple[str, ...]) -> None:
        super().__init__()
        self.chats = set(chats)
        self.blocked: set[str] = set()
        self.moved: dict[str, int] = {}
        self.waiting: list[Any] = []
        self.webhook = False
        self._next = 500_000
        self._polls = 0
        self._lock = Lock()

    def limited(self, seconds: float) -> Reply:
        """Answer one request too many; Telegram counts in whole seconds, a float is taken for quick tests."""
        return _no(429, f"Too Many Requests: retry after {seconds:g}", {"retry_after": seconds})

    def write(
        self, text: str, *, user: int = 7, chat: int = int(CHAT), at: int | None = None, name: str = "owner"
    ) -> int:
        """Let a person write to the bot; gives the update's number."""
        number = self._next
        self._next += 1
        sender = {"id": user, "is_bot": False, "first_name": name, "username": name}
        message = {
            "message_id": number, "date": int(time.time()) if at is None else at, "text": text, "from": sender,
            "chat": {"id": chat, "type": "private"},
        }  # fmt: skip
        self.waiting.append({"update_id": number, "message": message})
        return number

    def reply(self, asked: Asked) -> Reply:
        """Answer one method of the API."""
        found = re.fullmatch(r"/bot([^/]*)/(\w+)", asked.path)
        if not found:
            return _no(404, "Not Found")
        if found[1] != TOKEN:
            return _no(401, "Unauthorized")
        method = found[2]
        if method == "getMe":
            return Reply(200, {"ok": True, "result": {"id": 1234567, "is_bot": True, "username": "desk_bot"}})
        if method == "getUpdates":
            return self._updates(asked.fields)
        if method not in ("sendMessage", "sendPhoto", "getChat"):
            return _no(404, "Not Found: method not found")
        chat = str(asked.fields.get("chat_id", ""))
        if chat in self.moved:
            return _no(400, "Bad Request: group chat was upgraded to a supergroup chat",
                       {"migrate_to_chat_id": self.moved[chat]})  # fmt: skip
        if chat in self.blocked:
            return _no(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            return _no(400, "Bad Request: chat not found")
        if method == "getChat":
            return Reply(200, {"ok": True, "result": {"id": int(chat), "type": "group", "title": "Desk"}})
        return self._say(asked, "text" if method == "sendMessage" else "caption")

    def _say(self, asked: Asked, key: str) -> Reply:
        text, most = str(asked.fields.get(key, "")), 4_096 if key == "text" else 1_024
        if asked.fields.get("parse_mode") == "HTML":
            bare = _TAGS.sub("", text)
            if "<" in bare or ">" in bare or re.search(r"&(?!lt;|gt;|amp;|quot;)", bare):
                return _no(400, "Bad Request: can't parse entities")
            text = unescape(bare)
        if key == "text" and not text.strip():
            return _no(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > most:
            return _no(400, "Bad Request: message is too long")
        if key == "caption" and not asked.files.get("photo", b"").startswith(PNG):
            return _no(400, "Bad Request: there is no photo in the request")
        kept = {**asked.fields, "shown": text, "files": asked.files}
        return Reply(200, {"ok": True, "result": {"message_id": 100 + len(self.taken)}}, kept)

    def _updates(self, fields: dict[str, Any]) -> Reply:
        conflict = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        with self._lock:
            if self.webhook or self._polls:
                return _no(409, conflict)
            self._polls += 1
        try:
            offset, end = int(fields.get("offset", 0)), time.monotonic() + float(fields.get("timeout", 0))
            self.waiting = [one for one in self.waiting if not _before(one, offset)]
            while not self.waiting and time.monotonic() < end and not self.closing.is_set():
                time.sleep(0.02)
            return Reply(200, {"ok": True, "result": self.waiting[: int(fields.get("limit", 100))]})
        finally:
            with self._lock:
                self._polls -= 1


@contextmanager
def telegram_server(chats: tuple[str, ...] = (CHAT,)) -> Iterator[TelegramServer]:
    """Run a bot's API of its own for one test."""
    server = TelegramServer(chats)
    with server.running():
        yield server


def _before(one: Any, offset: int) -> bool:
    return isinstance(one, dict) and type(one.get("update_id")) is int and one["update_id"] < offset


def _no(status: int, described: str, parameters: dict[str, Any] | None = None) -> Reply:
    told: dict[str, Any] = {"ok": False, "error_code": status, "description": described}
    return Reply(status, told | ({"parameters": parameters} if parameters else {}))
