"""Telegram's Bot API: say, show, and read what people wrote (B050).

The token stands in the address, so nothing here repeats an address: no error, no repr, no log line.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.domain.alerts import Delivered, Message
from bot.domain.errors import BotError
from bot.domain.facts import Fact
from bot.talkers.http import Answer, exchange
from bot.talkers.shape import clean, cut
from bot.talkers.waiting import Waits, seconds_in

TEXT, CAPTION = 4_096, 1_024
BATCH = 10  # ten of the longest messages, escaped and with what they answer to, stay below the cap of an answer
_UNTAKEN = 900.0
_NOT_THEIR_OWN = ("forward_origin", "forward_date", "forward_from", "via_bot", "sender_chat", "edit_date")
_REVOKED = "token revoked or wrong: ask @BotFather for one (/token) and put it into TELEGRAM_BOT_TOKEN"
_START = "open the chat with the bot and press Start (or add it to the group), then check TELEGRAM_CHAT_ID"


class Update(Fact, frozen=True, kw_only=True):
    """One message somebody wrote to the bot; `chat` and `user` are Telegram's numbers, `at` is UTC."""

    id: int
    at: datetime
    chat: str
    user: int
    user_name: str = ""
    text: str


class Updates(Fact, frozen=True, kw_only=True):
    """What one poll gave. `next_offset` confirms all that was read, what was skipped too; 0 where nothing was.

    `conflict`: another poller (or a webhook) has this bot. `words` say why nothing could be read.
    """

    updates: tuple[Update, ...] = ()
    next_offset: int = 0
    skipped: int = 0
    conflict: bool = False
    dead: bool = False
    wait_seconds: float = 0.0
    words: str = ""


class Telegram:
    """One bot, asked over https (or on this machine)."""

    def __init__(
        self, token: str, api: str, *, seconds: float = 10.0, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._base = f"{api.rstrip('/')}/bot{token}/"
        self._seconds = seconds
        self._waits = Waits(pause)

    def __repr__(self) -> str:
        return "Telegram(bot)"

    def say(self, chat: str, message: Message | str, *, silent: bool = False) -> Delivered:
        """Send a text, escaped and cut to 4,096, links without previews; the title of a message is bold."""
        if isinstance(message, str):
            text = html.escape(cut(message, TEXT), quote=False)
        else:
            silent = silent or message.silent
            title = cut(message.title, 256)
            rest = cut("\n".join(message.lines), TEXT - 257)
            text = f"<b>{html.escape(title, quote=False)}</b>\n{html.escape(rest, quote=False)}".strip()
        if not text.strip():
            return Delivered(outcome="refused", words="nothing to say: the message is empty")
        fields = {
            "chat_id": chat, "text": text, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True},
            "disable_notification": silent,
        }  # fmt: skip
        return self._waits.ask(lambda: self._ask("sendMessage", fields=fields), _judge)

    def picture(self, chat: str, png: bytes, caption: str, *, silent: bool = False) -> Delivered:
        """Send a PNG with a caption, escaped and cut to 1,024."""
        data = {
            "chat_id": chat, "caption": html.escape(cut(caption, CAPTION), quote=False), "parse_mode": "HTML",
            "disable_notification": "true" if silent else "false",
        }  # fmt: skip
        files = {"photo": ("report.png", png, "image/png")}
        return self._waits.ask(lambda: self._ask("sendPhoto", data=data, files=files), _judge)

    def updates(self, offset: int, wait_seconds: int) -> Updates:
        """Read up to ten messages from `offset` on, waiting up to `wait_seconds` for the first.

        Asking from an offset confirms all before it: the caller keeps what it read before it asks on. What is no
        text message by a person is skipped and counted.
        """
        fields = {"offset": offset, "limit": BATCH, "timeout": wait_seconds, "allowed_updates": ["message"]}
        answer = self._ask("getUpdates", fields=fields, more_seconds=float(wait_seconds))
        told = _object(answer)
        result = told.get("result")
        if answer.status == 200 and told.get("ok") is True and isinstance(result, list):
            return read_updates(result, offset)
        if answer.status == 409:
            return Updates(conflict=True, words="Telegram: another program reads this bot's messages, or a webhook is "
                           "set; run one of them only")  # fmt: skip
        judged = _judge(answer)
        words = judged.words if judged.outcome != "unknown" else f"Telegram: {answer.words}"
        return Updates(words=words, dead=judged.outcome == "dead", wait_seconds=judged.wait_seconds)

    def me(self) -> str:
        """Give the bot's own name, such as @mybot; raises BotError with what to do."""
        answer = self._ask("getMe", fields={})
        result = _object(answer).get("result")
        if answer.status == 200 and isinstance(result, dict) and isinstance(result.get("username"), str):
            return "@" + cut(result["username"], 64)
        raise BotError(_judge(answer).words or "Telegram: expected the bot's name, got an answer without one")

    def chat_name(self, chat: str) -> str:
        """Give the name of a chat without writing to it; raises BotError with what to do."""
        answer = self._ask("getChat", fields={"chat_id": chat})
        result = _object(answer).get("result")
        if answer.status == 200 and isinstance(result, dict):
            known = (result.get(key) for key in ("title", "username", "first_name"))
            return cut(next((name for name in known if isinstance(name, str) and name), "a chat"), 128)
        raise BotError(_judge(answer).words or "Telegram: expected the chat's name, got an answer without one")

    def _ask(
        self, method: str, *, fields: dict[str, Any] | None = None, data: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes, str]] | None = None, more_seconds: float = 0.0,
    ) -> Answer:  # fmt: skip
        seconds = self._seconds + more_seconds
        return exchange("POST", self._base + method, seconds=seconds, fields=fields, data=data, files=files)


def _object(answer: Answer) -> dict[str, Any]:
    told = answer.json()
    return told if isinstance(told, dict) else {}


def _judge(answer: Answer) -> Delivered:
    """Say what an answer proves."""
    told = _object(answer)
    if not answer.left:
        return Delivered(outcome="refused", wait_seconds=30.0, words=f"Telegram: {answer.words}")
    status = answer.status
    given = told.get("parameters")
    parameters: dict[str, Any] = given if isinstance(given, dict) else {}
    if status == 429:
        wait = seconds_in(parameters.get("retry_after"), answer.headers.get("retry-after"))
        return Delivered(outcome="refused", wait_seconds=wait, words=f"Telegram asks for a wait of {wait:g} s (429)")
    result = told.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    if status == 200 and told.get("ok") is True and type(number) is int:
        return Delivered(outcome="sent", remote_id=str(number))
    if told.get("ok") is False and (fault := _dead_words(status, str(told.get("description", "")), parameters)):
        return Delivered(outcome="dead", words=f"Telegram: {fault}")
    if 400 <= status < 500 and status != 408:
        return Delivered(outcome="refused", wait_seconds=_UNTAKEN, words=f"Telegram did not take it: {status}")
    return Delivered(outcome="unknown", words=f"Telegram: {answer.words}; it may have taken the message")


def _dead_words(status: int, described: str, parameters: dict[str, Any]) -> str:
    """Say why this token or chat can never work as it stands, and what to do; nothing where it may."""
    said = described.lower()
    if status in (401, 404):
        return f"{_REVOKED} ({status})"
    moved = parameters.get("migrate_to_chat_id")
    if type(moved) is int:
        return f"the group became a supergroup: set TELEGRAM_CHAT_ID={moved} ({status})"
    if status == 403:
        return f"the bot was blocked or taken out of the chat: {_START} (403)"
    if status == 400 and ("chat not found" in said or "chat_id is empty" in said or "user not found" in said):
        return f"chat not found: {_START} (400)"
    if status == 400 and ("not enough rights" in said or "have no rights" in said):
        return "the bot may not write in this chat: make it an administrator or let members write (400)"
    return ""


def read_updates(result: list[Any], offset: int) -> Updates:
    """Read what a poll gave; what is older than asked for was dealt with before and is left out."""
    good: list[Update] = []
    skipped, highest = 0, offset - 1
    for one in result:
        number = one.get("update_id") if isinstance(one, dict) else None
        if type(number) is not int or number < 0:
            skipped += 1
            continue
        if number < offset:
            continue
        highest = max(highest, number)
        update = _update(number, one.get("message"))
        if update is None:
            skipped += 1
        elif all(update.id != other.id for other in good):
            good.append(update)
    good.sort(key=lambda update: update.id)
    return Updates(updates=tuple(good), next_offset=max(highest + 1, 0), skipped=skipped)


def _update(number: int, message: Any) -> Update | None:
    """Read one text message by a person; None for anything else."""
    if not isinstance(message, dict):
        return None
    chat, sender, text, at = (message.get(key) for key in ("chat", "from", "text", "date"))
    if not (isinstance(chat, dict) and isinstance(sender, dict) and isinstance(text, str) and type(at) is int):
        return None
    if type(chat.get("id")) is not int or type(sender.get("id")) is not int or sender.get("is_bot") is True:
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if any(key in message for key in _NOT_THEIR_OWN):
        return None
    named = sender.get("username") or sender.get("first_name")
    name = cut(named, 64).replace("\n", " ") if isinstance(named, str) else ""
    return Update(id=number, at=moment, chat=str(chat["id"]), user=sender["id"], user_name=name, text=clean(text))
